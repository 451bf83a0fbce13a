"""`orderfold merge`: orders that may travel together: what waits for an answer, why, and the answer."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, DryRun, Limit, OrderName, Reason, StoreUrl, required

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

MergeName = Annotated[
    str,
    typer.Argument(
        metavar="MERGE",
        help="A merge or batch as the list names it, or any number of an order that has one.",
        show_default=False,
    ),
]
Names = Annotated[
    list[str],
    typer.Argument(
        metavar="MERGE|ORDER ORDER…",
        help="A suggestion as the list names it, or the orders by any of their numbers.",
        show_default=False,
    ),
]


@app.callback()
def merge() -> None:
    """Orders of one customer to one address, that may travel in one parcel.

    \b
    Examples:
      orderfold merge list
      orderfold merge why jd:1743650786728319 taobao:4021
      orderfold merge accept jd:1743650786728319 taobao:4021 --reason "same voice on the phone"

    A merge never touches the orders; it can be undone until the first label is printed.
    """


@app.command("list")
def list_(
    status: Annotated[
        str,
        typer.Option(
            "--status",
            metavar="STATUS",
            help="suggested, live, labelled, shipped, dissolved, refused, undone or expired; else what is open.",
        ),
    ] = "",
    limit: Limit = 50,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """What travels together, and what waits for a yes or no.

    \b
    Examples:
      orderfold merge list
      orderfold merge list --status suggested --json
      orderfold merge list --status dissolved
    """
    from engine.cli import merge_screens, screen
    from engine.cli.writing import reading
    from engine.views.merges import merges

    with reading(store) as look:
        found = merges(look, status, limit)
    if as_json:
        screen.emit_lines(found.lines)
    else:
        merge_screens.lines(found, status)


@app.command()
def show(name: MergeName, store: StoreUrl = "", as_json: AsJson = False) -> None:
    """One suggestion or batch, with all that was done.

    Its orders masked, the evidence, and who did what, when and why.

    \b
    Examples:
      orderfold merge show jd:1743650786728319
      orderfold merge show batch/jd:1743650786728319+taobao:4021 --json
    """
    from engine.cli import merge_screens, screen
    from engine.cli.writing import reading
    from engine.views.merges import show as shown

    with reading(store) as look:
        found = shown(look, name)
    if as_json:
        screen.emit(found)
    else:
        merge_screens.page(found)


@app.command()
def why(
    first: OrderName,
    second: Annotated[
        str, typer.Argument(metavar="ID", help="The other order, as well by any number.", show_default=False)
    ],
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Why two orders travel together or do not.

    \b
    Example:
      orderfold merge why jd:1743650786728319 taobao:4021

    It answers for any two orders, also such as were never compared.
    """
    from engine.cli import merge_screens, screen
    from engine.cli.writing import reading
    from engine.views.merges import why as asked

    with reading(store) as look:
        found = asked(look, first, second)
    if as_json:
        screen.emit(found)
    else:
        merge_screens.answer(found)


@app.command()
def accept(
    names: Names, reason: Reason = "", dry_run: DryRun = False, store: StoreUrl = "", as_json: AsJson = False
) -> None:
    """Let orders travel together.

    \b
    Examples:
      orderfold merge accept jd:1743650786728319+taobao:4021 --reason "customer confirmed"
      orderfold merge accept jd:1743650786728319 taobao:4021 --reason "customer confirmed"
    """
    _tell(names, "accept", reason, dry_run, store, as_json)


@app.command()
def refuse(
    names: Names, reason: Reason = "", dry_run: DryRun = False, store: StoreUrl = "", as_json: AsJson = False
) -> None:
    """Keep orders apart.

    What is suggested of them is answered, and not suggested again.

    \b
    Example:
      orderfold merge refuse jd:1743650786728319 taobao:4021 --reason "two flats of one house"
    """
    _tell(names, "refuse", reason, dry_run, store, as_json)


@app.command()
def undo(
    name: MergeName,
    reason: Reason = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Dissolve a batch, as long as no label of it is printed.

    \b
    Example:
      orderfold merge undo jd:1743650786728319 --reason "customer wants two parcels"
    """
    _tell([name], "undo", reason, dry_run, store, as_json)


def _tell(names: list[str], word: str, reason: str, dry_run: bool, store: str, as_json: bool) -> None:
    """Carry a verdict out by whoever writes the store, and say how the merge then stands."""
    from engine.cli import commanding, merge_screens, screen

    done: dict[str, Any] = commanding.command_merge(store, names, word, required(reason), dry_run)
    if as_json or dry_run:
        screen.emit(done["would_append"] if dry_run else done)
    else:
        merge_screens.told(done)
