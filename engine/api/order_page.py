"""The page of one order: what is wrong and the ways out first, then what is due, its money, and one vertical timeline."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from engine.api import html
from engine.api.html import Child, Markup, age, instant, money, span, tag
from engine.views.history import Entry, History
from engine.views.order import ClockShown, Page

SYMBOLS = {"green": "●", "yellow": "◐", "orange": "▲", "red": "✖"}
OUTCOMES = {
    "in time": ("●", "green"),
    "late": ("✖", "red"),
    "runs": ("◐", ""),
    "overdue": ("✖", "red"),
    "paused": ("‖", ""),
}
"""How a stage ended or stands, with its symbol and class."""


def order_body(found: Page, told: History) -> Child:
    """The page's content."""
    return [
        tag("h1", found.order.removeprefix("order/")),
        tag("p", _standing(found)),
        _offence(found),
        tag("p", tag("strong", "Fault: "), found.fault, class_="notice") if found.fault else None,
        tag("div", _facts(found), _money(found), class_="columns"),
        _section(
            "Deadlines",
            html.table(("", "Stage", "Deadline", "Why"), map(_clock, found.clocks), "No clock runs."),
        ),
        _section(
            "Work",
            html.table(
                ("Open for", "What", "Whose", "What to do"),
                (
                    (age(task.since, found.as_of), task.title, task.owner or task.group, task.guide)
                    for task in found.work
                ),
                "Nothing waits for a person.",
            ),
        ),
        _goods(found),
        _stages(told),
        tag("section", tag("h2", "Timeline"), tag("ol", map(_entry, told.entries), class_="timeline")),
    ]


def _standing(found: Page) -> Child:
    state = found.state or "not placed yet"
    flags = [
        tag("strong", f" ✖ {name}", class_="red" if name != "in doubt" else "orange")
        for name, on in (("frozen", found.frozen), ("in doubt", found.in_doubt), ("limbo", found.limbo))
        if on
    ]
    return [
        tag("strong", state),
        f" since {age(found.since, found.as_of)}" if found.since is not None else None,
        flags,
        f" · {found.words}" if found.words else None,
        f" · {found.expect}" if found.expect else None,
    ]


def _offence(found: Page) -> Markup | None:
    offence = found.offence
    if offence is None:
        return None
    ways = [tag("li", " → ".join(f"{step}" for step in way)) for way in offence.ways_out]
    ends: Child = "Frozen" if offence.until is None else ("In doubt until ", instant(offence.until))
    return tag(
        "section",
        tag("p", tag("strong", ends), ": ", offence.reason, "."),
        tag(
            "p",
            f"{offence.type} met the order in {offence.state or 'limbo'}: event ",
            tag("code", offence.event),
            f" of {offence.source}, occurred ",
            instant(offence.time),
            ", known ",
            instant(offence.known),
            ". ",
            f"{offence.waiting} later facts wait. " if offence.waiting else None,
            "Only a person may free it."
            if offence.person
            else "An earlier fact that makes the path legal frees it too.",
        ),
        (tag("p", "Shortest legal ways out:"), tag("ul", ways)) if ways else None,
        tag("p", tag("code", f"orderfold order unfreeze {found.order.removeprefix('order/')} --reason …")),
        class_="notice" if found.frozen else "notice doubt",
    )


def _facts(found: Page) -> Markup:
    counts = found.counts
    facts: list[tuple[str, Child]] = [
        ("Channel", found.channel),
        ("Owner", f"{found.owner or found.group}{' (assigned)' if found.assigned else ''}"),
        ("Numbers", ", ".join(found.numbers)),
        ("Customer", ", ".join(f"{name} {value}" for name, value in found.customer.items())),
        ("Health", f"{found.score} of 100"),
        *((f"−{lost.points}", ", ".join(filter(None, (lost.cause, lost.event)))) for lost in found.lost),
        *(
            ("Held", (f"{hold.handle}: {hold.reason}, by {hold.by}, ", instant(hold.since)))
            for hold in found.holds
        ),
        (
            "Facts",
            f"{counts.events}, of them {counts.late} late, {counts.repeats} repeats, {counts.conflicts} conflicts",
        ),
        ("Version", found.version),
    ]
    return tag("section", tag("h2", "Order"), _list(facts))


