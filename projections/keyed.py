"""What a fold of stage 2 is: keyed by a fact's key, over all orders, in one partition.

Stage 2 takes the facts of all partitions in canonical order (streamtime, subject, streamversion, n). Before a fact with
stream time s every timer due before s fires, in order (due, fold, key); when the lowest folded watermark is reached, those
due up to it. In a step the folds run in their fixed order and hear at once, as facts of their own type, what earlier ones
decided. A fold may read and write every key of its own; states are immutable, so a step that raises changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

import msgspec

from projections.kernel import NONE
from projections.policy import Policy
from schemas.events.common import Data


class Told(msgspec.Struct, gc=False, frozen=True):
    """A fact as folds hear it, or an earlier fold's decision: then `key` is the decision's subject and `subject` its cause's."""

    type: str
    key: str
    subject: str
    streamversion: int
    streamtime: int
    data: Any


class KeyedDecision(msgspec.Struct, gc=False):
    """Something stage 2 decided about `subject` (`merge/<pair>`, `channel/<id>/<day>`, …). `cause` names the fact
    (`<subject>@<streamversion>`) or, for a timer, the key whose timer it was; `due` is the instant it was due, 0 for none."""

    fold: str
    type: str
    subject: str
    key: str
    cause: str
    due: int
    data: Data


class KeyedContext(Protocol):
    """What a stage-2 fold may see and ask within one step. `now` is the fact's stream time, or the due instant of a wake."""

    policy: Policy
    now: int
    index: Any
    """This fold's own memory beside its states: whatever `reindex` made of them. Never stored."""

    def get(self, key: str) -> Any:
        """The state under a key of this fold, None where there is none."""

    def put(self, key: str, state: msgspec.Struct, due: int = NONE) -> None:
        """Keep a state, to be woken at `due` (0: not at all). A due at or before `now` is put off by `timers.settle`."""

    def drop(self, key: str) -> None:
        """Forget a key."""

    def decide(self, type: str, subject: str, key: str, data: Data) -> None:
        """Decide something about `subject`, effective now; `key` tells apart decisions of one type in one step."""


Handler = Callable[[Any, Told, KeyedContext], None]
"""(fold, fact, ctx) → None: it reads and writes keys through `ctx`."""


class KeyedFold:
    """One fold of stage 2. `kinds` maps the part of a key before its first slash to the struct of its states; `handlers`
    maps fact types, and types of earlier folds' decisions, to methods of the fold."""

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[Mapping[str, type[msgspec.Struct]]]
    handlers: ClassVar[dict[str, Handler]]

    def reads(self, fact: Told, policy: Policy) -> Iterable[str]:
        """Keys the fact will need, to be read many at once. Others are read one by one when asked for."""
        return ()

    def wake(self, key: str, state: Any, ctx: KeyedContext) -> None:
        """The timer of `key` is due at `ctx.now`. Must leave a later due, or none."""

    def published(self, old: Policy | None, ctx: KeyedContext) -> None:
        """`ctx.policy` is in force from here: create the keys whose timers need no fact, re-target those that stand."""

    def new_index(self) -> Any:
        """An empty index."""
        return None

    def reindex(self, index: Any, key: str, state: Any | None) -> None:
        """`key` now has `state` (None: it is gone): bring the index up to date. Called for every change, and in any order
        for all stored states when the fold is loaded; the same states must give the same index."""

    def label(self, key: str, state: Any) -> str:
        """What lists select by, "" for what no list shows (`suggested`, `live`, `silent`, …)."""
        return ""
