"""The overview: every kind of exception first, a number, its age and a link each; then states, deadlines, money, counts."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import msgspec

from engine import dead_letters
from engine.api import html
from engine.api.html import Child, Markup, age, money, tag
from engine.api.order_page import SYMBOLS
from engine.views.queries import OrderFilter, Reading
from engine.views.summary import Summary
from engine.views.work import todo

EXCEPTIONS = {
    "frozen": ("Frozen", "an illegal step; a person must look"),
    "overdue": ("Overdue", "past a deadline that still runs"),
    "in_doubt": ("In doubt", "waiting for news that makes the path legal"),
    "limbo": ("Limbo", "facts, and no order for them"),
}
"""Exceptions that are lists of orders: the filter, its title, what it means."""


def filter_of(name: str) -> OrderFilter:
    """The orders of one kind of exception."""
    return msgspec.structs.replace(OrderFilter(), **{name: True})


class Oldest(dict[str, "tuple[int, datetime | None]"]):
    """Exception → (how many, since when the oldest stands)."""


def exceptions(reading: Reading, found: Summary) -> Oldest:
    """Each kind of exception with its number and its oldest."""
    oldest = Oldest()
    for name in EXCEPTIONS:
        first = reading.orders(filter_of(name), 1).orders
        oldest[name] = (getattr(found, name), first[0].since if first else None)
    letters = dead_letters.letters(reading.store, limit=1)
    oldest["dead"] = (letters.total, letters.letters[0].at if letters.letters else None)
    work = todo(reading, limit=1)
    oldest["work"] = (work.total, work.items[0].since if work.items else None)
    return oldest


def overview_body(found: Summary, oldest: Oldest) -> Child:
    """The page's content."""
    return [
        tag("h1", "Exceptions"),
        _tiles(found, oldest),
        tag(
            "div",
            _states(found),
            tag("section", _deadlines(found), _money(found)),
            _counted(found),
            class_="columns",
        ),
    ]


def _tiles(found: Summary, oldest: Oldest) -> Markup:
    """Each kind of exception: how many, how old the oldest is, and the way there."""
    targets = {name: f"/orders?{name}=true" for name in EXCEPTIONS} | {
        "dead": "/dead-letters",
        "work": "/todo",
    }
    titles = EXCEPTIONS | {
        "dead": ("Dead letters", "what intake did not take"),
        "work": ("Work items", "waiting for a person"),
    }
    tiles = [
        tag(
            "li",
            tag(
                "a",
                tag("b", f"{count:,}"),
                titles[name][0],
                tag(
                    "small",
                    f"oldest {age(since, found.as_of)}" if count and since is not None else titles[name][1],
                ),
                href=targets[name],
                title=titles[name][1],
            ),
            class_="bad" if count else None,
            id=name.replace("_", "-"),
        )
        for name, (count, since) in oldest.items()
    ]
    return tag("ul", tiles, class_="tiles")


def _states(found: Summary) -> Markup:
    most = max(found.by_state.values(), default=1)
    rows = (
        (
            tag("a", state, href=f"/orders?{urlencode({'state': state})}"),
            _number(count),
            tag("progress", value=count, max=most, aria_label=f"{count} {state}"),
        )
        for state, count in found.by_state.items()
    )
    return tag(
        "section", tag("h2", "Orders by state"), html.table(("State", "Orders", ""), rows, "No orders yet.")
    )


def _deadlines(found: Summary) -> Child:
    rows = (
        (colour_of(name), _number(getattr(found.sla, name)), tag("a", "show", href=f"/orders?colour={name}"))
        for name in ("red", "orange", "yellow", "green")
    )
    return [tag("h2", "Deadlines"), html.table(("Colour", "Orders", ""), rows, "")]


def _money(found: Summary) -> Child:
    rows = (
        (
            name,
            *(
                _number(money(getattr(sums, name.lower()), currency).removesuffix(f" {currency}"))
                for currency, sums in found.money.items()
            ),
        )
        for name in ("Receivable", "Received", "Refunded", "Fees", "Subsidies")
    )
    if not found.money:
        return [tag("h2", "Money"), tag("p", "None yet.", class_="quiet")]
    return [tag("h2", "Money"), html.table(("", *found.money), rows, "")]


def _counted(found: Summary) -> Markup:
    counted = {
        "Events": found.events,
        "Orders": found.orders,
        "Open": found.open,
        "Held": found.held,
        "Late facts": found.late_facts,
        "Duplicates": found.duplicates,
        "Repeats": found.repeats,
        "Conflicts": found.conflicts,
        "Faulted": found.faults,
    }
    return tag(
        "section",
        tag("h2", "Counted"),
        tag(
            "dl",
            ((tag("dt", name), tag("dd", f"{count:,}")) for name, count in counted.items()),
            class_="facts",
        ),
        tag(
            "p",
            f"Policy {found.policy}. ",
            tag("a", "Metrics", href="/metrics"),
            " · ",
            tag("a", "API", href="/openapi.json"),
            class_="quiet",
        ),
    )


def colour_of(name: str) -> Markup:
    """A colour with its symbol and its name: never by hue alone."""
    return tag("span", f"{SYMBOLS[name]} {name}", class_=name)


def _number(value: int | str) -> Markup:
    return tag("span", f"{value:,}" if isinstance(value, int) else value, class_="n")
