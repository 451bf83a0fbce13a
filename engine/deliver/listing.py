"""What was to be told to whom, and what became of it: for the command line, the API, summary and metrics.

An intent that deliver has taken is told of as its own tables have it, any other as the store wrote it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import msgspec

from engine.deliver.outbox import SENT, Attempt, Intent, Outbox
from engine.errors import NotFound, UsageError
from engine.fold.intents import SUPPRESSED, WAITING, WEBHOOK
from engine.store.database import Store
from engine.views.queries import LIMIT, LIMIT_MAX, moment
from schemas.policy import PolicyText

_INTENT = "id, partition, position, at, subject, type, kind, recipient, via, status"


class Notice(msgspec.Struct, frozen=True):
    """An intent to tell somebody. `order` is what it speaks of; `status`: waiting, sent, `failed: …` or `suppressed: …`."""

    id: str
    at: datetime | None
    order: str
    rule: str
    kind: str
    recipient: str
    via: str
    status: str


class Tried(msgspec.Struct, frozen=True):
    """One attempt: `outcome` is `sending` while it goes on, `unknown` where the process ended during it; `status` the HTTP one, 0 for none."""

    at: datetime | None
    outcome: str
    status: int
    milliseconds: int
    detail: str
    message: str = ""
    type: str = ""
    subject: str = ""


class NoticePage(msgspec.Struct, frozen=True):
    """An intent with what is sent for it: `together` with how many, in which words, under which idempotency key; when next,
    and every attempt so far."""

    notice: Notice
    together: int
    title: str
    text: str
    key: str
    next: datetime | None
    attempts: list[Tried]


class Endpoint(msgspec.Struct, frozen=True):
    """An endpoint: `state` is on, dry run, paused until …, disabled since …, or `no longer in the policy`; `messages` by
    status, `attempts` by outcome since its first."""

    name: str
    url: str
    types: list[str]
    state: str
    messages: dict[str, int]
    attempts: dict[str, int]
    last: datetime | None


@contextmanager
def opened(store: Store) -> Iterator[Outbox | None]:
    """Deliver's tables of a store for reading, None where nothing was ever delivered."""
    outbox = Outbox.reading(store.directory)
    try:
        yield outbox
    finally:
        if outbox is not None:
            outbox.close()


def notices(store: Store, status: str = "", via: str = "", limit: int = LIMIT) -> list[Notice]:
    """Intents to tell people, latest first; `status` narrows by its first word (waiting, sent, failed, suppressed)."""
    if not 1 <= limit <= LIMIT_MAX:
        raise UsageError(f"A list has 1 to {LIMIT_MAX} notices, not {limit}.", "Narrow it by --status.")
    narrowed = (
        "via <> 'webhook' AND (? = '' OR via = ?) AND "
        "(? = '' OR status = ? OR substr(status, 1, length(?) + 1) = ? || ':')"
    )
    values = (via, via, status, status, status, status)
    with opened(store) as outbox:
        position, found = -1, list[Intent]()
        if outbox is not None:
            position = int(outbox.setting("position") or 0)
            found = outbox.intents(f"WHERE {narrowed} ORDER BY at DESC, id LIMIT ?", *values, limit)
    with store.read() as cursor:
        found += [
            Intent(*row)
            for row in cursor.execute(
                f"SELECT {_INTENT} FROM intents WHERE (seq > ? OR status <> 'waiting') AND {narrowed} "
                "ORDER BY at DESC, id LIMIT ?",
                (position, *values, limit),
            )
        ]
    found.sort(key=lambda intent: (-intent.at, intent.id))
    return [_notice(intent) for intent in found[:limit]]


def notice(store: Store, id_: str) -> NoticePage:
    """One intent, by its id or the beginning of it, with its attempts. NotFound; UsageError when several begin so."""
    with opened(store) as outbox:
        intent = _find(store, outbox, id_)
        message = (
            outbox.messages("WHERE id=?", intent.message) if outbox is not None and intent.message else []
        )
        if not message:
            return NoticePage(_notice(intent), 1, "", "", "", None, [])
        assert outbox is not None, "a message is in its tables"
        of = message[0]
        tried = outbox.attempts("WHERE message=? ORDER BY n", of.id)
    return NoticePage(
        _notice(intent),
        of.count,
        of.title,
        of.body.decode(),
        of.key,
        moment(of.next_at) if of.status == WAITING else None,
        [_tried(one) for one in tried],
    )


def counts(store: Store) -> dict[str, int]:
    """Intents to tell people, by status: what failed together, what was suppressed by its reason."""
    found: Counter[str] = Counter()
    with opened(store) as outbox:
        position = -1
        if outbox is not None:
            position = int(outbox.setting("position") or 0)
            for status, count in outbox.execute(
                "SELECT status, count(*) FROM intents WHERE via <> ? GROUP BY status", (WEBHOOK,)
            ):
                found[_counted(status)] += count
    with store.read() as cursor:
        for status, count in cursor.execute(
            "SELECT status, count(*) FROM intents WHERE via <> ? AND (seq > ? OR status <> 'waiting') GROUP BY status",
            (WEBHOOK, position),
        ):
            found[status] += count
    return dict(sorted(found.items()))


def totals(store: Store) -> dict[tuple[str, str], int]:
    """Attempts by (target, outcome), ever."""
    with opened(store) as outbox:
        rows = outbox.execute("SELECT target, outcome, count FROM totals") if outbox is not None else ()
        return {(row[0], row[1]): row[2] for row in rows}


