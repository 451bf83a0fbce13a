"""One import: sources of one format in, `Incoming` and `DeadLetter` out, history in import order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from types import TracebackType

import msgspec

from engine.errors import StoreFull, Unreadable, UsageError
from engine.intake import files, ocel, olist
from engine.intake.cloudevents import decode
from engine.intake.dead_letter import dead_letter
from engine.intake.model import ANYBODY, Credential, DeadLetter, Incoming, Refused, Rules
from engine.intake.order import AS_BEFORE, Found, Spool
from schemas.envelope import micros
from schemas.policy import OcelText

FORMATS = ("cloudevents", "olist", "ocel")
PROGRESS_EVERY = 10_000

_EVENT, _DEAD = 0, 1


class _Times(msgspec.Struct):
    """The two instants an event is ordered by; the rest is decoded when its turn comes."""

    arrivedtime: datetime | None = None
    time: datetime | None = None


_times = msgspec.json.Decoder(_Times).decode
_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(DeadLetter).decode


class Import:
    """Everything the sources hold, once through, as a context manager that gives its temporary file back.

    `sources` are paths (`-` is standard input; a folder for olist) of one `format` of FORMATS. `now` (µs UTC)
    is the wall clock events are judged against. With `historical`, all sources are spooled and come in import
    order, and `total` is known once `spool` is done (iterating does it if nobody has); `spooled(count)` is
    called every PROGRESS_EVERY. Without, they come as they are read, and `total` is None. `errors` are the
    sources that could not be read to their end: the rest goes on, and the import is partly done. `ignored`
    counts what the ocel mapping leaves out, by the log's type.
    """

    def __init__(
        self,
        sources: Sequence[str],
        format: str,
        rules: Rules,
        *,
        now: int,
        historical: bool,
        credential: Credential = ANYBODY,
        mapping: OcelText | None = None,
        spooled: Callable[[int], None] | None = None,
        directory: str | None = None,
    ) -> None:
        if format not in FORMATS:
            raise UsageError(f"There is no format {format!r}.", f"Use one of {', '.join(FORMATS)}.")
        if format == "olist" and files.STDIN in sources:
            raise UsageError("Olist is a folder of tables.", "Name the folder instead of '-'.")
        self.total: int | None = None
        self.errors: list[Unreadable] = []
        self.ignored: Counter[str] = Counter()
        self._sources = sources
        self._rules = rules
        self._now = now
        self._historical = historical
        self._credential = credential
        self._spooled = spooled
        self._directory = directory
        self._labels: list[str] = []
        self._spool: Spool | None = None
        if format == "ocel":
            if mapping is None:
                raise UsageError(
                    "streams.yaml has no section ocel, which says what the log's event types mean.",
                    "Add one; `orderfold check` checks it.",
                )
            self._read: Callable[[str], Iterator[Found]] = ocel.Log(mapping, rules, self.ignored).read
        else:
            self._read = olist.read if format == "olist" else self._lines

    def __enter__(self) -> Import:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._spool is not None:
            self._spool.close()

    def __iter__(self) -> Iterator[Incoming | DeadLetter]:
        if not self._historical:
            for _, label, place, found in self._all():
                yield self._taken(found, label, place)
            return
        if self._spool is None:
            self.spool()
        assert self._spool is not None
        labels = self._labels
        for _, source, place, kind, payload in self._spool:
            found = payload if kind == _EVENT else _unpack(payload)
            yield self._taken(found, labels[source], place)

    def spool(self) -> int:
        """Read every source once and put all in import order; returns `total`. Historical imports only.
        Raises StoreFull when the temporary folder is."""
        numbers: dict[str, int] = {}
        last = 0
        try:
            self._spool = spool = Spool(self._directory)
            for key, label, place, found in self._all():
                if key == AS_BEFORE:
                    key = last
                last = key
                source = numbers.setdefault(label, len(numbers))
                if isinstance(found, bytes):
                    spool.add(key, source, place, _EVENT, found)
                else:
                    spool.add(key, source, place, _DEAD, _pack(found))
                if self._spooled is not None and spool.count % PROGRESS_EVERY == 0:
                    self._spooled(spool.count)
            spool.finish()
        except OSError as error:
            raise StoreFull(
                f"The import cannot be spooled: {error.strerror}.",
                "Make room in the temporary folder, or set TMPDIR to a larger one.",
            ) from None
        self._labels = list(numbers)
        self.total = spool.count
        if self._spooled is not None:
            self._spooled(spool.count)
        return spool.count

    def _all(self) -> Iterator[Found]:
        for source in self._sources:
            try:
                yield from self._read(source)
            except Unreadable as error:
                self.errors.append(error)

    def _lines(self, path: str) -> Iterator[Found]:
        historical = self._historical
        for number, line in files.lines(path, self._rules.max_event_bytes):
            line = line.strip()
            if line:
                yield _key(line) if historical else AS_BEFORE, path, number, line

    def _taken(self, found: bytes | DeadLetter, label: str, place: int) -> Incoming | DeadLetter:
        if isinstance(found, DeadLetter):
            return found
        try:
            return decode(found, self._rules, self._credential, self._now, self._historical)
        except Refused as refused:
            return dead_letter(refused, found, f"{label}:{place}", self._rules.max_event_bytes)


def _key(line: bytes) -> int:
    """The instant a line is ordered by, µs UTC, or AS_BEFORE."""
    try:
        times = _times(line)
        instant = times.arrivedtime or times.time
        return AS_BEFORE if instant is None else micros(instant)
    except (ValueError, OverflowError, RecursionError):
        # msgspec's errors and UnicodeDecodeError are ValueErrors: `decode` says what is wrong, in its turn.
        return AS_BEFORE
