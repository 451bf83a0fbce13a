"""Dead letters: what intake did not take, kept with its bytes and the reason, listed, sent again or dropped.

Sending again means: through intake as it is now, under the policy in force now. What cannot be an event by itself (a row of
a table, the data of a divergent event, the beginning of one too large) is for a person to read and drop.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

import msgspec

from engine.append.appender import ACCEPTED, DUPLICATE
from engine.errors import NotFound, UsageError
from engine.intake.cloudevents import decode
from engine.intake.model import Credential, Incoming, Refused, Rules
from engine.store.database import HISTORY, Store
from engine.views.queries import LIMIT, LIMIT_MAX, moment
from engine.workers.embedded import Engine

WAITING, REPLAYED, DROPPED = "waiting", "replayed", "dropped"
STATUSES = (WAITING, REPLAYED, DROPPED)
NOT_EVENTS = frozenset({"bad-row", "divergent", "oversize"})
"""Reasons whose bytes are no whole event."""


class Letter(msgspec.Struct, frozen=True):
    """One dead letter. `origin` says where it came from, `at` when; what could be read of its envelope is for finding
    it. `replayable`: its bytes are a whole event."""

    id: int
    at: datetime | None
    reason: str
    detail: str
    subject: str
    type: str
    event: str
    source: str
    origin: str
    status: str
    replayable: bool


class Letters(msgspec.Struct, frozen=True):
    """A page, oldest first. `total` counts what matches, `reasons` by reason; `after` continues it, 0 at the end."""

    total: int
    reasons: dict[str, int]
    letters: list[Letter]
    after: int


class Opened(msgspec.Struct, frozen=True):
    """A letter with its bytes as text, and those of the event kept under its id where it is divergent."""

    letter: Letter
    raw: str
    stored: str


class Sent(msgspec.Struct, frozen=True):
    """What became of a letter sent again: accepted, duplicate, or why it was not taken this time either."""

    id: int
    outcome: str
    subject: str
    detail: str


_COLUMNS = "id, at, reason, detail, subject, type, event_id, source, origin, status"


def letters(
    store: Store,
    *,
    status: str = WAITING,
    reason: str = "",
    source: str = "",
    limit: int = LIMIT,
    after: int = 0,
) -> Letters:
    """Letters of a status ("" for all), of one reason or source if named. UsageError for a status there is none of."""
    if status and status not in STATUSES:
        raise UsageError(
            f"{status!r} is no status of a dead letter.", f"Choose one of {', '.join(STATUSES)}."
        )
    if not 1 <= limit <= LIMIT_MAX:
        raise UsageError(
            f"A page has 1 to {LIMIT_MAX} letters, not {limit}.", "Continue behind the last one."
        )
    wanted = {"status": status, "reason": reason, "source": source}
    where = " AND ".join([f"{column} = :{column}" for column, value in wanted.items() if value] or ["1"])
    with store.read() as cursor:
        reasons = dict(
            cursor.execute(
                f"SELECT reason, count(*) FROM dead_letters WHERE {where} GROUP BY reason ORDER BY count(*) DESC, reason",
                wanted,
            ).fetchall()
        )
        rows = cursor.execute(
            f"SELECT {_COLUMNS} FROM dead_letters WHERE {where} AND id > :after ORDER BY id LIMIT :limit",
            {**wanted, "after": after, "limit": limit + 1},
        ).fetchall()
    page = [_letter(row) for row in rows[:limit]]
    return Letters(sum(reasons.values()), reasons, page, page[-1].id if len(rows) > limit else 0)


def opened(store: Store, id_: int) -> Opened:
    """One letter with its bytes. NotFound."""
    with store.read() as cursor:
        row = cursor.execute(
            f"SELECT {_COLUMNS}, raw, stored FROM dead_letters WHERE id = ?", (id_,)
        ).fetchone()
    if row is None:
        raise _unknown(id_)
    return Opened(
        _letter(row), row["raw"].decode("utf-8", "replace"), (row["stored"] or b"").decode("utf-8", "replace")
    )


def replay(engine: Engine, ids: Sequence[int], rules: Rules, who: Credential) -> list[Sent]:
    """Send letters through intake again, in the order given; those taken are `replayed`. For the thread that owns the
    engine. Raises NotFound for an id there is none of, StoreFull."""
    historical = engine.kind == HISTORY
    sent: list[Sent] = []
    for id_ in ids:
        with engine.store.read() as cursor:
            row = cursor.execute(f"SELECT {_COLUMNS}, raw FROM dead_letters WHERE id = ?", (id_,)).fetchone()
        if row is None:
            raise _unknown(id_)
        if row["reason"] in NOT_EVENTS:
            sent.append(
                Sent(id_, "refused", row["subject"], f"{row['reason']}: its bytes are no event by themselves")
            )
            continue
        try:
            item = decode(row["raw"], rules, who, engine.clock(), historical)
        except Refused as refused:
            sent.append(Sent(id_, "dead", row["subject"], f"{refused.reason}: {refused.detail}"))
            continue
        sent.append(_send(engine, id_, item))
    engine.flush()
    return sent


def _send(engine: Engine, id_: int, item: Incoming) -> Sent:
    outcome = engine.submit([item])[0]
    if outcome.status in (ACCEPTED, DUPLICATE):
        _mark(engine, [id_], REPLAYED)
    return Sent(id_, outcome.status, outcome.subject, outcome.detail)


def drop(engine: Engine, ids: Sequence[int]) -> int:
    """Mark letters as dropped: kept until they expire, counted no longer. Returns how many were waiting. NotFound."""
    with engine.store.read() as cursor:
        known = {row[0]: row[1] for row in cursor.execute("SELECT id, status FROM dead_letters")}
    for id_ in ids:
        if id_ not in known:
            raise _unknown(id_)
    waiting = [id_ for id_ in ids if known[id_] == WAITING]
    _mark(engine, waiting, DROPPED)
    return len(waiting)


def _mark(engine: Engine, ids: Sequence[int], status: str) -> None:
    with engine.store.write() as cursor:
        cursor.executemany("UPDATE dead_letters SET status = ? WHERE id = ?", [(status, id_) for id_ in ids])


def _unknown(id_: int) -> NotFound:
    return NotFound(f"There is no dead letter {id_}.", "`orderfold dead list` names those there are.")


def _letter(row: sqlite3.Row) -> Letter:
    return Letter(
        row["id"],
        moment(row["at"]),
        row["reason"],
        row["detail"],
        row["subject"],
        row["type"],
        row["event_id"],
        row["source"],
        row["origin"].rpartition("#")[0],
        row["status"],
        row["reason"] not in NOT_EVENTS,
    )
