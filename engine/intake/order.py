"""The import order: (`arrivedtime`, else `time`; then file order) over all files of an import together.

Sorting by `time` alone would erase the very disorder the engine exists to judge (DESIGN.md, "Time"). Lines
are spooled to a temporary file in runs sorted in memory; runs that follow one another are read straight
through, others are merged. What is held in memory is one run while spooling and one chunk per run while
reading.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from heapq import merge
from itertools import chain
from operator import itemgetter
from tempfile import TemporaryFile

from engine.intake.model import DeadLetter

RUN_RECORDS = 1 << 16
RUN_BYTES = 1 << 25
_CHUNK_BYTES = 1 << 17

_HEAD = struct.Struct("<qQIBI")
"""key µs, number within the source, source, kind, length of what follows."""

AS_BEFORE = -1
"""The key of what has no readable time: it stays behind what came before it."""

Found = tuple[int, str, int, bytes | DeadLetter]
"""What a reader gives: (key µs or AS_BEFORE, label of the source, place in it, a structured event or a dead
letter)."""

Spooled = tuple[int, int, int, int, bytes]
"""(key µs, source, number, kind, payload)"""


class Spool:
    """Records in, in any order; out sorted by key, equal keys as they came in. `count` is their number."""

    def __init__(self, directory: str | None = None) -> None:
        self._file = TemporaryFile(dir=directory, prefix="orderfold-import-")  # noqa: SIM115
        self._runs: list[tuple[int, int, int, int]] = []
        self._keys: list[int] = []
        self._records: list[bytes] = []
        self._bytes = 0
        self._end = 0
        self.count = 0

    def add(self, key: int, source: int, number: int, kind: int, payload: bytes) -> None:
        """Keep a record. OSError when the temporary folder is full."""
        size = len(payload)
        self._keys.append(key)
        self._records.append(_HEAD.pack(key, number, source, kind, size) + payload)
        self._bytes += size
        self.count += 1
        if self._bytes >= RUN_BYTES or len(self._keys) >= RUN_RECORDS:
            self._write()

    def finish(self) -> None:
        """Write what is still held. OSError as `add`."""
        self._write()

    def __iter__(self) -> Iterator[Spooled]:
        self._write()
        runs = [self._read(start, end) for _, _, start, end in self._runs]
        if all(before[1] <= after[0] for before, after in zip(self._runs, self._runs[1:], strict=False)):
            return chain.from_iterable(runs)
        return merge(*runs, key=itemgetter(0))

    def close(self) -> None:
        """Give the temporary file back."""
        with suppress(OSError):  # what a full folder did not take, closing tries to write once more
            self._file.close()

    def _write(self) -> None:
        keys, records = self._keys, self._records
        if not keys:
            return
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._file.writelines(map(records.__getitem__, order))
        self._file.flush()
        start, self._end = self._end, self._file.tell()
        self._runs.append((keys[order[0]], keys[order[-1]], start, self._end))
        self._keys, self._records, self._bytes = [], [], 0

    def _read(self, start: int, end: int) -> Iterator[Spooled]:
        """One run in order. Reads at its own place in the file, so that runs can be read side by side."""
        descriptor, head = self._file.fileno(), _HEAD.size
        unpack = _HEAD.unpack_from
        held = b""
        while start < end or held:
            chunk = os.pread(descriptor, min(_CHUNK_BYTES, end - start), start)
            start += len(chunk)
            held += chunk
            at, size = 0, len(held)
            while size - at >= head:
                key, number, source, kind, length = unpack(held, at)
                if size - at - head < length:
                    break
                yield key, source, number, kind, held[at + head : at + head + length]
                at += head + length
            held = held[at:]
