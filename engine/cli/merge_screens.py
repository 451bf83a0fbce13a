"""Merges and customers on the terminal."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from engine.cli.screen import age, lasting, out, plural, say, sheet, short, when
from engine.views.customers import Customer
from engine.views.merges import MergeLine, MergePage, MergeShown, MergeWhy, by_whom

SIGNS = {
    "suggested": ("?", "yellow"),
    "live": ("●", "green"),
    "labelled": ("◆", "green"),
    "shipped": ("✔", "dim"),
    "dissolved": ("✖", "red"),
    "refused": ("✖", "red"),
    "undone": ("✖", "red"),
    "expired": ("·", "dim"),
}
"""A sign and a style for each status; the word stands beside it."""


def lines(found: MergePage, status: str) -> None:
    """The list: what travels together, then what waits for an answer."""
    if not found.lines:
        say(
            f"No merge is {status}."
            if status
            else "Nothing travels together, and nothing waits for an answer.",
            style="dim",
        )
        return
    for name, head in (
        ("batch/", "Travel together"),
        ("merge/", "Pairs" if status else "Wait for yes or no"),
    ):
        of = [line for line in found.lines if line.merge.startswith(name)]
        if not of:
            continue
        out().print(Text(head, style="bold").append(f"   {plural(len(of), 'merge')}", style="dim"))
        sheet([(f"{age(line.since, found.as_of):>9}", _line(line, found.as_of)) for line in of])
        out().print()
    counted = " · ".join(f"{count:,} {name}" for name, count in found.counts.items())
    if found.total > len(found.lines):
        counted += f"; {found.total - len(found.lines):,} more, raise --limit"
    say(counted, style="dim")


def _line(line: MergeLine, now: Any) -> Text:
    sign, style = SIGNS[line.status]
    text = Text(f"{sign} {line.status}  ", style=style)
    text.append(" + ".join(short(order) for order in line.orders), style="cyan")
    if line.score:
        text.append(f"   {line.score} of 1000", style="dim")
    reasons = ", ".join(line.reasons)
    if reasons:
        text.append(f"\n{reasons}")
    if line.quantities:
        text.append(f"\n{_goods(line.quantities)}", style="dim")
    if line.by:
        text.append(f"\nby {by_whom(line.by)}", style="dim")
        if line.why:
            text.append(f": {line.why}", style="dim")
    elif line.why:
        text.append(f"\n{line.why}", style="dim")
    if line.until is not None and now is not None:
        text.append(f"\nan answer is wanted within {lasting(line.until - now)}", style="dim")
    text.append(f"\n{line.merge}", style="dim")
    return text


def _goods(quantities: dict[str, int], most: int = 6) -> str:
    shown = ", ".join(f"{count} × {sku}" for sku, count in list(quantities.items())[:most])
    more = len(quantities) - most
    total = sum(quantities.values())
    return f"{plural(total, 'piece')}: {shown}" + (f" and {more} more" if more > 0 else "")


def page(found: MergeShown) -> None:
    """One merge with its orders and what was done to it."""
    sheet([("merge", _line(found.merge, found.as_of))])
    out().print()
    rows: list[tuple[str, Any]] = []
    for side in found.sides:
        text = Text(short(side.order), style="cyan")
        text.append(f"   {side.state}, placed {when(side.placed, found.as_of)}")
        if side.left:
            text.append(f"; {side.left}", style="dim")
        for fields in (side.customer, side.address):
            if fields:
                text.append("\n" + ", ".join(f"{name} {value}" for name, value in fields.items()))
        if side.lines:
            text.append(f"\n{_goods(side.lines)}", style="dim")
        rows.append(("order", text))
    sheet(rows)
    if not found.deeds:
        return
    out().print()
    sheet(
        [
            (
                when(deed.at, found.as_of),
                f"{deed.what} {', '.join(short(order) for order in deed.orders)}"
                + (f" by {by_whom(deed.by)}" if deed.by else "")
                + (f": {deed.why}" if deed.why else ""),
            )
            for deed in found.deeds
        ]
    )


def answer(found: MergeWhy) -> None:
    """The sentence, and all that was asked."""
    out().print(Text(found.answer, style="bold"))
    out().print()
    signs = {True: ("✔", "green"), False: ("✖", "red"), None: ("·", "dim")}
    sheet(
        [
            (
                "",
                Text(f"{signs[check.ok][0]} ", style=signs[check.ok][1]).append(
                    f"{check.question} {check.answer}", style=""
                ),
            )
            for check in found.checks
        ]
    )


def told(done: dict[str, Any]) -> None:
    """How a merge stands after a verdict."""
    if done["declined"]:
        say(f"It could not be followed: {done['declined']}.", style="bold red")
    merge = done["merge"]
    if merge is None:
        say(f"Recorded by {done['who']}; nothing was suggested of these orders.")
        return
    orders = " + ".join(short(order) for order in merge["orders"])
    why = f": {merge['why']}" if merge["why"] else ""
    say(f"{merge['merge']} is {merge['status']} ({orders}), by {by_whom(merge['by'])}{why}")


def customer(found: Customer) -> None:
    """A customer's orders, what links them, and what was merged."""
    head = Text(found.asked, style="bold")
    head.append(f"   {plural(len(found.orders), 'order')} since {when(found.since)} UTC", style="dim")
    out().print(head)
    linked = {link.order: f"{link.evidence} as {short(link.with_)}" for link in found.links}
    rows = []
    for order in found.orders:
        text = Text(short(order.order), style="cyan")
        text.append(f"   {order.state or 'not placed'}")
        if order.customer:
            text.append("\n" + ", ".join(f"{name} {value}" for name, value in order.customer.items()))
        how = linked.get(order.order) or f"known by {', '.join(order.keys)}"
        text.append(f"\n{how}" + (f" ({order.depth} links away)" if order.depth > 1 else ""), style="dim")
        rows.append((f"{age(order.placed, found.as_of):>9}", text))
    sheet(rows)
    for link in found.unlinked:
        say(
            f"Not taken for the same: {short(link.order)} has the {link.evidence} as {short(link.with_)}, "
            f"but {link.against}.",
            style="dim",
        )
    if found.merges:
        out().print()
        sheet([(f"{age(line.since, found.as_of):>9}", _line(line, found.as_of)) for line in found.merges])
    if found.earlier:
        say(f"{plural(found.earlier, 'earlier order')} under these are no longer kept.", style="dim")
    if found.cut:
        say("There are more; only so many are followed.", style="dim")
