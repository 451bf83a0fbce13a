"""`orderfold webhook`: the endpoints that are told of decisions."""

from __future__ import annotations

from typing import Annotated

import typer

from engine.cli.options import AsJson, DryRun, Limit, Reason, StoreUrl, required

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Its name in streams.yaml.")]


@app.callback()
def webhook() -> None:
    """Webhooks: the endpoints that are told of decisions, by Standard Webhooks.

    \b
    Examples:
      orderfold webhook list
      orderfold webhook log erp --failed
      orderfold webhook replay erp --since 2026-11-22T20:00:00Z --reason "it lost a day" --dry-run
    """


@app.command("list")
def list_(store: StoreUrl = "", as_json: AsJson = False) -> None:
    """The endpoints, how each stands, and what it was sent.

    \b
    Example:
      orderfold webhook list
    """
    from engine.cli import screen
    from engine.cli.writing import reading, text_in_force
    from engine.deliver.listing import endpoints

    with reading(store) as look:
        found = endpoints(look.store, text_in_force(look.store), look.now)
    if as_json:
        screen.emit_lines(found)
        return
    if not found:
        screen.say("No endpoint is told anything; streams.yaml has a section `webhooks`.", style="dim")
        return
    screen.table(
        ("endpoint", "state", "messages", "attempts", "last", "url"),
        [
            (
                one.name,
                one.state,
                ", ".join(f"{count:,} {what}" for what, count in one.messages.items()) or "none yet",
                ", ".join(f"{count:,} {what}" for what, count in one.attempts.items()) or "–",
                screen.when(one.last),
                one.url,
            )
            for one in found
        ],
        flexible="state",
        spare=("url", "last"),
    )


@app.command()
def log(
    endpoint: Name,
    failed: Annotated[bool, typer.Option("--failed", help="Only what it did not take.")] = False,
    limit: Limit = 50,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Every attempt to tell an endpoint something, latest first.

    \b
    Examples:
      orderfold webhook log erp
      orderfold webhook log erp --failed --json
    """
    from engine.cli import screen
    from engine.cli.notices import tried
    from engine.cli.writing import reading
    from engine.deliver.listing import log as logged

    with reading(store) as look:
        found = logged(look.store, endpoint, failed, limit)
    if as_json:
        screen.emit_lines(found)
    elif not found:
        screen.say(f"The endpoint {endpoint} was never told anything.", style="dim")
    else:
        tried(found, of=True)


@app.command()
def replay(
    endpoint: Name,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="INSTANT", help="Of decisions from then on, as 2026-11-22T20:00:00Z."
        ),
    ],
    until: Annotated[str, typer.Option("--until", metavar="INSTANT", help="And before then.")] = "",
    failed: Annotated[bool, typer.Option("--failed", help="Only what it did not take.")] = False,
    reason: Reason = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Send an endpoint again what it was sent, under the ids it had.

    \b
    Examples:
      orderfold webhook replay erp --since 2026-11-22T20:00:00Z --failed --reason "it was down"
      orderfold webhook replay erp --since 2026-11-22T20:00:00Z --reason "it lost a day" --dry-run
    """
    from engine.cli import screen
    from engine.cli.notices import asked
    from engine.cli.writing import reading
    from engine.deliver import again
    from engine.deliver.listing import opened

    begins = _instant(since)
    with reading(store) as look:
        ends = _instant(until) if until else look.now
        if dry_run:
            with opened(look.store) as outbox:
                count = len(again.replayed(outbox, endpoint, begins, ends, failed))
            screen.emit({"count": count}) if as_json else print(
                f"Would send {screen.plural(count, 'message')} again."
            )
            return
    body = {"since": since, "failed": failed, "reason": required(reason)} | (
        {"until": until} if until else {}
    )
    done = asked(
        store,
        f"/v1/webhooks/{endpoint}/replay",
        body,
        lambda held, now, who: again.replay(held, endpoint, begins, ends, failed, now, who, reason),
    )
    screen.emit(done) if as_json else print(f"{screen.plural(done['count'], 'message')} will be sent again.")


@app.command()
def enable(endpoint: Name, reason: Reason = "", store: StoreUrl = "", as_json: AsJson = False) -> None:
    """Let an endpoint be told again that had answered 410 Gone.

    \b
    Example:
      orderfold webhook enable erp --reason "it has moved back"
    """
    from engine.cli import screen
    from engine.cli.notices import asked
    from engine.deliver import again

    done = asked(
        store,
        f"/v1/webhooks/{endpoint}/enable",
        {"reason": required(reason)},
        lambda held, now, who: again.enable(held, endpoint, now, who, reason),
    )
    screen.emit(done) if as_json else print(f"{endpoint} is told again of what is decided from now on.")


def _instant(text: str) -> int:
    """RFC 3339 → µs UTC. UsageError for anything else."""
    from datetime import datetime

    import msgspec

    from engine.errors import UsageError
    from schemas.envelope import micros

    try:
        return micros(msgspec.convert(text, datetime))
    except (msgspec.ValidationError, ValueError):
        raise UsageError(f"{text!r} is no instant.", "Write RFC 3339, as 2026-11-22T20:00:00Z.") from None
