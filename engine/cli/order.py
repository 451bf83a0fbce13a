"""`orderfold order`: what is known of orders, why, and what people tell them to do."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, DryRun, Limit, OrderName, Reason, StoreUrl, required

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

IfVersion = Annotated[
    int,
    typer.Option("--if-version", metavar="V", help="Only while the order is at this version (order show tells it).", min=0),
]


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
    in_doubt: Annotated[bool, typer.Option("--in-doubt", help="In doubt over an illegal step, not frozen yet.")] = False,
    limbo: Annotated[bool, typer.Option("--limbo", help="Facts without an order, by order or number.")] = False,
    overdue: Annotated[bool, typer.Option("--overdue", help="Running past a deadline now.")] = False,
    held: Annotated[bool, typer.Option("--held", help="Under a hold.")] = False,
    fault: Annotated[bool, typer.Option("--fault", help="A fold failed on it.")] = False,
    open_: Annotated[bool, typer.Option("--open", help="Not at an end yet.")] = False,
    colour: Annotated[str, typer.Option("--colour", metavar="COLOUR", help="red, orange, yellow or green.")] = "",
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Of this owner.")] = "",
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="Of this group.")] = "",
    channel: Annotated[str, typer.Option("--channel", metavar="NAME", help="Of this channel.")] = "",
    limit: Limit = 50,
    after: Annotated[str, typer.Option("--after", metavar="MARK", help="Go on behind the list that gave this mark.")] = "",
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """List orders. Exceptions come longest standing first, all others in the order they came.

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
    """Everything of one order on one page, with the reasons for what is not as it should be.

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
    full: Annotated[bool, typer.Option("--full", help="All values that changed, and the ids of events.")] = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """What was told and decided of an order, in the order it became known, and its stages against their time.

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
    """The events and the rules that made a value what it is, and what it was before.

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
            field = "limbo" if row.limbo is not None else "frozen" if order_ is not None and order_.frozen else "state"
        found = asked(look, subject, field)
    if as_json:
        screen.emit(found)
    else:
        history_screen.why(found)


@app.command()
def diff(
    name: OrderName,
    from_: Annotated[int, typer.Option("--from", metavar="V", help="Version before; 0 is before the first event.", min=0)],
    to: Annotated[int, typer.Option("--to", metavar="V", help="Version after; 0 is the last.", min=0)] = 0,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """What changed between two versions of an order, as an RFC 6902 patch of its values.

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


