"""`orderfold todo`: work that waits for somebody, and what is to be told to whom."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, Limit, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command()
def todo(
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help="Of this person.")] = "",
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="Of this group.")] = "",
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="Of this kind: frozen, sla, conflict, limbo …")
    ] = "",
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
      orderfold todo --kind frozen --json
      orderfold todo --notices

    Each item says what happened and what to do; its order is named, `orderfold order show ID` shows it.
    """
    from engine.cli import screen
    from engine.cli.writing import reading

    with reading(store) as look:
        if notices:
            from engine.deliver.listing import notices as listed

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
            return
        found = look.todo(owner, group, kind, limit)
    if as_json:
        screen.emit_lines(found.items)
        return
    _show(found)


def _show(found: object) -> None:
    from rich.text import Text

    from engine.cli.screen import age, out, plural, say, sheet, short
    from engine.views.queries import Todo, WorkItem

    assert isinstance(found, Todo), "todo gives a Todo"
    if not found.items:
        say("Nothing waits for anybody.", style="dim")
        return
    of: dict[tuple[str, str], list[WorkItem]] = {}
    for item in found.items:
        of.setdefault((item.group, item.owner), []).append(item)
    for (group, owner), items in sorted(of.items()):
        head = Text(f"{group or 'no group'} · {owner or 'nobody'}", style="bold")
        head.append(f"   {plural(len(items), 'item')}", style="dim")
        out().print(head)
        guides: set[str] = set()
        rows: list[tuple[str, Text]] = []
        for item in items:
            text = Text(item.title)
            text.append(f"\n{short(item.order)}" + (f" in {item.state}" if item.state else ""), style="cyan")
            text.append(f"   {item.id.rpartition('#')[2]}", style="dim")
            if item.guide and item.guide not in guides:
                guides.add(item.guide)
                text.append(f"\n{item.guide}", style="dim")
            rows.append((f"{age(item.since, found.as_of):>9}", text))
        sheet(rows)
        out().print()
    if found.total > len(found.items):
        say(
            f"{found.total - len(found.items):,} more; narrow by --owner, --group, --kind, or raise --limit.",
            style="dim",
        )
