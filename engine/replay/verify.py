"""`replay verify`: does what is recorded follow from the log?

Every record is chained to the one before, every stream gap-free, positions without holes, stream time never falling; and a
fresh fold gives the same rows and the same decisions. The first difference of each kind is named by its place.
"""

from __future__ import annotations

import sqlite3
from hashlib import blake2b

import msgspec

from engine.fold.judge import Ruling
from engine.fold.step import Decided
from engine.replay.afresh import Mark, Progress, fold_afresh, marks, scratch_store
from engine.store.database import Store
from engine.store.record import GENESIS, chained, decode, split_originator
from engine.views.tables import COLUMNS, decode_row

SHOWN = 20


class Difference(msgspec.Struct, frozen=True):
    """`kind`: chain | sequence | time | head | state | decision. `position` is 0 where the place is not in the log."""

    kind: str
    partition: int
    position: int
    subject: str
    detail: str


class Report(msgspec.Struct):
    """What was looked at, and the first differences; `found` counts all of them."""

    records: int = 0
    streams: int = 0
    rows: int = 0
    keys: int = 0
    decisions: int = 0
    found: int = 0
    differences: list[Difference] = []

    def differs(self, kind: str, partition: int, position: int, subject: str, detail: str) -> None:
        self.found += 1
        if len(self.differences) < SHOWN:
            self.differences.append(Difference(kind, partition, position, subject, detail))


class _Chain:
    """Checks records one by one as they pass."""

    def __init__(self, report: Report, recorded: dict[str, bytes]) -> None:
        self._report = report
        self._recorded = recorded
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._at = (-1, 0)
        self._time = 0
        self.last: dict[int, tuple[int, bytes]] = {}

    def see(self, partition: int, position: int, key: str, state: bytes) -> None:
        report = self._report
        report.records += 1
        subject = split_originator(key)[1]
        if partition != self._at[0]:
            self._at, self._time = (partition, 0), 0
            self._heads.clear()
        if position != self._at[1] + 1:
            report.differs("sequence", partition, position, subject, f"position {self._at[1] + 1} is missing")
        self._at = (partition, position)
        version, previous = self._heads.get(key, (0, GENESIS))
        if not version:
            report.streams += 1
        if not chained(previous, state):
            report.differs(
                "chain",
                partition,
                position,
                subject,
                f"version {version + 1} is not chained to version {version}",
            )
        record = decode(key, state)
        event = record.event
        if event.streamversion != version + 1:
            report.differs(
                "sequence", partition, position, subject, f"version {event.streamversion} follows {version}"
            )
        self._heads[key] = (event.streamversion, state[-32:])
        self.last[partition] = (position, state[-32:])
        if key.endswith("!"):
            # Commands refused are appended, not folded: nothing derives them again.
            if event.source != "/orderfold/append":
                self._recorded[event.id] = _digest(event.type, subject[:-1], event.time, record.data)
        elif event.streamtime < self._time:
            report.differs("time", partition, position, subject, "stream time falls")
        else:
            self._time = event.streamtime


def verify(store: Store, progress: Progress = lambda done, total: None) -> Report:
    """Fold the log afresh up to where the views stand and compare. Needs no lock: what is compared is one reading."""
    report = Report()
    recorded: dict[str, bytes] = {}
    derived: dict[str, tuple[int, str, str, bytes]] = {}

    def decided(partition: int, subject: str, one: Decided | Ruling) -> None:
        report.decisions += 1
        digest = _digest(one.decision.type, subject, one.time, msgspec.json.encode(one.decision.data))
        derived[one.id] = (partition, subject, one.decision.type, digest)

    chain = _Chain(report, recorded)
    with store.read() as cursor, scratch_store(store) as scratch:
        upto = marks(cursor)
        fold_afresh(store, scratch, upto, decided, chain.see, progress)
        _compare_heads(store, upto, chain, report)
        for id_, (partition, subject, type_, digest) in derived.items():
            kept = recorded.pop(id_, None)
            if kept != digest:
                what = "is not recorded" if kept is None else "is recorded with another body"
                report.differs(
                    "decision", partition, 0, subject, f"{type_} {id_} follows from the log and {what}"
                )
        for id_ in recorded:
            report.differs(
                "decision", 0, 0, "", f"decision {id_} is recorded and does not follow from the log"
            )
        with scratch.read() as fresh:
            _compare_rows(cursor, fresh, report)
            _compare_judged(cursor, fresh, report)
    return report


def _digest(type_: str, subject: str, time: int, data: bytes) -> bytes:
    return blake2b(
        b"\0".join((type_.encode(), subject.encode(), b"%d" % time, data)), digest_size=16
    ).digest()


def _compare_heads(store: Store, upto: list[Mark], chain: _Chain, report: Report) -> None:
    for own, mark in zip(store.ownership(), upto, strict=True):
        position, hash_ = chain.last.get(own.partition, (0, GENESIS))
        if position != mark.position:
            report.differs(
                "head", own.partition, position, "", f"the log ends before position {mark.position}"
            )
        elif position == own.position and hash_ != own.hash:
            report.differs(
                "head", own.partition, position, "", "the last record is not the one the owner wrote"
            )


def _compare_rows(kept: sqlite3.Cursor, fresh: sqlite3.Cursor, report: Report) -> None:
    names = ", ".join(COLUMNS)
    left = kept.execute(f"SELECT {names} FROM rows ORDER BY id")
    right = fresh.execute(f"SELECT {names} FROM rows ORDER BY id")
    a, b = left.fetchone(), right.fetchone()
    while a is not None or b is not None:
        report.rows += 1
        if b is None or (a is not None and a["id"] < b["id"]):
            report.differs("state", a["id"] >> 40, 0, a["subject"], "the view has a row that no event made")
            a = left.fetchone()
        elif a is None or b["id"] < a["id"]:
            report.differs("state", b["id"] >> 40, 0, b["subject"], "the view lacks this row")
            b = right.fetchone()
        else:
            if tuple(a) != tuple(b):
                report.differs("state", a["id"] >> 40, 0, a["subject"], _first_difference(a, b))
            a, b = left.fetchone(), right.fetchone()


def _compare_judged(kept: sqlite3.Cursor, fresh: sqlite3.Cursor, report: Report) -> None:
    """The states of stage 2, key by key."""
    query = "SELECT fold, key, due, label, body FROM judged"
    left = {(row["fold"], row["key"]): tuple(row) for row in kept.execute(query)}
    right = {(row["fold"], row["key"]): tuple(row) for row in fresh.execute(query)}
    report.keys = len(left)
    for place in sorted(left.keys() | right.keys()):
        if left.get(place) != right.get(place):
            what = (
                "is kept and does not follow from the facts"
                if place not in right
                else "follows from the facts and is not kept"
                if place not in left
                else "is not what the facts give"
            )
            report.differs("state", 0, 0, place[1], f"the state of {place[0]} {what}")


def _first_difference(kept: sqlite3.Row, fresh: sqlite3.Row) -> str:
    for name in COLUMNS[:-1]:
        if kept[name] != fresh[name]:
            return f"{name} is {kept[name]!r}, a fresh fold gives {fresh[name]!r}"
    try:
        one, other = decode_row(kept["row"]), decode_row(fresh["row"])
    except msgspec.DecodeError as error:
        return f"the row was written by another release: {error}"
    for name in one.__struct_fields__:
        if getattr(one, name) != getattr(other, name):
            return f"{name} is {getattr(one, name)!r}, a fresh fold gives {getattr(other, name)!r}"
    return "the stored bytes differ"
