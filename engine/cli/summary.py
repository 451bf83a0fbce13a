"""`orderfold summary`: the whole store on one page."""

from __future__ import annotations

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

    from engine.cli.screen import lasting, money, out, plural, sheet, signed, when

    console = out()
    console.print(Text(f"As of {when(found.as_of)} UTC · store of {found.kind or 'nothing yet'} · policy {found.policy}", style="dim"))
    console.print()
    sheet([("orders", Text(plural(found.orders, "order"), style="bold") + f" from {plural(found.events, 'event')}, {found.open:,} open")])
    _states(found)
    console.print()
    attention = Text()
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
    ):
        if count or what in ("frozen", "in doubt", "overdue now", "limbo"):
            attention.append(f"{count:>8,}  {what:<18}", style="bold" if count else "dim")
            attention.append(f" orderfold {how}\n" if count else "\n", style="dim")
    sheet([("attention", attention)])
    colours = Text("  ").join(
        signed(colour, f"{getattr(found.sla, colour):,} {colour}") for colour in ("green", "yellow", "orange", "red")
    )
    sheet(
        [
            ("deadlines", colours + Text(f"   {found.breaches:,} missed, {found.sla.excused:,} excused", style="dim")),
            *(
                (
                    "money" if not index else "",
                    f"receivable {money(sums.receivable, currency)} · received {money(sums.received, currency)} · "
                    f"refunded {money(sums.refunded, currency)}"
                    + (f" · fees {money(sums.fees, currency)}" if sums.fees else "")
                    + (f" · subsidies {money(sums.subsidies, currency)}" if sums.subsidies else ""),
                )
                for index, (currency, sums) in enumerate(found.money.items())
            ),
            (
                "facts",
                f"{found.late_facts:,} late · {found.duplicates:,} duplicates · {found.repeats:,} repeats · "
                f"{found.conflicts:,} conflicts · {found.divergent:,} divergent",
            ),
        ]
    )
    if found.unknown_types or found.unknown_fields:
        fields = ", ".join(f"{name} ({count:,})" for name, count in found.unknown_fields.items())
        sheet([("unknown", f"{plural(found.unknown_types, 'event')} of types not known" + (f"; fields {fields}" if fields else ""))])
    if found.notices:
        sheet([("notices", " · ".join(f"{count:,} {status}" for status, count in found.notices.items()))])
    if found.seconds:
        sheet([("ingest", f"last one {lasting(found.seconds)}, {found.events_per_second:,} events/s")])


def _states(found: Any) -> None:
    from engine.cli.screen import bar, sheet

    most = max(found.by_state.values(), default=0)
    sheet(
        ("", f"{count:>10,}  {state:<14} {bar(count, most, 24).replace('░', '')}") for state, count in found.by_state.items()
    )
