"""`orderfold ingest`: files of events into the store, by the lock or by the holder's API."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)

BATCH_SEND, BATCH_BYTES = 500, 1 << 20
"""An HTTP batch to a holder: so many events, or so many bytes, well below what one request may have."""

SEND_TRIES = 20
PARTLY, INTERRUPTED = 3, 130


@app.command()
def ingest(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="Files, plain or .gz; - is standard input; a folder for olist."),
    ],
    format_: Annotated[
        str, typer.Option("--format", metavar="NAME", help="cloudevents (JSON lines), olist or ocel.")
    ] = "cloudevents",
    historical: Annotated[
        bool,
        typer.Option(
            "--historical", help="What happened long ago: into a store of history, in order of arrival."
        ),
    ] = False,
    policy: Annotated[
        str,
        typer.Option("--policy", metavar="FILE", help="First policy of a new store. Default: streams.yaml."),
    ] = "",
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> int:
    """Put files of events into the store; what cannot be taken becomes a dead letter, the rest goes on.

    \b
    Examples:
      orderfold ingest night.jsonl --historical
      orderfold ingest data/olist --format olist --historical --store ./olist
      zcat events.jsonl.gz | orderfold ingest -

    Running it again is harmless: what is known already counts as duplicate. Exit code 3 says that it was done in part:
    some events are dead letters, or a file could not be read to its end.
    """
    from engine.cli import screen
    from engine.cli.writing import free_of_holder

    began = time.monotonic()
    _readable(sources)
    holder = free_of_holder(store)
    if holder is not None:
        done = _Sending(holder.address, sources, format_, historical).run()
    else:
        done = _Importing(store, sources, format_, historical, policy).run()
    receipt = done.receipt(sources, time.monotonic() - began)
    if as_json:
        screen.emit(
            {**receipt, "errors": [error.detail for error in done.errors], "reasons": dict(done.reasons)}
        )
    else:
        print(_sentence(receipt, done))
    for error in done.errors:
        screen.say(f"{error.detail} {error.remedy}")
    if done.interrupted:
        screen.say("Stopped. Run it again to go on: what is in the store counts as duplicate.")
        return INTERRUPTED
    if done.errors and not receipt["events"]:
        return 1
    if receipt["dead"] or receipt["divergent"]:
        screen.say("`orderfold dead list` shows what was not taken, and why.", style="dim")
    return 0 if receipt["complete"] else PARTLY


def _readable(sources: Sequence[str]) -> None:
    """Unreadable where not one of the sources is there: before a store is made for nothing."""
    from engine.errors import Unreadable

    if not any(source == "-" or Path(source).exists() for source in sources):
        raise Unreadable(f"{', '.join(sources)} does not exist.", "Check the path.")


class _Done:
    """What came of it, by outcome."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self.errors: list[Any] = []
        self.interrupted = False
        self.stands = ""

    @property
    def events(self) -> int:
        return sum(self.counts.values())

    def receipt(self, sources: Sequence[str], seconds: float) -> dict[str, Any]:
        counts = self.counts
        left = counts["dead"] + counts["divergent"] + counts["refused"] + counts["stale"]
        return {
            "files": list(sources),
            "events": self.events,
            "accepted": counts["accepted"],
            "duplicates": counts["duplicate"],
            "divergent": counts["divergent"],
            "dead": counts["dead"],
            "refused": counts["refused"] + counts["stale"],
            "seconds": round(seconds, 3),
            "events_per_second": round(self.events / seconds) if seconds else 0,
            "complete": not left and not self.errors and not self.interrupted,
        }

    @property
    def note(self) -> str:
        """What went wrong so far, for the progress line."""
        wrong = [
            f"{self.counts[name]:,} {name}" for name in ("dead", "divergent", "refused") if self.counts[name]
        ]
        return ", ".join(wrong)


def _sentence(receipt: dict[str, Any], done: _Done) -> str:
    from engine.cli.screen import lasting

    seconds = receipt["seconds"]
    took = f"{seconds:.1f} s" if seconds < 60 else lasting(seconds)
    parts = [f"{receipt['accepted']:,} accepted"]
    parts += [
        f"{receipt[name]:,} {name}"
        for name in ("duplicates", "divergent", "dead", "refused")
        if receipt[name]
    ]
    if done.reasons:
        parts[-1] += (
            " (" + ", ".join(f"{reason} {count}" for reason, count in done.reasons.most_common(4)) + ")"
        )
    if done.ignored:
        parts.append(f"{sum(done.ignored.values()):,} left out by the mapping")
    stands = f" The store stands at {done.stands}." if done.stands else ""
    return f"Ingested {receipt['events']:,} events in {took} ({receipt['events_per_second']:,}/s): {', '.join(parts)}.{stands}"


