"""What `orderfold check` finds in a policy that is YAML of the right shape: one edit of the delivered file, one
finding, with its line and a way out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.policy.check import check
from engine.policy.finding import Finding
from schemas.envelope import EPOCH, micros
from tests.streams import HOUSE, NOW, edited

Edit = tuple[str, str]


def found_after(*edits: Edit) -> list[Finding]:
    return check(edited(*edits), NOW)


def only(*edits: Edit) -> Finding:
    """The one finding the edits cause."""
    found = found_after(*edits)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def test_the_delivered_file_passes() -> None:
    assert check(HOUSE, NOW) == []


LIFECYCLES = [
    (
        ("- {trigger: fulfilment.lost, from: [shipped], to: lost}", "- {trigger: fulfilment.lost, from: [shipped], to: losst}"),
        "lifecycles.standard.moves[12].to",
        "there is no state 'losst' to move to",
        "Did you mean 'lost'?",
    ),
    (
        ("from: [packed], to: shipped}", "from: [paked], to: shipped}"),
        "lifecycles.standard.moves[9].from[0]",
        "there is no state 'paked'",
        "Did you mean 'packed'?",
    ),
    (
        ("trigger: fulfilment.packed, from: [picking]", "trigger: fulfilment.pakced, from: [picking]"),
        "lifecycles.standard.moves[8].trigger",
        "there is no trigger 'fulfilment.pakced'",
        "Did you mean 'fulfilment.packed'?",
    ),
    (
        ("      - {trigger: fulfilment.lost,", "      - {trigger: order.placed, stay: [paid]}\n      - {trigger: fulfilment.lost,"),
        "lifecycles.standard.moves[12].trigger",
        "order.placed creates the order",
        "Take the move out.",
    ),
    (
        ("{trigger: fulfilment.lost, from: [shipped], to: lost}", "{trigger: fulfilment.lost, from: [shipped]}"),
        "lifecycles.standard.moves[12]",
        "it has `from` but no `to`",
        "write `stay`",
    ),
    (
        ("from: [delivered], to: completed, stay: [completed, refused, lost]}", "from: [delivered], to: completed, stay: [delivered]}"),
        "lifecycles.standard.moves[13].stay[0]",
        "order.completed in 'delivered' → 'delivered' contradicts line",
        "one answer",
    ),
    (
        ("{trigger: paid.full, from: [placed, part_paid], to: paid}", "{trigger: paid.full, from: [placed, placed, part_paid], to: paid}"),
        "lifecycles.standard.moves[1].from[1]",
        "paid.full in 'placed' → 'paid' repeats line",
        "one answer",
    ),
    (
        ("      - {state: refused,", "      - {state: mislaid, words: Mislaid, end: true}\n      - {state: refused,"),
        "lifecycles.standard.states[13]",
        "the state 'mislaid' cannot be reached from 'placed'",
        "Add a move with `to: mislaid`",
    ),
    (
        ("words: Lost by the carrier, expect: we are looking into it, end: true", "words: Lost by the carrier"),
        "lifecycles.standard.states[14]",
        "the state 'lost' is a dead end",
        "mark it `end: true`",
    ),
    (
        (
            "{trigger: fulfilment.lost, from: [shipped], to: lost}",
            "{trigger: fulfilment.lost, from: [shipped], to: lost}\n      - {trigger: stock.unlocked, from: [lost], to: sought}\n"
            "      - {trigger: stock.lock_failed, from: [sought], to: lost}",
        ),
        "lifecycles.standard.states[14]",
        "from 'lost' no end can be reached",
        "Add a move towards cancelled, completed, refused",
    ),
    (
        ("expect: the rest follows in another parcel, derived: true}", "expect: the rest follows in another parcel}"),
        "lifecycles.standard.states[9]",
        "'part_shipped' is shown by the engine itself",
        "derived: true",
    ),
    (
        ("words: Lost by the carrier, expect: we are looking into it, end: true", "words: Lost, end: true, derived: true"),
        "lifecycles.standard.states[14].derived",
        "the engine shows no state 'lost' by itself",
        "part_shipped",
    ),
    (
        ("      - {state: picking, words: Being picked, expect: about 2 h}\n", "      - {state: picking, words: Being picked}\n" * 2),
        "lifecycles.standard.states[8]",
        "the state 'picking' stands twice",
        "Keep one",
    ),
    (
        ("    start: placed", "    start: plcaed"),
        "lifecycles.standard.start",
        "there is no state 'plcaed' to start in",
        "Did you mean 'placed'?",
    ),
    (
        ("person_thaws: {fulfilment.dispatched:", "person_thaws: {fulfilment.dispatch:"),
        "lifecycles.standard.person_thaws.fulfilment.dispatch",
        "no move names 'fulfilment.dispatch'",
        "Did you mean 'fulfilment.dispatched'?",
    ),
    (
        ("fulfilment.dispatched: [placed, part_paid]", "fulfilment.dispatched: [placed, part_payed]"),
        "lifecycles.standard.person_thaws.fulfilment.dispatched[1]",
        "there is no state 'part_payed'",
        "Did you mean 'part_paid'?",
    ),
    (
        ("fulfilment.dispatched: [placed, part_paid]", "fulfilment.dispatched: [placed, packed]"),
        "lifecycles.standard.person_thaws.fulfilment.dispatched[1]",
        "fulfilment.dispatched is legal in 'packed', so it never freezes an order there",
        "Drop the state",
    ),
    (
        ("    lifecycle: on_account", "    lifecycle: on_acount"),
        "channels.ocel.lifecycle",
        "there is no lifecycle 'on_acount'",
        "Did you mean 'on_account'?",
    ),
    (
        ("    zone: America/Sao_Paulo", "    zone: America/Sao_Paolo"),
        "channels.olist.zone",
        "there is no time zone 'America/Sao_Paolo'",
        "Did you mean 'America/Sao_Paulo'?",
    ),
    (
        ("earliest: 2016-01-01T00:00:00Z", "earliest: 0001-01-01T00:00:00Z"),
        "intake.earliest",
        "instants are counted from 1970 on",
        "2016-01-01T00:00:00Z",
    ),
    (
        ("max_body_bytes: 8388608", "max_body_bytes: 1000"),
        "intake.max_body_bytes",
        "a request could not carry one event of 65536 bytes",
        "at least max_event_bytes",
    ),
    (
        ("  settle: 2s", "  settle: 0s"),
        "timers.settle",
        "a deadline already past would be due again at once",
        "at least 1ms",
    ),
    (
        ('sources: ["/channels/jd/*"]', 'sources: ["/channels/taobao/jd-*"]'),
        "channels.jd.sources[0]",
        "it never matches: line",
        "Make the earlier pattern narrower",
    ),
    (
        ('sources: ["/channels/jd/*"]', 'sources: ["/orderfold/*"]'),
        "channels.jd.sources[0]",
        "the engine's own",
        "Name the channel's own source.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "path", "problem", "remedy"), LIFECYCLES)
def test_lifecycles_and_channels(edit: Edit, path: str, problem: str, remedy: str) -> None:
    edits = [edit]
    if "to: sought" in edit[1]:
        edits.append(("expect: we are looking into it, end: true", "expect: we are looking into it"))
        edits.append(
            (
                "      - {state: cancelled,",
                "      - {state: sought, words: Sought}\n      - {state: cancelled,",
            )
        )
    found = {finding.path: finding for finding in found_after(*edits) if finding.severity == "error"}

    assert path in found, sorted(found)
    assert problem in found[path].problem
    assert remedy in found[path].remedy
    assert found[path].line > 0


def test_a_lifecycle_nobody_follows_is_a_warning() -> None:
    finding = only(("    lifecycle: on_account", "    lifecycle: marketplace"))

    assert (finding.path, finding.severity) == ("lifecycles.on_account", "warning")


def test_a_beginning_in_the_future_is_a_warning() -> None:
    finding = only(("earliest: 2016-01-01T00:00:00Z", "earliest: 2116-01-01T00:00:00Z"))

    assert (finding.path, finding.severity) == ("intake.earliest", "warning")


SLA: list[tuple[list[Edit], str, str, str]] = [
    (
        [("warn: 800", "warn: 1000")],
        "sla.warn",
        "1000 per mille of the time is not before the deadline",
        "less than 1000",
    ),
    ([("half: 500", "half: 800")], "sla.half", "yellow would come no earlier than orange", "less than warn"),
    (
        [("{after: 0s, to: owner, via: [wecom]}", "{after: -30m, to: owner, via: [wecom]}")],
        "sla.ladders.default[0].after",
        "a rung comes after its deadline",
        "Write 0s",
    ),
    (
        [("{after: 0s, to: owner, via: [wecom]}", "{after: 5h, to: owner, via: [wecom]}")],
        "sla.ladders.default[1].after",
        "it comes before the rung above it",
        "in order of time",
    ),
    (
        [("{after: 0s, to: owner, via: [wecom]}", "{after: 0s, to: owner, via: [wecon]}")],
        "sla.ladders.default[0].via[0]",
        "there is no delivery 'wecon'",
        "Did you mean 'wecom'?",
    ),
    (
        [("within: 2h, ladder: review}", "within: 2h, ladder: reviews}")],
        "sla.stages.review.ladder",
        "there is no ladder 'reviews'",
        "Did you mean 'review'?",
    ),
    (
        [("ship: {from: accepted, to: shipped", "ship: {from: acepted, to: shipped")],
        "sla.stages.ship.from",
        "the state 'acepted' is in no lifecycle, so the deadline cannot fire",
        "Did you mean 'accepted'?",
    ),
    (
        [("ship: {from: accepted, to: shipped", "ship: {from: accepted, to: part_shipped")],
        "sla.stages.ship.to",
        "the state 'part_shipped' is only shown, no order enters it",
        "shipped",
    ),
    (
        [("ship: {from: accepted, to: shipped", "ship: {from: accepted, to: accepted")],
        "sla.tiers[1].stages[4]",
        "so its clock stops at once",
        "correct `from` and `to`",
    ),
    (
        [("ship: {from: accepted, to: shipped", "ship: {from: delivered, to: refused")],
        "sla.tiers[1].stages[4]",
        "the deadline 'ship' cannot fire: 'refused' is not reached from 'delivered'",
        "Take it out of this tier",
    ),
    (
        [("stages: [ship_by, deliver_by]", "stages: [ship_by, deliver_by, review]")],
        "sla.tiers[0].stages[2]",
        "no order of its channels enters 'review'",
        "Take it out of this tier",
    ),
    (
        [("ship_by: {to: shipped, promise: ship_by}", "ship_by: {to: shipped, promise: ship_by, within: 2h}")],
        "sla.stages.ship_by.within",
        "a promise has its own instant",
        "Drop one",
    ),
    (
        [("accept: {from: paid, to: accepted, within: 30m}", "accept: {from: paid, to: accepted}")],
        "sla.stages.accept",
        "it says neither `within` nor `promise`",
        "within: 2h",
    ),
    (
        [("accept: {from: paid, to: accepted, within: 30m}", "accept: {from: paid, to: accepted, within: 0s}")],
        "sla.stages.accept.within",
        "a deadline of no time is always missed",
        "such as 30m",
    ),
    (
        [("{fresh: 45m,", "{frsh: 45m,")],
        "sla.stages.pick.within.frsh",
        "there is no category 'frsh'",
        "Did you mean 'fresh'?",
    ),
    (
        [("    - name: standard\n", "    - name: standard\n      within: {revue: 1h}\n")],
        "sla.tiers[1].within.revue",
        "'revue' is no stage of this tier",
        "Did you mean 'review'?",
    ),
    (
        [("    - name: promises ", "    - name: all\n      stages: [pay]\n    - name: promises ")],
        "sla.tiers[2]",
        "the tier 'standard' can never match: tier 'all' takes all its orders",
        "narrower tier first",
    ),
    (
        [("    - name: standard\n", "    - {name: big, amount_at_least: 100, stages: [pay]}\n    - name: standard\n      amount_at_least: 500\n")],
        "sla.tiers[2]",
        "the tier 'standard' can never match: tier 'big'",
        "narrower tier first",
    ),
    (
        [('ship_by, deliver_by]\n      calendar: ""\n\n', "ship_by, deliver_by]\n      calendar: ofice\n\n")],
        "sla.tiers[1].calendar",
        "there is no calendar 'ofice'",
        "Did you mean 'office'?",
    ),
    (
        [
            ('ship_by, deliver_by]\n      calendar: ""\n\n', "ship_by, deliver_by]\n      calendar: brief\n\n"),
            ("calendars:\n", 'calendars:\n  brief: {zone: UTC, hours: {}, special: {2027-01-04: ["09:00-09:40"]}}\n'),
        ],
        "sla.tiers[1].stages[4]",
        "the deadline 'ship' cannot fire: 'brief' is open for less in two years",
        "Shorten `within`",
    ),
    (
        [("calendars:\n", "calendars:\n  never: {zone: UTC, hours: {mon: []}}\n")],
        "calendars.never",
        "it is never open in the next two years",
        "Give it hours",
    ),
    (
        [("    special: {} ", "    special: {2027-01-01: []} ")],
        "calendars.office.special.2027-01-01",
        "the day is a holiday and has hours of its own",
        "Keep it in one",
    ),
    (
        [('mon: ["09:00-12:00", "13:00-18:00"]', 'mon: ["09:00-14:00", "13:00-18:00"]')],
        "calendars.office.hours.mon",
        "its hours overlap",
        "Write each span once",
    ),
    (
        [("  office:\n    zone: Asia/Shanghai", "  office:\n    zone: Asia/Peking")],
        "calendars.office.zone",
        "there is no time zone 'Asia/Peking'",
        "Known: ",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "path", "problem", "remedy"), SLA)
def test_deadlines_that_cannot_fire(edits: list[Edit], path: str, problem: str, remedy: str) -> None:
    found = {finding.path: finding for finding in found_after(*edits) if finding.severity == "error"}

    assert path in found, sorted(found)
    assert problem in found[path].problem
    assert remedy in found[path].remedy or found[path].remedy.startswith("Did you mean")
    assert found[path].line > 0


def test_a_calendar_whose_holidays_end_within_60_days_warns() -> None:
    known_until = EPOCH.replace(year=2027, month=12, day=31)

    assert check(HOUSE, micros(known_until - timedelta(days=60))) == []
    (finding,) = check(HOUSE, micros(known_until - timedelta(days=59)))
    assert (finding.path, finding.severity) == ("calendars.office.known_until", "warning")


def test_orders_outside_all_tiers_are_told() -> None:
    finding = only(("    - name: standard\n", "    - name: standard\n      customers: [gold]\n"))

    assert finding.severity == "warning"
    assert finding.problem == "an order of channel 'taobao', amount 0, is in no tier and has no deadline"