def _money(found: Page) -> Markup | None:
    ledger = found.money
    if ledger is None:
        return None
    sums = [
        ("Goods", ledger.goods),
        ("Shipping", ledger.shipping),
        ("Discount", -ledger.discount),
        ("Receivable", ledger.receivable),
        ("Received", ledger.received),
        ("Refunded", ledger.refunded),
        ("Fees", ledger.fees),
        ("Subsidies", ledger.subsidies),
        ("Outstanding", ledger.outstanding),
    ]
    shown = [
        (name, money(amount, ledger.currency))
        for name, amount in sums
        if amount or name in ("Receivable", "Received", "Outstanding")
    ]
    return tag("section", tag("h2", "Money"), _list(shown))


def _list(facts: Iterable[tuple[str, Child]]) -> Markup:
    return tag(
        "dl",
        ((tag("dt", name), tag("dd", value)) for name, value in facts if value not in ("", None)),
        class_="facts",
    )


def _clock(clock: ClockShown) -> tuple[Child, ...]:
    symbol = SYMBOLS.get(clock.colour, "")
    return (
        tag("span", f"{symbol} {clock.colour}", class_=clock.colour or None),
        clock.stage,
        instant(clock.due) if clock.due is not None else "paused",
        clock.text,
    )


def _goods(found: Page) -> Child:
    lines = (
        (line["line"], line["sku"], line["quantity"], line["category"], line["state"]) for line in found.lines
    )
    parcels = (
        (one.parcel, one.state, ", ".join(one.lines), one.waybill, one.scan, instant(one.scanned))
        for one in found.parcels
    )
    return [
        _section(
            "Goods", html.table(("Line", "SKU", "Quantity", "Category", "State"), lines, ""), found.lines
        ),
        _section(
            "Parcels",
            html.table(("Parcel", "State", "Lines", "Waybill", "Last scan", "At"), parcels, ""),
            found.parcels,
        ),
    ]


def _stages(told: History) -> Markup | None:
    rows = []
    for bar in told.stages:
        symbol, colour = OUTCOMES.get(bar.outcome, ("", ""))
        most = max(bar.target_seconds, bar.used_seconds, 1)
        shown = f"{span(bar.used_seconds)} of {span(bar.target_seconds)}"
        rows.append(
            (
                bar.stage,
                tag("span", f"{symbol} {bar.outcome}", class_=colour or None),
                tag("progress", value=bar.used_seconds, max=most, aria_label=shown),
                shown,
            )
        )
    return _section("Stages", html.table(("Stage", "", "Time used", ""), rows, ""), rows)


def _section(title: str, body: Markup, shown: object = True) -> Markup | None:
    return tag("section", tag("h2", title), body) if shown else None


def _entry(entry: Entry) -> Markup:
    flags = [
        flag
        for flag, on in (
            ("late", entry.late),
            (entry.sameness, bool(entry.sameness)),
            (f"via {entry.via}", bool(entry.via)),
        )
        if on
    ]
    changes = "; ".join(
        f"{one.field}: {_value(one.before)} → {_value(one.after)}"
        if one.before is not None
        else f"{one.field}: {_value(one.after)}"
        for one in entry.changes
    )
    return tag(
        "li",
        tag(
            "p",
            tag("strong", entry.type),
            f" v{entry.version}" if entry.version else None,
            f" ({', '.join(flags)})" if flags else None,
            " ",
            tag("span", entry.actor, class_="quiet"),
        ),
        tag(
            "p",
            instant(entry.time),
            (" known ", instant(entry.known)) if entry.known != entry.time else None,
            f" · because of {entry.cause}" if entry.cause else None,
            class_="quiet",
        ),
        tag("p", entry.reason) if entry.reason else None,
        tag("p", entry.told) if entry.told else None,
        tag("p", f"Folded again in order of occurrence: {entry.refolded}.") if entry.refolded else None,
        tag("p", changes, class_="quiet") if changes else None,
        tag("p", tag("code", entry.id), class_="quiet") if entry.id and entry.kind == "event" else None,
        class_=entry.kind,
    )


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}Z"
    return "nothing" if value is None else str(value)
