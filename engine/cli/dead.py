"""`orderfold dead`: what intake did not take."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer

from engine.cli.options import AsJson, DryRun, Limit, Reason, StoreUrl, required

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

PAGE = 1_000
PARTLY = 3

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]…", help="Which, by their number in the list.")]
All = Annotated[bool, typer.Option("--all", help="All that wait, or all of one --because.")]
Because = Annotated[
    str, typer.Option("--because", metavar="REASON", help="Those dead for this reason, as the list names it.")
]


@app.callback()
def dead() -> None:
    """Dead letters: what could not be taken in, kept with its bytes and the reason.

    \b
    Examples:
      orderfold dead list
      orderfold dead show 17
      orderfold dead replay --all --because bad-time --reason "intake.earliest was too late" --dry-run
      orderfold dead drop 17 --reason "a test of the gateway"
    """


@app.command("list")
def list_(
    status: Annotated[
        str, typer.Option("--status", metavar="STATUS", help="waiting, replayed, dropped, or all.")
    ] = "waiting",
    because: Because = "",
    source: Annotated[str, typer.Option("--source", metavar="SOURCE", help="From this source.")] = "",
    limit: Limit = 50,
    after: Annotated[int, typer.Option("--after", metavar="ID", help="Go on behind this one.", min=0)] = 0,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Dead letters, oldest first.

    \b
    Examples:
      orderfold dead list
      orderfold dead list --because bad-data --json
    """
    from engine import dead_letters
    from engine.cli import screen
    from engine.cli.writing import reading

    with reading(store) as look:
        found = dead_letters.letters(
            look.store,
            status="" if status == "all" else status,
            reason=because,
            source=source,
            limit=limit,
            after=after,
        )
    if as_json:
        screen.emit_lines(found.letters)
    elif not found.letters:
        screen.say("No dead letter matches.", style="dim")
    else:
        screen.say(
            f"{screen.plural(found.total, 'letter')}: "
            + ", ".join(f"{reason} {count:,}" for reason, count in found.reasons.items()),
            style="dim",
        )
        screen.table(
            ("id", "reason", "came from", "what is wrong"),
            [(str(one.id), one.reason, one.origin, one.detail) for one in found.letters],
            right=("id",),
            flexible="what is wrong",
        )
    if found.after:
        screen.say(f"More: add --after {found.after}", style="dim")


