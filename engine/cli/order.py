"""`orderfold order`: what is known of orders, why, and what people tell them to do."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli import order_commands
from engine.cli.options import AsJson, Limit, OrderName, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def order() -> None:
    """List, show and explain orders; hold, release, unfreeze, cancel them.

    \b
    Examples:
      orderfold order list --frozen
      orderfold order show 1743650786728319
      orderfold order why 1743650786728319 frozen
      orderfold order unfreeze 1743650786728319 --reason "paid by transfer, seen on the account"

    Any number of an order names it: the platform's or the end of it, a payment, waybill or WMS number.
    """


# Looking


@app.command("list")
def list_(
    state: Annotated[str, typer.Option("--state", metavar="STATE", help="In this state.")] = "",
    frozen: Annotated[bool, typer.Option("--frozen", help="Frozen over an illegal step.")] = False,
    in_doubt: Annotated[
        bool, typer.Option("--in-doubt", help="In doubt over an illegal step, not frozen yet.")
    ] = False,
    limbo: Annotated[
        bool, typer.Option("--limbo", help="Facts without an order, by order or number.")
    ] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Running past a deadline now.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Under a hold.")] = False,
    fault: Annotated[bool, typer.Option("--fault", help="A fold failed on it.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Not at an end yet.")] = False,
    colour: Annotated[
        str, typer.Option("--colour", metavar="COLOUR", help="red, orange, yellow or green.")
    ] = "",
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Of this owner.")] = "",
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="Of this group.")] = "",
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="Of this channel.")] = "",
    limit: Limit = 50,
    after: Annotated[
        str, typer.Option("--after", metavar="MARK", help="Go on behind the list that gave this mark.")
    ] = "",
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """List orders, all or those that need a look.

    Exceptions come longest standing first, all others in the order they came.

    \b
    Examples:
      orderfold order list --frozen
      orderfold order list --overdue --owner he.jun
      orderfold order list --state paid --channel taobao --limit 200 --json
    """
    from engine.cli import order_screens, screen
    from engine.cli.writing import reading
    from engine.views.queries import OrderFilter

    wanted = OrderFilter(
        state=state,
        channel=channel,
        owner=owner,
        group=group,
        colour=colour,
        frozen=frozen,
        in_doubt=in_doubt,
        limbo=limbo,
        overdue=overdue,
        held=held,
        fault=fault,
        open=open_,
    )
    with reading(store) as look:
        page = look.orders(wanted, limit, after)
    if as_json:
        screen.emit_lines(page.orders)
    else:
        order_screens.lines(page)
    if page.after:
        screen.say(f"More: add --after {page.after}", style="dim")


@app.command()
def show(name: OrderName, store: StoreUrl = "", as_json: AsJson = False) -> None:
    """One order on one page.

    With the reasons for what is not as it should be.

    \b
    Examples:
      orderfold order show 1743650786728319
      orderfold order show waybill:EMS7460315442874 --json
    """
    from engine.cli import order_screens, screen
    from engine.cli.writing import reading
    from engine.views.order import page

    with reading(store) as look:
        found = page(look, look.resolve(name))
    if as_json:
        screen.emit(found)
    else:
        order_screens.page(found)


@app.command()
def history(
    name: OrderName,
    full: Annotated[
        bool, typer.Option("--full", help="All values that changed, and the ids of events.")
    ] = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """What was told and decided, as it became known.

    Behind the timeline its stages against their time.

    \b
    Examples:
      orderfold order history 1743650786728319
      orderfold order history 1743650786728319 --full
    """
    from engine.cli import history_screen, screen
    from engine.cli.writing import reading
    from engine.views.history import history as told

    with reading(store) as look:
        found = told(look, look.resolve(name))
    if as_json:
        screen.emit(found)
    else:
        history_screen.show(found, full)


@app.command()
def why(
    name: OrderName,
    field: Annotated[
        str,
        typer.Argument(
            metavar="[FIELD]",
            help="state, frozen, owner, ledger.received, sla.ship, health.score, work … (--full of history names them)",
            show_default=False,
        ),
    ] = "",
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """The events and rules that made a value what it is.

    \b
    Examples:
      orderfold order why 1743650786728319 frozen
      orderfold order why 1743650786728319 ledger.received
      orderfold order why 1743650786728319 sla.ship

    Without FIELD: why it is frozen if it is, else why it is in its state.
    """
    from engine.cli import history_screen, screen
    from engine.cli.writing import reading
    from engine.views.why import why as asked

    with reading(store) as look:
        subject = look.resolve(name)
        if not field:
            row = look.row(subject)
            order_ = row.lifecycle
            field = (
                "limbo"
                if row.limbo is not None
                else "frozen"
                if order_ is not None and order_.frozen
                else "state"
            )
        found = asked(look, subject, field)
    if as_json:
        screen.emit(found)
    else:
        history_screen.why(found)


@app.command()
def diff(
    name: OrderName,
    from_: Annotated[
        int, typer.Option("--from", metavar="V", help="Version before; 0 is before the first event.", min=0)
    ],
    to: Annotated[int, typer.Option("--to", metavar="V", help="Version after; 0 is the last.", min=0)] = 0,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """What changed between two versions (RFC 6902).

    \b
    Examples:
      orderfold order diff 1743650786728319 --from 1 --to 2
      orderfold order diff 1743650786728319 --from 4 --json
    """
    from engine.cli import history_screen, screen
    from engine.cli.writing import reading
    from engine.views.diff import diff as compared

    with reading(store) as look:
        found = compared(look, look.resolve(name), from_, to)
    if as_json:
        screen.emit(found)
    else:
        history_screen.diff(found)


# Telling

for command in order_commands.COMMANDS:
    app.command()(command)
