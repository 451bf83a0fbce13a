"""Notices in words: every kind of notice has all its variables, and values are written as people read them."""

from __future__ import annotations

import msgspec
import pytest

from engine.deliver import wording
from engine.deliver.outbox import Intent
from engine.deliver.wording import digest, link_of, spoken
from engine.fold.intents import kind_of, wanted
from engine.policy.load import load_policy
from projections.limbo import LimboState
from projections.row import Row
from schemas.registry import TYPES
from schemas.vocabulary import NOTICE_OF, NOTICES, WORK_KINDS
from tests.streams import HOUSE, NOW

COMMON = {"order", "channel", "owner", "group", "to"}
SEPARATE = {"limbo": "work.opened.v1"}
"""Kinds of work that are told in words of their own."""


def told_by(kind: str) -> list[str]:
    """The decisions a kind of notice is made of."""
    return [type_ for type_, of in NOTICE_OF.items() if of == kind] or [SEPARATE[kind]]


@pytest.mark.parametrize("kind", sorted(NOTICES.keys() - {"digest"}))
def test_every_variable_of_a_kind_is_there_whichever_decision_it_tells_of(kind: str) -> None:
    """Else a template would pass its check and fail on sending."""
    for type_ in told_by(kind):
        data = TYPES[type_].data
        fields = {field.encode_name for field in msgspec.structs.fields(data)}
        made = _extra(kind, type_)

        assert NOTICES[kind] <= COMMON | fields | made, type_


def _extra(kind: str, type_: str) -> set[str]:
    """What wording adds to the fields, asked of a decision whose fields are all empty."""
    extra = wording._EXTRA.get(kind)
    if extra is None:
        return set()
    fields = dict.fromkeys(TYPES[type_].data.__struct_fields__, "x")
    intent = Intent("i", 0, 0, NOW, "alias/waybill:SF1", type_, kind, "", "")
    subject = wording.Subject(msgspec.UNSET, b"", Row("alias/waybill:SF1", limbo=LimboState(waiting=2)))  # type: ignore[arg-type]
    return set(extra(intent, subject, fields, msgspec.UNSET))  # type: ignore[arg-type]


def test_every_decision_that_names_whom_to_tell_is_told() -> None:
    untold = [
        name
        for name, spec in TYPES.items()
        if spec.reserved and {"to", "via"} <= set(spec.data.__struct_fields__) and name not in NOTICE_OF
    ]

    assert untold == []


def test_every_kind_has_words_in_the_delivered_policy() -> None:
    _, text = load_policy(HOUSE, now=NOW)

    assert text.notices.keys() == NOTICES.keys()


def test_a_work_item_is_told_by_its_kind_only_where_no_decision_of_its_own_is() -> None:
    data = TYPES["work.opened.v1"].data
    kinds = {
        kind: kind_of("work.opened.v1", msgspec.convert({"work": "w", "kind": kind, "title": "", "owner": "", "group": ""}, data))
        for kind in WORK_KINDS
    }  # fmt: skip

    assert kinds["limbo"] == "limbo"
    assert kinds["frozen"] == "work"
    assert {kind for kind, told in kinds.items() if told != "work"} == set(SEPARATE)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("due", 1_600_000_000_000_000, "2020-09-13 20:26 +08:00"),
        ("since", 0, "–"),
        ("used", 31 * 60_000_000, "31 min"),
        ("step", 1_000, "1,000"),
        ("ways_out", [["paid.full", "stock.locked"], ["order.cancelled"]], "paid.full → stock.locked or order.cancelled"),
        ("orders", ["order/jd:1", "order/jd:2"], "order/jd:1, order/jd:2"),
        ("reasons", {"placed": 3, "paid": 1}, "placed 3, paid 1"),
        ("reason", None, ""),
        ("dry_run", True, "yes"),
        ("title", "{braces} stay", "{braces} stay"),
    ],
)  # fmt: skip
def test_how_a_value_is_written(name: str, value: object, said: str) -> None:
    assert spoken(name, value, "Asia/Shanghai") == said


def test_a_digest_without_words_of_the_policys_own() -> None:
    plain = HOUSE.replace("  digest: {", "  # digest: {")
    assert plain != HOUSE
    _, text = load_policy(plain, now=NOW)

    said = digest("frozen", 12, "jd:1 is frozen.", (NOW, NOW + 60_000_000), text, "", "UTC")

    assert said == (
        "12 times frozen between 2026-11-22 00:00 +00:00 and 2026-11-22 00:01 +00:00. The oldest: jd:1 is frozen."
    )


def test_links_lead_to_where_all_of_a_kind_are_shown() -> None:
    assert link_of("frozen", "http://b:1/") == "http://b:1/orders?frozen=true"
    assert link_of("work", "http://b:1") == "http://b:1/todo"
    assert link_of("work", "") == ""


def test_what_an_endpoint_asked_for() -> None:
    assert wanted("order.frozen.v1", ("sla.*", "order.*"))
    assert not wanted("order.frozen.v1", ("sla.*", "order.thawed.v1"))
