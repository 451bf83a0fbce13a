"""The board of suggestions: each morning what a group has to say yes or no to, the surest first.

Question: what waits for an answer, and what became of the rest since the board before? From: the merge fold's decisions.
Decides `board.listed` on `board/<group>/<day>` at the instants the policy compiled of its local times (DOMAIN.md: 09:00
daily) from the first suggestion on, then also when nothing waits: an empty board says that all is answered. `<day>` is the UTC date.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from projections.days import DAY, day_of
from projections.keyed import Handler, KeyedContext, KeyedFold, Told
from projections.policy import Board, Policy
from schemas.events.decisions import BoardLine, BoardListed, MergeSuggested


class BoardState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`board/<group>`: what was done since the board before. `begun` once there was anything: a shop whose orders never met
    has no board."""

    suggested: int = 0
    made: int = 0
    declined: int = 0
    expired: int = 0
    dissolved: int = 0
    begun: bool = False


class OpenState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """`open/<pair>`: a suggestion nobody has answered yet."""

    orders: tuple[str, ...]
    score: int
    since: int
    reasons: tuple[str, ...]


def next_board(board: Board, now: int) -> int:
    """The first instant after `now` the board is listed at; beyond what is compiled each day after the last, 0 for never."""
    instants = board.instants
    index = bisect_right(instants, now)
    if index < len(instants):
        return instants[index]
    if not instants:
        return 0
    return instants[-1] + ((now - instants[-1]) // DAY + 1) * DAY


def _key(policy: Policy) -> str:
    return f"board/{policy.merge.group}"


def _suggested(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """Something more to say yes or no to."""
    data = fact.data
    assert isinstance(data, MergeSuggested)
    ctx.put(f"open/{fact.key}", OpenState(tuple(data.orders), data.score, ctx.now, tuple(data.reasons)))
    _count(ctx, "suggested")


def _expired(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """A suggestion is over, and nobody need answer it."""
    _count(ctx, "expired")


def _declined(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """A person said no."""
    if fact.data.by != "policy":
        _count(ctx, "declined")


def _made(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """Orders travel together."""
    _count(ctx, "made")


def _dissolved(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """Orders go their own ways again."""
    _count(ctx, "dissolved")


def _closed(fold: KeyedFold, fact: Told, ctx: KeyedContext) -> None:
    """The suggestion is answered, however that came: its work is done."""
    if fact.key.startswith("merge/") and ctx.get(f"open/{fact.key}") is not None:
        ctx.drop(f"open/{fact.key}")


def _count(ctx: KeyedContext, what: str) -> None:
    key = _key(ctx.policy)
    state = ctx.get(key)
    if state is not None:
        _keep(key, replace(state, begun=True, **{what: getattr(state, what) + 1}), ctx)


def _keep(key: str, state: BoardState, ctx: KeyedContext) -> None:
    board = ctx.policy.merge.board
    ctx.put(key, state, next_board(board, ctx.now) if board is not None and state.begun else 0)


class BoardsFold(KeyedFold):
    """Behind the folds whose suggestions it lists."""

    name = "boards"
    version = 1
    kinds: ClassVar[Mapping[str, type[msgspec.Struct]]] = {"board": BoardState, "open": OpenState}
    handlers: ClassVar[dict[str, Handler]] = {
        "merge.suggested.v1": _suggested,
        "merge.made.v1": _made,
        "merge.declined.v1": _declined,
        "merge.expired.v1": _expired,
        "batch.dissolved.v1": _dissolved,
        "work.closed.v1": _closed,
    }

    def published(self, old: Policy | None, ctx: KeyedContext) -> None:
        """The group's board, from here on at the policy's times; the board of a group that answers no more is taken down."""
        merge = ctx.policy.merge
        key = _key(ctx.policy)
        if old is not None and old.merge.group and _key(old) != key and ctx.get(_key(old)) is not None:
            ctx.drop(_key(old))
        if merge.on and merge.group:
            _keep(key, ctx.get(key) or BoardState(begun=bool(ctx.index)), ctx)
        elif merge.group and ctx.get(key) is not None:
            ctx.drop(key)

    def new_index(self) -> dict[str, OpenState]:
        return {}

    def reindex(self, index: dict[str, OpenState], key: str, state: Any | None) -> None:
        if not key.startswith("open/"):
            return
        if state is None:
            index.pop(key, None)
        else:
            index[key] = state

    def wake(self, key: str, state: BoardState, ctx: KeyedContext) -> None:
        """It is time: list what waits."""
        policy = ctx.policy
        board = policy.merge.board
        if board is None or not policy.merge.on:
            return
        waiting: list[tuple[str, OpenState]] = sorted(ctx.index.items(), key=_surest)
        lines = [
            BoardLine(open_.removeprefix("open/"), list(one.orders), one.score, one.since, list(one.reasons))
            for open_, one in waiting[: board.lines]
        ]
        orders = sorted({order for line in lines for order in line.orders})
        ctx.decide(
            "board.listed.v1",
            f"{key}/{day_of(ctx.now)}",
            "",
            BoardListed(
                policy.merge.group,
                len(waiting),
                lines,
                orders,
                state.suggested,
                state.made,
                state.declined,
                state.expired,
                state.dissolved,
                policy.merge.lead or policy.merge.group,
                list(board.via),
            ),
        )
        _keep(key, BoardState(begun=True), ctx)


def _surest(one: tuple[str, OpenState]) -> tuple[int, int, str]:
    return -one[1].score, one[1].since, one[0]
