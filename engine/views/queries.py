"""Reading the views: find an order by any of its numbers, list orders.

Readers never need the writer's lock. What is returned are structs whose instants are aware datetimes (RFC 3339 in
JSON) and whose money is integer minor units; CLI, API and board show the same ones.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import cached_property

import msgspec

from engine.errors import NotFound, StoreNewer, UsageError
from engine.intake.subjects import ALIAS_KINDS
from engine.policy.book import PolicyBook
from engine.store.database import LIVE, Store
from engine.views.tables import decode_row, row_id
from projections.order_health import FULL, OrderHealthState, health_at
from projections.policy import Policy
from projections.routing import owner_of
from projections.row import Row
from schemas.envelope import EPOCH

LIMIT = 100
LIMIT_MAX = 1_000
SUFFIX_MIN = 4
"""The end of a number finds its order from this many characters on."""

COLOURS = ("red", "orange", "yellow", "green")

_CHUNK = 500


def moment(instant: int) -> datetime | None:
    """Microseconds UTC → an aware datetime; None for 0, which is no instant."""
    return EPOCH + timedelta(microseconds=instant) if instant else None


class Money(msgspec.Struct, frozen=True):
    """Sums of one order in minor units of `currency`, "" before any money is known."""

    currency: str
    receivable: int
    received: int
    refunded: int


class OrderLine(msgspec.Struct, frozen=True):
    """One order as lists show it. `state` is "" in limbo; `colour` "" when no clock runs and none was missed;
    `overdue` while a clock runs past its deadline; `due` of the strictest running clock; `score` as of now,
    time without news included. The counts are of facts, holds, work items, breaches."""

    order: str
    channel: str
    state: str
    words: str
    since: datetime | None
    open: bool
    frozen: bool
    in_doubt: bool
    limbo: bool
    fault: bool
    held: int
    owner: str
    group: str
    colour: str
    due: datetime | None
    overdue: bool
    money: Money
    score: int
    work: int
    breached: int
    excused: int
    late: int
    repeats: int
    conflicts: int
    unknown: int
    updated: datetime | None
    version: int


class OrderPage(msgspec.Struct, frozen=True):
    """`after` continues the list where it ended; "" at its end."""

    as_of: datetime | None
    orders: list[OrderLine]
    after: str


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """What a list of orders is narrowed to; empty and False do not narrow. `colour` is one of COLOURS."""

    state: str = ""
    channel: str = ""
    owner: str = ""
    group: str = ""
    colour: str = ""
    frozen: bool = False
    in_doubt: bool = False
    limbo: bool = False
    overdue: bool = False
    held: bool = False
    fault: bool = False
    open: bool = False

    @property
    def by_age(self) -> bool:
        """Exceptions are listed longest standing first; everything else in the order it came."""
        return self.frozen or self.in_doubt or self.limbo or self.overdue or self.held or self.fault


def wall_clock() -> int:
    """Now, in microseconds UTC."""
    return time.time_ns() // 1_000


COLOUR = (
    "CASE WHEN breached > 0 THEN 'red' WHEN due_at = 0 THEN '' WHEN :now >= warn_at THEN 'orange' "
    "WHEN :now >= half_at THEN 'yellow' ELSE 'green' END"
)
"""An order's colour from its columns: red once a breach stands, else by how much of the strictest clock is used."""

OVERDUE = "(open > 0 AND due_at > 0 AND due_at < :now)"

_LINE = (
    "id, subject, channel, state, since, open, frozen, doubt, limbo, fault, held, due_at, currency, receivable, "
    f"received, refunded, score, work, breached, excused, late, repeats, conflicts, unknown, updated, version, owner, grp, "
    f"{COLOUR} AS colour, {OVERDUE} AS overdue"
)


