"""`orderfold store`: what a store holds, and who writes it."""

from __future__ import annotations

import typer

from engine.cli.options import AsJson, StoreUrl

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def store() -> None:
    """What a store holds, and who writes it.

    \b
    Example:
      orderfold store info
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
