"""`orderfold policy`: the rules a store goes by."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from engine.cli.options import AsJson, DryRun, Reason, StoreUrl, required

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def policy() -> None:
    """The rules a store goes by: list, show, publish.

    \b
    Examples:
      orderfold policy list
      orderfold policy show > streams.yaml
      orderfold policy publish streams.yaml --reason "shorter picking" --dry-run
    """


@app.command("list")
def list_(store: StoreUrl = "", as_json: AsJson = False) -> None:
    """Every policy the store has gone by, and since when.

    \b
    Example:
      orderfold policy list
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.views.policies import policies

    with reading(store) as look:
        found = policies(look)
    if as_json:
        screen.emit_lines(found)
        return
    screen.table(
        ("hash", "name", "in force since (UTC)", ""),
        [
            (one.hash[:12], one.name, screen.when(one.since), "● in force" if one.in_force else "")
            for one in found
        ],
    )


@app.command()
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="[POLICY]", help="Its hash or the beginning, or its name. Default: the one in force."
        ),
    ] = "",
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """The text of a policy, byte for byte as it was published.

    \b
    Examples:
      orderfold policy show
      orderfold policy show 0e9feb7a > old.yaml
    """
    from engine.cli import screen
    from engine.cli.writing import reading
    from engine.views.policies import policy_named

    with reading(store) as look:
        hash_ = policy_named(look, name)
        text = look.book.text(bytes.fromhex(hash_))
    if as_json:
        screen.emit({"hash": hash_, "text": text.decode("utf-8", "replace")})
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text)


@app.command()
def publish(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="The policy. Default: streams.yaml here.")
    ] = "",
    reason: Reason = "",
    dry_run: DryRun = False,
    store: StoreUrl = "",
    as_json: AsJson = False,
) -> None:
    """Put a policy in force.

    In every partition; open orders are re-targeted before this ends.

    \b
    Examples:
      orderfold policy publish --reason "shorter picking" --dry-run
      orderfold policy publish new-rules.yaml --reason "shorter picking"

    --dry-run says how many orders it re-targets and how many deadlines would have passed already. A policy that does
    not pass its check is not published.
    """
    import json

    from engine.cli import screen
    from engine.cli.check import sentence
    from engine.cli.commanding import who
    from engine.cli.writing import ask, free_of_holder, holding, policy_text, reading
    from engine.policy.load import load_policy
    from engine.views.policies import effects
    from engine.views.queries import wall_clock

    raw = policy_text(file)
    compiled, _ = load_policy(raw, now=wall_clock())
    with reading(store) as look:
        found = effects(look, compiled)
    if dry_run:
        if as_json:
            event = {"type": "policy.published.v1", "data": {"policy": compiled.hash, "reason": reason}}
            screen.emit({"would_append": event, "effects": found})
        else:
            print(f"Policy {compiled.name} ({compiled.hash[:12]}) passes its check. {sentence(found)}")
        return
    required(reason)
    holder = free_of_holder(store)
    if holder is not None:
        body = json.dumps({"text": raw.decode("utf-8"), "reason": reason}).encode()
        ask(holder.address, "POST", "/v1/policy", body)
    else:
        actor = who()
        with holding(store, "policy publish") as engine:
            engine.publish(raw, reason, actor.authtype, actor.authid)
    if as_json:
        screen.emit({"hash": compiled.hash, "name": compiled.name, "effects": found})
    else:
        done = f"re-targeted {found.touched:,} of {screen.plural(found.open, 'open order')}"
        print(
            f"Policy {compiled.name} ({compiled.hash[:12]}) is in force; {done}, {found.passed:,} deadlines had passed."
        )