def figures(store: Store) -> dict[str, list[tuple[tuple[str, ...], float]]]:
    """What `/metrics` tells: intents by status, attempts by delivery or endpoint (never by person) and outcome."""
    people: Counter[tuple[str, str]] = Counter()
    systems: Counter[tuple[str, str]] = Counter()
    for (target, outcome), count in totals(store).items():
        via, _, name = target.partition(":")
        if via == WEBHOOK:
            systems[name, outcome] += count
        else:
            people[via, outcome] += count
    return {
        "orderfold_notices": [((status,), count) for status, count in counts(store).items()],
        "orderfold_notice_attempts": list(people.items()),
        "orderfold_webhook_attempts": list(systems.items()),
    }


def endpoints(store: Store, text: PolicyText, now: int) -> list[Endpoint]:
    """The endpoints of the policy, and those that were once told something."""
    attempts: dict[str, dict[str, int]] = {}
    for (target, outcome), count in sorted(totals(store).items()):
        if target.startswith(f"{WEBHOOK}:"):
            attempts.setdefault(target.partition(":")[2], {})[outcome] = count
    with opened(store) as outbox:
        return [
            _endpoint(name, text, outbox, attempts.get(name, {}), now)
            for name in sorted({*text.webhooks, *attempts})
        ]


def log(store: Store, endpoint: str, failed: bool = False, limit: int = LIMIT) -> list[Tried]:
    """Attempts to tell an endpoint something, latest first; with `failed` only those that did not succeed."""
    if not 1 <= limit <= LIMIT_MAX:
        raise UsageError(f"A log has 1 to {LIMIT_MAX} lines, not {limit}.")
    with opened(store) as outbox:
        if outbox is None:
            return []
        rows = outbox.execute(
            "SELECT a.at, a.outcome, a.status, a.duration, a.detail, m.key, i.type, i.subject FROM attempts a "
            "LEFT JOIN messages m ON m.id = a.message LEFT JOIN intents i ON i.id = a.message "
            "WHERE a.target = ? AND (? = 0 OR a.outcome NOT IN ('ok', 'asked')) ORDER BY a.n DESC LIMIT ?",
            (f"{WEBHOOK}:{endpoint}", failed, limit),
        )
        return [
            Tried(moment(row[0]), row[1] or "sending", row[2], row[3] // 1_000, row[4], row[5] or "", row[6] or "", row[7] or "")
            for row in rows
        ]  # fmt: skip


def _find(store: Store, outbox: Outbox | None, id_: str) -> Intent:
    end = id_ + "\U0010ffff"
    found = (
        []
        if outbox is None
        else outbox.intents("WHERE id >= ? AND id < ? AND via <> ? LIMIT 3", id_, end, WEBHOOK)
    )
    with store.read() as cursor:
        known = {intent.id for intent in found}
        found += [
            intent
            for row in cursor.execute(
                f"SELECT {_INTENT} FROM intents WHERE id >= ? AND id < ? AND via <> ? LIMIT 3",
                (id_, end, WEBHOOK),
            )
            if (intent := Intent(*row)).id not in known
        ]
    exact = [intent for intent in found if intent.id == id_] or found
    if not exact or not id_:
        raise NotFound(f"There is no notice {id_}.", "`orderfold notices list --json` names them.")
    if len(exact) > 1:
        shown = ", ".join(intent.id for intent in exact)
        raise UsageError(f"Several notices begin so: {shown}.", "Give more of its id.")
    return exact[0]


def _endpoint(
    name: str, text: PolicyText, outbox: Outbox | None, attempts: dict[str, int], now: int
) -> Endpoint:
    target = f"{WEBHOOK}:{name}"
    wanted = text.webhooks.get(name)
    messages: dict[str, int] = {}
    last = 0
    state = "dry run" if wanted is not None and wanted.dry_run else "on"
    if outbox is not None:
        for status, count in outbox.execute(
            "SELECT status, count(*) FROM intents WHERE via = ? AND recipient = ? GROUP BY status ORDER BY status",
            (WEBHOOK, name),
        ):
            messages[_counted(status)] = messages.get(_counted(status), 0) + count
        last = outbox.execute("SELECT max(at) FROM attempts WHERE target = ?", (target,)).fetchone()[0] or 0
        known = outbox.target(target)
        if known.disabled_at and wanted is not None and known.url == wanted.url:
            state = f"disabled since {moment(known.disabled_at):%Y-%m-%d %H:%M} UTC: {known.reason}"
        elif known.paused_until > now:
            state = f"paused until {moment(known.paused_until):%Y-%m-%d %H:%M} UTC"
    if wanted is None:
        state = "no longer in the policy"
    return Endpoint(
        name,
        wanted.url if wanted is not None else "",
        wanted.types if wanted is not None else [],
        state,
        messages,
        attempts,
        moment(last),
    )


def _notice(intent: Intent) -> Notice:
    return Notice(
        intent.id,
        moment(intent.at),
        intent.subject,
        intent.type,
        intent.kind,
        intent.recipient,
        intent.via,
        intent.status,
    )


def _tried(one: Attempt) -> Tried:
    return Tried(moment(one.at), one.outcome or "sending", one.status, one.duration // 1_000, one.detail)


def _counted(status: str) -> str:
    """Reasons why something failed are many; why it was suppressed, few."""
    return status if status in (WAITING, SENT) or status.startswith(SUPPRESSED) else status.partition(":")[0]
