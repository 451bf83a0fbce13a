"""What people tell of work: each a command of `orderfold todo`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, DryRun, StoreUrl, required

ItemName = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="The item as the list names it, such as jd:1#stuck; the order alone where it has only one.",
        show_default=False,
    ),
]
Said = Annotated[
    str, typer.Option("--reason", "--note", metavar="TEXT", help="What to say with it; kept with the item.")
]


def take(
    name: ItemName,
    reason: Said = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Take an item on.

    It is yours then, and goes to nobody else before your supervisor.

    \b
    Examples:
      orderfold todo take jd:1743650786728319#stuck
      orderfold todo take channel/jd#silent:orders --note "calling them"
    """
    _tell(name, "take", {}, reason, dry_run, store, as_json)


def assign(
    name: ItemName,
    owner: Annotated[
        str, typer.Option("--owner", "--to", metavar="NAME", help="Who has it from now on. Required.")
    ] = "",
    group: Annotated[
        str, typer.Option("--group", metavar="NAME", help="Their group, if not the one they are in.")
    ] = "",
    reason: Said = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Give an item to somebody by name.

    They are told of it, and its ladder begins anew.

    \b
    Example:
      orderfold todo assign jd:1743650786728319#stuck --owner lin.yue --reason "knows the shop"
    """
    from engine.errors import UsageError

    if not owner:
        raise UsageError("An item is assigned to somebody.", "Name them: --owner NAME.")
    data = {"owner": owner} | ({"group": group} if group else {})
    _tell(name, "assign", data, required(reason), dry_run, store, as_json)


def note(
    name: ItemName,
    reason: Annotated[
        str, typer.Option("--reason", "--note", "--text", metavar="TEXT", help="The note itself. Required.")
    ] = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Write down what you learnt; the item stays open.

    \b
    Example:
      orderfold todo note jd:1743650786728319#stuck --note "warehouse looks for it until noon"
    """
    _tell(name, "note", {}, required(reason), dry_run, store, as_json)


def done(
    name: ItemName,
    reason: Annotated[
        str, typer.Option("--reason", "--note", metavar="TEXT", help="What was done. Required.")
    ] = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Say that an item is done.

    It is closed with your words. A frozen order is not: unfreeze it.

    \b
    Example:
      orderfold todo done jd:1743650786728319#stuck --note "shipped by hand, the scan follows"
    """
    _tell(name, "done", {}, required(reason), dry_run, store, as_json)


def _tell(
    name: str, word: str, data: dict[str, Any], said: str, dry_run: bool, store: str, as_json: bool
) -> None:
    """Carry a command out by whoever writes the store, and say how the item then stands."""
    from engine.cli import commanding, screen

    made = commanding.command_work(store, name, word, data, said.strip(), dry_run)
    if as_json or dry_run:
        screen.emit(made["would_append"] if dry_run else made)
        return
    item = made["item"]
    if item is None:
        screen.say(f"Done: {name} is closed.")
        return
    whose = item["holder"] or item["group"] or "nobody"
    screen.say(f"{screen.short(item['id'])} is with {whose}; {screen.plural(len(item['notes']), 'note')}.")


COMMANDS = (take, assign, note, done)
"""In the order of the help."""
