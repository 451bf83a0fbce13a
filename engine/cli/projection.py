"""`orderfold projection`: the views, which can always be made anew from the log."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, DryRun, Reason, StoreUrl, required

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

PARTLY = 3


@app.callback()
def projection() -> None:
    """How far the views are; rebuild them; retry orders a fold failed on.

    \b
    Examples:
      orderfold projection list
      orderfold projection rebuild --reason "after a restore"
      orderfold projection retry --all --reason "fixed in 1.4"
    """


@app.command("list")
def list_(store: StoreUrl = "", as_json: AsJson = False) -> None:
    """The folds, how far they are, and what failed.

    \b
    Example:
      orderfold projection list
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.views.projections import progress

    with reading(store) as look:
        found = progress(look)
    if as_json:
        screen.emit(found)
        return
    screen.table(
        ("stage", "fold", "version", "of"),
        [(str(one.stage), one.name, str(one.version), one.kind) for one in found.folds],
    )
    print()
    behind = sum(one.log - one.position for one in found.partitions)
    print(
        f"{screen.plural(len(found.partitions), 'partition')}, {found.rows:,} rows; "
        + (f"{behind:,} records behind the log" if behind else "level with the log")
        + f"; folded to {screen.when(found.watermark)} UTC; {screen.plural(found.timers, 'timer')} waiting"
    )
    print(
        f"Stage 2: {screen.plural(found.keys, 'key')}, judged to {screen.when(found.judged)} UTC; "
        f"{screen.plural(found.facts, 'fact')} waiting"
    )
    if found.faults:
        print()
        screen.table(
            ("faulted", "fold", "since", "waiting", "why"),
            [
                (screen.short(one.subject), one.fold, screen.when(one.at), one.waiting, one.error)
                for one in found.faults
            ],
            right=("waiting",),
            flexible="why",
        )
        screen.say(
            "Once the fold is right: `orderfold projection retry --all --reason …`; stage 2 is made anew by "
            "`orderfold projection rebuild`.",
            style="dim",
        )


@app.command()
def rebuild(
    reason: Reason = "", dry_run: DryRun = False, store: StoreUrl = "", as_json: AsJson = False
) -> None:
    """Make the views anew from the log.

    They are put in place when they are whole. Nothing is decided anew, nothing is sent.

    \b
    Examples:
      orderfold projection rebuild --reason "after a restore" --dry-run
      orderfold projection rebuild --reason "after a restore"
    """
    from engine.cli import screen
    from engine.cli.progress import Progress
    from engine.cli.writing import reading
    from engine.errors import Busy
    from engine.replay.rebuild import rebuild as rebuilt
    from engine.store.database import Store
    from engine.store.lock import this_process

    with reading(store) as look:
        records = sum(own.position for own in look.store.ownership())
        holder = look.store.lock.holder()
    if dry_run:
        screen.emit({"records": records}) if as_json else print(
            f"Would fold {records:,} records into fresh views."
        )
        return
    required(reason)
    if holder is not None and holder.address:
        raise Busy(
            f"The store is held by `{holder.command}` (pid {holder.pid}), which serves {holder.address}.",
            "A rebuild needs the store to itself: stop it, and try again.",
        )
    # Not by way of the engine: views that do not belong to the log are what it would stop at.
    owned = Store.open(store)
    try:
        owned.lock.take(this_process("orderfold projection rebuild"), 30.0)
        with Progress("rebuild", records, "records") as progress:
            rows = rebuilt(owned, lambda done, total: progress.at(done))
    finally:
        owned.close()
    if as_json:
        screen.emit({"records": records, "rows": rows})
    else:
        print(f"Folded {records:,} records into {rows:,} rows.")


@app.command()
def retry(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]…", help="Any number of a faulted order.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every faulted key.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> int:
    """Fold keys again that a fold failed on.

    \b
    Examples:
      orderfold projection retry 1743650786728319 --reason "fixed in 1.4"
      orderfold projection retry --all --reason "fixed in 1.4" --dry-run

    Exit code 3 when some fail again.
    """
    from engine.cli import screen
    from engine.cli.writing import holding, reading
    from engine.errors import UsageError
    from engine.views.projections import progress

    if bool(names) == all_:
        raise UsageError("Keys are named, or all of them.", "Give their numbers, or --all.")
    with reading(store) as look:
        faulted = [one.subject for one in progress(look).faults]
        chosen = faulted if all_ else [look.resolve(name) for name in names or ()]
    sound = [subject for subject in chosen if subject not in faulted]
    if sound:
        raise UsageError(
            f"No fold failed on {', '.join(sound)}.", "`orderfold projection list` names the faulted keys."
        )
    if dry_run:
        screen.emit({"keys": chosen}) if as_json else print(
            f"Would fold {screen.plural(len(chosen), 'key')} again."
        )
        return 0
    required(reason)
    failed: list[Any] = []
    if chosen:
        with holding(store, "projection retry") as engine:
            failed = [subject for subject in chosen if not engine.host.retry(subject)]
            engine.flush()
    if as_json:
        screen.emit({"retried": len(chosen), "failed": failed})
    else:
        print(f"Folded {screen.plural(len(chosen), 'key')} again; {len(failed):,} failed again.")
    return PARTLY if failed else 0
