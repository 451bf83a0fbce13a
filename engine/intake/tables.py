"""CSV tables, plain or gzip: the columns asked for by name, and what is wrong with a row, with file and
line."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path

from engine.errors import Unreadable
from engine.intake import files
from engine.intake.model import DeadLetter

_LINE_BYTES_MAX = 1 << 16


class BadCell(Exception):
    """A row cannot be used; the message names the column and the way out."""


class Table:
    """One CSV file with a heading.

    Iterating gives the rows as tuples of `columns`; while a row is in hand `line` is the line it began on.
    Rows that cannot be read go to `bad` as dead letters and are left out. Raises Unreadable when a column is
    missing or the file cannot be read.
    """

    def __init__(
        self, path: Path, label: str, columns: tuple[str, ...], bad: Callable[[DeadLetter], None]
    ) -> None:
        self.path = path
        self.label = label
        self.line = 0
        self._columns = columns
        self._bad = bad
        self._raw: list[bytes] = []
        self._fed = 0
        self._foreign = False

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        self._fed = 0
        reader = csv.reader(self._feed(), strict=True)
        width, wanted = self._heading(next(reader, []))
        while True:
            self._raw.clear()
            self._foreign = False
            self.line = self._fed + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.refuse(f"{error}; quote fields as CSV does.")
                continue
            if self._foreign:
                self.refuse("it is not UTF-8; save the file as UTF-8.")
            elif len(row) == width:
                yield wanted(row)
            elif row:
                self.refuse(f"{len(row)} fields where the heading has {width}; give every column its field.")

    def refuse(self, detail: str) -> None:
        """The row in hand is a dead letter."""
        self._bad(
            DeadLetter(
                f"{self.label}:{self.line}",
                "bad-row",
                f"{self.path}, line {self.line}: {detail}",
                b"\n".join(self._raw),
            )
        )

    def _heading(self, header: list[str]) -> tuple[int, Callable[[list[str]], tuple[str, ...]]]:
        missing = [column for column in self._columns if column not in header]
        if missing:
            raise Unreadable(
                f"{self.path}, line 1: no column {', '.join(missing)}; there is {', '.join(header) or 'nothing'}.",
                "Use the file as published, with its heading.",
            )
        return len(header), itemgetter(*(header.index(column) for column in self._columns))

    def _feed(self) -> Iterator[str]:
        for number, raw in files.lines(str(self.path), _LINE_BYTES_MAX):
            self._fed = number
            self._raw.append(raw)
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                self._foreign = True
                text = raw.decode(errors="replace")
            yield text + "\n"


def located(folder: Path, name: str) -> Path:
    """`name`.csv or `name`.csv.gz in the folder. Raises Unreadable when there is neither."""
    for path in (folder / f"{name}.csv", folder / f"{name}.csv.gz"):
        if path.exists():
            return path
    raise Unreadable(
        f"{folder} holds neither {name}.csv nor {name}.csv.gz.", "Put all tables of the set into one folder."
    )


def cents(text: str, column: str) -> int:
    """`58.90` → 5890, by its digits alone. Raises BadCell for anything but an amount with at most two
    decimals."""
    whole, _, part = text.partition(".")
    if len(part) != 2:
        part = part.rstrip("0").ljust(2, "0")
    if len(part) == 2 and whole.isdecimal() and part.isdecimal() and text.isascii():
        return int(whole) * 100 + int(part)
    raise BadCell(f"{column} {text[:40]!r} is no amount; write 58.90.")
