"""Upcasts: old versions of a type are read as the newest; versions nobody knows are named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas import data, registry, upcasts
from schemas.events.common import Data
from schemas.registry import EventType
from schemas.upcasts import latest, successor, unknown_version, upcast


class Cancelled(Data):
    """As a third version of order.cancelled might be."""

    because: list[str]


@pytest.fixture
def third_version(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "order.cancelled.v3"
    monkeypatch.setitem(registry.TYPES, name, EventType(name, Cancelled))
    monkeypatch.setitem(data._decoders, name, msgspec.json.Decoder(Cancelled).decode)
    monkeypatch.setitem(upcasts.UPCASTS, "order.cancelled.v1", lambda old: {"why": old.get("reason")})
    monkeypatch.setitem(upcasts.UPCASTS, "order.cancelled.v2", _listed)


def _listed(old: dict[str, Any]) -> dict[str, Any]:
    return {"because": [old.pop("why")], **old}


def test_a_type_without_upcast_comes_back_as_it_is() -> None:
    assert upcast("order.placed.v1", {"currency": "CNY"}) == ("order.placed.v1", {"currency": "CNY"})
    assert latest("order.placed.v1") == "order.placed.v1"


@pytest.mark.usefixtures("third_version")
def test_every_older_version_is_read_as_the_newest() -> None:
    assert upcast("order.cancelled.v1", {"reason": "late"}) == ("order.cancelled.v3", {"because": ["late"]})
    assert latest("order.cancelled.v1") == latest("order.cancelled.v3") == "order.cancelled.v3"
    for type_, raw in (
        ("order.cancelled.v1", b'{"reason":"late"}'),
        ("order.cancelled.v2", b'{"why":"late"}'),
        ("order.cancelled.v3", b'{"because":["late"]}'),
    ):
        assert data.decode_data(type_, raw) == Cancelled(["late"])


@pytest.mark.usefixtures("third_version")
def test_unknown_fields_of_older_versions_are_counted() -> None:
    found, paths = data.decode_lenient("order.cancelled.v2", b'{"why":"late","gift":1}')

    assert (found, paths) == (Cancelled(["late"]), ("/gift",))
    assert data.decode_data("order.cancelled.v2", b'{"why":"late","gift":1}') == Cancelled(["late"])


@pytest.mark.usefixtures("third_version")
@pytest.mark.parametrize("raw", [b"[]", b"17", b'{"why":5}'])
def test_bad_data_of_older_versions_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        data.decode_data("order.cancelled.v2", raw)


@pytest.mark.usefixtures("third_version")
def test_an_unknown_version_of_a_known_type_names_those_known() -> None:
    assert unknown_version("order.cancelled.v7").startswith("order.cancelled is known as v1, v2, v3, not v7")


@pytest.mark.parametrize(
    "name", ["order.placed.v1", "order.gift_wrapped.v1", "com.example.thing", "order.placed.v01"]
)
def test_there_is_nothing_to_say_of_other_types(name: str) -> None:
    assert unknown_version(name) == ""


def test_a_name_without_version_has_no_successor() -> None:
    assert successor("order.placed.v9") == "order.placed.v10"
    with pytest.raises(ValueError, match="names no version"):
        successor("order.placed")


def test_data_never_sent_reads_as_all_fields_absent() -> None:
    assert data.decode_data("order.confirmed.v1", b"") == data.decode_data("order.confirmed.v1", b"{}")
