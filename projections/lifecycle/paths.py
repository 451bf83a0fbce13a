"""Searches over a lifecycle map: what is missing, the ways out, whether a late fact fits.

Nothing here is on the hot path: a map is searched only when an order meets what it has no way for, or a fact
that comes late. All answers depend on the map alone, in the order its moves are written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from projections.lifecycle.state import PAID_FULL, PAID_PART, Fact
from projections.policy import LifecycleMap

WAYS_OUT = 3
"""Ways out told of a frozen order, at most."""

Entered = tuple[tuple[str, int, int], ...]

_TOLD = {"fulfilment.dispatched": "shipped", "payment.received": "paid"}
"""What people call a fact where its type does not say it."""

_MISSING = {
    PAID_FULL: "payment",
    PAID_PART: "a first payment",
    "review.required": "review",
    "review.passed": "the reviewer's consent",
    "order.confirmed": "confirmation",
    "stock.locked": "the stock lock",
    "fulfilment.routed": "routing",
    "fulfilment.accepted": "acceptance by the node",
    "fulfilment.picked": "picking",
    "fulfilment.packed": "packing",
    "fulfilment.dispatched": "the hand-over to the carrier",
    "fulfilment.delivered": "delivery",
    "order.completed": "completion",
}


def search(map_: LifecycleMap, start: str, goal: Callable[[str], bool]) -> tuple[list[str], str] | None:
    """The shortest legal path from `start` to a state `goal` accepts: its triggers and that state. Breadth first,
    so that of equally short paths the one written first in the map is found; None if there is none."""
    moves: dict[str, list[tuple[str, str]]] = {}
    for (state, trigger), target in map_.moves.items():
        moves.setdefault(state, []).append((trigger, target))
    came: dict[str, tuple[str, str]] = {start: ("", "")}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if goal(state):
            end, path = state, []
            while state != start:
                state, trigger = came[state]
                path.append(trigger)
            return path[::-1], end
        for trigger, target in moves.get(state, ()):
            if target not in came:
                came[target] = (state, trigger)
                queue.append(target)
    return None


def claimed(map_: LifecycleMap, at: str, trigger: str) -> str:
    """The state an illegal `trigger` says the order is in: where it leads from the nearest state it is legal in;
    where no such state can be reached any more, its least advanced target beyond `at`, else its most advanced. `at`
    itself where no move bears that trigger (the map changed meanwhile)."""
    legal = search(map_, at, lambda state: (state, trigger) in map_.moves)
    if legal is not None:
        return map_.moves[(legal[1], trigger)]
    ranks = sorted({map_.rank[to] for (_, name), to in map_.moves.items() if name == trigger})
    if not ranks:
        return at
    here = map_.rank.get(at, -1)
    return map_.states[next((rank for rank in ranks if rank > here), ranks[-1])]


def ways_out(map_: LifecycleMap, at: str, trigger: str) -> list[list[str]]:
    """The shortest legal ways out of a freeze, each a list of triggers: to the state the illegal `trigger`
    claimed, and to the nearest end."""
    target = claimed(map_, at, trigger)
    ways: list[list[str]] = []
    for goal in (lambda state: state == target, lambda state: state in map_.terminal):
        found = search(map_, at, goal)
        if found is not None and found[0] and found[0] not in ways:
            ways.append(found[0])
    return ways[:WAYS_OUT]


def reason(map_: LifecycleMap, met: str, trigger: str) -> str:
    """Why `trigger` is illegal in the state `met`, for people: "shipped while placed: payment is missing"."""
    if trigger in _TOLD:
        told = _TOLD[trigger]
    else:
        noun, _, participle = trigger.partition(".")
        told = participle if noun in ("order", "fulfilment") else f"{noun} {participle.replace('_', ' ')}"
    if not met:
        return f"{told} before the order was placed"
    what = f"{told} while {met.replace('_', ' ')}"
    path = search(map_, met, lambda state: (state, trigger) in map_.moves)
    if path is None:
        return f"{what}: {'that is final' if met in map_.terminal else 'nothing leads there any more'}"
    if not path[0]:
        return f"{what}: legal by now, but for a person to judge"
    return f"{what}: {_MISSING.get(path[0][0], path[0][0])} is missing"


def stood_at(entered: Entered, time: int) -> int:
    """Index in `entered` of the state the order stood in at an instant; -1 before its first."""
    index = len(entered) - 1
    while index >= 0 and entered[index][1] > time:
        index -= 1
    return index


def takes_money(map_: LifecycleMap, state: str) -> bool:
    """Whether a payment may move an order that stands there."""
    return (state, PAID_FULL) in map_.moves or (state, PAID_PART) in map_.moves


def fit(map_: LifecycleMap, entered: Entered, fact: Fact, stayed: int) -> Entered | None:
    """`entered` with a late fact placed by its occurrence, if it was legal then and everything after it stays
    legal and ends in the same state; None if it contradicts, or might: then the order must be folded again.

    Only states are remembered, not what led to each; so every trigger that may have led from one to the next
    must also lead on from where the late fact puts the order. Facts that left the order where it was are
    remembered by the last of them only (`stayed`): before it, nothing is sure.
    """
    index = stood_at(entered, fact.time)
    if index < 0:
        return None
    target = map_.moves.get((entered[index][0], fact.trigger))
    if target is None:
        return None
    if target == entered[index][0]:
        return entered
    if fact.time < stayed or takes_money(map_, target):
        return None
    placed = [*entered[: index + 1], (target, fact.time, fact.version)]
    at, before = target, entered[index][0]
    for state, time, version in entered[index + 1 :]:
        ways = [name for (here, name), to in map_.moves.items() if here == before and to == state]
        onward = {map_.moves.get((at, name)) for name in ways}
        reached = onward.pop() if len(onward) == 1 else None
        if reached is None or reached == at:
            return None
        placed.append((reached, time, version))
        at, before = reached, state
    return tuple(placed) if at == entered[-1][0] else None