class _Importing(_Done):
    """With the lock in hand."""

    def __init__(
        self, store: str, sources: Sequence[str], format_: str, historical: bool, policy: str
    ) -> None:
        super().__init__()
        self._store = store
        self._sources = sources
        self._format = format_
        self._historical = historical
        self._policy = policy

    def run(self) -> _Done:
        from engine.cli.progress import Progress
        from engine.cli.writing import holding, policy_text
        from engine.intake.importing import Import
        from engine.policy.load import load_policy
        from engine.settings import rules_of
        from engine.store.database import HISTORY, LIVE
        from engine.views.queries import wall_clock

        known = self._known()
        raw = b"" if known is not None else policy_text(self._policy)
        text = known if known is not None else load_policy(raw, now=wall_clock())[1]
        with (
            Progress("read") as reading,
            Import(
                self._sources,
                self._format,
                rules_of(text),
                now=wall_clock(),
                historical=self._historical,
                mapping=text.ocel,
                spooled=reading.at,
            ) as imported,
        ):
            if self._historical:
                imported.spool()
            with (
                holding(
                    self._store,
                    "ingest",
                    HISTORY if self._historical else LIVE,
                    raw,
                    create=True,
                    partitions=text.store.partitions,
                    rows_bytes=text.views.hot_bytes,
                    heads_bytes=text.store.head_bytes,
                ) as engine,
                Progress("ingest", imported.total or 0) as progress,
            ):
                self._through(engine, imported, progress)
        return self

    def _known(self) -> Any:
        """The policy in force of a store that is there, as text; None where there is none yet."""
        from engine.cli.writing import reading, text_in_force
        from engine.errors import NotFound

        try:
            with reading(self._store) as look:
                return text_in_force(look.store)
        except NotFound:
            return None

    def _through(self, engine: Any, imported: Any, progress: Any) -> None:
        from engine.intake.model import DeadLetter
        from engine.store.database import HISTORY
        from engine.views.summary import Ingested, remember
        from schemas.envelope import rfc3339

        began = time.monotonic()
        try:
            for batch, outcomes in engine.ingest(imported):
                self.counts.update([outcome.status for outcome in outcomes])
                if self.counts["dead"]:
                    self.reasons.update([item.reason for item in batch if isinstance(item, DeadLetter)])
                progress.note = self.note
                progress.at(self.events)
        except KeyboardInterrupt:
            self.interrupted = True
            engine.flush()
        self.errors = list(imported.errors)
        self.ignored = imported.ignored
        if engine.kind == HISTORY:
            self.stands = f"{rfc3339(engine.stands_at)}; `orderfold clock advance` moves it"
        receipt = self.receipt(self._sources, time.monotonic() - began)
        receipt.pop("events_per_second")
        remember(engine.store, Ingested(**receipt))


class _Sending(_Done):
    """To whoever holds the store, in batches of CloudEvents."""

    def __init__(self, address: str, sources: Sequence[str], format_: str, historical: bool) -> None:
        super().__init__()
        from engine.errors import Refused, UsageError

        if historical:
            raise Refused(
                f"The store is held by a server at {address}, and history is not sent to a server.",
                "Stop it first, or import into a store of its own with --store DIR.",
            )
        if format_ != "cloudevents":
            raise UsageError(
                f"The store is held by a server at {address}, which takes CloudEvents, not {format_}.",
                "Stop it first, or import into a store of its own with --store DIR.",
            )
        self._address = address
        self._sources = sources

    def run(self) -> _Done:
        from engine.cli.progress import Progress

        with Progress("send") as progress:
            try:
                batch: list[bytes] = []
                size = 0
                for line in self._lines():
                    if _is_json(line):
                        batch.append(line)
                        size += len(line)
                    else:
                        self._send_alone(line)
                    if len(batch) >= BATCH_SEND or size >= BATCH_BYTES:
                        self._send(batch)
                        batch, size = [], 0
                    progress.note = self.note
                    progress.at(self.events)
                if batch:
                    self._send(batch)
            except KeyboardInterrupt:
                self.interrupted = True
        return self

    def _lines(self) -> Iterator[bytes]:
        from engine.errors import Unreadable
        from engine.intake.files import lines

        for source in self._sources:
            try:
                for _, line in lines(source, 1 << 20):
                    if line := line.strip():
                        yield line
            except Unreadable as error:
                self.errors.append(error)

    def _send(self, batch: list[bytes]) -> None:
        answer = self._ask(b"[" + b",".join(batch) + b"]", "application/cloudevents-batch+json")
        self.counts.update(answer["counts"])
        self.reasons.update(one["reason"] for one in answer["events"] if one.get("reason"))

    def _send_alone(self, line: bytes) -> None:
        """A line that is no JSON cannot stand in a batch; alone it becomes a dead letter there."""
        from engine.errors import OrderfoldError

        try:
            answer = self._ask(line, "application/cloudevents+json")
            self.counts[answer["outcome"]] += 1
        except OrderfoldError as error:
            if error.slug in ("busy", "store-full", "store"):
                raise
            self.counts["dead"] += 1
            self.reasons[str(error.members.get("reason", error.slug))] += 1

    def _ask(self, body: bytes, content_type: str) -> dict[str, Any]:
        """Sent until it is taken: a server that is full for the moment says so, and again is harmless."""
        from engine.cli.writing import ask
        from engine.errors import OrderfoldError

        for left in range(SEND_TRIES, 0, -1):
            try:
                answer: dict[str, Any] = ask(
                    self._address, "POST", "/v1/events", body, {"Content-Type": content_type}
                )
                return answer
            except OrderfoldError as error:
                if left == 1 or error.status not in (429, 503):
                    raise
                time.sleep(float(str(error.members.get("retry_after", 1))))
        raise AssertionError("the last try returns or raises")


def _is_json(line: bytes) -> bool:
    """By the decoder the server has: Python's own takes NaN and UTF-16, and one such line would spoil its batch."""
    from msgspec.json import decode

    from engine.intake.places import NOT_JSON

    try:
        decode(line)
    except NOT_JSON:
        return False
    return True
