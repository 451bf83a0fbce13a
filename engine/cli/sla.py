"""`orderfold sla`: deadlines that run, and those that were missed."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Limit, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def sla() -> None:
    """Deadlines that run, and those that were missed.

    \b
    Examples:
      orderfold sla list --colour orange
      orderfold sla report --by owner

    Colours by the share of time used: green under half, yellow, orange from the warning on, red when a breach stands.
    """


@app.command("list")
def list_(
    colour: Annotated[
        str, typer.Option("--colour", metavar="COLOUR", help="red, orange, yellow or green.")
    ] = "",
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Orders of this owner.")] = "",
    stage: Annotated[str, typer.Option("--stage", metavar="NAME", help="Clocks of this stage.")] = "",
    limit: Limit = 50,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Running clocks, the nearest deadline first.

    \b
    Examples:
      orderfold sla list
      orderfold sla list --colour red --owner he.jun
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.views.deadlines import running

    with reading(store) as look:
        found = running(look, colour, owner, stage, limit)
        as_of = look.as_of
    if as_json:
        screen.emit_lines(found)
        return
    if not found:
        screen.say("No clock that matches is running.", style="dim")
        return
    screen.table(
        ("order", "stage", "state", "owner", "deadline", "left", "used"),
        [
            (
                screen.short(one.order),
                one.stage,
                one.state,
                one.owner or one.group,
                screen.when(one.due, as_of),
                screen.signed(
                    one.colour,
                    f"{screen.lasting(abs(one.left_seconds))} {'over' if one.left_seconds < 0 else 'left'}",
                ),
                f"{screen.lasting(one.used_seconds)} of {screen.lasting(one.target_seconds)}",
            )
            for one in found
        ],
        spare=("used", "state", "owner"),
    )
    screen.say("`orderfold order show ID` says what the time went into.", style="dim")


@app.command()
def report(
    by: Annotated[
        str, typer.Option("--by", metavar="WHAT", help="owner, group, stage or channel.")
    ] = "owner",
    since: Annotated[
        str, typer.Option("--since", metavar="INSTANT", help="Breaches decided from here on (RFC 3339).")
    ] = "",
    until: Annotated[str, typer.Option("--until", metavar="INSTANT", help="And before here.")] = "",
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Missed deadlines by owner, group, stage, channel.

    \b
    Examples:
      orderfold sla report --by owner
      orderfold sla report --by stage --since 2026-11-01T00:00:00Z --json

    Owner and group are those of the moment of the breach. Lateness is working time beyond the deadline; excused breaches,
    found later to be none, are not counted among the missed.
    """
    from engine.cli import screen
    from engine.cli.simulate import instant
    from engine.cli.writing import reading
    from engine.views.deadlines import report as counted

    with reading(store) as look:
        found = counted(look, by, instant(since) if since else 0, instant(until) if until else 0)
    if as_json:
        screen.emit_lines(found)
        return
    screen.table(
        (by, "missed", "orders", "still open", "excused", "median late", "worst", "the worst"),
        [
            (
                one.name,
                one.breaches,
                one.orders,
                one.open,
                one.excused,
                screen.lasting(one.late_median_seconds),
                screen.lasting(one.late_worst_seconds),
                screen.short(one.worst_order),
            )
            for one in found
        ],
        right=("missed", "orders", "still open", "excused", "median late", "worst"),
        spare=("the worst", "orders", "still open"),
    )
