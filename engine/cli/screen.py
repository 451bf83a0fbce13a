"""What commands print: data on stdout, talk on stderr; the same words on a terminal and off it, colours only on one.

Nothing is told by colour alone. Off a terminal there are no escape codes and lines are not cut; `NO_COLOR` and
`TERM=dumb` do the same on one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import IO, Any

import msgspec
import typer

COLOUR_SIGNS = {"red": "✖", "orange": "▲", "yellow": "◐", "green": "●", "": "·", "none": "·"}
STYLES = {
    "red": "bold red",
    "orange": "dark_orange",
    "yellow": "yellow",
    "green": "green",
    "": "dim",
    "none": "dim",
}

PLAIN_WIDTH = 100
UNCUT = 10_000
FLEXIBLE_MIN = 24
WIDTH_MAX = 120


def is_terminal(stream: IO[str]) -> bool:
    """Whether somebody looks at the stream as it is written."""
    return stream.isatty()


@cache
def _console(stream: IO[str]) -> Any:
    from rich.console import Console

    terminal = is_terminal(stream)
    plain = not terminal or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    console = Console(
        file=stream,
        color_system=None if plain else "auto",
        width=None if terminal else PLAIN_WIDTH,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.width = min(console.width, WIDTH_MAX)
    return console


def out() -> Any:
    """The rich console of stdout."""
    return _console(sys.stdout)


def err() -> Any:
    """The rich console of stderr."""
    return _console(sys.stderr)


def say(text: str, style: str = "", first: int = 0) -> None:
    """A line of talk on stderr; with `first`, only so many characters of it in that style."""
    from rich.text import Text

    shown = Text(text)
    if style:
        shown.stylize(style, 0, first or len(text))
    # Off a terminal a line stays whole, for whoever searches the log.
    err().print(shown, soft_wrap=not is_terminal(sys.stderr))


def write(text: str) -> None:
    """Data on stdout. A reader that has seen enough (`| head`) ends the command, and is no failure of it."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise typer.Exit from None


def emit(value: Any) -> None:
    """A value as one line of JSON on stdout."""
    write(msgspec.json.encode(value).decode() + "\n")


def emit_lines(values: Iterable[Any]) -> None:
    """Values as JSON lines on stdout."""
    for value in values:
        emit(value)


# Words


def when(instant: datetime | None, on: datetime | None = None) -> str:
    """An instant in UTC, to the second; only its time of day if it is on the same day as `on`."""
    if instant is None:
        return "–"
    same = on is not None and on.date() == instant.date()
    return instant.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M:%S")


def lasting(time: timedelta | int | float) -> str:
    """A duration (or seconds) for people: `40 s`, `31 min`, `3 h 10`, `3 d 4 h`."""
    seconds = int(time.total_seconds() if isinstance(time, timedelta) else time)
    if seconds < 0:
        return f"-{lasting(-seconds)}"
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3_600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3_600:
        hours, minutes = divmod(seconds // 60, 60)
        return f"{hours} h {minutes:02d}" if minutes else f"{hours} h"
    days, hours = divmod(seconds // 3_600, 24)
    return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"


def age(since: datetime | None, now: datetime | None) -> str:
    """How long something has stood."""
    return lasting(now - since) if since is not None and now is not None else "–"


def short(subject: str) -> str:
    """A subject as lists show it: `order/taobao:1` → `taobao:1`."""
    return subject.removeprefix("order/")


def plural(count: int, one: str, many: str = "") -> str:
    """`1 order`, `3 orders`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def signed(colour: str, text: str = "") -> Any:
    """A colour's sign and word, in its colour."""
    from rich.text import Text

    return Text(f"{COLOUR_SIGNS[colour]} {text or colour or 'no clock'}", style=STYLES[colour])


# Shapes


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    right: Sequence[str] = (),
    flexible: str = "",
    spare: Sequence[str] = (),
) -> None:
    """A table without lines. `right` names columns of figures; `flexible` the one that wraps when there is no room, `spare`
    those left out then, the first one first. The first column, which names things, is never cut; off a terminal none is."""
    from rich.table import Table

    cells = [[cell if not isinstance(cell, str | int) else _text(cell) for cell in row] for row in rows]
    widths = [
        max([len(column), *(row[index].cell_len for row in cells)]) for index, column in enumerate(columns)
    ]
    left_out = _left_out(columns, widths, flexible, spare) if is_terminal(sys.stdout) else set()
    shown = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim", pad_edge=False)
    for index, column in enumerate(columns):
        if column not in left_out:
            shown.add_column(
                column,
                justify="right" if column in right else "left",
                no_wrap=column != flexible,
                overflow="fold" if column == flexible else "ellipsis",
                min_width=widths[0] if not index else None,
            )
    for row in cells:
        shown.add_row(*(cell for column, cell in zip(columns, row, strict=True) if column not in left_out))
    _shape(shown, UNCUT)


def _left_out(columns: Sequence[str], widths: Sequence[int], flexible: str, spare: Sequence[str]) -> set[str]:
    """The spare columns that a terminal of this width has no room for."""
    left_out: set[str] = set()
    needed = {
        column: FLEXIBLE_MIN if column == flexible else width
        for column, width in zip(columns, widths, strict=True)
    }
    for column in spare:
        if sum(needed.values()) + 2 * (len(needed) - 1) <= out().width:
            break
        left_out.add(column)
        del needed[column]
    return left_out


def sheet(rows: Iterable[tuple[str, Any]]) -> None:
    """Labels on the left, what they mean on the right, wrapped under itself."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True, min_width=9)
    grid.add_column(overflow="fold")
    for label, content in rows:
        grid.add_row(_text(label), _text(content) if isinstance(content, str | int) else content)
    _shape(grid, PLAIN_WIDTH)


def _shape(shape: Any, width_off_terminal: int) -> None:
    console = out()
    if is_terminal(sys.stdout):
        console.print(shape)
        return
    before, console.width = console.width, width_off_terminal
    with console.capture() as caught:
        console.print(shape)
    console.width = before
    # Cells are padded to their column's width: nobody off a terminal wants the blanks behind the last one.
    write("".join(f"{line.rstrip()}\n" for line in caught.get().splitlines()))


def _text(value: str | int) -> Any:
    from rich.text import Text

    return Text(f"{value:,}" if isinstance(value, int) else value)


def bar(used: int, target: int, width: int = 20) -> str:
    """A bar of `width` for the target and what is used of it; beyond the target it goes on behind a mark, and ends in `!`."""
    if target <= 0:
        return ""
    filled = min(width, max(0, round(width * used / target)))
    if used <= target:
        return "█" * filled + "░" * (width - filled)
    over = min(width // 2, max(1, round(width * (used - target) / target)))
    return "█" * width + "┃" + "▓" * over + "!"
