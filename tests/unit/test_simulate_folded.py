"""The answers beside a world and the engine that took it agree, to the last order. Neither knows of the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.intake.importing import Import
from engine.intake.model import DeadLetter
from engine.policy.load import load_policy
from engine.settings import rules_of
from engine.simulate import SCENARIOS, World, simulate, terms_of, write
from engine.simulate.scenarios import Rates
from engine.store.database import HISTORY, Store
from engine.views.tables import decode_row
from engine.workers.embedded import Engine
from schemas.envelope import micros

POLICY = (Path(__file__).parents[2] / "streams.yaml").read_bytes()
END = 1_762_905_600_000_000


def taken(world: World, directory: Path, text: bytes = POLICY) -> tuple[dict[str, Any], dict[str, Any]]:
    """(the answers, the same figures as an engine finds them)."""
    directory.mkdir(exist_ok=True)
    lines = directory / "world.jsonl"
    expected = write(world, lines).answers
    _, written = load_policy(text, now=END)
    rules = rules_of(written)
    engine = Engine.open(str(directory / "store"), HISTORY, text, partitions=3, wait_seconds=0)
    statuses: Counter[str] = Counter()
    dead: Counter[str] = Counter()
    fields = 0
    try:
        with Import([str(lines)], "cloudevents", rules, now=END, historical=True) as items:
            for batch, outcomes in engine.ingest(items):
                statuses.update(outcome.status for outcome in outcomes)
                dead.update(item.reason for item in batch if isinstance(item, DeadLetter))
                fields += sum(bool(item.unknown) for item in batch if not isinstance(item, DeadLetter))
        found = figures(engine.store)
    finally:
        engine.close()
    found |= {
        "accepted": statuses["accepted"],
        "duplicates": statuses["duplicate"],
        "divergent": statuses["divergent"],
        "dead": dict(dead),
        "unknown_fields": fields,
    }
    return expected, found


def figures(store: Store) -> dict[str, Any]:
    """What the views and the receipts of a store say, named as the answers are."""
    counts: Counter[str] = Counter()
    states: Counter[str] = Counter()
    money: dict[str, Counter[str]] = {}
    subjects: dict[str, list[Any]] = {
        name: [] for name in ("frozen", "in_doubt", "limbo", "breached", "thawed", "doubt_cleared", "excused")
    }
    for row in rows(store):
        assert row.fault is None, row.fault
        if row.limbo is not None:
            if not row.limbo.bound:
                subjects["limbo"].append(row.subject)
            continue
        if row.lifecycle is None:  # a node's or channel's own
            continue
        for name, count in (("late", row.late), ("repeats", row.repeats), ("conflicts", row.conflicts)):
            counts[name] += count
        counts["unknown_types"] += row.unknown
        if not row.lifecycle.state:
            subjects["limbo"].append(row.subject)
            continue
        counts["orders"] += 1
        states[row.lifecycle.state] += 1
        if row.lifecycle.offence is not None:
            subjects["frozen" if row.lifecycle.frozen else "in_doubt"].append(row.subject)
        sums = money.setdefault(row.ledger.currency, Counter())
        for name in ("receivable", "received", "refunded", "fees", "subsidies"):
            sums[name] += getattr(row.ledger, name)
        subjects["breached"] += [
            [row.subject, one.key] for one in row.standing if one.type == "sla.breached.v1"
        ]
        told = {(record.event.type, record.data) for record in store.stream(row.subject, receipts=True)}
        kinds = {type_ for type_, _ in told}
        if "order.thawed.v1" in kinds:
            subjects["thawed"].append(row.subject)
        elif "order.doubt_cleared.v1" in kinds:
            subjects["doubt_cleared"].append(row.subject)
        stages = {msgspec.json.decode(data)["stage"] for type_, data in told if type_ == "sla.excused.v1"}
        subjects["excused"] += [[row.subject, stage] for stage in stages]
    return {
        **{name: counts[name] for name in ("orders", "late", "repeats", "conflicts", "unknown_types")},
        **{name: sorted(found) for name, found in subjects.items()},
        "states": dict(states),
        "money": {currency: {n: s for n, s in sums.items() if s} for currency, sums in money.items()},
    }


def rows(store: Store) -> Iterator[Any]:
    with store.read() as cursor:
        for (blob,) in cursor.execute("SELECT row FROM rows").fetchall():
            yield decode_row(blob)


def agree(world: World, directory: Path, text: bytes = POLICY) -> dict[str, Any]:
    expected, found = taken(world, directory, text)

    for name, figure in found.items():
        assert expected[name] == figure, name
    assert world.end == micros(datetime.fromisoformat(expected["as_of"]))
    return expected


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_is_found_as_the_answers_say(scenario: str, tmp_path: Path) -> None:
    policy, _ = load_policy(POLICY, now=END)
    expected = agree(simulate(800, 11, scenario, END, terms_of(policy)), tmp_path)

    assert expected["breached"]
    if scenario == "sync-stopped":
        assert expected["excused"]
        assert expected["limbo"]


def test_so_is_a_world_in_which_nearly_everything_goes_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = Rates(*([700] * len(Rates.__struct_fields__)))
    wild = msgspec.structs.replace(SCENARIOS["sales-night"], rates=rates)
    monkeypatch.setitem(SCENARIOS, "sales-night", wild)
    policy, _ = load_policy(POLICY, now=END)
    expected = agree(simulate(900, 3, "sales-night", END, terms_of(policy)), tmp_path)

    for kind in (
        "frozen",
        "thawed",
        "doubt_cleared",
        "limbo",
        "late",
        "repeats",
        "conflicts",
        "divergent",
        "dead",
    ):
        assert expected[kind], kind


def test_a_house_in_which_a_person_judges_all_that_ships_too_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = POLICY.replace(b"[placed, part_paid]}", b"[placed, part_paid, picking]}", 1)
    assert text != POLICY
    policy, _ = load_policy(text, now=END)
    rates = Rates(**dict.fromkeys(Rates.__struct_fields__, 0) | {"overdue_news": 3000})
    monkeypatch.setitem(SCENARIOS, "normal", msgspec.structs.replace(SCENARIOS["normal"], rates=rates))
    usual = agree(simulate(300, 5, "normal", END), tmp_path / "usual")

    expected = agree(simulate(300, 5, "normal", END, terms_of(policy)), tmp_path / "strict", text)

    assert len(expected["frozen"]) > len(usual["frozen"]) == 0
    assert set(expected["frozen"]) | set(expected["thawed"]) == set(usual["thawed"])


def test_reviewed_orders_wait_for_a_person(tmp_path: Path) -> None:
    text = POLICY.replace(b"amount_at_least: 0 ", b"amount_at_least: 100000 ")
    assert text != POLICY
    policy, _ = load_policy(text, now=END)
    world = simulate(300, 5, "normal", END, terms_of(policy))
    list(world.events())
    found = world.answers()

    assert found["states"]["review"] > 10
    assert any(stage == "review" for _, stage in found["breached"])
