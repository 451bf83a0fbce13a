"""A person's command to an order, from the command line: through the holder's API, or with the lock in hand."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from engine.cli.writing import ask, free_of_holder, holding, reading, text_in_force


def command(
    store: str, name: str, word: str, data: dict[str, Any], reason: str, version: int, dry_run: bool
) -> dict[str, Any]:
    """What the API answers to a command (`outcome`, `key`, `type`, `event`, `who`, `version`, `order`), or with `dry_run`
    {"would_append": the event}. `version` is the one the order must have, 0 for any.

    Raises NotFound, IllegalTransition, Stale, Invalid, Busy."""
    with reading(store) as look:
        subject = look.resolve(name)
    key = uuid4().hex
    holder = free_of_holder(store)
    if holder is not None:
        # Encoded twice: servers decode a path before they cut it, and numbers may hold a slash.
        path = f"/v1/orders/{quote(quote(subject.removeprefix('order/'), safe=''), safe='')}/commands"
        body = json.dumps({"type": word, "data": data, "reason": reason}).encode()
        headers = {"Idempotency-Key": f'"{key}"'} | ({"If-Match": f'"{version}"'} if version else {})
        done: dict[str, Any] = ask(
            holder.address, "POST", path + ("?dry_run=true" if dry_run else ""), body, headers
        )
        return done
    return _here(store, subject, word, data, reason, version, dry_run, key)


def _here(
    store: str,
    subject: str,
    word: str,
    data: dict[str, Any],
    reason: str,
    version: int,
    dry_run: bool,
    key: str,
) -> dict[str, Any]:
    import msgspec

    from engine import commands
    from engine.errors import NotFound
    from engine.settings import rules_of
    from engine.views.queries import Reading

    if not subject.startswith("order/"):
        raise NotFound(
            f"{subject} waits for its order; it is none itself.", "Command it once the order is known."
        )
    with holding(store, f"order {word}") as engine:
        incoming = commands.prepare(
            subject,
            word,
            data,
            reason=reason,
            who=who(),
            key=key,
            rules=rules_of(text_in_force(engine.store)),
            now=engine.clock(),
            expected=version,
        )
        if dry_run:
            commands.try_out(engine, incoming)
            return {"would_append": commands.shown(incoming)}
        outcome = commands.carry_out(engine, incoming)
        line = Reading(engine.store, engine.book, engine.clock).lines([subject])[subject]
        event = incoming.event
        return {
            "outcome": "accepted",
            "key": key,
            "type": event.type,
            "event": event.id,
            "who": event.authid,
            "version": outcome.version,
            "order": msgspec.to_builtins(line, builtin_types=()),
        }


def command_work(
    store: str, name: str, word: str, data: dict[str, Any], said: str, dry_run: bool
) -> dict[str, Any]:
    """The same for an open work item, by any name `engine.views.work.find` takes: `item` is how it then stands, None once it
    is closed."""
    from engine.views import work

    with reading(store) as look:
        item = work.find(look, name)
    key = uuid4().hex
    holder = free_of_holder(store)
    if holder is not None:
        path = f"/v1/todo/{quote(quote(item.id, safe=''), safe='')}/commands"
        body = json.dumps({"type": word, "data": data, "note": said}).encode()
        headers = {"Idempotency-Key": f'"{key}"'}
        done: dict[str, Any] = ask(
            holder.address, "POST", path + ("?dry_run=true" if dry_run else ""), body, headers
        )
        return done
    import msgspec

    from engine import work_commands
    from engine.commands import shown
    from engine.settings import rules_of

    with holding(store, f"todo {word}") as engine:
        rules = rules_of(text_in_force(engine.store))
        incoming = work_commands.prepare(
            item, word, data, said=said, who=who(), key=key, rules=rules, now=engine.now
        )
        if dry_run:
            work_commands.try_out(engine, incoming)
            return {"would_append": shown(incoming)}
        answer: dict[str, Any] = msgspec.to_builtins(
            work_commands.done(engine, incoming, key), builtin_types=()
        )
        return answer


def command_merge(store: str, names: list[str], word: str, reason: str, dry_run: bool) -> dict[str, Any]:
    """The same for a merge, named as `engine.merge_commands.target` takes it: `merge` is how it then stands."""
    from engine import merge_commands

    with reading(store) as look:
        what = merge_commands.target(look, word, names)
    key = uuid4().hex
    holder = free_of_holder(store)
    if holder is not None:
        body = json.dumps(
            {"type": word, "names": what.data.get("orders") or [what.subject], "reason": reason}
        ).encode()
        headers = {"Idempotency-Key": f'"{key}"'}
        path = "/v1/merges/commands" + ("?dry_run=true" if dry_run else "")
        done: dict[str, Any] = ask(holder.address, "POST", path, body, headers)
        return done
    import msgspec

    from engine.commands import shown
    from engine.settings import rules_of

    with holding(store, f"merge {word}") as engine:
        rules = rules_of(text_in_force(engine.store))
        incoming = merge_commands.prepare(
            what, word, reason=reason, who=who(), key=key, rules=rules, now=engine.now
        )
        if dry_run:
            merge_commands.try_out(engine, incoming)
            return {"would_append": shown(incoming)}
        answer: dict[str, Any] = msgspec.to_builtins(
            merge_commands.done(engine, incoming, key), builtin_types=()
        )
        return answer


def who() -> Any:
    """Whoever runs this command (`Credential`): `local:<user>`, which nobody has proved."""
    import getpass

    from engine.intake.model import Credential

    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        user = f"uid{os.getuid()}"
    return Credential("unknown", f"local:{user}")
