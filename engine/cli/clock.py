"""`orderfold clock`: where a store stands in time."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, DryRun, Reason, StoreUrl, required

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def clock() -> None:
    """Where a store of history stands in time. A live store goes by the wall clock.

    \b
    Examples:
      orderfold clock advance 2018-11-01T00:00:00Z --reason "to the end of the season"
      orderfold clock advance now --reason "goes live"
    """


@app.command()
def advance(
    to: Annotated[
        str, typer.Argument(metavar="INSTANT", help="RFC 3339, or now, which makes the store live.")
    ],
    reason: Reason = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Move the clock of a store of history. Every deadline up to there is judged; it does not go back.

    \b
    Examples:
      orderfold clock advance 2018-11-01T00:00:00Z --reason "to the end of the season" --dry-run
      orderfold clock advance now --reason "goes live"
    """
    import json

    from engine.cli import screen
    from engine.cli.simulate import instant
    from engine.cli.writing import ask, free_of_holder, holding, reading
    from engine.views.queries import moment
    from schemas.envelope import rfc3339

    target = instant(to)
    if dry_run:
        with reading(store) as look:
            with look.store.read() as cursor:
                timers = cursor.execute(
                    "SELECT count(*) FROM rows WHERE due > 0 AND due <= ?", (target,)
                ).fetchone()[0]
            stands, kind = look.as_of, look.kind
        if as_json:
            screen.emit({"stands_at": stands, "kind": kind, "to": moment(target), "timers": timers})
        else:
            print(
                f"The store ({kind}) stands at {screen.when(stands)}; {screen.plural(timers, 'timer')} due up to {rfc3339(target)}."
            )
        return
    required(reason)
    holder = free_of_holder(store)
    if holder is not None:
        answer = ask(holder.address, "POST", "/v1/clock", json.dumps({"to": to}).encode())
        stands_at, kind = answer["stands_at"], answer["kind"]
    else:
        with holding(store, "clock advance") as engine:
            stands_at = rfc3339(engine.advance(None if to == "now" else target))
            kind = engine.kind
    if as_json:
        screen.emit({"stands_at": stands_at, "kind": kind})
    else:
        print(f"The store stands at {stands_at} and is {'live' if kind == 'live' else 'one of history'}.")
