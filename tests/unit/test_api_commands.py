"""Commands over HTTP: what an order takes, once per key, at the version its commander saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.store.database import HISTORY
from tests import build
from tests.serving import START, Api, paid, placed, served, told


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path) as found:
        found.send(placed(), paid())
        yield found


def doubted(api: Api) -> None:
    """The order shipped before its goods were locked."""
    api.send(told("fulfilment.dispatched", waybill="SF1"))


def frozen(api: Api) -> None:
    doubted(api)
    api.clock.pass_seconds(121)
    api.tick()


def test_a_hold_is_laid_on_the_order_by_whoever_commands_it(api: Api) -> None:
    answer = api.command("jd:1", "k1", "hold", reason="awaiting_customer")

    assert answer.status_code == 200
    assert {name: value for name, value in answer.json().items() if name not in ("order", "who")} == {
        "outcome": "accepted",
        "key": "k1",
        "type": "order.held.v1",
        "event": "k1",
        "version": 3,
    }
    assert answer.json()["order"]["held"] == 1
    event = api.engine.store.stream("order/jd:1")[-1].event
    assert (event.id, event.authtype, event.channel) == ("k1", "unknown", "jd")
    # The present: where the clock stands, or 1 µs on if the writer, idle for a moment, has promised that instant already.
    assert event.time in (START, START + 1)
    assert event.source == f"/people/{event.authid}"
    assert event.authid.startswith("local:")


def test_a_hold_for_a_reason_of_ones_own_is_kept_in_its_words(api: Api) -> None:
    api.command("jd:1", "k1", "hold", reason="the colour was out")

    data = api.engine.store.stream("order/jd:1")[-1].event.data
    assert (data.reason, data.note, data.handle) == ("other", "the colour was out", "other")


@pytest.mark.parametrize("word", ["note", "order.note_added", "order.note_added.v1"])
def test_a_command_has_a_word_and_its_types_names(api: Api, word: str) -> None:
    assert api.command("jd:1", "k1", word, reason="called them").json()["type"] == "order.note_added.v1"
    assert api.engine.store.stream("order/jd:1")[-1].event.data.text == "called them"


def test_every_number_of_an_order_finds_it(api: Api) -> None:
    for key, number in enumerate(("order%2Fjd:1", "jd:1", "1", "pay-jd:1")):
        assert api.command(number, f"k{key}", "note", reason="x").status_code == 200


# Keys


def test_a_key_is_required(api: Api) -> None:
    answer = api.post("/v1/orders/jd:1/commands", json={"type": "note", "reason": "x"})

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:orderfold:problem:key-missing")


def test_the_same_command_again_is_answered_as_before_and_carried_out_once(api: Api) -> None:
    first = api.command("jd:1", '"k1"', "note", reason="x")
    again = api.command("jd:1", "k1", "note", reason="x")

    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert len(api.engine.store.stream("order/jd:1")) == 3


def test_another_command_under_a_used_key_is_refused(api: Api) -> None:
    api.command("jd:1", "k1", "note", reason="x")

    for other in (
        api.command("jd:1", "k1", "note", reason="y"),
        api.command("jd:1", "k1", "hold", reason="x"),
        api.command("jd:1", "k1", "note", 3, reason="x"),
    ):
        assert (other.status_code, other.json()["type"]) == (422, "urn:orderfold:problem:key-reused")


def test_a_key_whose_command_is_under_way_is_answered_409(api: Api) -> None:
    who = commands_actor(api)
    api.service.in_flight.add(f"{who} k1")

    answer = api.command("jd:1", "k1", "note", reason="x")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:orderfold:problem:key-in-flight")
    assert api.get("/v1/commands/k1").status_code == 409


def test_two_at_once_under_one_key_are_carried_out_once(api: Api) -> None:
    asked = (
        "POST",
        "/v1/orders/jd:1/commands",
        {"json": {"type": "note", "reason": "x"}, "headers": {"Idempotency-Key": "k"}},
    )

    statuses = sorted(answer.status_code for answer in api.together(asked, asked, asked))

    assert statuses[0] == 200
    assert set(statuses) <= {200, 409}
    assert len(api.engine.store.stream("order/jd:1")) == 3


def test_a_command_carried_out_before_a_crash_is_not_carried_out_again(api: Api) -> None:
    api.command("jd:1", "k1", "hold", 2, reason="awaiting_customer")
    with api.engine.store.write() as cursor:  # the answer was never written down
        cursor.execute("DELETE FROM commands")

    again = api.command("jd:1", "k1", "hold", 2, reason="awaiting_customer")
    other = api.command("jd:1", "k1", "note", reason="x")

    assert (again.status_code, again.json()["version"]) == (200, 3)
    assert len(api.engine.store.stream("order/jd:1")) == 3
    assert other.status_code == 422


def test_what_became_of_a_command_can_be_asked(api: Api) -> None:
    answer = api.command("jd:1", "k 1", "note", reason="x")

    assert api.get("/v1/commands/k%201").json() == answer.json()
    assert api.get("/v1/commands/k2").status_code == 404


def test_a_command_that_was_never_carried_out_leaves_its_key_free(api: Api) -> None:
    assert api.command("jd:1", "k1", "unfreeze", reason="x").status_code == 409
    assert api.command("jd:1", "k1", "note", reason="x").status_code == 200


# Versions


def test_a_command_for_a_version_that_has_passed_is_told_what_changed(api: Api) -> None:
    api.send(told("stock.locked"))

    answer = api.command("jd:1", "k1", "cancel", 2, reason="out of stock")

    assert answer.status_code == 412
    assert answer.json()["type"] == "urn:orderfold:problem:stale"
    assert (answer.json()["expected"], answer.json()["actual"]) == (2, 3)
    (changed,) = answer.json()["changed"]
    assert changed.pop("time").startswith("2020-09-13T12:26:40")
    assert changed == {"version": 3, "type": "stock.locked.v1", "who": commands_actor(api)}
    assert api.get("/v1/commands/k1").json()["outcome"] == "refused"
    assert (
        api.command("jd:1", "k1", "cancel", 2, reason="out of stock").headers["idempotency-replayed"]
        == "true"
    )
    receipts = api.engine.store.stream("order/jd:1", receipts=True)
    assert receipts[-1].event.type == "command.refused.v1"


def test_a_command_for_the_present_version_is_carried_out(api: Api) -> None:
    version = api.get("/v1/orders/jd:1?wait=views").headers["etag"]

    assert version == '"2"'
    assert api.command("jd:1", "k1", "cancel", 2, reason="x").json()["order"]["state"] == "cancelled"


@pytest.mark.parametrize("version", ["soon", "-1", 'W/"2"', "99999999999"])
def test_a_version_that_is_none_is_refused(api: Api, version: str) -> None:
    answer = api.post(
        "/v1/orders/jd:1/commands",
        json={"type": "note", "reason": "x"},
        headers={"Idempotency-Key": "k1", "If-Match": version},
    )

    assert answer.status_code == 400


# What an order takes


def test_an_order_in_doubt_takes_hold_note_unfreeze_and_corrections_only(api: Api) -> None:
    doubted(api)

    answer = api.command("jd:1", "k1", "cancel", reason="x")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:orderfold:problem:illegal-transition")
    assert answer.json()["allowed"] == ["hold", "unfreeze", "note", "correct", "skip"]
    assert (answer.json()["order"], answer.json()["from"], answer.json()["event"]) == (
        "order/jd:1",
        "in doubt",
        "order.cancelled.v1",
    )
    assert api.command("jd:1", "k2", "release", data={"handle": "x"}).status_code == 409
    assert api.command("jd:1", "k3", "hold", reason="other").status_code == 200


def test_a_frozen_order_is_freed_by_a_named_person_with_a_reason(api: Api) -> None:
    frozen(api)
    assert api.get("/v1/orders/jd:1").json()["frozen"]

    without = api.command("jd:1", "k1", "unfreeze")
    with_one = api.command("jd:1", "k2", "unfreeze", reason="the picker forgot to scan")

    assert (without.status_code, without.json()["errors"][0]["pointer"]) == (422, "/data")
    assert with_one.status_code == 200
    assert not with_one.json()["order"]["frozen"]
    assert with_one.json()["order"]["state"] == "shipped"


def test_a_command_that_would_put_the_order_in_doubt_is_refused_before_it_is_an_event(api: Api) -> None:
    for type_ in (
        "stock.locked",
        "fulfilment.accepted",
        "fulfilment.picked",
        "fulfilment.packed",
        "fulfilment.dispatched",
    ):
        api.send(told(type_))

    answer = api.command("jd:1", "k1", "cancel", reason="changed my mind")

    assert answer.status_code == 409
    assert "cancel" not in answer.json()["allowed"]
    assert answer.json()["from"] == "shipped"
    assert len(api.engine.store.stream("order/jd:1")) == 7


@pytest.mark.parametrize(
    ("type_", "body", "why"),
    [
        ("release", {"data": {"handle": "nobody"}}, "has no such hold"),
        ("unfreeze", {"reason": "x"}, "it is neither frozen nor in doubt"),
        ("review", {"data": {"outcome": "passed"}}, "review"),
        ("complete", {"reason": "x"}, "complete"),
    ],
)
def test_what_would_be_a_mistake_is_said_to_be_one(
    api: Api, type_: str, body: dict[str, Any], why: str
) -> None:
    answer = api.command("jd:1", "k1", type_, **body)

    assert answer.status_code == 409
    assert why in answer.json()["detail"]
    assert len(api.engine.store.stream("order/jd:1")) == 2


def test_an_order_nobody_has_placed_can_be_held_not_cancelled(api: Api) -> None:
    api.send(paid("jd:2"))

    assert api.command("jd:2", "k1", "cancel", reason="x").json()["from"] == "in limbo"
    assert api.command("jd:2", "k2", "hold", reason="other").status_code == 200


def test_a_correction_must_name_an_event_the_order_holds(api: Api) -> None:
    def skip(key: str, id_: str) -> int:
        data = {"source": "/channels/jd/shop-1", "id": id_}
        return api.command("jd:1", key, "skip", data=data, reason="sent by mistake").status_code

    assert skip("k1", "nothing") == 404
    assert skip("k2", "jd:1 payment.received") == 200
    assert api.get("/v1/orders/jd:1").json()["state"] == "placed"


def test_orders_and_commands_there_are_none_of(api: Api) -> None:
    waiting = told("fulfilment.moved", waybill="SF9") | {"subject": "alias/waybill:SF9"}
    api.send(waiting)

    assert api.command("jd:9", "k1", "note", reason="x").status_code == 404
    assert api.command("SF9", "k1", "note", reason="x").status_code == 404
    for type_ in ("explode", "order.placed", "work.done", "policy.published"):
        answer = api.command("jd:1", "k1", type_, reason="x")
        assert (answer.status_code, answer.json()["type"]) == (400, "urn:orderfold:problem:usage")


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"reason": "x"}, 422, ""),
        ({"type": "note", "data": 5}, 422, "/data"),
        ({"type": "note", "reason": "x", "when": "now"}, 422, ""),
        ({"type": "note"}, 422, "/data"),
        ({"type": "assign", "data": {"owner": ""}}, 422, "/data/owner"),
    ],
)
def test_a_body_that_does_not_fit_is_told_where(
    api: Api, body: dict[str, object], status: int, pointer: str
) -> None:
    answer = api.post("/v1/orders/jd:1/commands", json=body, headers={"Idempotency-Key": "k1"})

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (status, pointer)


def test_a_dry_run_says_what_would_be_appended_and_appends_nothing(api: Api) -> None:
    asked = {"json": {"type": "cancel", "reason": "x"}, "headers": {"Idempotency-Key": "k1"}}

    answer = api.post("/v1/orders/jd:1/commands?dry_run=true", **asked)

    assert answer.json()["would_append"]["type"] == "order.cancelled.v1"
    assert answer.json()["would_append"]["data"] == {"reason": "x"}
    assert len(api.engine.store.stream("order/jd:1")) == 2
    doubted(api)
    assert api.post("/v1/orders/jd:1/commands?dry_run=true", **asked).status_code == 409


def test_in_a_store_of_history_a_command_is_given_where_the_store_stands(tmp_path: Path) -> None:
    with served(tmp_path, kind=HISTORY) as api:
        api.service.writer.call(lambda engine: list(engine.ingest([build.placed("order/shop:1")]))).result(10)
        stands = api.engine.stands_at

        answer = api.command("shop:1", "k1", "note", reason="x")

        assert answer.status_code == 200
        event = api.engine.store.stream("order/shop:1")[-1].event
        assert (event.time, event.streamtime) == (stands, stands + 1)


def commands_actor(api: Api) -> str:
    """Who an open API's caller is."""
    return api.service.access.anybody.authid
