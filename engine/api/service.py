"""What the routes share: the writer, a reader of the same store, the policy in force, and a look at the views."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Annotated, Any, TypeVar, cast

import msgspec
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.params import QueryParameter

from engine.api.access import Access, Actor, Tokens, tokens_of
from engine.api.problems import TooLarge, Unsupported
from engine.deliver.listing import figures as delivery_figures
from engine.errors import Invalid, Unreadable, UsageError
from engine.intake.model import Rules
from engine.intake.places import NOT_JSON, json_fault, shape_fault
from engine.metrics import Figures, Metrics
from engine.policy.book import PolicyBook
from engine.policy.check import examine
from engine.settings import rules_of
from engine.store.database import Store
from engine.views.health import figures as health_figures
from engine.views.queries import LIMIT_MAX, Reading, read_row, wall_clock
from engine.views.summary import Summary, summary
from engine.workers.embedded import Engine
from engine.workers.writer import Writer
from schemas.policy import IntakeText, PolicyText

Wait = Annotated[
    str,
    QueryParameter(
        description="Answer once the views tell of this position, `partition:position,…`, or of all (`views`)"
    ),
]
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="At most this many")]

_encode = msgspec.json.Encoder().encode

T = TypeVar("T")
ApiRequest = Request[Actor, Any, Any]

SUMMARY_SECONDS_LEAST = 1.0
SUMMARY_SHARE = 10
"""A summary passes over every row: it is made anew at most every second, and takes at most a tenth of the time."""

FROZEN_LOOKED_AT = 1_000
"""Frozen orders whose reason a scrape reads; the others it counts together."""

_JSON = ("application/json", "application/cloudevents+json", "application/cloudevents-batch+json")


class InForce(msgspec.Struct, frozen=True):
    """What of the policy in force the API itself goes by. `hash` is that of its text."""

    hash: bytes
    text: PolicyText
    rules: Rules
    tokens: Tokens

    @property
    def intake(self) -> IntakeText:
        return self.text.intake


class Service:
    """One served store. `local` says whether only this machine can reach the API."""

    def __init__(
        self, writer: Writer, store: Store, *, local: bool, environ: Mapping[str, str], version: str
    ) -> None:
        self.writer = writer
        self.store = store
        self.book = PolicyBook(store)
        self.metrics = Metrics(version, self._figures)
        self.access = Access(local, lambda: self.in_force.tokens)
        self.in_flight: set[str] = set()
        """Keys of commands being carried out."""
        self._environ = environ
        self._in_force: InForce | None = None
        self._summary: tuple[float, Summary] | None = None
        self._summing = Lock()

    @property
    def engine(self) -> Engine:
        """For reading what a single attribute tells; everything else goes through `writer.call`."""
        return self.writer.engine

    @property
    def in_force(self) -> InForce:
        """As of this instant: a publication changes roles, tokens and limits at once."""
        hash_ = self.engine.appender.owned[0].policy
        known = self._in_force
        if known is None or known.hash != hash_:
            text, _ = examine(self.book.text(hash_), wall_clock())
            assert text is not None, "a published policy has passed its check"
            known = self._in_force = InForce(hash_, text, rules_of(text), tokens_of(text, self._environ))
        return known

    def reading(self) -> Reading:
        """A look at the views, as of now."""
        return Reading(self.store, self.book, self.engine.clock)

    def summary(self) -> Summary:
        """The summary, at most as old as it may be (SUMMARY_SHARE). Call it from a thread of its own."""
        with self._summing:
            if self._summary is None or time.monotonic() >= self._summary[0]:
                began = time.monotonic()
                made = summary(self.reading())
                ended = time.monotonic()
                fresh = max(SUMMARY_SECONDS_LEAST, (ended - began) * SUMMARY_SHARE)
                self._summary = (ended + fresh, made)
            return self._summary[1]

    async def on_writer(self, work: Callable[[Engine], T]) -> T:
        """The answer to work done on the writer's thread."""
        return await asyncio.wrap_future(self.writer.call(work))

    async def written(self, wait: str) -> None:
        """Wait until the views tell of a position: `partition:position,…`; "" does not wait; `views` or `true` means
        of everything taken so far. UsageError for a position the log does not have."""
        if not wait:
            return
        wanted = positions(wait)
        owned = self.engine.appender.owned
        for partition, position in wanted.items():
            if partition >= len(owned) or position > owned[partition].position:
                raise UsageError(
                    f"The log holds nothing at {partition}:{position} yet.",
                    "Wait for a position it gave out.",
                )
        if self.engine.oldest_unwritten:
            await self.on_writer(lambda engine: engine.flush())

    async def look(self, question: Callable[[Reading], T]) -> T:
        """The answer to a question of the views, asked in a thread of its own."""
        return await asyncio.to_thread(lambda: question(self.reading()))

    def _figures(self) -> Figures:
        return figures(self)


