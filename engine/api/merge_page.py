"""The pages of merges: the list, one merge with its evidence, and why two orders stand as they do. No script, no command."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote, urlencode

from engine.api import html
from engine.api.html import Child, Markup, age, instant, span, tag
from engine.views.merges import STATUSES, MergeLine, MergePage, MergeShown, MergeWhy, Side

COLOURS = {
    "suggested": "yellow",
    "live": "green",
    "labelled": "green",
    "dissolved": "red",
    "refused": "red",
    "undone": "red",
}


def merges_body(found: MergePage, status: str) -> Child:
    """The list: batches, then suggestions, the surest first."""
    links = [
        (tag("a", f"{name}: {found.counts[name]}", href=f"/merges?{urlencode({'status': name})}"), " ")
        for name in STATUSES
        if name in found.counts
    ]
    rows = (
        (
            tag("a", age(line.since, found.as_of), href=f"/merges/{quote(line.merge, safe='')}"),
            tag("span", line.status, class_=COLOURS.get(line.status)),
            _orders(line.orders),
            f"{line.score}" if line.score else "",
            ", ".join(line.reasons),
            _outcome(line, found.as_of),
            _why_link(line),
        )
        for line in found.lines
    )
    heads = ("For", "Status", "Orders", "Score", "Evidence", "", "")
    empty = f"None is {status}." if status else "Nothing travels together, nothing waits for an answer."
    return [
        tag("h1", f"Merges: {status or 'open'} ({found.total})"),
        tag("p", (tag("a", "open", href="/merges"), " ", links)),
        html.table(heads, rows, empty),
        tag("p", "`orderfold merge accept`, `refuse` and `undo` answer.", class_="quiet"),
    ]


def merge_body(found: MergeShown) -> Child:
    """One merge."""
    line = found.merge
    facts: list[tuple[str, Child]] = [
        ("Status", tag("span", line.status, class_=COLOURS.get(line.status))),
        ("Since", (instant(line.since), f" ({age(line.since, found.as_of)})")),
        ("Score", f"{line.score} of 1000" if line.score else ""),
        ("Evidence", ", ".join(line.reasons)),
        ("By", "the policy" if line.by == "policy" else line.by),
        ("Why", line.why),
        ("Pieces", ", ".join(f"{count} × {sku}" for sku, count in line.quantities.items())),
        ("", _why_link(line)),
    ]
    rows = (
        (
            instant(deed.at),
            deed.what,
            _orders(deed.orders),
            "the policy" if deed.by == "policy" else deed.by,
            deed.why,
        )
        for deed in found.deeds
    )
    return [
        tag("h1", line.merge),
        _facts(facts),
        tag("h2", "Orders"),
        html.table(
            ("Order", "State", "Placed", "Customer", "Address", "Pieces", ""),
            map(_side, found.sides),
            "None.",
        ),
        (tag("h2", "What was done"), html.table(("At", "What", "Orders", "By", "Why"), rows, ""))
        if found.deeds
        else None,
    ]


def merge_why_body(found: MergeWhy) -> Child:
    """The answer, and every question."""
    signs = {True: ("yes", "green"), False: ("no", "red"), None: ("", "quiet")}
    rows = (
        (tag("span", signs[check.ok][0], class_=signs[check.ok][1]), check.question, check.answer)
        for check in found.checks
    )
    return [
        tag("h1", "Why"),
        tag("div", tag("p", found.answer), class_="notice"),
        tag("p", _orders(found.orders)),
        html.table(("", "Asked", "Answer"), rows, "Nothing was asked."),
    ]


def _side(side: Side) -> tuple[Child, ...]:
    return (
        _orders([side.order]),
        side.state,
        instant(side.placed),
        ", ".join(f"{name} {value}" for name, value in side.customer.items()),
        ", ".join(f"{name} {value}" for name, value in side.address.items()),
        ", ".join(f"{count} × {sku}" for sku, count in side.lines.items()),
        side.left,
    )


def _outcome(line: MergeLine, now: datetime | None) -> str:
    if line.until is not None and now is not None:
        return f"an answer is wanted within {span(int((line.until - now).total_seconds()))}"
    who = "the policy" if line.by == "policy" else line.by
    return f"by {who}: {line.why}" if who and line.why else f"by {who}" if who else line.why


def _orders(orders: list[str]) -> Child:
    return [
        (tag("a", number, href=f"/orders/{quote(number, safe='')}"), " ")
        for number in (order.removeprefix("order/") for order in orders)
    ]


def _why_link(line: MergeLine) -> Markup:
    names = [order.removeprefix("order/") for order in line.orders[:2]]
    return tag("a", "why", href=f"/merges/why?{urlencode({'a': names[0], 'b': names[1]})}")


def _facts(facts: list[tuple[str, Child]]) -> Markup:
    terms = ((tag("dt", name), tag("dd", value)) for name, value in facts if value not in ("", None, []))
    return tag("dl", terms, class_="facts")