@app.command()
def show(
    id_: Annotated[int, typer.Argument(metavar="ID", help="Its number in the list.")],
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """One dead letter with its bytes, personal fields masked.

    \b
    Example:
      orderfold dead show 17
    """
    from msgspec.structs import replace

    from engine import dead_letters
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.views.masking import masked_json

    with reading(store) as look:
        found = dead_letters.opened(look.store, id_)
    found = replace(found, raw=masked_json(found.raw), stored=masked_json(found.stored))
    if as_json:
        screen.emit(found)
        return
    letter = found.letter
    rows = [
        ("letter", f"{letter.id}, {letter.status}, since {screen.when(letter.at)}"),
        ("reason", letter.reason),
        ("wrong", letter.detail),
        ("came from", letter.origin),
    ]
    for label, value in (
        ("source", letter.source),
        ("subject", letter.subject),
        ("type", letter.type),
        ("event", letter.event),
    ):
        if value:
            rows.append((label, value))
    rows.append(("bytes", found.raw))
    if found.stored:
        rows.append(("kept", found.stored))
    if not letter.replayable:
        rows.append(("replay", "its bytes are no whole event: read it, then drop it"))
    screen.sheet(rows)


@app.command()
def replay(
    ids: Ids = None,
    all_: All = False,
    because: Because = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> int:
    """Send dead letters through intake again.

    Under the rules in force now.

    \b
    Examples:
      orderfold dead replay 17 18 --reason "the sender's clock is right again"
      orderfold dead replay --all --because bad-subject --reason "the pattern was put right" --dry-run

    What is not taken this time either stays dead. Exit code 3 says that there were such.
    """
    from engine.cli import screen

    chosen = _chosen(store, ids, all_, because)
    if dry_run:
        outcomes = _tried(store, chosen)
        if as_json:
            screen.emit({"letters": len(chosen), "would": dict(outcomes)})
        else:
            told = ", ".join(f"{count:,} {what}" for what, count in outcomes.most_common())
            print(f"Of {screen.plural(len(chosen), 'letter')}: {told or 'none'}.")
        return 0
    required(reason)
    sent = _worked(store, "replay", chosen)
    if as_json:
        screen.emit_lines(sent)
    else:
        counts = Counter(one["outcome"] for one in sent)
        print(
            f"Sent {screen.plural(len(sent), 'letter')} again: {', '.join(f'{n:,} {what}' for what, n in counts.most_common())}."
        )
        for one in sent:
            if one["outcome"] not in ("accepted", "duplicate"):
                screen.say(f"{one['id']}: {one['detail']}", style="dim")
    return 0 if all(one["outcome"] in ("accepted", "duplicate") for one in sent) else PARTLY


@app.command()
def drop(
    ids: Ids = None,
    all_: All = False,
    because: Because = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Say that dead letters need nobody any more. They are kept until they expire, and counted no longer.

    \b
    Examples:
      orderfold dead drop 17 --reason "a test of the gateway"
      orderfold dead drop --all --because not-cloudevent --reason "a wrong file" --dry-run
    """
    from engine.cli import screen

    chosen = _chosen(store, ids, all_, because)
    if not dry_run:
        required(reason)
    dropped = len(chosen) if dry_run else _worked(store, "drop", chosen)
    if as_json:
        screen.emit({"would_drop" if dry_run else "dropped": dropped})
    else:
        print(f"{'Would drop' if dry_run else 'Dropped'} {screen.plural(dropped, 'letter')}.")


def _chosen(store: str, ids: list[int] | None, all_: bool, because: str) -> list[int]:
    """The letters meant. UsageError where none are named; NotFound where none match."""
    from engine import dead_letters
    from engine.cli.writing import reading
    from engine.errors import NotFound, UsageError

    if ids and (all_ or because):
        raise UsageError(
            "Letters are named one by one, or all of a kind.", "Leave out either the numbers or --all."
        )
    if not ids and not all_:
        raise UsageError(
            "No letter is named.",
            "Give their numbers, or --all, with --because REASON for those of one kind.",
        )
    with reading(store) as look:
        if ids:
            for id_ in ids:
                dead_letters.opened(look.store, id_)
            return list(dict.fromkeys(ids))
        chosen: list[int] = []
        after = 0
        while True:
            page = dead_letters.letters(look.store, reason=because, limit=PAGE, after=after)
            chosen += [letter.id for letter in page.letters]
            if not page.after:
                break
            after = page.after
    if not chosen:
        raise NotFound("No letter that waits matches.", "`orderfold dead list` names those there are.")
    return chosen


def _tried(store: str, ids: list[int]) -> Counter[str]:
    """What intake as it is now says of letters, nothing sent: `taken`, or the reason why not."""
    from engine import dead_letters
    from engine.cli.writing import reading, text_in_force
    from engine.intake.cloudevents import decode
    from engine.intake.model import Credential, Refused
    from engine.settings import rules_of
    from engine.store.database import HISTORY
    from engine.views.queries import wall_clock

    found: Counter[str] = Counter()
    with reading(store) as look:
        rules = rules_of(text_in_force(look.store))
        for id_ in ids:
            letter = dead_letters.opened(look.store, id_)
            if not letter.letter.replayable:
                found["no whole event"] += 1
                continue
            try:
                decode(letter.raw.encode(), rules, Credential(), wall_clock(), look.kind == HISTORY)
            except Refused as refused:
                found[f"still {refused.reason}"] += 1
            else:
                found["taken"] += 1
    return found


def _worked(store: str, what: str, ids: list[int]) -> Any:
    """Replayed (a list of what became of each) or dropped (their number), by whoever writes the store."""
    import json

    import msgspec

    from engine import dead_letters
    from engine.cli.commanding import who
    from engine.cli.writing import ask, free_of_holder, holding, text_in_force
    from engine.settings import rules_of

    holder = free_of_holder(store)
    if holder is None:
        with holding(store, f"dead {what}") as engine:
            if what == "drop":
                return dead_letters.drop(engine, ids)
            rules = rules_of(text_in_force(engine.store))
            return msgspec.to_builtins(dead_letters.replay(engine, ids, rules, who()))
    answers = [
        ask(
            holder.address,
            "POST",
            f"/v1/dead-letters/{what}",
            json.dumps({"ids": ids[start : start + PAGE]}).encode(),
        )
        for start in range(0, len(ids), PAGE)
    ]
    return (
        sum(one["dropped"] for one in answers)
        if what == "drop"
        else [sent for one in answers for sent in one]
    )