def figures(service: Service) -> Figures:
    """What `/metrics` tells beside its own counts: the views' figures, and how far they are behind the log."""
    found = service.summary()
    engine = service.engine
    oldest = engine.oldest_unwritten
    reading = service.reading()
    with service.store.read() as cursor:
        of_health = health_figures(cursor, reading.policy, reading.now)
        positions_ = cursor.execute("SELECT partition, position FROM folded ORDER BY partition").fetchall()
        timers = cursor.execute("SELECT count(*) FROM rows WHERE due > 0").fetchone()[0]
        letters = cursor.execute(
            "SELECT source, count(*) FROM dead_letters WHERE status = 'waiting' GROUP BY source "
            "ORDER BY count(*) DESC LIMIT 100"
        ).fetchall()
        frozen = Counter(
            row.lifecycle.offence.type
            if row.lifecycle is not None and row.lifecycle.offence is not None
            else "other"
            for row in (
                read_row(found_[0])
                for found_ in cursor.execute(
                    "SELECT row FROM rows WHERE frozen > 0 LIMIT ?", (FROZEN_LOOKED_AT,)
                )
            )
        )
    frozen["other"] += found.frozen - sum(frozen.values())
    listed = sum(row[1] for row in letters)
    return {
        **of_health,
        **delivery_figures(service.store),
        "orderfold_events_late": [((), found.late_facts)],
        "orderfold_intake_waiting_events": [((), service.writer.waiting)],
        "orderfold_projection_lag_seconds": [
            (("stage1",), max(0, engine.clock() - oldest) / 1e6 if oldest else 0.0)
        ],
        "orderfold_projection_position": [(("stage1", str(row[0])), row[1]) for row in positions_],
        "orderfold_orders_in_state": [((state,), count) for state, count in found.by_state.items()],
        "orderfold_orders_frozen": [((reason,), count) for reason, count in frozen.items() if count > 0],
        "orderfold_orders_in_doubt": [((), found.in_doubt)],
        "orderfold_streams_in_limbo": [((), found.limbo)],
        "orderfold_orders_overdue": [((), found.overdue)],
        "orderfold_sla_orders": [
            ((colour,), getattr(found.sla, colour)) for colour in ("green", "yellow", "orange", "red")
        ],
        "orderfold_sla_timers_pending": [((), timers)],
        "orderfold_merges": [((status,), count) for status, count in found.merges.items()],
        "orderfold_work_items": [((), found.work)],
        "orderfold_dlq_messages": [
            *(((row[0],), row[1]) for row in letters),
            *([(("other",), found.dead - listed)] if found.dead > listed else []),
        ],
    }


def answer(value: Any, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A struct as JSON."""
    return Response(_encode(value), media_type="application/json", headers=headers)


def service_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Service:
    """The service an application was made for."""
    return cast(Service, connection.app.state.service)


def positions(text: str) -> dict[int, int]:
    """`3:120,7:15` → {3: 120, 7: 15}; {} for `views` or `true`. UsageError for anything else."""
    if text in ("views", "true", "1"):
        return {}
    found = {}
    for part in text.split(","):
        partition, _, position = part.partition(":")
        if not (partition.isdecimal() and position.isdecimal()):
            raise UsageError(f"wait={text!r} is no position.", "Write partition:position,… or views.")
        found[int(partition)] = int(position)
    return found


async def body_of(request: ApiRequest, limit: int) -> bytes:
    """The body, as long as it is within `limit` bytes. TooLarge beyond, before it is read where it says so itself."""
    if (encoding := request.headers.get("content-encoding", "identity").lower()) != "identity":
        raise Unsupported(f"A body encoded as {encoding} is not read.", "Send it as it is.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit:
        raise _too_large(limit)
    chunks = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    return b"".join(chunks)


async def json_of(request: ApiRequest, decode: Callable[[bytes], T], limit: int) -> T:
    """The body as what it should be. Unsupported, TooLarge, Unreadable (no JSON) or Invalid (another shape)."""
    name = media_type(request.headers.get("content-type", ""))
    if name != "application/json":
        raise Unsupported(
            f"{name or 'A body without content type'} is not read here.", "Send application/json."
        )
    raw = await body_of(request, limit)
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        pointer, said = shape_fault(error)
        raise Invalid(
            f"{pointer}: {said}." if pointer else f"The body: {said}.",
            errors=[{"pointer": pointer, "detail": said}],
        ) from None
    except NOT_JSON as error:
        raise Unreadable(f"The body: {json_fault(raw, error)}.", "Send one JSON object.") from None


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The body is larger than {limit} bytes (intake.max_body_bytes).", "Send it in parts.")


def media_type(header: str) -> str:
    """A content type without its parameters. Unsupported for what is no JSON in UTF-8 ("" passes: no body at all)."""
    name, _, parameters = header.partition(";")
    name = name.strip().lower()
    charset = parameters.lower().replace(" ", "").replace('"', "").partition("charset=")[2].partition(";")[0]
    if charset and charset not in ("utf-8", "utf8", "us-ascii"):
        raise Unsupported(f"JSON in {charset} is not read.", "Send UTF-8.")
    if (
        name
        and name not in _JSON
        and not (name.endswith("+json") and not name.startswith("application/cloudevents"))
    ):
        raise Unsupported(
            f"{name} is not read here.", f"Send {', '.join(_JSON)}, or binary mode with JSON data."
        )
    return name
