"""`orderfold simulate`: a seeded world of orders, into a file, with what a correct engine finds in it beside."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.cli.options import AsJson

app = typer.Typer(rich_markup_mode=None, add_completion=False)


Orders = Annotated[int, typer.Option("--orders", metavar="N", help="How many orders.", min=1)]
Seed = Annotated[int, typer.Option("--seed", metavar="S", help="The same seed gives the same bytes.", min=0)]
Scenario = Annotated[
    str,
    typer.Option(
        "--scenario",
        metavar="NAME",
        help="normal, sales-night, sync-stopped, stock-down; over days: day, node-failing, sync-died, "
        "address-table-empty, stock-refused, standing-still.",
    ),
]
Days = Annotated[
    int,
    typer.Option(
        "--days",
        metavar="N",
        help="How many days, for a scenario over days: what is usual is learned from the first.",
        min=0,
    ),
]
End = Annotated[str, typer.Option("--end", metavar="INSTANT", help="When the world ends: now, or RFC 3339.")]
To = Annotated[
    str, typer.Option("--to", metavar="FILE", help="Where to write; .gz is compressed, - is stdout.")
]
Answers = Annotated[
    str,
    typer.Option(
        "--answers",
        metavar="FILE",
        help="Where to write the answers. Default: beside FILE, as .answers.json.",
    ),
]
PolicyFile = Annotated[
    str, typer.Option("--policy", metavar="FILE", help="The rules the answers go by. Default: streams.yaml.")
]


@app.command()
def simulate(
    orders: Orders = 2_000,
    seed: Seed = 1,
    scenario: Scenario = "normal",
    days: Days = 0,
    end: End = "now",
    to: To = "-",
    answers: Answers = "",
    policy: PolicyFile = "",
    as_json: AsJson = False,
) -> None:
    """Write a seeded world of orders as CloudEvents, one a line, in order of arrival.

    \b
    Examples:
      orderfold simulate --orders 20000 --seed 7 --scenario sales-night --to night.jsonl
      orderfold simulate --orders 4000 --scenario sync-died --days 8 --to week.jsonl
      orderfold simulate --orders 500 --end 2026-11-12T00:00:00Z --to - | orderfold ingest - --historical

    It holds parcels, deposits, waybill scans that know no order, delays, silences, duplicates, repeats, late, illegal and
    malformed events, look-alike customers and ailing nodes, as the scenario has them. The answers say exactly what is
    frozen, late, repeated, breached, which orders stand still since when, and which are of one person to one address.
    """
    from engine.cli import screen
    from engine.cli.progress import Progress
    from engine.cli.writing import policy_text
    from engine.errors import UsageError
    from engine.policy.load import load_policy
    from engine.simulate import simulate as drawn
    from engine.simulate import terms_of, write
    from engine.views.queries import wall_clock

    until = instant(end)
    compiled, _ = load_policy(policy_text(policy), now=wall_clock())
    world = drawn(orders, seed, scenario, until, terms_of(compiled), days)
    beside = answers or ("" if to == "-" else f"{to.removesuffix('.gz').removesuffix('.jsonl')}.answers.json")
    try:
        with Progress("simulate", orders, "orders") as progress:
            written = write(world, to, beside or None, lambda lines, begun: progress.at(begun))
    except OSError as error:
        raise UsageError(
            f"{error.filename or to} cannot be written: {error.strerror}.", "Choose another --to."
        ) from None
    receipt = {
        "orders": orders,
        "seed": seed,
        "scenario": scenario,
        "end": written.answers["as_of"],
        "events": written.lines,
        "bytes": written.bytes,
        "file": to,
        "answers": beside,
    }
    if as_json and to != "-":
        screen.emit(receipt)
        return
    said = f"Wrote {written.lines:,} events of {screen.plural(orders, 'order')}, ending {receipt['end']}"
    print(
        f"{said}{f', to {to}' if to != '-' else ''}{f'; answers in {beside}' if beside else ''}.",
        file=sys.stderr,
    )


def instant(text: str) -> int:
    """`now` or RFC 3339 → µs UTC. UsageError for anything else."""
    from datetime import datetime

    import msgspec

    from engine.errors import UsageError
    from engine.views.queries import wall_clock
    from schemas.envelope import micros

    if text == "now":
        return wall_clock()
    try:
        return micros(msgspec.convert(text, datetime))
    except (msgspec.ValidationError, ValueError):
        raise UsageError(
            f"{text!r} is no instant.", "Write RFC 3339, as 2026-11-22T20:00:00Z, or now."
        ) from None
