"""`orderfold summary`: the whole store on one page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from engine.cli.options import AsJson, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def summary(store: StoreUrl = "", as_json: AsJson = False) -> None:
    """The whole store on one page: orders by state, what stands still, deadlines, money.

    \b
    Examples:
      orderfold summary
      orderfold summary --json | jq .frozen

    All figures are as of where the store stands: the wall clock of a live store, the last stream time of one of history.
    """
    from engine.cli.screen import emit
    from engine.cli.writing import reading
    from engine.views.summary import summary as summed

    with reading(store) as look:
        found = summed(look)
    if as_json:
        emit(found)
    else:
        show(found)


def show(found: Any) -> None:
    """The page itself (a `Summary`)."""
    from rich.text import Text

    from engine.cli.screen import out, plural, sheet, when

    console = out()
    where = f"As of {when(found.as_of)} UTC · store of {found.kind or 'nothing yet'} · policy {found.policy}"
    console.print(Text(where, style="dim"))
    console.print()
    orders = Text(plural(found.orders, "order"), style="bold")
    sheet([("orders", orders + f" from {plural(found.events, 'event')}, {found.open:,} open")])
    _states(found)
    console.print()
    sheet([("attention", _attention(found))])
    console.print()
    sheet(_rows(found))


def _states(found: Any) -> None:
    from engine.cli.screen import bar, sheet

    most = max(found.by_state.values(), default=0)
    sheet(
        ("", f"{count:>10,}  {state:<14} {bar(count, most, 24).replace('░', '')}")
        for state, count in found.by_state.items()
    )


def _attention(found: Any) -> Any:
    """What stands still or waits, and the command that shows it."""
    from rich.text import Text

    lines = [
        Text(f"{count:>8,}  {what:<18}", style="bold" if count else "dim")
        + Text(f" orderfold {how}" if count else "", style="dim")
        for count, what, how in (
            (found.frozen, "frozen", "order list --frozen"),
            (found.in_doubt, "in doubt", "order list --in-doubt"),
            (found.overdue, "overdue now", "sla list --colour red"),
            (found.limbo, "in limbo", "order list --limbo"),
            (found.dead, "dead letters", "dead list"),
            (found.work, "work items", "todo"),
            (found.held, "held", "order list --held"),
            (found.conflicts, "conflicting facts", "todo --kind conflict"),
            (found.faults, "faulted", "projection list"),
        )
        if count or what in ("frozen", "in doubt", "overdue now", "in limbo")
    ]
    return Text("\n").join(lines)


def _rows(found: Any) -> Iterator[tuple[str, Any]]:
    from rich.text import Text

    from engine.cli.screen import plural, signed

    colours = ("green", "yellow", "orange", "red")
    deadlines = Text("  ").join(
        signed(colour, f"{getattr(found.sla, colour):,} {colour}") for colour in colours
    )
    yield (
        "deadlines",
        deadlines + Text(f"   {found.breaches:,} missed, {found.sla.excused:,} excused", style="dim"),
    )
    label = "money"
    for currency, sums in found.money.items():
        yield label, _money(sums, currency)
        label = ""
    facts = (
        (found.late_facts, "late"),
        (found.duplicates, "duplicates"),
        (found.repeats, "repeats"),
        (found.conflicts, "conflicts"),
        (found.divergent, "divergent"),
    )
    yield "facts", " · ".join(f"{count:,} {what}" for count, what in facts)
    if found.unknown_types or found.unknown_fields:
        fields = ", ".join(f"{name} ({count:,})" for name, count in found.unknown_fields.items())
        types = f"{plural(found.unknown_types, 'event')} of types not known"
        yield "unknown", types + (f"; fields {fields}" if fields else "")
    if found.merges:
        told = " · ".join(f"{count:,} {status}" for status, count in found.merges.items())
        yield "merges", Text(told).append("   orderfold merge list", style="dim")
    yield "health", _health(found.health)
    if found.notices:
        yield "notices", " · ".join(f"{count:,} {status}" for status, count in found.notices.items())
    if found.seconds:
        yield "ingest", f"last one {found.seconds:,.1f} s, {found.events_per_second:,} events/s"


def _health(health: Any) -> Any:
    """The index, and what is wrong with channels and nodes."""
    from rich.text import Text

    from engine.cli.screen import signed

    index = Text("nothing scored yet" if health.index is None else f"index {health.index}")
    wrong = [
        signed("red", f"{what}: {', '.join(names)}")
        for what, names in (
            ("silent", health.silent),
            ("dispatch paused", health.paused),
            ("not folded", health.unfolded),
            ("suspended", health.suspended),
        )
        if names
    ]
    if wrong:
        return Text("   ").join([index, *wrong]) + Text("   orderfold health show", style="dim")
    return index + Text(", nothing wrong now", style="dim")


def _money(sums: Any, currency: str) -> str:
    from engine.views.money import money

    always = ("receivable", "received", "refunded")
    return " · ".join(
        f"{name} {money(amount, currency)}"
        for name in (*always, "fees", "subsidies")
        if (amount := getattr(sums, name)) or name in always
    )
