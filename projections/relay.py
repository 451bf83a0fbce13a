"""Passes on, as facts, what is said of nodes, channels, merges, batches and boards.

Question: none of its own; stage 2 judges over all streams. From: reports and heartbeats, and what people command there.
A fact's key is the subject without its day: `node/<id>`, `channel/<id>`, `board/<group>`, `merge/<pair>`, `batch/<id>`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from projections.kernel import Context, Fold, Handler
from schemas.envelope import Event


class RelayState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Nothing is kept: the row around it knows how far the stream is folded."""


def key_of(subject: str) -> str:
    """`node/n1/2026-11-22` → `node/n1`; a merge or batch has no day."""
    return subject.rpartition("/")[0] if subject.startswith(("node/", "channel/", "board/")) else subject


def _passed_on(state: RelayState, event: Event, ctx: Context) -> RelayState:
    ctx.emit(event.type, key_of(event.subject), event.data)
    return state


class RelayFold(Fold[RelayState]):
    """The whole pipeline of streams that are no order."""

    name = "relay"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = dict.fromkeys(
        (
            "node.registered.v1",
            "node.reported.v1",
            "node.heartbeat.v1",
            "channel.registered.v1",
            "channel.reported.v1",
            "channel.heartbeat.v1",
            "merge.accepted.v1",
            "merge.refused.v1",
            "merge.undone.v1",
            "work.taken.v1",
            "work.assigned.v1",
            "work.done.v1",
            "work.noted.v1",
        ),
        _passed_on,
    )

    def initial(self, subject: str) -> RelayState:
        return RelayState()
