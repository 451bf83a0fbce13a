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

COLOUR_SIGNS = {"red": "✖", "orange": "▲", "yellow": "◐", "green": "●", "": "·", "none": "·"}
STYLES = {"red": "bold red", "orange": "dark_orange", "yellow": "yellow", "green": "green", "": "dim", "none": "dim"}

PLAIN_WIDTH = 100
UNCUT = 10_000
WIDTH_MAX = 120

# ISO 4217: currencies whose minor unit is not a hundredth.
_EXPONENTS = dict.fromkeys(
    "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split(), 0
) | dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)


def is_terminal(stream: IO[str]) -> bool:
    """Whether somebody looks at the stream as it is written."""
    return stream.isatty()


@cache
def _console(name: str) -> Any:
    from rich.console import Console

    stream = sys.stdout if name == "out" else sys.stderr
    plain = not stream.isatty() or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    width = None if stream.isatty() else PLAIN_WIDTH
    console = Console(
        file=stream,
        color_system=None if plain else "auto",
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        soft_wrap=False,
    )
    if console.width > WIDTH_MAX:
        console.width = WIDTH_MAX
    return console


def out() -> Any:
    """The rich console of stdout."""
    return _console("out")


def err() -> Any:
    """The rich console of stderr."""
    return _console("err")


def forget_consoles() -> None:
    """The streams were replaced (a test's): look at them anew."""
    _console.cache_clear()


def say(text: str, style: str = "", first: int = 0) -> None:
    """A line of talk on stderr; with `first`, only so many characters of it in that style."""
    from rich.text import Text

    shown = Text(text)
    if style:
        shown.stylize(style, 0, first or len(text))
    err().print(shown)


def emit(value: Any) -> None:
    """A value as one line of JSON on stdout."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def emit_lines(values: Iterable[Any]) -> None:
    """Values as JSON lines on stdout."""
    for value in values:
        emit(value)


# Words


def money(amount: int, currency: str) -> str:
    """Minor units → `1,234.56 CNY`, with as many decimals as the currency has."""
    exponent = _EXPONENTS.get(currency, 2)
    whole, part = divmod(abs(amount), 10**exponent)
    text = f"{'-' if amount < 0 else ''}{whole:,}" + (f".{part:0{exponent}d}" if exponent else "")
    return f"{text} {currency}".rstrip()


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


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = (), flexible: str = "") -> None:
    """A table without lines. `right` names columns of figures; `flexible` the one that wraps when there is no room. The
    first column, which names things, is never cut; off a terminal nothing is."""
    from rich.table import Table

    cells = [[cell if not isinstance(cell, str | int) else _text(cell) for cell in row] for row in rows]
    shown = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim", pad_edge=False)
    for index, column in enumerate(columns):
        shown.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column != flexible,
            overflow="fold" if column == flexible else "ellipsis",
            min_width=max((row[0].cell_len for row in cells), default=None) if not index else None,
        )
    for row in cells:
        shown.add_row(*row)
    _shape(shown, UNCUT)


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
    with console.capture() as caught:
        console.print(shape, width=width_off_terminal)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in caught.get().splitlines()))


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
