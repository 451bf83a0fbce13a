"""What waits for people: the desk's items of both stages in one list, with who has each, since when, why, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

import msgspec

from engine.errors import NotFound, UsageError
from engine.store.record import Record
from engine.views.judged import Judged
from engine.views.queries import LIMIT, LIMIT_MAX, Reading, moment
from projections.days import DAY, day_of
from projections.desk import NOBODY, Item, item_key, ladder_of, undated
from projections.lifecycle.paths import ways_out
from projections.policy import Policy
from projections.routing import ROLES
from projections.sla import explain
from schemas.envelope import rfc3339

BOARD_DAYS = 31
"""Days of a board that are looked through for whom an item was put before."""

OF_STREAMS = ("order", "alias")
"""Kinds of subject whose items stage 1 opens and closes."""


class NoteShown(msgspec.Struct, frozen=True):
    at: datetime | None
    who: str
    text: str


class WorkItem(msgspec.Struct, frozen=True):
    """Something for a person. `id` is its subject and its own id there; `order` the subject; `owner` and `group` whose it is,
    `holder` who has it now, as their `role` (owner, backup, supervisor, group, taken, assigned), and `why` it is they.
    `told` was told of it last; `next` is when it goes to its `next_to`, None for nobody further."""

    id: str
    order: str
    work: str
    kind: str
    title: str
    guide: str
    owner: str
    group: str
    channel: str
    state: str
    since: datetime | None
    holder: str
    role: str
    why: str
    taken: str
    taken_at: datetime | None
    told: str
    told_at: datetime | None
    next: datetime | None
    next_to: str
    notes: list[NoteShown]


class Todo(msgspec.Struct, frozen=True):
    """Open work, oldest first. `total` counts what matches, also beyond the limit; `groups` counts it by group. `upto` is
    the instant stage 2 has judged to: what was told later is not in it yet."""

    as_of: datetime | None
    total: int
    groups: dict[str, int]
    items: list[WorkItem]
    upto: datetime | None = None


def todo(
    reading: Reading, owner: str = "", group: str = "", kind: str = "", mine: str = "", limit: int = LIMIT
) -> Todo:
    """Open work items: those of an owner (theirs, or with them now), a group, a kind, or with whoever is `mine` only."""
    if not 1 <= limit <= LIMIT_MAX:
        raise UsageError(
            f"A list has 1 to {LIMIT_MAX} items, not {limit}.", "Narrow it by --owner or --kind."
        )
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        upto = judged.upto
        found = [item for _, item in judged.under("desk", "item/") if _wanted(item, owner, group, kind, mine)]
    groups: dict[str, int] = {}
    for item in found:
        groups[item.group] = groups.get(item.group, 0) + 1
    found.sort(key=lambda item: (item.since, item.id))
    items = shown(reading, found[:limit])
    return Todo(reading.as_of, len(found), dict(sorted(groups.items())), items, moment(upto))


def _wanted(item: Item, owner: str, group: str, kind: str, mine: str) -> bool:
    return (
        (not owner or owner in (item.owner, item.holder))
        and (not group or group == item.group)
        and (not kind or kind == item.kind)
        and (not mine or mine in (item.taken, item.holder) or (mine == item.owner and not item.taken))
    )


def shown(reading: Reading, items: list[Item]) -> list[WorkItem]:
    """Items as lists show them, with the state their order is in."""
    lines = reading.lines([item.subject for item in items if item.subject.startswith("order/")])
    found = []
    for item in items:
        line = lines.get(item.subject)
        channel = (
            line.channel
            if line is not None
            else item.subject.partition("/")[2]
            if item.subject.startswith("channel/")
            else ""
        )
        next_, next_to = _next(item, reading.policy)
        found.append(
            WorkItem(
                item.id,
                item.subject,
                item.work,
                item.kind,
                item.title,
                item.guide or reading.policy.guides.get(item.kind, ""),
                item.owner,
                item.group,
                channel,
                line.state if line is not None else "",
                moment(item.since),
                item.holder,
                item.role,
                item.reason,
                item.taken,
                moment(item.taken_at),
                item.told,
                moment(item.told_at),
                moment(next_),
                next_to,
                [NoteShown(moment(note.at), note.who, note.text) for note in item.notes],
            )
        )
    return found


class Explained(msgspec.Struct, frozen=True):
    """An item and why it is there: `because` what was seen, `event` by which it came (type, id, who told it, when), `handed`
    to whom it was put before, latest last."""

    item: WorkItem
    because: list[str]
    event: str
    handed: list[str]


def explained(reading: Reading, name: str) -> Explained:
    """An open item with its reasons, by any name `find` takes. NotFound, UsageError as there."""
    item = find(reading, name)
    receipts = reading.store.stream(item.stream, receipts=True)
    opened = _last(receipts, "work.opened.v1", lambda data: data.work == item.work)
    rule = item.work.removeprefix("diagnosis:")
    made = _last(receipts, "diagnosis.made.v1", lambda data: data.rule == rule)
    because = list(made.event.data.evidence) if made is not None and rule != item.work else []
    if item.subject.startswith("order/"):
        because = because or _because(reading, item)
    handed = [
        f"{rfc3339(record.event.time)} {record.event.data.to}: {record.event.data.reason}"
        for record in _boards(reading, item)
        if record.event.type == "work.escalated.v1" and record.event.data.item == item.id
    ]
    return Explained(shown(reading, [item])[0], because, _event(reading, opened), handed)


def _because(reading: Reading, item: Item) -> list[str]:
    """What the order's own row says of why: its clock's figures, or the step that froze it and the ways out."""
    row = reading.row(item.subject)
    stage = item.work.removeprefix("sla:")
    for clock in row.sla.clocks if row.sla is not None and stage != item.work else ():
        if clock.stage == stage:
            return [explain(clock, reading.now, reading.policy, row).text()]
    offence = row.lifecycle.offence if row.lifecycle is not None else None
    if item.kind != "frozen" or offence is None:
        return []
    map_ = reading.policy.lifecycle_of(row.channel)
    ways = ways_out(map_, offence.state or map_.start, offence.trigger)
    shown_ = [" → ".join(way) for way in ways]
    met = f"{offence.type} met the order in {offence.state or 'no state'}: {offence.reason}"
    return [met, f"ways out: {'; or '.join(shown_)}"] if shown_ else [met]


def _last(receipts: Sequence[Record], type_: str, fits: Callable[[Any], bool]) -> Record | None:
    return next((one for one in reversed(receipts) if one.event.type == type_ and fits(one.event.data)), None)


def _event(reading: Reading, opened: Record | None) -> str:
    """The event that an item came by: what it was, who told it, when it occurred."""
    if opened is None:
        return ""
    subject, _, version = opened.event.causationid.rpartition("@")
    if not version.isdecimal():
        return opened.event.causationid
    found = [one for one in reading.store.stream(subject) if one.event.streamversion == int(version)]
    if not found:
        return f"decided by {opened.event.source.rpartition('/')[2]}"
    event = found[0].event
    return f"{event.type} {event.id} of {event.authid or event.source}, {rfc3339(event.time)}"


def _boards(reading: Reading, item: Item) -> list[Record]:
    """What was decided on the boards of the item's group, on the days since it is open."""
    day, end = item.since // DAY * DAY, reading.now
    found: list[Record] = []
    for _ in range(BOARD_DAYS):
        if day > end:
            break
        found += reading.store.stream(f"board/{item.group or NOBODY}/{day_of(day)}", receipts=True)
        day += DAY
    return found


