"""The one list of what waits for people: every open work item of both stages, whose it is, and when it goes to somebody else.

Question: who has it, since when, and who is told next? From: items that folds open and close, and what people command of
them; shifts and absences; the ladders of the policy (DOMAIN.md, "SLA timers"). Invariants: an item is here if and only
if it was opened and not closed; each rung of its ladder is told once; what somebody has taken is not handed on before
their supervisor's rung. Beside the items: outages (many orders with one trouble, told as one), and each group's digest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from projections.days import day_of, span
from projections.kernel import NONE
from projections.keyed import Handler, KeyedContext, KeyedFold, Told
from projections.policy import Pattern, Policy, Step
from projections.relay import key_of
from projections.routing import Duty, close_across, on_duty
from schemas.events.decisions import SlaEscalated, WorkClosed, WorkDigested, WorkEscalated, WorkOpened
from schemas.events.people import WorkAssigned, WorkDone, WorkNoted, WorkTaken
from schemas.facts import Tallied

NOTES_KEPT = 50
ORDERS_NAMED = 200
"""Orders a decision names, and an outage remembers, at most."""

OPEN = "open"
_DIAGNOSED = "diagnosis:"
"""How the work items of diagnoses begin."""
NOBODY = "nobody"


class Note(msgspec.Struct, frozen=True, gc=False, array_like=True):
    at: int
    who: str
    text: str


class Item(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An open work item of `subject` (without its day), last spoken of in `stream`; opened at stream time `since`, at event
    `version` of it. `taken` by somebody since `taken_at`. It is with `holder`, as their `role` (owner, backup, supervisor,
    group, taken, assigned), because of `reason`. `rung` is the next of its ladder, which counts from `waits_from`; `told`
    who was told last."""

    subject: str
    stream: str
    work: str
    kind: str
    title: str
    guide: str
    owner: str
    group: str
    since: int
    version: int
    taken: str = ""
    taken_at: int = 0
    holder: str = ""
    role: str = ""
    reason: str = ""
    waits_from: int = 0
    rung: int = 0
    told: str = ""
    told_at: int = 0
    notes: tuple[Note, ...] = ()
    due: int = 0

    @property
    def id(self) -> str:
        """Subject and work: how people name it."""
        return f"{self.subject}#{self.work}"