@app.command()
def hold(
    name: OrderName,
    reason: Reason = "",
    handle: Annotated[str, typer.Option("--handle", metavar="NAME", help="Its name for release; the reason if not given.")] = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Lay a hold on an order: its clocks stand still and it ships nothing until the hold is released.

    \b
    Examples:
      orderfold order hold 1743650786728319 --reason awaiting_customer
      orderfold order hold 1743650786728319 --handle call-7 --reason "customer asked to wait"

    Reasons with a meaning of their own: awaiting_payment, awaiting_customer, awaiting_return_items,
    high_risk_of_fraud, incorrect_address, inventory_out_of_stock, unknown_delivery_date; any other text is a note.
    """
    _tell(name, "hold", {"handle": handle} if handle else {}, reason, if_version, dry_run, store, as_json)


@app.command()
def release(
    name: OrderName,
    handle: Annotated[str, typer.Option("--handle", metavar="NAME", help="The hold to lift; order show names them.")] = "",
    reason: Reason = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Lift a hold. Without --handle the only one there is.

    \b
    Examples:
      orderfold order release 1743650786728319 --reason "customer called back"
      orderfold order release 1743650786728319 --handle call-7 --reason "customer called back"
    """
    required(reason)
    _tell(name, "release", {"handle": handle or _only_hold(store, name)}, reason, if_version, dry_run, store, as_json)


@app.command()
def unfreeze(
    name: OrderName,
    reason: Reason = "",
    state: Annotated[
        str, typer.Option("--state", metavar="STATE", help="Put it in this state; otherwise the offending event stands.")
    ] = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Free a frozen order. The event that froze it is let stand, and what was recorded since is taken up.

    \b
    Examples:
      orderfold order unfreeze 1743650786728319 --reason "paid by transfer, seen on the account"
      orderfold order unfreeze 1743650786728319 --state packed --reason "scanned by mistake"
    """
    _tell(name, "unfreeze", {"state": state} if state else {}, reason, if_version, dry_run, store, as_json)


@app.command()
def note(
    name: OrderName,
    reason: Annotated[str, typer.Option("--reason", "--text", metavar="TEXT", help="The note itself. Required.")] = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Write a note into an order's history; it moves nothing.

    \b
    Example:
      orderfold order note 1743650786728319 --reason "customer will collect it himself"
    """
    _tell(name, "note", {}, reason, if_version, dry_run, store, as_json)


@app.command()
def assign(
    name: OrderName,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Who has it from now on. Required.")] = "",
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="Their group, if not the one they are in.")] = "",
    reason: Reason = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Give an order to somebody by name, whatever the routing rules say.

    \b
    Example:
      orderfold order assign 1743650786728319 --owner lin.yue --reason "knows the customer"
    """
    from engine.errors import UsageError

    if not owner:
        raise UsageError("An order is assigned to somebody.", "Name them: --owner NAME.")
    data = {"owner": owner} | ({"group": group} if group else {})
    _tell(name, "assign", data, reason, if_version, dry_run, store, as_json)


@app.command()
def review(
    name: OrderName,
    outcome: Annotated[str, typer.Option("--outcome", metavar="passed|rejected", help="The verdict. Required.")] = "",
    reason: Reason = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Answer a review: passed lets the order go on, rejected cancels it.

    \b
    Example:
      orderfold order review 1743650786728319 --outcome passed --reason "known customer"
    """
    from engine.errors import UsageError

    if outcome not in ("passed", "rejected"):
        raise UsageError("A review is passed or rejected.", "Say which: --outcome passed.")
    _tell(name, "review", {"outcome": outcome}, reason, if_version, dry_run, store, as_json)


@app.command()
def cancel(
    name: OrderName,
    lines: Annotated[list[str] | None, typer.Option("--line", metavar="LINE", help="Only this line; may be repeated.")] = None,
    reason: Reason = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Cancel an order, or lines of it, as long as its map allows it.

    \b
    Examples:
      orderfold order cancel 1743650786728319 --reason "customer changed their mind"
      orderfold order cancel 1743650786728319 --line 2 --reason "sold out"
    """
    _tell(name, "cancel", {"lines": lines} if lines else {}, reason, if_version, dry_run, store, as_json)


def _only_hold(store: str, name: str) -> str:
    """The handle of an order's one hold. UsageError when there are none or several."""
    from engine.cli.writing import reading
    from engine.errors import UsageError

    with reading(store) as look:
        subject = look.resolve(name)
        order_ = look.row(subject).lifecycle
    holds = order_.holds if order_ is not None else ()
    if len(holds) != 1:
        held = f"It is held as {', '.join(hold.handle for hold in holds)}." if holds else "It is under no hold."
        raise UsageError(f"{subject} has {len(holds)} holds; say which to release. {held}", "Name it with --handle.")
    return holds[0].handle


def _tell(
    name: str,
    command: str,
    data: dict[str, Any],
    reason: str,
    version: int,
    dry_run: bool,
    store: str,
    as_json: bool,
) -> None:
    """Carry a command out by whoever writes the store, and say how the order then stands."""
    from engine.cli import commanding, order_screens, screen

    done = commanding.command(store, name, command, data, required(reason), version, dry_run)
    if as_json or dry_run:
        screen.emit(done["would_append"] if dry_run else done)
    else:
        order_screens.told(done)
