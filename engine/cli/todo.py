"""`orderfold todo`: work that waits for somebody, who has it, and what is to be told to whom."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli import todo_commands
from engine.cli.options import AsJson, Limit, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.callback(invoke_without_command=True)
def todo(
    ctx: typer.Context,
    owner: Annotated[
        str, typer.Option("--owner", metavar="NAME", help="Of this person, or with them now.")
    ] = "",
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="Of this group.")] = "",
    kind: Annotated[
        str,
        typer.Option("--kind", metavar="KIND", help="Of this kind: frozen, sla, diagnosis, stuck, limbo …"),
    ] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only what you have taken or been given.")] = False,
    notices: Annotated[
        bool, typer.Option("--notices", help="What is to be told to whom, instead, latest first.")
    ] = False,
    limit: Limit = 50,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Work that waits for somebody, by group and owner, oldest first.

    \b
    Examples:
      orderfold todo --group risk
      orderfold todo --kind manual_review --json
      orderfold todo show jd:1743650786728319#stuck
      orderfold todo take jd:1743650786728319#stuck
      orderfold todo done jd:1743650786728319#stuck --note "shipped by hand"

    Each item says what happened, who has it and what to do; `show` says why it is there and whom it went to.
    """
    if ctx.invoked_subcommand is not None:
        return
    from engine.cli import screen
    from engine.cli.commanding import who
    from engine.cli.writing import reading
    from engine.views import work

    with reading(store) as look:
        if notices:
            _notices(look, limit, as_json)
            return
        found = work.todo(look, owner, group, kind, who().authid if mine else "", limit)
    if as_json:
        screen.emit_lines(found.items)
        return
    from engine.cli import todo_screen

    todo_screen.items(found)


@app.command("show")
def show(
    name: todo_commands.ItemName,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Why an item is there, whom it went to, what was noted.

    \b
    Example:
      orderfold todo show jd:1743650786728319#stuck
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.views import work

    with reading(store) as look:
        found = work.explained(look, name)
        as_of = look.as_of
    if as_json:
        screen.emit(found)
        return
    from engine.cli import todo_screen

    todo_screen.item(found, as_of)


for command in todo_commands.COMMANDS:
    app.command(command.__name__)(command)


def _notices(look: object, limit: int, as_json: bool) -> None:
    from engine.cli import screen
    from engine.deliver.listing import notices as listed
    from engine.views.queries import Reading

    assert isinstance(look, Reading), "the store is open for reading"
    told = listed(look.store, limit=limit)
    if as_json:
        screen.emit_lines(told)
        return
    screen.table(
        ("order", "when", "what", "to", "by", "status"),
        [
            (
                screen.short(one.order),
                screen.when(one.at),
                one.rule.rpartition(".v")[0],
                one.recipient,
                one.via,
                one.status,
            )
            for one in told
        ],
        spare=("by", "when"),
    )