class Outage(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A diagnosis rule's trouble: (order, when it was last told of it) of the orders within the rule's time, latest last.
    `since` it is an outage, 0 while it is not; `stream` is where that was decided."""

    recent: tuple[tuple[str, int], ...] = ()
    since: int = 0
    stream: str = ""


class Digest(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A group with something to do is told of it when `due`."""

    due: int


Line = tuple[int, str, str, str, bool]
"""An open item as digests count it: since when, key, kind, subject, whether somebody has taken it."""


class DeskIndex:
    """Open items by group, and the group of each."""

    def __init__(self) -> None:
        self.group: dict[str, str] = {}
        self.items: dict[str, dict[str, Line]] = {}


def undated(subject: str) -> str:
    """The subject without its day, if it has one: what is said next of an item may come on another day."""
    return key_of(subject) if subject.count("/") > 1 else subject


def item_key(subject: str, work: str) -> str:
    """The key of an item of a subject, with or without its day."""
    return f"item/{undated(subject)}#{work}"


# Ladders


def ladder_of(policy: Policy, kind: str) -> tuple[Step, ...]:
    """The rungs items of a kind go up."""
    ladders = policy.desk.ladders
    return ladders.get(kind, ladders.get("", ()))


def _due(item: Item, policy: Policy) -> int:
    ladder = ladder_of(policy, item.kind)
    return item.waits_from + ladder[item.rung].after if item.rung < len(ladder) else NONE


def _keep(ctx: KeyedContext, item: Item) -> None:
    """Store an item, with the timer of its next rung."""
    due = _due(item, ctx.policy)
    if due and due <= ctx.now:
        due = ctx.now + ctx.policy.settle
    ctx.put(f"item/{item.id}", item if item.due == due else replace(item, due=due), due)


def _climb(item: Item, ctx: KeyedContext) -> Item:
    """The item after every rung that is due: each is told to whoever is there for it, unless they have it already and it
    will go further still."""
    ladder = ladder_of(ctx.policy, item.kind)
    now = ctx.now
    while item.rung < len(ladder) and item.waits_from + ladder[item.rung].after <= now:
        step = ladder[item.rung]
        if not (item.taken and step.to in ("owner", "backup")):
            duty = on_duty(ctx.policy, item.taken or item.owner, now, item.group, step.to)
            if duty.to != item.told or item.rung == len(ladder) - 1:
                item = _put_before(item, step, duty, ctx)
        item = replace(item, rung=item.rung + 1)
    return item


def _put_before(item: Item, step: Step, duty: Duty, ctx: KeyedContext) -> Item:
    now = ctx.now
    why = (
        [f"open for {span(now - item.since)}"]
        if now - item.since > ctx.policy.settle
        else ["opened just now"]
    )
    if item.taken:
        why.append(f"taken by {item.taken} {span(now - item.taken_at)} ago")
    if duty.reason:
        why.append(duty.reason)
    reason = "; ".join(why)
    data = WorkEscalated(
        item.id,
        item.kind,
        item.title,
        item.rung,
        item.owner,
        item.group,
        item.since,
        duty.to,
        list(step.via),
        reason,
        [item.subject] if item.subject.startswith("order/") else [],
        item.guide,
    )
    ctx.decide("work.escalated.v1", _board(item.group, now), f"{item.id}:{item.rung}", data)
    if item.taken:
        return replace(item, told=duty.to, told_at=now)
    return replace(item, holder=duty.to, role=duty.role, reason=reason, told=duty.to, told_at=now)


def _board(group: str, now: int) -> str:
    return f"board/{group or NOBODY}/{day_of(now)}"


# Items


def _opened(fold: DeskFold, told: Told, ctx: KeyedContext) -> None:
    """Something for a person: it is its owner's, or whoever stands in for them."""
    data: WorkOpened = told.data
    subject = undated(told.key)
    known: Item | None = ctx.get(item_key(subject, data.work))
    stream = told.subject if undated(told.subject) == subject else told.key
    if known is not None:
        # Opened again while open: a refold, or more of the same. Who has it has it.
        _keep(ctx, replace(known, kind=data.kind, title=data.title, guide=data.guide))
        return
    item = Item(
        subject,
        stream,
        data.work,
        data.kind,
        data.title,
        data.guide or ctx.policy.guides.get(data.kind, ""),
        data.owner,
        data.group,
        ctx.now,
        told.streamversion,
        waits_from=ctx.now,
    )
    _keep(ctx, _with_whom(item, ctx))
    _digest(item.group, ctx)


def _with_whom(item: Item, ctx: KeyedContext) -> Item:
    duty = on_duty(ctx.policy, item.owner, ctx.now, item.group)
    return replace(item, holder=duty.to, role=duty.role, reason=duty.reason)


def _closed(fold: DeskFold, told: Told, ctx: KeyedContext) -> None:
    """Nobody need do it any more."""
    data: WorkClosed = told.data
    key = item_key(told.key, data.work)
    if ctx.get(key) is not None:
        ctx.drop(key)


def _item(told: Told, ctx: KeyedContext) -> Item | None:
    item: Item | None = ctx.get(item_key(told.key, told.data.work))
    return item


def _taken(fold: DeskFold, told: Told, ctx: KeyedContext) -> None:
    """A person takes it on."""
    data: WorkTaken = told.data
    item = _item(told, ctx)
    if item is None:
        return
    who = data.by or "somebody"
    item = replace(item, taken=who, taken_at=ctx.now, holder=who, role="taken", reason="")
    _keep(ctx, _noted_on(item, who, data.note, ctx.now))


def _assigned(fold: DeskFold, told: Told, ctx: KeyedContext) -> None:
    """A person gives it to somebody: it is theirs, and its ladder begins anew."""
    data: WorkAssigned = told.data
    item = _item(told, ctx)
    if item is None:
        return
    person = ctx.policy.people.get(data.owner)
    group = data.group or (person.group if person is not None else item.group)
    reason = f"assigned by {data.by}" if data.by else "assigned"
    item = replace(
        item,
        owner=data.owner,
        group=group,
        taken="",
        taken_at=0,
        holder=data.owner,
        role="assigned",
        reason=reason,
        waits_from=ctx.now,
        rung=0,
    )
    _keep(ctx, _noted_on(item, data.by or "", data.reason, ctx.now))
    _digest(group, ctx)


def _noted(fold: DeskFold, told: Told, ctx: KeyedContext) -> None:
    """A person writes down what they learnt."""
    data: WorkNoted = told.data
    item = _item(told, ctx)
    if item is not None:
        _keep(ctx, _noted_on(item, data.by or "", data.text, ctx.now))


def _noted_on(item: Item, who: str, text: str | None, now: int) -> Item:
    if not text:
        return item
    return replace(item, notes=(*item.notes[-(NOTES_KEPT - 1) :], Note(now, who, text)))


def _done(fold: DeskFold, told: Told, ctx: KeyedContext) -> None:
    """A person says an item of stage 2 is done; stage 1 closes its own."""
    data: WorkDone = told.data
    item = _item(told, ctx)
    if item is None:
        return
    reason = f"done by {data.by or 'a person'}" + (f": {data.note}" if data.note else "")
    close_across(ctx, told.subject, data.work, reason)
    ctx.drop(item_key(told.key, data.work))


def _sla_escalated(fold: DeskFold, told: Told, ctx: KeyedContext) -> None:
    """The deadlines have a ladder of their own: whom it told has the item, unless somebody took it."""
    data: SlaEscalated = told.data
    item: Item | None = ctx.get(item_key(told.key, f"sla:{data.stage}"))
    if item is None:
        return
    item = replace(item, told=data.to, told_at=ctx.now)
    if not item.taken:
        person = ctx.policy.people.get(item.owner)
        roles = {item.owner: "owner", item.group: "group"}
        if person is not None:
            roles = {person.supervisor: "supervisor", person.backup: "backup", **roles}
        item = replace(item, holder=data.to, role=roles.get(data.to, "group"), reason=data.reason)
    _keep(ctx, item)


# Outages: many orders with one trouble


def _tallied(fold: DeskFold, told: Told, ctx: KeyedContext) -> None:
    """One more order with a trouble that is an outage when many have it."""
    data: Tallied = told.data
    rule = _rule(ctx.policy, data.rule)
    if rule is None or not rule.orders:
        return
    known: Outage = ctx.get(told.key) or Outage()
    recent = tuple(one for one in known.recent if one[0] != told.subject and one[1] > ctx.now - rule.window)
    outage = replace(known, recent=(*recent[-(ORDERS_NAMED - 1) :], (told.subject, ctx.now)))
    if not outage.since and len(outage.recent) >= min(rule.orders, ORDERS_NAMED):
        outage = _begin(outage, rule, told, ctx)
    ctx.put(told.key, outage, ctx.now + rule.window)


def _begin(outage: Outage, rule: Pattern, told: Told, ctx: KeyedContext) -> Outage:
    group = rule.group or ctx.policy.frozen_group
    stream = _board(group, ctx.now)
    work = _outage_work(rule.name)
    title = f"{rule.cause}: {len(outage.recent)} orders within {span(rule.window)}"
    opened = WorkOpened(work, "outage", title, "", group, rule.guide)
    ctx.decide("work.opened.v1", stream, work, opened)
    item = Item(
        undated(stream), stream, work, "outage", title, rule.guide, "", group, ctx.now, 0, waits_from=ctx.now
    )
    _keep(ctx, _with_whom(item, ctx))
    _digest(group, ctx)
    return replace(outage, since=ctx.now, stream=stream)


def _outage_work(rule: str) -> str:
    return f"outage:{rule}"


def _rule(policy: Policy, name: str) -> Pattern | None:
    return next((rule for rule in policy.diagnosis.rules if rule.name == name), None)


def _in_outage(item: Item, ctx: KeyedContext) -> bool:
    """Whether an item waits for an outage to end, because its trouble is told as one."""
    if not item.work.startswith(_DIAGNOSED):
        return False
    outage: Outage | None = ctx.get(f"outage/{item.work.removeprefix(_DIAGNOSED)}")
    return outage is not None and outage.since > 0


def _outage_wakes(key: str, outage: Outage, ctx: KeyedContext) -> None:
    """For the rule's whole time no order more: the outage is over."""
    name = key.partition("/")[2]
    if outage.since:
        work = _outage_work(name)
        reason = f"no further order since {span(ctx.now - outage.recent[-1][1])}"
        close_across(ctx, outage.stream, work, reason)
        if ctx.get(item_key(outage.stream, work)) is not None:
            ctx.drop(item_key(outage.stream, work))
    ctx.drop(key)
    if outage.since:
        waiting = [item for item in ctx.index.group if item.endswith(f"#{_DIAGNOSED}{name}")]
        for item in sorted(waiting):
            _keep(ctx, ctx.get(item))


# Digests


def _digest(group: str, ctx: KeyedContext) -> None:
    """A group with something to do is told so when its digest is due next."""
    key = f"digest/{group}"
    if not ctx.policy.desk.digest or ctx.get(key) is not None:
        return
    due = _opening(ctx.policy, ctx.now)
    if due:
        ctx.put(key, Digest(due), due)


def _opening(policy: Policy, now: int) -> int:
    """The next opening of the digest's calendar, 0 where it has none."""
    calendar = policy.sla.calendars.get(policy.desk.digest)
    if calendar is None:
        return NONE
    place = bisect_right(calendar.opens, now)
    return calendar.opens[place] if place < len(calendar.opens) else NONE


def _digest_wakes(key: str, ctx: KeyedContext) -> None:
    group = key.partition("/")[2]
    index: DeskIndex = ctx.index
    lines = sorted(index.items.get(group, {}).values())
    if not lines:
        ctx.drop(key)
        return
    kinds: dict[str, int] = {}
    orders: dict[str, None] = {}
    untaken = 0
    for _, _, kind, subject, taken in lines:
        kinds[kind] = kinds.get(kind, 0) + 1
        untaken += not taken
        if len(orders) < ORDERS_NAMED and subject.startswith("order/"):
            orders[subject] = None
    data = WorkDigested(
        group,
        len(lines),
        untaken,
        lines[0][0],
        dict(sorted(kinds.items())),
        group,
        list(ctx.policy.desk.via),
        list(orders),
    )
    ctx.decide("work.digested.v1", _board(group, ctx.now), f"digest:{group}", data)
    due = _opening(ctx.policy, ctx.now)
    if due and ctx.policy.desk.digest:
        ctx.put(key, Digest(due), due)
    else:
        ctx.drop(key)


class DeskFold(KeyedFold):
    """Last of stage 2: hears what all others open and close."""

    name = "desk"
    version = 1
    kinds: ClassVar[dict[str, type[msgspec.Struct]]] = {"item": Item, "outage": Outage, "digest": Digest}
    handlers: ClassVar[dict[str, Handler]] = {
        "work.opened.v1": _opened,
        "work.closed.v1": _closed,
        "work.taken.v1": _taken,
        "work.assigned.v1": _assigned,
        "work.noted.v1": _noted,
        "work.done.v1": _done,
        "sla.escalated.v1": _sla_escalated,
        "diagnosis.tallied": _tallied,
    }

    def reads(self, fact: Told, policy: Policy) -> Iterable[str]:
        return (item_key(fact.key, fact.data.work),) if fact.type.startswith("work.") else ()

    def wake(self, key: str, state: Any, ctx: KeyedContext) -> None:
        """A rung of an item's ladder is due, an outage's quiet time is over, or a group's digest."""
        if isinstance(state, Item):
            if _in_outage(state, ctx):
                ctx.put(key, replace(state, due=NONE))
            else:
                _keep(ctx, _climb(state, ctx))
        elif isinstance(state, Outage):
            _outage_wakes(key, state, ctx)
        else:
            _digest_wakes(key, ctx)

    def published(self, old: Policy | None, ctx: KeyedContext) -> None:
        """Other ladders: what has not been told yet is told by the new ones."""
        new = ctx.policy
        if old is None or (old.desk, old.sla.calendars) == (new.desk, new.sla.calendars):
            return
        index: DeskIndex = ctx.index
        for key in sorted(index.group):
            item: Item = ctx.get(key)
            if _due(item, new) != item.due:
                _keep(ctx, item)
        for group in sorted(index.items):
            if ctx.get(f"digest/{group}") is not None:
                ctx.drop(f"digest/{group}")
            _digest(group, ctx)

    def new_index(self) -> DeskIndex:
        return DeskIndex()

    def reindex(self, index: DeskIndex, key: str, state: Any | None) -> None:
        if not key.startswith("item/"):
            return
        before = index.group.pop(key, None)
        if before is not None:
            left = index.items[before]
            del left[key]
            if not left:
                del index.items[before]
        if isinstance(state, Item):
            index.group[key] = state.group
            line = (state.since, key, state.kind, state.subject, bool(state.taken))
            index.items.setdefault(state.group, {})[key] = line

    def label(self, key: str, state: Any) -> str:
        return OPEN if isinstance(state, Item) else ""
