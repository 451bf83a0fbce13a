"""A person's doings: send a notice again, send an endpoint again what it was told, let a disabled endpoint be told again.

Each goes out under the idempotency key it had. Who asked, and why, stands among the attempts.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.deliver.composing import HISTORY_LOST
from engine.deliver.listing import notice, opened
from engine.deliver.outbox import FAILED, SENT, Message, Outbox
from engine.errors import NotFound, Refused, UsageError
from engine.fold.intents import SUPPRESSED, WAITING, WEBHOOK
from engine.store.database import Store

AT_ONCE = 10_000
"""Messages one replay may send again."""


class Again(msgspec.Struct, frozen=True):
    """How many go out again, and the first of them."""

    count: int
    ids: list[str]


def chosen(store: Store, ids: Sequence[str], failed: bool) -> list[str]:
    """The intents to send again: those named, or all that failed. NotFound, UsageError; Refused for what was sent, still
    waits, or is history, of which nobody is told."""
    with opened(store) as outbox:
        if failed:
            found = (
                outbox.intents("WHERE status LIKE ? AND via <> ? ORDER BY at", f"{FAILED}%", WEBHOOK)
                if outbox
                else []
            )
            return [intent.id for intent in found]
    known = []
    for id_ in ids:
        one = notice(store, id_).notice
        if one.status in (WAITING, SENT):
            raise Refused(f"{one.id} is {one.status}.", "Only what failed or was suppressed is sent again.")
        known.append(one.id)
    return known


def retry(store: Store, ids: Sequence[str], now: int, who: str, reason: str) -> Again:
    """Send these intents again: what failed as it was, what was suppressed if nothing suppresses it any more."""
    with Outbox.open(store.directory) as outbox, outbox.write():
        intents = [intent for id_ in ids for intent in outbox.intents("WHERE id = ?", id_)]
        missing = set(ids) - {intent.id for intent in intents}
        if missing or any(intent.status == f"{SUPPRESSED}: {HISTORY_LOST}" for intent in intents):
            raise Refused(
                f"{min(missing or ids)} was never to be sent: it is history.", "Nobody is told of history."
            )
        messages: dict[str, None] = {}
        for intent in intents:
            if intent.message and intent.status.startswith(FAILED):
                messages[intent.message] = None
            else:
                outbox.execute(
                    "UPDATE intents SET status = ?, message = '' WHERE id = ?", (WAITING, intent.id)
                )
        for id_ in messages:
            (message,) = outbox.messages("WHERE id = ?", id_)
            _again(outbox, message, now, f"{who}: {reason}")
    return Again(len(ids), list(ids[:10]))


def replayed(outbox: Outbox | None, endpoint: str, since: int, until: int, failed: bool) -> list[Message]:
    """What an endpoint was sent of decisions from `since` to before `until`, in order; with `failed` only what it did not take."""
    if outbox is None:
        return []
    found = outbox.messages(
        "WHERE target = ? AND at >= ? AND at < ? AND status <> ? AND (? = 0 OR status <> ?) ORDER BY at, id LIMIT ?",
        f"{WEBHOOK}:{endpoint}",
        since,
        until,
        WAITING,
        failed,
        SENT,
        AT_ONCE + 1,
    )
    if len(found) > AT_ONCE:
        raise UsageError(
            f"That is more than {AT_ONCE:,} messages.", "Replay a shorter time first, with --until."
        )
    return found


def replay(
    store: Store, endpoint: str, since: int, until: int, failed: bool, now: int, who: str, reason: str
) -> Again:
    """Send an endpoint again what it was sent then. NotFound for one that was never told anything."""
    with Outbox.open(store.directory) as outbox, outbox.write():
        messages = replayed(outbox, endpoint, since, until, failed)
        if not messages and not outbox.messages("WHERE target = ? LIMIT 1", f"{WEBHOOK}:{endpoint}"):
            raise NotFound(
                f"The endpoint {endpoint} was never told anything.", "`orderfold webhook list` names them."
            )
        for message in messages:
            _again(outbox, message, now, f"{who}: {reason}")
    return Again(len(messages), [message.key for message in messages[:10]])


def enable(store: Store, endpoint: str, now: int, who: str, reason: str) -> Again:
    """Tell a disabled endpoint again what is decided from now on. Refused when it is not disabled."""
    target = f"{WEBHOOK}:{endpoint}"
    with Outbox.open(store.directory) as outbox, outbox.write():
        known = outbox.target(target)
        if not known.disabled_at:
            raise Refused(
                f"The endpoint {endpoint} is not disabled.", "`orderfold webhook list` says how each stands."
            )
        outbox.put_target(msgspec.structs.replace(known, disabled_at=0, reason=""))
        outbox.asked("", target, now, f"enabled by {who}: {reason}")
    return Again(0, [])


def _again(outbox: Outbox, message: Message, now: int, detail: str) -> None:
    outbox.again(message.id, now)
    outbox.asked(message.id, message.target, now, detail)
