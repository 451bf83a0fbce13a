"""A person's command to an order, from the command line: through the holder's API, or with the lock in hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote
from uuid import uuid4

from engine.cli.writing import ask, free_of_holder, holding, reading, text_in_force

if TYPE_CHECKING:
    from engine.commands.sending import Answer, Sending
    from engine.intake.model import Incoming
    from engine.workers.embedded import Engine


class Room(Protocol):
    """What a module of `engine.commands` does with an event of its own."""

    def try_out(self, engine: Engine, incoming: Incoming) -> None: ...

    def done(self, engine: Engine, incoming: Incoming, key: str) -> Answer: ...


def command(
    store: str, name: str, word: str, data: dict[str, Any], reason: str, version: int, dry_run: bool
) -> dict[str, Any]:
    """What the API answers to a command (`outcome`, `key`, `type`, `event`, `who`, `version`, `order`), or with `dry_run`
    {"would_append": the event}. `version` is the one the order must have, 0 for any.

    Raises NotFound, IllegalTransition, Stale, Invalid, Busy."""
    with reading(store) as look:
        subject = look.resolve(name)

    def here(how: Sending) -> tuple[Incoming, Room]:
        from engine.commands import orders
        from engine.errors import NotFound

        if not subject.startswith("order/"):
            raise NotFound(
                f"{subject} waits for its order; it is none itself.", "Command it once the order is known."
            )
        return orders.prepare(subject, word, data, reason, how), orders

    path = f"/v1/orders/{_in_path(subject.removeprefix('order/'))}/commands"
    body = {"type": word, "data": data, "reason": reason}
    return _sent(store, f"order {word}", path, body, here, version, dry_run)


def command_work(
    store: str, name: str, word: str, data: dict[str, Any], said: str, dry_run: bool
) -> dict[str, Any]:
    """The same for an open work item, by any name `engine.views.work.find` takes: `item` is how it then stands, None once it
    is closed."""
    from engine.views import work

    with reading(store) as look:
        item = work.find(look, name)

    def here(how: Sending) -> tuple[Incoming, Room]:
        from engine.commands import work as commands

        return commands.prepare(item, word, data, said, how), commands

    path = f"/v1/todo/{_in_path(item.id)}/commands"
    body = {"type": word, "data": data, "note": said}
    return _sent(store, f"todo {word}", path, body, here, 0, dry_run)


def command_merge(store: str, names: list[str], word: str, reason: str, dry_run: bool) -> dict[str, Any]:
    """The same for a merge, named as `engine.commands.merges.target` takes it: `merge` is how it then stands."""
    from engine.commands import merges

    with reading(store) as look:
        what = merges.target(look, word, names)

    def here(how: Sending) -> tuple[Incoming, Room]:
        return merges.prepare(what, word, reason, how), merges

    body = {"type": word, "names": what.data.get("orders") or [what.subject], "reason": reason}
    return _sent(store, f"merge {word}", "/v1/merges/commands", body, here, 0, dry_run)


def _in_path(name: str) -> str:
    """Encoded twice: servers decode a path before they cut it, and numbers may hold a slash."""
    return quote(quote(name, safe=""), safe="")


def _sent(
    store: str,
    what: str,
    path: str,
    body: dict[str, Any],
    here: Callable[[Sending], tuple[Incoming, Room]],
    version: int,
    dry_run: bool,
) -> dict[str, Any]:
    """The answer to a command: the holder's to `body` at `path`, else, with the lock in hand, that of the event and the room of
    `engine.commands` which `here` gives."""
    key = uuid4().hex
    holder = free_of_holder(store)
    if holder is not None:
        headers = {"Idempotency-Key": f'"{key}"'} | ({"If-Match": f'"{version}"'} if version else {})
        sent = json.dumps(body).encode()
        done: dict[str, Any] = ask(
            holder.address, "POST", path + ("?dry_run=true" if dry_run else ""), sent, headers
        )
        return done
    import msgspec

    from engine.commands.sending import Sending, shown
    from engine.settings import rules_of

    with holding(store, what) as engine:
        rules = rules_of(text_in_force(engine.store))
        incoming, commands = here(Sending(who(), key, rules, engine.now, version))
        if dry_run:
            commands.try_out(engine, incoming)
            return {"would_append": shown(incoming)}
        answer: dict[str, Any] = msgspec.to_builtins(commands.done(engine, incoming, key), builtin_types=())
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
