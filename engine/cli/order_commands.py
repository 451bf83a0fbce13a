"""What people tell an order to do: each a command of `orderfold order`, each with a reason."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, DryRun, OrderName, Reason, StoreUrl, required

IfVersion = Annotated[
    int,
    typer.Option(
        "--if-version",
        metavar="V",
        help="Only while the order is at this version (order show tells it).",
        show_default=False,
    ),
]


def hold(
    name: OrderName,
    reason: Reason = "",
    handle: Annotated[
        str, typer.Option("--handle", metavar="NAME", help="Its name for release; the reason if not given.")
    ] = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Lay a hold on an order.

    Its clocks stand still and it ships nothing until the hold is released.

    \b
    Examples:
      orderfold order hold 1743650786728319 --reason awaiting_customer
      orderfold order hold 1743650786728319 --handle call-7 --reason "customer asked to wait"

    Reasons with a meaning of their own: awaiting_payment, awaiting_customer, awaiting_return_items,
    high_risk_of_fraud, incorrect_address, inventory_out_of_stock, unknown_delivery_date; any other text is a note.
    """
    _tell(name, "hold", {"handle": handle} if handle else {}, reason, if_version, dry_run, store, as_json)


def release(
    name: OrderName,
    handle: Annotated[
        str, typer.Option("--handle", metavar="NAME", help="The hold to lift; order show names them.")
    ] = "",
    reason: Reason = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Lift a hold.

    Without --handle the only one there is.

    \b
    Examples:
      orderfold order release 1743650786728319 --reason "customer called back"
      orderfold order release 1743650786728319 --handle call-7 --reason "customer called back"
    """
    required(reason)
    _tell(
        name,
        "release",
        {"handle": handle or _only_hold(store, name)},
        reason,
        if_version,
        dry_run,
        store,
        as_json,
    )


def unfreeze(
    name: OrderName,
    reason: Reason = "",
    state: Annotated[
        str,
        typer.Option(
            "--state", metavar="STATE", help="Put it in this state; otherwise the offending event stands."
        ),
    ] = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Free a frozen order.

    The event that froze it is let stand, and what was recorded since is taken up.

    \b
    Examples:
      orderfold order unfreeze 1743650786728319 --reason "paid by transfer, seen on the account"
      orderfold order unfreeze 1743650786728319 --state packed --reason "scanned by mistake"
    """
    _tell(name, "unfreeze", {"state": state} if state else {}, reason, if_version, dry_run, store, as_json)


def note(
    name: OrderName,
    reason: Annotated[
        str, typer.Option("--reason", "--text", metavar="TEXT", help="The note itself. Required.")
    ] = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Write a note into the history; it moves nothing.

    \b
    Example:
      orderfold order note 1743650786728319 --reason "customer will collect it himself"
    """
    _tell(name, "note", {}, reason, if_version, dry_run, store, as_json)


def assign(
    name: OrderName,
    owner: Annotated[
        str, typer.Option("--owner", metavar="NAME", help="Who has it from now on. Required.")
    ] = "",
    group: Annotated[
        str, typer.Option("--group", metavar="NAME", help="Their group, if not the one they are in.")
    ] = "",
    reason: Reason = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Give an order to somebody by name.

    Whatever the routing rules say, it is theirs.

    \b
    Example:
      orderfold order assign 1743650786728319 --owner lin.yue --reason "knows the customer"
    """
    from engine.errors import UsageError

    if not owner:
        raise UsageError("An order is assigned to somebody.", "Name them: --owner NAME.")
    data = {"owner": owner} | ({"group": group} if group else {})
    _tell(name, "assign", data, reason, if_version, dry_run, store, as_json)


def review(
    name: OrderName,
    outcome: Annotated[
        str, typer.Option("--outcome", metavar="passed|rejected", help="The verdict. Required.")
    ] = "",
    reason: Reason = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Answer a review.

    Passed lets the order go on, rejected cancels it.

    \b
    Example:
      orderfold order review 1743650786728319 --outcome passed --reason "known customer"
    """
    from engine.errors import UsageError

    if outcome not in ("passed", "rejected"):
        raise UsageError("A review is passed or rejected.", "Say which: --outcome passed.")
    _tell(name, "review", {"outcome": outcome}, reason, if_version, dry_run, store, as_json)


def cancel(
    name: OrderName,
    lines: Annotated[
        list[str] | None, typer.Option("--line", metavar="LINE", help="Only this line; may be repeated.")
    ] = None,
    reason: Reason = "",
    if_version: IfVersion = 0,
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Cancel an order, or lines of it.

    As long as its map allows it.

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
        held = (
            f"It is held as {', '.join(hold.handle for hold in holds)}." if holds else "It is under no hold."
        )
        raise UsageError(
            f"{subject} has {len(holds)} holds; say which to release. {held}", "Name it with --handle."
        )
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


COMMANDS = (hold, release, unfreeze, note, assign, review, cancel)
"""In the order of the help."""
