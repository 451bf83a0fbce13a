"""`orderfold replay`: whether what is recorded follows from the log."""

from __future__ import annotations

import typer

from engine.cli.options import AsJson, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def replay() -> None:
    """Fold the log again and compare.

    \b
    Example:
      orderfold replay verify
    """


@app.command()
def verify(store: StoreUrl = "", as_json: AsJson = False) -> int:
    """Compare all that is recorded with a fresh fold.

    Hashes, order of records, states and decisions.

    \b
    Examples:
      orderfold replay verify
      orderfold replay verify --json

    Exit code 7 when there is a difference; each is named by its place.
    """
    from engine.cli import screen
    from engine.cli.progress import Progress
    from engine.cli.writing import reading
    from engine.errors import VerificationFailed
    from engine.replay.verify import verify as verified

    with reading(store) as look, Progress("verify", unit="records") as progress:

        def told(done: int, total: int) -> None:
            progress.total = total
            progress.at(done)

        found = verified(look.store, told)
    if as_json:
        screen.emit(found)
        return VerificationFailed.exit_code if found.found else 0
    looked = f"{found.records:,} records of {found.streams:,} streams, {found.rows:,} rows, "
    looked += f"{found.keys:,} keys of stage 2, {found.decisions:,} decisions"
    if not found.found:
        print(f"All follows from the log: {looked}.")
        return 0
    print(f"{screen.plural(found.found, 'difference')} in {looked}:")
    screen.table(
        ("kind", "place", "what"),
        [
            (one.kind, f"{one.partition}:{one.position} {screen.short(one.subject)}".rstrip(), one.detail)
            for one in found.differences
        ],
        flexible="what",
    )
    if found.found > len(found.differences):
        screen.say(f"and {found.found - len(found.differences):,} more", style="dim")
    kinds = {one.kind for one in found.differences}
    if kinds <= {"state"}:
        screen.say("The log is whole and the views are not: `orderfold projection rebuild` makes them anew.")
    else:
        screen.say(
            "The log itself, or what was decided, differs: restore the store from a backup, and keep this one to look into."
        )
    return VerificationFailed.exit_code
