"""Checks of diagnoses, ladders of open work and digests: each fault by its place, with the way out."""

from __future__ import annotations

import pytest

from engine.policy.check import check
from engine.policy.load import load_policy
from projections.diagnosis import BITS
from projections.policy import Step
from tests.policies import HOUR, MINUTE
from tests.streams import HOUSE, NOW, edited

SYNC = "      missing: [stock.locked, stock.lock_failed]\n      after: 2h\n"
FAULTS = [
    (("      missing: [stock.locked,", "      missing: [stock.loked,"), "rules.stock_sync.missing[0]", "Did you mean 'stock.locked'?"),
    ((SYNC, SYNC + "      happened: [stock.locked]\n"), "rules.stock_sync.missing[0]", "it can never hold"),
    ((SYNC, "      missing: [stock.locked]\n"), "rules.stock_sync", "it holds of every order"),
    ((SYNC, SYNC + "      reasons: [late]\n"), "rules.stock_sync.reasons", "no event that gives a reason"),
    ((SYNC, SYNC + "      kind: frozen\n"), "rules.stock_sync.kind", "opens no work of kind 'frozen'"),
    ((SYNC, SYNC + "      group: wharehouse\n"), "rules.stock_sync.group", "Did you mean 'warehouse'?"),
    ((SYNC, SYNC + "      channels: [jdd]\n"), "rules.stock_sync.channels[0]", "Did you mean 'jd'?"),
    ((SYNC, SYNC + "      unless: [stock_sync]\n"), "rules.stock_sync.unless[0]", "there is no other rule"),
    (("    payment_fails:\n      states: [placed,", "    payment_fails:\n      states: [plaecd,"), "rules.payment_fails.states[0]", "Did you mean 'placed'?"),
    (("      count: {payment.failed: 3}", "      count: {payment.fails: 3}"), "rules.payment_fails.count.payment.fails", "Did you mean 'payment.failed'?"),
    (("    - {after: 2h}\n", "    - {after: 2h}\n    - {states: [paid], after: 1h}\n"), "diagnosis.stuck[5]", "it can never match"),
    (("    - {after: 2h}\n", "    - {after: 2h, calendar: offices}\n"), "diagnosis.stuck[4].calendar", "Did you mean 'office'?"),
    (("    frozen: told\n", "    frozn: told\n"), "work.kinds.frozn", "Did you mean 'frozen'?"),
    (("    frozen: told\n", "    frozen: tolled\n"), "work.kinds.frozen", "Did you mean 'told'?"),
    (("      - {after: 1h, to: backup, via: [wecom]}\n", "      - {after: 5h, to: backup, via: [wecom]}\n"), "work.ladders.default[2]", "it comes before the rung above it"),
    (("      - {after: 1h, to: backup, via: [wecom]}\n", "      - {after: 1h, to: backup, via: [wecon]}\n"), "work.ladders.default[1].via[0]", "Did you mean 'wecom'?"),
    (("digest: {calendar: office,", "digest: {calendar: offices,"), "work.digest.calendar", "Did you mean 'office'?"),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "path", "words"), FAULTS)
def test_what_cannot_be_is_an_error_where_it_stands(edit: tuple[str, str], path: str, words: str) -> None:
    found = [finding for finding in check(edited(edit), NOW) if finding.severity == "error"]

    assert [finding for finding in found if finding.path.endswith(path) and words in str(finding)], found
    assert all(finding.line for finding in found)


def test_a_ladder_nothing_goes_up_is_probably_not_meant() -> None:
    text = edited(("    frozen: told\n    limbo: told\n", "    frozen: none\n"))
    assert [(f.path, f.severity) for f in check(text, NOW) if f.path.startswith("work")] == [
        ("work.ladders.told", "warning")
    ]


def test_what_is_delivered_compiles_to_what_it_says() -> None:
    assert [f for f in check(HOUSE, NOW) if f.path.startswith(("diagnosis", "work"))] == []
    compiled, _ = load_policy(HOUSE, now=NOW)
    rules = {rule.name: rule for rule in compiled.diagnosis.rules}

    sync, refused = rules["stock_sync"], rules["stock_refused"]
    assert (sync.states, sync.after) == (frozenset({"paid", "reviewed"}), 2 * HOUR)
    assert sync.missing == BITS["stock.locked.v1"] | BITS["stock.lock_failed.v1"]
    assert (refused.count, refused.kind, refused.orders, refused.window) == (
        {"stock.lock_failed.v1": 3},
        "manual_review",
        10,
        10 * MINUTE,
    )
    assert compiled.diagnosis.counted == {"stock.lock_failed.v1", "payment.failed.v1"}
    assert compiled.desk.ladders["sla"] == ()
    assert compiled.desk.ladders["frozen"] == (Step(4 * HOUR, "supervisor", ("wecom",)),)
    assert [step.to for step in compiled.desk.ladders[""]] == ["owner", "backup", "supervisor"]


def test_without_these_sections_nothing_is_diagnosed_and_nobody_told() -> None:
    start, end = HOUSE.index("diagnosis:\n  rules:"), HOUSE.index("limbo:\n  after:")
    compiled, _ = load_policy(HOUSE[:start] + HOUSE[end:], now=NOW)
    assert (compiled.diagnosis.rules, compiled.diagnosis.stuck, compiled.desk.ladders) == ((), (), {})