def _next(item: Item, policy: Policy) -> tuple[int, str]:
    """When an item goes on, and to whom: past the rungs that pass over what is taken, or lead no further up."""
    stands = ROLES.index(item.role) if item.role in ROLES else 0
    for step in ladder_of(policy, item.kind)[item.rung :]:
        if not (item.taken and step.to in ("owner", "backup")) and ROLES.index(step.to) > stands:
            return item.waits_from + step.after, step.to
    return 0, ""


def find(reading: Reading, name: str) -> Item:
    """The item a person means: `<subject>#<work>`, any number of an order and `#<work>`, or the order alone where it has
    only one. NotFound, or UsageError naming those there are."""
    name = name.strip()
    with reading.store.read() as cursor:
        judged = Judged(cursor)
        for place in [at for at, sign in enumerate(name) if sign == "#"]:
            for subject in _subjects(reading, name[:place]):
                item: Item | None = judged.one("desk", item_key(subject, name[place + 1 :]))
                if item is not None:
                    return item
        whole = [one for subject in _subjects(reading, name) for one in _items(judged, subject)]
        front = name.partition("#")[0]
        others = [one for subject in _subjects(reading, front) for one in _items(judged, subject)]
    if len(whole) == 1:
        return whole[0]
    if whole:
        raise UsageError(
            f"{name} has {len(whole)} open work items: {_listed(whole)}.", "Name one of them in full."
        )
    if others:
        raise NotFound(f"{name} is not open.", f"Open of {front}: {_listed(others)}.")
    raise NotFound(f"Nothing open is known as {name}.", "`orderfold todo` lists what is open, with its name.")


def _items(judged: Judged, subject: str) -> list[Item]:
    return [one for _, one in judged.under("desk", f"item/{subject}#")]


def _listed(items: Sequence[Item]) -> str:
    return ", ".join(item.id.removeprefix("order/") for item in items[:10])


def _subjects(reading: Reading, name: str) -> list[str]:
    """What a name may mean: the subject itself, without its day, or an order by any of its numbers."""
    if not name:
        return []
    found = [undated(name)] if "/" in name else []
    with suppress(NotFound, UsageError):
        found.append(undated(reading.resolve(name)))
    return list(dict.fromkeys(found))


__all__ = ["Explained", "Todo", "WorkItem", "explained", "find", "shown", "todo"]
