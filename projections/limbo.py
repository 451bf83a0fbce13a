"""What waits under a number that no order is known by.

Question: how much waits here, and for how long? From: every fact that names only an alias, and alias.bound, which
says whose number it is: append then follows it with what waited (DESIGN.md, "Aliases"), so limbo empties
itself. Invariant: after `limbo_after` in stream time what still waits is somebody's work.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from projections.kernel import NONE, Context, Fold, Handler, settled
from projections.routing import close_work, open_work
from schemas.envelope import Event
from schemas.events.system import AliasBound
from schemas.registry import TYPES

LIMBO = "limbo"


class LimboState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`waiting` facts since `since` (stream time of the first, event `cause`), or the orders the number is
    `bound` to. `told`: the work item is open."""

    waiting: int = 0
    since: int = 0
    cause: int = 0
    bound: tuple[str, ...] = ()
    told: bool = False
    due: int = 0


def _waits(state: LimboState, event: Event, ctx: Context) -> LimboState:
    if state.bound:
        return state
    if state.waiting:
        return replace(state, waiting=state.waiting + 1)
    since = max(ctx.now, event.streamtime)
    due = settled(since + ctx.policy.limbo_after, ctx)
    return replace(state, waiting=1, since=since, cause=event.streamversion, due=due)


def _bound(state: LimboState, event: Event, ctx: Context) -> LimboState:
    data: AliasBound = event.data
    if data.order in state.bound:
        return state
    if state.told:
        close_work(ctx, LIMBO, f"{data.kind} {data.number} is known to be {data.order}")
    return LimboState(bound=(*state.bound, data.order))


class LimboFold(Fold[LimboState]):
    """The only fold of alias streams."""

    name = "limbo"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {
        **{
            name: _waits
            for name, type_ in TYPES.items()
            if not type_.reserved and not name.startswith("work.")
        },
        "fact.conflicted": _waits,
        "alias.bound.v1": _bound,
    }

    def initial(self, subject: str) -> LimboState:
        return LimboState()

    def due(self, state: LimboState) -> int:
        return state.due

    def wake(self, state: LimboState, now: int, ctx: Context) -> LimboState:
        """What waits has waited too long: somebody is told."""
        kind, _, number = ctx.row.subject.partition("/")[2].partition(":")
        waiting = f"{state.waiting} fact{'s name' if state.waiting != 1 else ' names'}"
        title = f"{waiting} {kind} {number}, which no order is known by"
        open_work(ctx, LIMBO, LIMBO, title, cause=state.cause, due=now)
        return replace(state, told=True, due=NONE)
