"""`orderfold store`: what a store holds, and who writes it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from engine.cli.options import AsJson, DryRun, Reason, StoreUrl, required

if TYPE_CHECKING:
    from engine.store.copying import Fill, Progress
    from engine.store.database import Store

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def store() -> None:
    """What a store holds, and who writes it.

    \b
    Example:
      orderfold store info
      orderfold store copy .orderfold /data/orders --partitions 32 --reason "more writers"
    """


@app.command()
def info(store: StoreUrl = "", as_json: AsJson = False) -> None:
    """Kind, clock, size, partitions, policy and holder of a store.

    \b
    Examples:
      orderfold store info
      orderfold store info --json
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.views.summary import last_ingest

    with reading(store) as look:
        owned = look.store.ownership()
        settings = dict(look.store.settings())
        holder = look.store.lock.holder()
        size = look.store.size_bytes()
        with look.store.read() as cursor:
            aliases, letters = (
                cursor.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("aliases", "dead_letters")
            )
        found = {
            "directory": str(look.store.directory.resolve()),
            "format": int(settings.get("format", 0)),
            "kind": look.kind,
            "as_of": look.as_of,
            "partitions": look.store.partitions,
            "streams": sum(own.streams for own in owned),
            "records": sum(own.position for own in owned),
            "inputs": sum(own.inputs for own in owned),
            "duplicates": sum(own.duplicates for own in owned),
            "aliases": aliases,
            "dead_letters": letters,
            "bytes": size,
            "policy": look.policy.hash,
            "holder": holder,
            "last_ingest": last_ingest(look.store),
        }
        policy = look.policy.name
    if as_json:
        screen.emit(found)
        return
    last = found["last_ingest"]
    screen.sheet(
        [
            ("store", str(found["directory"])),
            ("kind", f"{found['kind']}, stands at {screen.when(look.as_of)} UTC"),
            (
                "holds",
                f"{found['inputs']:,} events and {found['records'] - found['inputs']:,} receipts in {found['streams']:,} streams",
            ),
            ("", f"{aliases:,} numbers of orders, {letters:,} dead letters"),
            (
                "size",
                f"{size / 2**20:,.1f} MiB in {found['partitions']} partitions, format {found['format']}",
            ),
            ("policy", f"{policy} ({str(found['policy'])[:12]})"),
            (
                "writer",
                f"{holder.command} (pid {holder.pid}){f', serves {holder.address}' if holder.address else ''}"
                if holder is not None
                else "nobody",
            ),
            (
                "ingest",
                f"last one {last.events:,} events in {last.seconds:.1f} s"
                if last is not None
                else "none yet",
            ),
        ]
    )


Target = Annotated[
    str, typer.Argument(metavar="TARGET", help="Where there is nothing yet.", show_default=False)
]
Partitions = Annotated[
    int,
    typer.Option("--partitions", metavar="N", help="Of the new store. Default: as many.", min=0, max=4096),
]
Derive = Annotated[
    bool,
    typer.Option("--derive", help="Derive what merging compares, for orders taken in before it was derived."),
]


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="The store to copy.", show_default=False)],
    target: Target,
    partitions: Partitions = 0,
    derive: Derive = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Copy a store into a new one, its stamps kept.

    \b
    Examples:
      orderfold store copy .orderfold /data/orders --partitions 32 --reason "more writers"
      orderfold store copy .orderfold copy --derive --reason "merge what came in before" --dry-run

    Views and decisions follow from folding again; nothing is sent again. The old store stays as it is.
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.errors import Refused
    from engine.store.copying import copy_store
    from engine.store.database import store_directory
    from engine.views.queries import wall_clock

    with reading(source) as look, ExitStack() as bars:
        records = sum(own.position for own in look.store.ownership())
        if store_directory(target).exists():
            raise Refused(
                f"There is something at {target} already.", "Name a place where there is nothing yet."
            )
        if dry_run:
            count = partitions or look.store.partitions
            found = {"records": records, "partitions": count, "target": target, "derive": derive}
            screen.emit(found) if as_json else print(
                f"Would copy {records:,} records into {screen.plural(count, 'partition')} at {target}."
            )
            return
        why = required(reason)
        if (holder := look.store.lock.holder()) is not None:
            screen.say(
                f"`{holder.command}` (pid {holder.pid}) writes the store; what it adds from now on is not copied."
            )
        fill = _fill(look.store) if derive else None
        copied = copy_store(look.store, target, partitions, fill, wall_clock(), why, _progress(bars))
    if as_json:
        screen.emit(copied)
        return
    print(
        f"Copied {copied.records:,} records of {screen.plural(copied.streams, 'stream')} into "
        f"{screen.plural(copied.partitions, 'partition')} at {target}"
        f"{f', {copied.derived:,} of them with what is derived now' if derive else ''}."
    )


def _fill(store: Store) -> Fill:
    """What intake would derive today, by the policy in force."""
    from engine.cli.writing import text_in_force
    from engine.intake.normalise import derive
    from engine.settings import rules_of

    rules = rules_of(text_in_force(store))
    return lambda event: derive(event.type, event.data, rules.country_of(event.channel), event.channel)


def _progress(bars: ExitStack) -> Progress:
    """A bar for each stage, begun when the stage begins."""
    from engine.cli.progress import Progress as Bar

    begun: dict[str, Bar] = {}

    def tell(stage: str, done: int, total: int) -> None:
        if stage not in begun:
            begun[stage] = bars.enter_context(Bar(stage, total, "records"))
        begun[stage].at(done)

    return tell
