"""`python -m bench merging`: what a placed order costs in the merge fold, with so many orders open.

Stage 2 alone, as the engine runs it: facts decoded, folded, states and index kept, rows written, in batches as large as its
own. N orders are placed over one window, so that all of them are open, then as many again as are measured. The country grows
with N as a real one does: more cities, estates and people, the same shares of common names. One order in ten is of a
customer who has ordered before, one in a hundred of a shared desk. Figures are CPU time; raw ones as JSON to stdout.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from bench.measure import ROOT, settle_collector
from engine.fold.judge import Judge
from engine.policy.book import PolicyBook
from engine.policy.load import load_policy
from engine.store.database import Store
from engine.views.queries import wall_clock
from engine.views.tables import statements
from projections.merge.card import card_of
from projections.merge.fold import MergeFold
from projections.merge.keys import blocking_keys, identity_keys
from projections.policy import Policy
from schemas.derived import Derived
from schemas.events.system import PolicyPublished
from schemas.facts import Fact, MergeOffered

START = 1_762_898_400_000_000
BATCH = 2_000
SURNAMES = [f"surname{rank}" for rank in range(200)]
_SHARES = [1 / (rank + 8) for rank in range(200)]
"""The commonest has about 4 of 100 people, the first twenty 40."""
SYLLABLES = [f"{a}{b}" for a in "bcdfghjlmnqstwxyz" for b in ("a", "an", "i", "ing")]

_pack = msgspec.msgpack.Encoder().encode


class Figure(msgspec.Struct):
    """Of `measured` orders placed while `open` were: CPU µs each, folding (facts decoded, states read, compared, decided) and
    writing the states; the worst batch's mean; decisions; peak memory."""

    open: int
    measured: int
    micros_per_order: float
    micros_folding: float
    micros_writing: float
    micros_worst_batch: float
    decisions: int
    peak_mib: int


class _Country:
    """Customers with their doors, more of everything the larger it is."""

    def __init__(self, orders: int, seed: int) -> None:
        self._chance = random.Random(seed)
        self._cities = max(20, min(340, orders // 1_000))
        self._estates = max(200, orders // 40)
        self._known: list[Derived] = []

    def customer(self) -> Derived:
        chance = self._chance
        luck = chance.random()
        if self._known and luck < 0.1:
            return chance.choice(self._known)
        surname = chance.choices(SURNAMES, _SHARES)[0]
        given = f"{chance.choice(SYLLABLES)} {chance.choice(SYLLABLES)}"
        estate = chance.randrange(self._estates)
        phone = f"+861{chance.choice('3578')}{chance.randrange(10**9):09d}"
        if luck > 0.99:
            phone = "+8613800138000"
        made = Derived(
            "bench@1",
            account=f"jd/{chance.randrange(10**12)}",
            phone=phone,
            name=f"{surname} {given}",
            name_kind="full",
            surname=surname,
            given=given,
            sound=f"{surname} {given}",
            script="han",
            country="CN",
            city=f"city {estate % self._cities}",
            district=f"district {estate % 9}",
            road=f"road {estate % 997}",
            number=str(estate % 300),
            compound=f"estate {estate}",
            building=str(chance.randrange(1, 30)),
            unit=str(chance.randrange(1, 5)),
            room=f"{chance.randrange(1, 30)}0{chance.randrange(1, 5)}",
            road_sound=f"road {estate % 997}",
            compound_sound=f"estate {estate}",
        )
        if len(self._known) < 50_000:
            self._known.append(made)
        return made


def _facts(orders: int, country: _Country, policy: Policy, first: int, last: int) -> Iterator[Fact]:
    """Orders `first` to `last` of so many placed within one window."""
    rules = policy.merge
    for number in range(first, last):
        at = START + rules.window * number // orders
        derived = country.customer()
        card = card_of(derived)
        lines = ((f"sku-{number % 500}", 1),)
        offered = MergeOffered(
            at,
            "jd",
            "CNY",
            lines,
            ("general",),
            derived,
            tuple(identity_keys(card)),
            blocking_keys(card, rules.matching),
            True,
        )
        subject = f"order/jd:{17 * 10**10 + number}"
        yield Fact(at, subject, 1, 0, "merge.offered", subject, msgspec.Raw(_pack(offered)))


class _OnePolicy(PolicyBook):
    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def get(self, hash_: bytes) -> Policy:
        return self._policy


def measure(orders: int, measured: int, seed: int) -> Figure:
    """`measured` more orders, with `orders` open."""
    policy, _ = load_policy((ROOT / "streams.yaml").read_bytes(), now=wall_clock())
    with tempfile.TemporaryDirectory(dir=ROOT / "build") as directory:
        store = Store.create(directory, 1)
        with store.write() as cursor:
            for statement in statements():
                cursor.execute(statement)
        judge = Judge(store, _OnePolicy(policy), (MergeFold(),))
        published = msgspec.Raw(_pack(PolicyPublished(policy.hash)))
        judge.run(
            [Fact(START - 1, "policy/0", 1, 0, "policy.published.v1", "policy/0", published)], START - 1
        )
        country = _Country(orders, seed)
        _run(judge, store, _facts(orders, country, policy, 0, orders))
        ahead = list(_facts(orders, country, policy, orders, orders + measured))
        settle_collector()
        spent, decisions = _run(judge, store, ahead)
        store.close()
    folding, writing = (sum(part) / measured / 1_000 for part in zip(*spent, strict=True))
    worst = max(map(sum, spent)) / BATCH / 1_000
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return Figure(
        orders,
        measured,
        round(folding + writing, 1),
        round(folding, 1),
        round(writing, 1),
        round(worst, 1),
        decisions,
        peak,
    )


def _run(judge: Judge, store: Store, facts: Iterable[Fact]) -> tuple[list[tuple[int, int]], int]:
    """CPU nanoseconds of each batch, (folding, writing), and how much was decided."""
    spent = []
    decisions = 0
    waiting = iter(facts)
    while batch := list(islice(waiting, BATCH)):
        began = time.process_time_ns()
        decisions += len(judge.run(batch, batch[-1].streamtime - 1))
        folded = time.process_time_ns()
        with store.write() as cursor:
            judge.write(cursor)
        judge.written()
        spent.append((folded - began, time.process_time_ns() - folded))
    return spent, decisions


def main(arguments: Sequence[str]) -> int:
    """Measure for each number of open orders; 0."""
    parser = argparse.ArgumentParser(prog="python -m bench merging", description=__doc__)
    parser.add_argument(
        "--open", type=int, action="append", metavar="N", help="so many open orders; may be given again"
    )
    parser.add_argument("--measured", type=int, default=20_000, help="how many more are placed and measured")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args(arguments)
    (ROOT / "build").mkdir(exist_ok=True)
    for orders in asked.open or [10_000, 100_000, 1_000_000]:
        figure = measure(orders, asked.measured, asked.seed)
        sys.stdout.write(msgspec.json.encode(figure).decode() + "\n")
        sys.stdout.flush()
    return 0
