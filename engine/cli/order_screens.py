"""How lists of orders and the page of one order look on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from engine.cli.history_screen import bars
from engine.cli.screen import (
    COLOUR_SIGNS,
    STYLES,
    age,
    lasting,
    out,
    plural,
    say,
    sheet,
    short,
    signed,
    table,
    when,
)
from engine.views.money import money
from engine.views.order import Page
from engine.views.queries import OrderLine, OrderPage


def lines(page: OrderPage) -> None:
    """A list of orders."""
    if not page.orders:
        say("No order matches.", style="dim")
        return
    table(
        ("order", "state", "since", "due", "owner", "amount", "health"),
        [
            (
                short(line.order),
                standing(line),
                age(line.since, page.as_of),
                _due(line, page.as_of),
                line.owner or line.group,
                money(line.money.receivable, line.money.currency) if line.money.currency else "",
                str(line.score),
            )
            for line in page.orders
        ],
        right=("since", "amount", "health"),
        spare=("amount", "health", "since"),
    )


def standing(line: OrderLine) -> Text:
    """The state, and what lies over it, in words."""
    text = Text(line.state or "no order yet")
    for flag, word, style in (
        (line.frozen, "frozen", "bold red"),
        (line.in_doubt, "in doubt", "dark_orange"),
        (bool(line.held), "held", "yellow"),
        (line.fault, "faulted", "bold red"),
    ):
        if flag:
            text.append(f" {word}", style=style)
    return text


def _due(line: OrderLine, as_of: Any) -> Text:
    if line.due is None or as_of is None:
        return (
            Text(f"{COLOUR_SIGNS[line.colour]} missed", style=STYLES[line.colour])
            if line.colour
            else Text("")
        )
    left = lasting(abs(line.due - as_of))
    return signed(line.colour, f"{left} over" if line.overdue else f"in {left}")  # type: ignore[no-any-return]


def page(found: Page) -> None:
    """One order, or one number that waits for its order."""
    console = out()
    head = Text(short(found.order), style="bold")
    head.append(f"   version {found.version} · as of {when(found.as_of)} UTC", style="dim")
    console.print(head)
    console.print(_standing(found))
    console.print()
    sheet(_rows(found))


def _standing(found: Page) -> Text:
    text = Text()
    if found.order.startswith("alias/"):
        bound = ", ".join(short(order) for order in found.bound)
        return Text(
            f"A number of {bound}."
            if bound
            else f"In limbo: {plural(found.waiting, 'fact')} wait under this number, "
            f"no order is known by it, since {when(found.since)} ({age(found.since, found.as_of)})."
        )
    if found.frozen:
        text.append("FROZEN ", style="bold red")
    elif found.in_doubt:
        text.append("IN DOUBT ", style="bold dark_orange")
    if found.limbo:
        return text + Text(f"In limbo since {when(found.since)}: nobody has placed this order yet.")
    text.append(found.state, style="bold")
    text.append(f" since {when(found.since)} ({age(found.since, found.as_of)})")
    if found.words:
        text.append(f" · {found.words}" + (f", {found.expect}" if found.expect else ""))
    return text


def _rows(found: Page) -> Iterator[tuple[str, Any]]:
    if found.fault:
        yield "fault", Text(found.fault, style="bold red")
    if found.offence is not None:
        yield from _offence(found)
    for hold in found.holds:
        yield "held", f"{hold.handle}: {hold.reason} since {when(hold.since)} by {hold.by}"
    if not found.order.startswith("alias/"):
        whose = found.owner or "nobody"
        yield (
            "owner",
            f"{whose}{f' ({found.group})' if found.group else ''}, {'assigned' if found.assigned else 'by routing'}",
        )
    yield from _deadlines(found)
    if found.money is not None:
        yield "money", _money(found.money)
    yield from _goods(found)
    for index, item in enumerate(found.work):
        text = Text(item.title, style="bold")
        text.append(
            f"  {age(item.since, found.as_of)}, {item.holder or item.owner or item.group or 'nobody'}",
            style="dim",
        )
        if item.guide and all(item.guide != earlier.guide for earlier in found.work[:index]):
            text.append(f"\n{item.guide}")
        yield "" if index else "to do", text
    if not found.order.startswith("alias/"):
        yield "health", _health(found)
    if found.customer:
        yield "customer", " · ".join(f"{name} {value}" for name, value in found.customer.items())
    if found.numbers:
        yield "known by", ", ".join(found.numbers)
    yield "facts", _counts(found)


def _offence(found: Page) -> Iterator[tuple[str, Any]]:
    offence = found.offence
    assert offence is not None
    later = when(offence.known, offence.time)
    known = f", known {later}" if later != when(offence.time, offence.time) else ""
    yield "why", Text(offence.reason, style="bold")
    yield (
        "event",
        f"{offence.type} {offence.event} (version {offence.version}) from {offence.source}\n"
        f"occurred {when(offence.time)}{known}, met the order in {offence.state or 'limbo'}",
    )
    if offence.until is not None:
        yield "until", f"{when(offence.until)}: frozen then, unless news makes it legal"
    for index, way in enumerate(offence.ways_out):
        yield "" if index else "ways out", " → ".join(way)
    if offence.waiting:
        yield "waiting", f"{plural(offence.waiting, 'fact')} recorded since, moving nothing until it is free"
    who = "only a person may free it" if offence.person else "an earlier fact or a person may free it"
    if found.frozen:
        yield "free it", f'orderfold order unfreeze {short(found.order)} --reason "…"   ({who})'


def _deadlines(found: Page) -> Iterator[tuple[str, Any]]:
    label = "deadlines"
    for clock in found.clocks:
        state = (
            "overdue"
            if clock.breached
            else "paused"
            if clock.due is None
            else f"due {when(clock.due, found.as_of)}"
        )
        text = signed(clock.colour, f"{clock.stage}, {state}")
        text.append(f"\n  {clock.text}", style="")
        yield label, text
        label = ""
    done = [stage for stage in found.stages if stage.stopped is not None]
    if done:
        yield label, bars(done)


def _money(ledger: Any) -> str:
    parts = [
        f"{name} {money(amount, ledger.currency)}"
        for name, amount, always in (
            ("receivable", ledger.receivable, True),
            ("received", ledger.received, True),
            ("of it deposit", ledger.deposit, False),
            ("refunded", ledger.refunded, False),
            ("subsidies", ledger.subsidies, False),
            ("fees", ledger.fees, False),
            ("outstanding" if ledger.outstanding >= 0 else "overpaid", abs(ledger.outstanding), False),
        )
        if amount or always
    ]
    parts += [f"not counted {money(amount, currency)}" for currency, amount in ledger.foreign.items()]
    return " · ".join(parts)


def _goods(found: Page) -> Iterator[tuple[str, Any]]:
    shown = found.lines[:8]
    for index, line in enumerate(shown):
        currency = found.money.currency if found.money is not None else ""
        price = money(line["unit_price"], currency)
        yield (
            "" if index else "lines",
            f"{line['line']}: {line['quantity']} × {line['sku']} at {price} ({line['category']}), {line['state']}",
        )
    if len(found.lines) > len(shown):
        yield "", f"and {len(found.lines) - len(shown)} more"
    for index, parcel in enumerate(found.parcels[:8]):
        named = parcel.parcel or parcel.waybill or "all goods"
        words = [named]
        if parcel.waybill and parcel.waybill != named:
            words.append(f"waybill {parcel.waybill}")
        if parcel.state:
            words.append(parcel.state)
        if parcel.lines and len(parcel.lines) < len(found.lines):
            words.append(f"lines {', '.join(parcel.lines)}")
        if parcel.scan:
            words.append(f"scanned {parcel.scan} {when(parcel.scanned)}")
        yield "" if index else "parcels", " · ".join(words)


def _health(found: Page) -> Text:
    text = Text(f"{found.score} of 100", style="bold" if found.score < 60 else "")
    if found.lost:
        text.append(
            ": "
            + ", ".join(
                f"{lost.cause} −{lost.points}" + (f" ({lost.event})" if lost.event else "")
                for lost in found.lost
            )
        )
    return text


def _counts(found: Page) -> str:
    counts = found.counts
    parts = [plural(counts.events, "event")]
    for count, what in (
        (counts.late, "late"),
        (counts.repeats, "repeated"),
        (counts.conflicts, "in conflict"),
        (counts.unknown, "of unknown type"),
        (counts.excused, "breaches excused"),
    ):
        if count:
            parts.append(f"{count} {what}")
    return ", ".join(parts) + f"; last news {when(found.updated)} UTC"


def told(done: dict[str, Any]) -> None:
    """A command carried out: what it is called, and how the order then stands."""
    order = done["order"]
    state = order["state"] or "in limbo"
    if order["frozen"]:
        state += ", frozen"
    elif order["in_doubt"]:
        state += ", in doubt"
    if order["held"]:
        state += f", {plural(order['held'], 'hold')}"
    owner = order["owner"] or order["group"] or "nobody"
    out().print(
        Text(f"{short(order['order'])} is {state}; owner {owner}; version {done['version']}.", style="bold")
    )
    out().print(Text(f"Recorded as {done['type']} {done['event']} by {done['who']}.", style="dim"))
