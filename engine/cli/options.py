"""Options every command shares, and the arguments that complete from the store."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer


def _of_root(ctx: typer.Context, name: str) -> Any:
    return ctx.find_root().params.get(name)


def _store(ctx: typer.Context, value: str) -> str:
    """`--store` of the command, else before it, else the environment's, else the default."""
    from engine.store.database import DEFAULT_URL

    return value or _of_root(ctx, "store") or os.environ.get("ORDERFOLD_STORE", "") or DEFAULT_URL


def _json(ctx: typer.Context, value: bool) -> bool:
    return value or bool(_of_root(ctx, "as_json"))


def _orders(ctx: typer.Context, incomplete: str) -> list[str]:
    """The first order numbers that begin so, for the shell."""
    from engine.errors import OrderfoldError
    from engine.store.database import Store

    try:
        store = Store.open(_store(ctx, str(ctx.params.get("store") or "")))
    except OrderfoldError:
        return []
    with store.read() as cursor:
        found = cursor.execute(
            "SELECT subject FROM streams WHERE subject >= 'order/' AND subject < 'order0' "
            "AND (substr(subject, 1, length(:full)) = :full OR instr(subject, ':' || :part) > 0) LIMIT 50",
            {"full": f"order/{incomplete}", "part": incomplete},
        ).fetchall()
    store.close()
    subjects = [row[0].removeprefix("order/") for row in found]
    return [subject if subject.startswith(incomplete) else subject.partition(":")[2] for subject in subjects]


StoreUrl = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="URL",
        callback=_store,
        help="The store. [env: ORDERFOLD_STORE; default: ./.orderfold/]",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", callback=_json, help="Data as JSON on stdout, one object a line for lists.")
]
OrderName = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        autocompletion=_orders,
        help="Any number of the order: its platform number or the end of it, channel:number, payment, waybill, WMS.",
        show_default=False,
    ),
]
Reason = Annotated[
    str,
    typer.Option(
        "--reason", metavar="TEXT", help="Why; kept with what is done. Required.", show_default=False
    ),
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done, as it would be written, and do nothing.")
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", help="At most so many, up to 1000.")]


def required(reason: str) -> str:
    """The reason, which every writing command needs. UsageError without one."""
    from engine.errors import UsageError

    if not reason.strip():
        raise UsageError("What changes something needs a reason.", 'Give it: --reason "…".')
    return reason.strip()
