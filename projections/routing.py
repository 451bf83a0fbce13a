"""Who has to do with an order, and how something is put before them.

Question: whose is it? From: the policy's routes, and an assignment by a person, which outranks them
(DOMAIN.md, "SLA timers": an order's owner follows from the routing rules until someone is assigned).
"""

from __future__ import annotations

from collections.abc import Iterable

from projections.kernel import NONE, Context
from projections.policy import Policy
from schemas.events.decisions import WorkClosed, WorkOpened


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
    ctx: Context, work: str, kind: str, title: str, cause: int = -1, due: int = NONE, state: str | None = None
) -> None:
    """Decide that the stream of this step has something for a person to do: `work` is its id within the stream,
    `kind` the rule that says so (and finds the guide), `state` the order's, if the step has just changed it."""
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
    opened = WorkOpened(work, kind, title, owner, group, ctx.policy.guides.get(kind, ""))
    ctx.decide("work.opened.v1", work, opened, cause, due)


def close_work(ctx: Context, work: str, reason: str) -> None:
    """Decide that nobody need do it any more."""
    ctx.decide("work.closed.v1", work, WorkClosed(work, reason))


def is_open(ctx: Context, work: str) -> bool:
    """Whether the stream has this work item open, as of the step before."""
    return any(item.work == work for item in ctx.row.work)
