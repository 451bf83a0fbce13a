"""Who has to do with an order, and how something is put before them.

Question: whose is it? From: the policy's routes, and an assignment by a person, which outranks them
(DOMAIN.md, "SLA timers": an order's owner follows from the routing rules until someone is assigned). And who is there
for it now? From: shifts and absences.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

from projections.kernel import NONE, Context
from projections.keyed import KeyedContext
from projections.policy import Calendar, Policy
from schemas.events.decisions import WorkClosed, WorkOpened

ROLES = ("owner", "backup", "supervisor", "group")
"""The rungs of every ladder, from the bottom."""


def owner_of(
    policy: Policy,
    channel: str,
    categories: Iterable[str],
    state: str,
    assigned_owner: str = "",
    assigned_group: str = "",
) -> tuple[str, str]:
    """(owner, group) of an order: who was assigned, else the first route all of whose conditions hold, else
    nobody ("", ""). A category condition holds if any line is of such a category. A named owner without a
    group brings their own."""
    owner, group = assigned_owner, assigned_group
    if not owner and not group:
        for route in policy.routes:
            if (
                (not route.channels or channel in route.channels)
                and (not route.states or state in route.states)
                and (not route.categories or not route.categories.isdisjoint(categories))
            ):
                owner, group = route.owner, route.group
                break
    if owner and not group and (person := policy.people.get(owner)) is not None:
        group = person.group
    return owner, group


def open_work(
    ctx: Context,
    work: str,
    kind: str,
    title: str,
    cause: int = -1,
    due: int = NONE,
    state: str | None = None,
    guide: str = "",
    group: str = "",
) -> None:
    """Decide that the stream of this step has something for a person to do: `work` is its id within the stream,
    `kind` the rule that says so (and finds the guide, unless one is given), `state` the order's, if the step has just
    changed it. With a `group` it is that group's, whosever the order is."""
    whose = group
    order = ctx.row.lifecycle
    if order is None:
        owner, group = owner_of(ctx.policy, ctx.row.channel, (), state or "")
    else:
        owner, group = owner_of(
            ctx.policy,
            ctx.row.channel,
            order.categories,
            order.state if state is None else state,
            order.owner,
            order.group,
        )
    if whose and group != whose:
        owner, group = "", whose
    opened = WorkOpened(work, kind, title, owner, group, guide or ctx.policy.guides.get(kind, ""))
    ctx.decide("work.opened.v1", work, opened, cause, due)


def close_work(ctx: Context, work: str, reason: str) -> None:
    """Decide that nobody need do it any more."""
    ctx.decide("work.closed.v1", work, WorkClosed(work, reason))


def open_across(ctx: KeyedContext, subject: str, work: str, kind: str, title: str, to: str) -> None:
    """Decide that something over many orders is for a person to look after: for the person or group `to`."""
    person = ctx.policy.people.get(to)
    owner, group = (to, person.group) if person is not None else ("", to)
    opened = WorkOpened(work, kind, title, owner, group, ctx.policy.guides.get(kind, ""))
    ctx.decide("work.opened.v1", subject, work, opened)


def close_across(ctx: KeyedContext, subject: str, work: str, reason: str) -> None:
    """Decide that nobody need do it any more: under the subject it was opened under, which may be of an earlier day."""
    ctx.decide("work.closed.v1", subject, work, WorkClosed(work, reason))


def is_open(ctx: Context, work: str) -> bool:
    """Whether the stream has this work item open, as of the step before."""
    return any(item.work == work for item in ctx.row.work)


# Who is there


class Duty(msgspec.Struct, frozen=True, gc=False):
    """Whom something is put before: a person or a group, as the owner, backup, supervisor or group they are to it, and why
    it is they, "" where that needs no reason."""

    to: str
    role: str
    reason: str = ""


def off_duty(policy: Policy, name: str, now: int) -> str:
    """Why a person cannot be reached now, "" if they can. Whoever streams.yaml does not know is always there; so is
    everybody beyond the hours a calendar is compiled for, as its clocks say too."""
    person = policy.people.get(name)
    if person is None:
        return ""
    for absence in person.absences:
        if absence.start <= now < absence.end:
            return f"{name} is absent ({absence.reason})" if absence.reason else f"{name} is absent"
    known = [calendar for shift in person.shifts if (calendar := policy.sla.calendars.get(shift))]
    if not known or any(_open(calendar, now) for calendar in known):
        return ""
    return f"{name} is off shift"


def _open(calendar: Calendar, now: int) -> bool:
    opens, closes = calendar.opens, calendar.closes
    if not opens or now < opens[0] or now >= closes[-1]:
        return True
    return now < closes[bisect_right(opens, now) - 1]


def on_duty(policy: Policy, person: str, now: int, group: str = "", rung: str = "owner") -> Duty:
    """Who takes up what is `person`'s ("" for nobody's) and `group`'s, from a rung of a ladder on (owner, backup,
    supervisor, group): the first who is there, else the group."""
    known = policy.people.get(person)
    group = group or (known.group if known is not None else "")
    if not person and rung in ("owner", "backup"):
        return Duty(group, "group")
    backup, supervisor = (known.backup, known.supervisor) if known is not None else ("", "")
    if not person:
        supervisor = _supervisor(policy, group, now)
    missed: list[str] = []
    asked = {"owner": person, "backup": backup, "supervisor": supervisor}
    for role in ROLES[ROLES.index(rung) :]:
        name = asked.get(role, "")
        if not name:
            continue
        why = off_duty(policy, name, now)
        if not why:
            return Duty(name, role, "; ".join(missed))
        missed.append(why)
    if not group and person:
        return Duty(person, "owner", "; ".join([*missed, "there is nobody else"]))
    return Duty(group, "group", "; ".join(missed))


def _supervisor(policy: Policy, group: str, now: int) -> str:
    """Of a group's supervisors the first by name who is there, else the first."""
    names = sorted({p.supervisor for p in policy.people.values() if p.group == group and p.supervisor})
    return next((name for name in names if not off_duty(policy, name, now)), names[0] if names else "")
