"""How far a long command is: a line that is drawn over on a terminal, a plain line now and then off it. On stderr."""

from __future__ import annotations

import os
import sys
import time
from types import TracebackType
from typing import Self

from engine.cli.screen import bar, is_terminal, lasting

TERMINAL_SECONDS = 0.2
PLAIN_SECONDS = 2.0
"""Between two lines off a terminal: seldom enough for a log, often enough to see that it lives."""


class Progress:
    """`with Progress("ingest", total) as p: p.at(done)`. `total` 0 is not known yet; `note` stands at the end of the line."""

    def __init__(self, what: str, total: int = 0, unit: str = "events") -> None:
        self.what = what
        self.total = total
        self.unit = unit
        self.note = ""
        self._began = self._told = time.monotonic()
        self._last = 0
        self._drawn = False
        self._over = is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[2K")
            sys.stderr.flush()

    def at(self, done: int) -> None:
        """So many are done; told when it is time to."""
        now = time.monotonic()
        if now - self._told < (TERMINAL_SECONDS if self._over else PLAIN_SECONDS):
            return
        self._told = now
        self._last = done
        line = self.line(done, now - self._began)
        if self._over:
            self._drawn = True
            sys.stderr.write(f"\r\x1b[2K{line}")
        else:
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()

    def line(self, done: int, seconds: float) -> str:
        """`ingest  ████░░░░  120,000 of 497,976 events  31,200/s  12 s left  3 dead`."""
        rate = done / seconds if seconds > 0 else 0.0
        parts = [self.what]
        if self.total:
            if self._over:
                parts.append(bar(min(done, self.total), self.total))
            share = f" ({100 * done // self.total} %)" if not self._over else ""
            parts.append(f"{done:,} of {self.total:,} {self.unit}{share}")
        else:
            parts.append(f"{done:,} {self.unit}")
        parts.append(f"{rate:,.0f}/s")
        if self.total and rate:
            parts.append(f"{lasting((self.total - done) / rate)} left")
        if self.note:
            parts.append(self.note)
        return "  ".join(parts)
