"""The pages of open work: the list, and one item with its reasons. Nothing is commanded from here: pages have no script."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode

from engine.api import html
from engine.api.html import Child, Markup, age, instant, span, tag
from engine.views.work import Explained, Todo, WorkItem

ROLES = {
    "owner": "",
    "taken": "took it",
    "assigned": "by assignment",
    "backup": "as backup",
    "supervisor": "as supervisor",
    "group": "the group",
}


def todo_body(found: Todo) -> Child:
    """The list, oldest first."""
    groups = [
        (tag("a", f"{name or 'nobody'}: {count}", href=f"/todo?{urlencode({'group': name})}"), " ")
        for name, count in found.groups.items()
    ]
    rows = (
        (
            tag("a", age(item.since, found.as_of), href=f"/todo/{quote(item.id, safe='')}"),
            _of(item),
            item.title or item.work,
            tag("a", item.kind, href=f"/todo?{urlencode({'kind': item.kind})}"),
            item.owner or item.group,
            _with(item),
            _next(item, found.as_of),
            item.guide,
        )
        for item in found.items
    )
    heads = ("Open for", "Of", "What", "Kind", "Whose", "With", "Goes on", "What to do")
    return [
        tag("h1", f"Work: {found.total}"),
        tag("p", groups),
        html.table(heads, rows, "Nothing waits for a person."),
        tag("p", "`orderfold todo take ID`, `assign`, `note` and `done` say who does what.", class_="quiet"),
    ]


def task_body(found: Explained, now: datetime | None) -> Child:
    """One item: what, whose, since when, why, what to do."""
    item = found.item
    facts: list[tuple[str, Child]] = [
        ("Of", _of(item)),
        ("Kind", item.kind),
        ("Open", (age(item.since, now), ", since ", instant(item.since))),
        ("Whose", " · ".join(filter(None, (item.owner, item.group))) or "nobody's"),
        ("With", _with(item)),
        ("Goes on", _next(item, now)),
        ("What to do", item.guide),
        ("Why", [tag("p", one) for one in found.because] or found.event),
        ("By", found.event if found.because else ""),
        *(("Put before", one) for one in found.handed),
        *(("Noted", (instant(note.at), " ", note.who, ": ", note.text)) for note in item.notes),
    ]
    terms = ((tag("dt", name), tag("dd", value)) for name, value in facts if value not in ("", None, []))
    name = item.id.removeprefix("order/")
    return [
        tag("h1", item.title),
        tag("dl", terms, class_="facts"),
        tag("p", f"`orderfold todo take {name}` takes it.", class_="quiet"),
    ]


def _of(item: WorkItem) -> Child:
    if not item.order.startswith("order/"):
        return item.order
    number = item.order.removeprefix("order/")
    link: Markup = tag("a", number, href=f"/orders/{quote(number, safe='')}")
    return (link, f" in {item.state}") if item.state else link


def _with(item: WorkItem) -> Child:
    words = ", ".join(filter(None, (ROLES.get(item.role, item.role), item.why)))
    return (item.holder or "nobody", tag("small", f" {words}", class_="quiet") if words else None)


def _next(item: WorkItem, now: datetime | None) -> str:
    if item.next is None or now is None:
        return ""
    left = int((item.next - now).total_seconds())
    return f"to {item.next_to} in {span(left)}" if left > 0 else f"to {item.next_to} now"