class Reading:
    """One look at a store: its policy in force, and the instant it is read as of. Cheap to make; make one for each
    question, so that everything on a page is as of the same instant."""

    def __init__(
        self, store: Store, book: PolicyBook | None = None, clock: Callable[[], int] = wall_clock
    ) -> None:
        self.store = store
        self.book = book or PolicyBook(store)
        self._clock = clock

    @cached_property
    def _ownership(self) -> tuple[int, bytes]:
        owned = self.store.ownership()
        return max(max(own.streamtime, own.watermark) for own in owned), owned[0].policy

    @cached_property
    def kind(self) -> str:
        """history or live; "" for a store nothing was sent to yet."""
        return self.store.setting("kind")

    @cached_property
    def now(self) -> int:
        """The instant all answers are as of, µs: the wall clock of a live store, where one of history stands."""
        stands = self._ownership[0]
        return max(self._clock(), stands) if self.kind == LIVE else stands

    @property
    def as_of(self) -> datetime | None:
        return moment(self.now)

    @cached_property
    def policy(self) -> Policy:
        """The policy in force. NotFound in a store that has none yet."""
        return self.book.get(self._ownership[1])

    # One stream

    def resolve(self, name: str) -> str:
        """Any of an order's numbers → its subject: the subject itself, channel:number, the platform number or its
        end when only one order has it, a payment, WMS or waybill number. A number under which facts wait for their
        order gives the alias's subject.

        Raises NotFound, or UsageError naming the orders when there are several."""
        name = name.strip()
        if not name:
            raise NotFound("No order was named.", "Give any of its numbers.")
        with self.store.read() as cursor:
            ways: tuple[Callable[[sqlite3.Cursor, str], list[str]], ...] = (
                self._subject,
                self._platform,
                self._bound,
                self._waiting,
                self._suffix,
            )
            for way in ways:
                subjects = way(cursor, name)
                if len(subjects) == 1:
                    return subjects[0]
                if subjects:
                    shown = ", ".join(subjects[:5]) + (
                        f" and {len(subjects) - 5} more" if len(subjects) > 5 else ""
                    )
                    raise UsageError(
                        f"{name} is a number of {len(subjects)} orders: {shown}.", "Name one of them."
                    )
        raise NotFound(
            f"No order is known by {name}.",
            "Give its platform number, a payment, WMS or waybill number; `orderfold order list` names those there are.",
        )

    def _subject(self, cursor: sqlite3.Cursor, name: str) -> list[str]:
        return self._known(cursor, [name, f"order/{name}"])[:1]

    def _known(self, cursor: sqlite3.Cursor, subjects: Sequence[str]) -> list[str]:
        found = self.store.find(cursor, subjects)
        return [subject for subject in subjects if subject in found]

    def _platform(self, cursor: sqlite3.Cursor, name: str) -> list[str]:
        channels = {*self.policy.channels, self.policy.default_channel.name}
        return self._known(cursor, [f"order/{channel}:{name}" for channel in sorted(channels)])

    def _waiting(self, cursor: sqlite3.Cursor, name: str) -> list[str]:
        return self._known(cursor, [f"alias/{name}", *(f"alias/{kind}:{name}" for kind in ALIAS_KINDS)])

    def _bound(self, cursor: sqlite3.Cursor, name: str) -> list[str]:
        aliases = [name, *(f"{kind}:{name}" for kind in ALIAS_KINDS)]
        marks = ",".join("?" * len(aliases))
        return [
            row[0]
            for row in cursor.execute(
                f"SELECT DISTINCT subject FROM aliases WHERE alias IN ({marks}) ORDER BY subject", aliases
            )
        ]

    def _suffix(self, cursor: sqlite3.Cursor, name: str) -> list[str]:
        if len(name) < SUFFIX_MIN:
            return []
        found = cursor.execute(
            "SELECT subject FROM streams WHERE subject >= 'order/' AND subject < 'order0' "
            "AND substr(subject, ?) = ? LIMIT 101",
            (-len(name), name),
        ).fetchall()
        exact = [row[0] for row in found if row[0].endswith(f":{name}")]
        return exact or [row[0] for row in found]

    def row(self, subject: str) -> Row:
        """All that is folded of a stream. NotFound where no fold is concerned with it."""
        with self.store.read() as cursor:
            found = self.store.find(cursor, [subject]).get(subject)
            blob = None
            if found is not None:
                blob = cursor.execute("SELECT row FROM rows WHERE id=?", (row_id(*found),)).fetchone()
        if blob is None:
            raise NotFound(
                f"{subject} has no state.",
                "It is not folded yet, or not by this release; `orderfold projection list` says how far the views are.",
            )
        return read_row(blob[0])

    def owner(self, row: Row) -> tuple[str, str]:
        """(owner, group) of an order now: who was assigned, else who the routing rules name."""
        order = row.lifecycle
        if order is None:
            return "", ""
        return owner_of(self.policy, row.channel, order.categories, order.state, order.owner, order.group)

    def words(self, channel: str, state: str) -> str:
        """What customers are told of a state."""
        return self.policy.lifecycle_of(channel).words.get(state, "") if state else "Not placed yet"

    # Lists

    def orders(self, wanted: OrderFilter, limit: int = LIMIT, after: str = "") -> OrderPage:
        """A page of orders. UsageError for a limit beyond LIMIT_MAX, an unknown colour or an `after` not given out."""
        if not 1 <= limit <= LIMIT_MAX:
            raise UsageError(f"A page has 1 to {LIMIT_MAX} orders, not {limit}.", "Continue with --after.")
        where, parameters = self._where(wanted)
        key = "since, id" if wanted.by_age else "id"
        behind = _after(after, wanted.by_age)
        if behind:
            where.append(f"({key}) > ({', '.join(f':{name}' for name in behind)})")
        with self.store.read() as cursor:
            rows = cursor.execute(
                f"SELECT {_LINE} FROM rows WHERE {' AND '.join(where)} ORDER BY {key} LIMIT :limit",
                {**parameters, **behind, "limit": limit + 1},
            ).fetchall()
        lines = [self._line(row) for row in rows[:limit]]
        more = len(rows) > limit
        last = rows[limit - 1] if more else None
        cursor_ = (
            "" if last is None else f"{last['since']}.{last['id']}" if wanted.by_age else str(last["id"])
        )
        return OrderPage(self.as_of, lines, cursor_)

    def _where(self, wanted: OrderFilter) -> tuple[list[str], dict[str, object]]:
        where = ["kind IN ('order', 'alias')" if wanted.limbo else "kind = 'order'"]
        parameters: dict[str, object] = {"now": self.now}
        for column, value in (
            ("state", wanted.state),
            ("channel", wanted.channel),
            ("owner", wanted.owner),
            ("grp", wanted.group),
        ):
            if value:
                where.append(f"{column} = :{column}")
                parameters[column] = value
        if wanted.colour:
            if wanted.colour not in COLOURS:
                raise UsageError(f"{wanted.colour!r} is no colour.", f"Choose one of {', '.join(COLOURS)}.")
            where.append(f"{COLOUR} = :colour")
            parameters["colour"] = wanted.colour
        for flag, condition in (
            (wanted.frozen, "frozen > 0"),
            (wanted.in_doubt, "doubt > 0"),
            (wanted.limbo, "limbo > 0"),
            (wanted.held, "held > 0"),
            (wanted.fault, "fault > 0"),
            (wanted.open, "open > 0"),
            (wanted.overdue, OVERDUE),
        ):
            if flag:
                where.append(condition)
        return where, parameters

    def _line(self, row: sqlite3.Row) -> OrderLine:
        return OrderLine(
            row["subject"],
            row["channel"],
            row["state"],
            self.words(row["channel"], row["state"]),
            moment(row["since"]),
            bool(row["open"]),
            bool(row["frozen"]),
            bool(row["doubt"]),
            bool(row["limbo"]),
            bool(row["fault"]),
            row["held"],
            row["owner"],
            row["grp"],
            row["colour"],
            moment(row["due_at"]),
            bool(row["overdue"]),
            Money(row["currency"], row["receivable"], row["received"], row["refunded"]),
            self._score(row),
            row["work"],
            row["breached"],
            row["excused"],
            row["late"],
            row["repeats"],
            row["conflicts"],
            row["unknown"],
            moment(row["updated"]),
            row["version"],
        )

    def _score(self, row: sqlite3.Row) -> int:
        """The health as of now: what time without news has cost since is the same whatever was lost before."""
        since, _ = health_at(
            OrderHealthState(), self.now, row["updated"], bool(row["open"]), self.policy.health
        )
        return max(0, int(row["score"]) - (FULL - since))

    def lines(self, subjects: Sequence[str]) -> dict[str, OrderLine]:
        """Streams as lists show them, by subject; those not folded are left out."""
        with self.store.read() as cursor:
            ids = [row_id(*found) for found in self.store.find(cursor, subjects).values()]
            found: dict[str, OrderLine] = {}
            for start in range(0, len(ids), _CHUNK):
                part = ids[start : start + _CHUNK]  # numbers of our own making, never a caller's text
                listed = ",".join(map(str, part))
                for row in cursor.execute(
                    f"SELECT {_LINE} FROM rows WHERE id IN ({listed})", {"now": self.now}
                ):
                    found[row["subject"]] = self._line(row)
        return found


def read_row(blob: bytes) -> Row:
    """A stored row. StoreNewer when another release wrote it in another shape."""
    try:
        return decode_row(blob)
    except msgspec.DecodeError as error:
        raise StoreNewer(
            f"The views were written by another release: {error}.",
            "`orderfold projection rebuild` makes them anew.",
        ) from error


def _after(after: str, by_age: bool) -> dict[str, int]:
    """The values a page continues behind, by the name of their parameter."""
    if not after:
        return {}
    parts = after.split(".")
    names = ("since", "id") if by_age else ("id",)
    if len(parts) != len(names) or not all(part.isdecimal() for part in parts):
        raise UsageError(f"--after {after!r} was not given out by this list.", "Begin again without --after.")
    return {f"after_{name}": int(part) for name, part in zip(names, parts, strict=True)}
