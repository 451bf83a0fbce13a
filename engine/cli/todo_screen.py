"""How open work looks on a terminal: each line says what, whose, since when, what to do, and why it is with whom it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.text import Text

from engine.cli.screen import age, lasting, out, plural, say, sheet, short, when
from engine.views.work import Explained, Todo, WorkItem

_ROLES = {
    "backup": " as backup",
    "supervisor": " as supervisor",
    "taken": ", who took it",
    "assigned": ", by assignment",
}


def items(found: Todo) -> None:
    """The list, by group and owner."""
    if not found.items:
        say("Nothing waits for anybody.", style="dim")
        return
    of: dict[tuple[str, str], list[WorkItem]] = {}
    for item in found.items:
        of.setdefault((item.group, item.owner), []).append(item)
    for (group, owner), under in sorted(of.items()):
        head = Text(f"{group or 'no group'} · {owner or 'nobody'}", style="bold")
        head.append(f"   {plural(len(under), 'item')}", style="dim")
        out().print(head)
        guides: set[str] = set()
        rows: list[tuple[str, Text]] = []
        for item in under:
            text = Text(item.title)
            text.append(f"\n{short(item.id)}", style="cyan")
            if item.state:
                text.append(f" in {item.state}", style="cyan")
            text.append(f"   {_standing(item, found.as_of)}", style="dim")
            if item.guide and item.guide not in guides:
                guides.add(item.guide)
                text.append(f"\n{item.guide}", style="dim")
            rows.append((f"{age(item.since, found.as_of):>9}", text))
        sheet(rows)
        out().print()
    if found.total > len(found.items):
        say(
            f"{found.total - len(found.items):,} more; narrow by --owner, --group, --kind, or raise --limit.",
            style="dim",
        )


def _standing(item: WorkItem, as_of: datetime | None) -> str:
    """`with zhou.min as backup (lin.yue is off shift), to the supervisor in 2 h`."""
    told = _with(item)
    if item.notes:
        told += f", {plural(len(item.notes), 'note')}"
    return ", ".join(filter(None, (told, _next(item, as_of))))


def _with(item: WorkItem) -> str:
    """Who has it. That it is its owner's, and its group's, is said above it."""
    if not item.holder or (item.role in ("owner", "group") and not item.why):
        return "" if item.holder else "with nobody"
    return f"with {item.holder}{_ROLES.get(item.role, '')}" + (f" ({item.why})" if item.why else "")


def _next(item: WorkItem, as_of: datetime | None) -> str:
    if item.next is None or as_of is None:
        return ""
    left = item.next - as_of
    return f"to the {item.next_to} " + (f"in {lasting(left)}" if left.total_seconds() > 0 else "now")


def item(found: Explained, as_of: datetime | None) -> None:
    """One item with its reasons."""
    one = found.item
    head = Text(one.title, style="bold")
    head.append(f"\n{short(one.id)}", style="cyan")
    if one.state:
        head.append(f" in {one.state}", style="cyan")
    out().print(head)
    out().print()
    sheet(_rows(found, as_of))


def _rows(found: Explained, as_of: datetime | None) -> Iterator[tuple[str, Any]]:
    one = found.item
    yield "since", f"{when(one.since)}, for {age(one.since, as_of)}"
    yield "whose", " · ".join(filter(None, (one.owner, one.group))) or "nobody's"
    yield (
        "with",
        _with(one).removeprefix("with ") or one.holder,
    )
    if goes := _next(one, as_of):
        yield "goes on", goes
    if one.guide:
        yield "to do", one.guide
    for index, words in enumerate(found.because or [found.event]):
        yield "" if index else "why", words
    if found.because and found.event:
        yield "by", found.event
    for index, words in enumerate(found.handed):
        yield "" if index else "told", words
    for index, note in enumerate(one.notes):
        yield "" if index else "noted", f"{when(note.at)} {note.who}: {note.text}"
