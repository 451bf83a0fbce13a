"""`orderfold notices`: who was to be told of what, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, DryRun, Limit, Reason, StoreUrl, required

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def notices() -> None:
    """Notices: who is to be told of what, by what, and what became of it.

    \b
    Examples:
      orderfold notices list --status failed
      orderfold notices show 4f1c
      orderfold notices retry --failed --reason "the robot's key was changed"
    """


@app.command("list")
def list_(
    status: Annotated[
        str, typer.Option("--status", metavar="STATUS", help="waiting, sent, failed or suppressed.")
    ] = "",
    via: Annotated[str, typer.Option("--via", metavar="DELIVERY", help="By this delivery.")] = "",
    limit: Limit = 50,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Notices, latest first.

    \b
    Examples:
      orderfold notices list
      orderfold notices list --status suppressed --json
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.deliver.listing import counts
    from engine.deliver.listing import notices as listed

    with reading(store) as look:
        found = listed(look.store, status, via, limit)
        by_status = counts(look.store)
    if as_json:
        screen.emit_lines(found)
        return
    if not found:
        screen.say("No notice matches.", style="dim")
        return
    screen.say(", ".join(f"{count:,} {what}" for what, count in by_status.items()), style="dim")
    screen.table(
        ("id", "of", "when", "what", "to", "by", "status"),
        [
            (
                one.id[:8],
                screen.short(one.order),
                screen.when(one.at),
                one.kind,
                one.recipient.removeprefix("@"),
                one.via,
                one.status,
            )
            for one in found
        ],
        flexible="status",
        spare=("by", "when"),
    )


@app.command()
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="Its id, or the beginning of it.")],
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """A notice's words, and every attempt to send it.

    \b
    Example:
      orderfold notices show 4f1c
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.deliver.listing import notice

    with reading(store) as look:
        found = notice(look.store, id_)
    if as_json:
        screen.emit(found)
        return
    one = found.notice
    rows = [
        ("notice", one.id),
        ("of", f"{one.order}, {one.rule} at {screen.when(one.at)} UTC"),
        ("to", f"{one.recipient.removeprefix('@')} by {one.via}"),
        ("status", one.status + (f", next try {screen.when(found.next)} UTC" if found.next else "")),
    ]
    if found.text:
        together = f" (with {found.together - 1:,} more)" if found.together > 1 else ""
        rows += [("sent as", found.key + together), ("title", found.title), ("text", found.text)]
    screen.sheet(rows)
    if found.attempts:
        print()
        tried(found.attempts)


def tried(attempts: Any, of: bool = False) -> None:
    """Attempts as a table; with `of`, what each was to tell."""
    from engine.cli import screen

    extra = ("type", "of", "id") if of else ()
    screen.table(
        ("when", *extra, "outcome", "took", "detail"),
        [
            (
                screen.when(one.at),
                *((one.type.rpartition(".v")[0], screen.short(one.subject), one.message) if of else ()),
                f"{one.outcome} {one.status or ''}".strip(),
                f"{one.milliseconds:,} ms",
                one.detail,
            )
            for one in attempts
        ],
        right=("took",),
        flexible="detail",
        spare=("id", "took"),
    )


@app.command()
def retry(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]…", help="Which, by their ids or the beginning of them."),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Send notices again that failed or were suppressed.

    They go under the key they had. What was suppressed stays so while its reason holds. Nobody is told of history.

    \b
    Examples:
      orderfold notices retry 4f1c --reason "the robot is back"
      orderfold notices retry --failed --reason "the robot's key was changed" --dry-run
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.deliver import again
    from engine.errors import UsageError

    if bool(ids) == failed:
        raise UsageError("Notices are named, or all that failed.", "Give their ids, or --failed.")
    with reading(store) as look:
        chosen = again.chosen(look.store, ids or [], failed)
    if dry_run:
        screen.emit({"ids": chosen}) if as_json else print(
            f"Would send {screen.plural(len(chosen), 'notice')} again."
        )
        return
    done = asked(
        store,
        "/v1/notices/retry",
        ({"failed": True} if failed else {"ids": chosen}) | {"reason": required(reason)},
        lambda held, now, who: again.retry(held, chosen, now, who, reason),
    ) if chosen else {"count": 0}  # fmt: skip
    screen.emit(done) if as_json else print(f"{screen.plural(done['count'], 'notice')} will be sent again.")


def asked(store: str, path: str, body: dict[str, Any], here: Any) -> dict[str, Any]:
    """What the holder's API answers, or `here(store, now, who)` where nobody holds the store."""
    import json

    import msgspec

    from engine.cli.commanding import who
    from engine.cli.writing import ask, free_of_holder, reading

    holder = free_of_holder(store)
    if holder is not None:
        answer: dict[str, Any] = ask(holder.address, "POST", path, json.dumps(body).encode())
        return answer
    with reading(store) as look:
        found: dict[str, Any] = msgspec.to_builtins(here(look.store, look.now, who().authid))
        return found
