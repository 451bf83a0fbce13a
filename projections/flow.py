"""What passes through each channel, counted by the minute.

Question: does the feed flow, does it tell all it should, how many orders stand where? From: every event of every order.
A count is not kept here: each step adds one cell to its channel's sum of that minute (`channel/<id>`), and stage 2 reads
the cells of all partitions (`projections.channel_health`). A cell is words: the stage, then what else the step did:

    orders >placed x3 a+ r+      an event of the stage `orders`; the order entered `placed`; 3 fields were due; its address
                                 could be read (a-: not); a named routing rule placed it (r-: the fallback, or nobody)
    warehouse picking>packed g1800   ready to ship, within the bucket that ends at 1,800 s

Beside them `seconds` sums the golden figure and `missing:<type> <field>` counts what was not told.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from projections.kernel import Context, Fold, Handler
from projections.policy import Field, Flow
from schemas.derived import Derived
from schemas.envelope import Event
from schemas.registry import TYPES

if TYPE_CHECKING:
    from projections.row import Row

NO_STAGE = "-"
SECONDS, MISSING = "seconds", "missing:"
PLACED = "order.placed.v1"


_OF_ORDERS = tuple(
    name
    for name, spec in TYPES.items()
    if name.startswith(("order.", "payment.", "stock.", "fulfilment.")) and not spec.reserved
)


class FlowState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The state the order was last counted in, "" in limbo."""

    state: str = ""


_NOWHERE = FlowState()


@lru_cache(maxsize=8192)
def _moved(stage: str, before: str, after: str, more: str) -> tuple[str, FlowState]:
    """The cell of a step that moved the order, and the state after it. Few different ones exist, and making them is most
    of the cost."""
    return f"{stage} {before}>{after}{more}", FlowState(after)


def _told(state: FlowState, event: Event, ctx: Context) -> FlowState:
    """Every event of an order: one count, and where it stands now."""
    policy = ctx.policy
    flow = policy.flow
    if flow is None:
        return state
    row = ctx.row
    type_ = event.type
    order = row.lifecycle
    after = order.state if order is not None else ""
    before = state.state
    key = "channel/" + row.channel
    stage = flow.stage_of.get(type_, NO_STAGE)
    more = _expected(flow, event, key, row.channel, ctx) if type_ in flow.expected else ""
    if after == before:
        ctx.count(key, stage + more if more else stage)
        return state
    if type_ == PLACED:
        more += _placing(flow, event, row)
    golden = policy.golden
    if golden is not None and order is not None and after == golden.ready.get(row.channel):
        entered = order.entered
        seconds = max(0, entered[-1][1] - entered[0][1]) // 1_000_000
        bounds = golden.bounds
        more += f" g{bounds[min(bisect_left(bounds, seconds), len(bounds) - 1)]}"
        ctx.count(key, SECONDS, seconds)
    cell, moved = _moved(stage, before, after, more)
    ctx.count(key, cell)
    return moved


def _expected(flow: Flow, event: Event, key: str, channel: str, ctx: Context) -> str:
    """` x3`: so many fields were due; those that were not told are counted by name."""
    due = flow.expected[event.type].get(channel)
    if due is None:
        return ""
    data = event.data
    for field in due.fields:
        if not _is_told(field, data):
            ctx.count(key, f"{MISSING}{event.type.rpartition('.')[0]} {field.name}")
    return due.word


def _is_told(field: Field, data: Any) -> bool:
    for path in field.paths:
        value = data
        for name in path:
            value = getattr(value, name, None)
            if value is None:
                break
        if value is not None and value != "" and value != []:
            return True
    return False


def _placing(flow: Flow, event: Event, row: Row) -> str:
    """` a+ r-`: what is asked of an order once, as it is placed."""
    more = ""
    derived: Derived | None = event.derived
    if derived is not None and event.data.address is not None:
        more = " a+" if is_read(derived, flow.address.needs) else " a-"
    for categories, named in flow.rules.get(row.channel, ()):
        if not categories or (row.lifecycle and not categories.isdisjoint(row.lifecycle.categories)):
            return more + (" r+" if named else " r-")
    return more + " r-"


def is_read(derived: Derived, needs: tuple[tuple[str, ...], ...]) -> bool:
    """Whether intake could make out of the address what the policy needs of it."""
    for group in needs:
        for name in group:
            if getattr(derived, name):
                break
        else:
            return False
    return True


def unfolded(channel: str, what: str) -> tuple[str, str]:
    """(key, cell) that counts an event nobody folded: `what` is its type, or FAULT and the fold that raised."""
    return f"channel/{channel}", f"{UNFOLDED}{what[:UNFOLDED_CHARACTERS]}"


UNFOLDED, UNFOLDED_CHARACTERS = "unfolded:", 80
FAULT = "fault in "


def _unknown(state: FlowState, event: Event, ctx: Context) -> FlowState:
    """An event of a type this release does not know."""
    if ctx.policy.flow is not None:
        ctx.count(*unfolded(ctx.row.channel, event.type))
    return state


class FlowFold(Fold[FlowState]):
    """Beside the order's own folds: reads the state they left, decides nothing."""

    name = "flow"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {
        **dict.fromkeys(_OF_ORDERS, _told),
        "fact.conflicted": _told,
        "type.unknown": _unknown,
    }

    def initial(self, subject: str) -> FlowState:
        return _NOWHERE

    def refolded(self, before: FlowState, after: FlowState, ctx: Context) -> None:
        """The order stands elsewhere than it was counted: what follows goes on from there."""
        if before.state != after.state and ctx.policy.flow is not None:
            ctx.count(f"channel/{ctx.row.channel}", _moved(NO_STAGE, before.state, after.state, "")[0])
