"""Policies as a store knows them, and what another one would do to the orders that are open now."""

from __future__ import annotations

from datetime import datetime

import msgspec

from engine.errors import NotFound, UsageError
from engine.views.queries import Reading, moment, read_row
from projections.policy import Policy
from projections.sla import retarget_effects

HASH_MIN = 4


class PolicyLine(msgspec.Struct, frozen=True):
    """A policy the store has kept. `hash` is the SHA-256 of its text; `since` when it came into force in partition 0 (the
    last time), None for one kept and never published."""

    hash: str
    name: str
    since: datetime | None
    in_force: bool
    bytes: int


class Effects(msgspec.Struct, frozen=True):
    """What publishing would do now: of so many `open` orders, `touched` get another clock or deadline, and `passed`
    deadlines would be over at once, of `late_orders`."""

    open: int
    touched: int
    passed: int
    late_orders: int
    examples: list[str]


def policies(reading: Reading) -> list[PolicyLine]:
    """All kept, in the order they were first kept."""
    with reading.store.read() as cursor:
        folded = cursor.execute("SELECT policies FROM folded WHERE partition = 0").fetchone()
        kept = cursor.execute("SELECT hash, at, length(text) FROM policies ORDER BY at, hash").fetchall()
    published = msgspec.msgpack.decode(folded[0], type=list[tuple[int, bytes]]) if folded is not None else []
    since = {hash_: at for at, hash_ in published}
    last = published[-1][1] if published else b""
    return [
        PolicyLine(
            row[0].hex(), reading.book.get(row[0]).name, moment(since.get(row[0], 0)), row[0] == last, row[2]
        )
        for row in kept
    ]


def policy_named(reading: Reading, name: str) -> str:
    """A hash or the beginning of one, a policy's name, or "" for the one in force → the full hash. NotFound, or
    UsageError where several begin so."""
    if not name:
        return reading.policy.hash
    lines = policies(reading)
    found = [line for line in lines if len(name) >= HASH_MIN and line.hash.startswith(name.lower())]
    found = found or [line for line in lines if line.name == name][-1:]
    if not found:
        raise NotFound(f"The store has no policy {name}.", "`orderfold policy list` names those it has.")
    if len(found) > 1:
        raise UsageError(f"{len(found)} policies begin with {name}.", "Give more of the hash.")
    return found[0].hash


def effects(reading: Reading, new: Policy) -> Effects:
    """What publishing `new` would do to the open orders, as of now. Changes nothing."""
    old = reading.policy
    open_ = touched = passed = late = 0
    examples: list[str] = []
    with reading.store.read() as cursor:
        for (blob,) in cursor.execute("SELECT row FROM rows WHERE open > 0"):
            row = read_row(blob)
            open_ += 1
            if row.sla is None:
                continue
            found = retarget_effects(row.sla, old, new, row, reading.now)
            touched += found.touched
            passed += found.passed
            if found.passed:
                late += 1
                if len(examples) < 5:
                    examples.append(row.subject)
    return Effects(open_, touched, passed, late, examples)
