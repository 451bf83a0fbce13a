"""An engine's fold host, its rows and what it decided, for tests of how it steps."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.fold.step import pipeline_of
from engine.intake.model import Incoming
from engine.store.database import HISTORY
from engine.workers.embedded import Engine
from projections.row import Row
from schemas.envelope import Event
from tests.build import SECOND, event, paid, placed
from tests.streams import without
from tests.worlds import POLICY

ONE, TWO = "order/taobao:1", "order/taobao:2"
LOCKED, ACCEPTED, PICKED = "stock.locked", "fulfilment.accepted", "fulfilment.picked"

UNDIAGNOSED = without("diagnosis")
"""The house's policy, but nothing is diagnosed: orders of a few words would else be."""


def opened(directory: Path, partitions: int = 2, policy: bytes = POLICY) -> Engine:
    return Engine.open(str(directory), HISTORY, policy, partitions=partitions, wait_seconds=0)


def told(what: str, order: str, at: int, heard: int | None = None, **data: Any) -> Incoming:
    return event(what, order, at, data, arrived=heard, channel="taobao")


def begun(order: str, at: int = 0) -> list[Incoming]:
    """Placed and paid a second later."""
    return [placed(order, at, channel="taobao"), paid(order, at + SECOND, channel="taobao")]


def submit(engine: Engine, *events: Incoming) -> None:
    assert [outcome.status for outcome in engine.submit(deepcopy(events))] == ["accepted"] * len(events)


def row_of(engine: Engine, subject: str = ONE) -> Row:
    entry = engine.host.entry(subject)
    assert entry is not None
    return entry.row


def decisions(engine: Engine, subject: str = ONE) -> list[str]:
    """Types of what was decided over a stream, without version, as its receipts have them."""
    engine.flush()
    return [r.event.type.removesuffix(".v1") for r in engine.store.stream(subject, receipts=True)]


def receipt(engine: Engine, type_: str, subject: str = ONE) -> dict[str, Any]:
    """The body of the only decision of that type."""
    engine.flush()
    records = engine.store.stream(subject, receipts=True)
    (body,) = [record.data for record in records if record.event.type == f"{type_}.v1"]
    return msgspec.json.decode(body, type=dict[str, Any])


Wrong = Callable[[Event, Any], bool]


def break_fold(patch: pytest.MonkeyPatch, type_: str, wrong: Wrong, field: str = "lifecycle") -> None:
    """From now on that fold raises over the events of a type that are `wrong`."""
    pipeline = pipeline_of(ONE)
    plan = pipeline.plan(type_)
    place = next(n for n, concerned in enumerate(plan) if concerned[1] == field)
    after, _, fold, handler = plan[place]

    def raising(state: Any, event: Event, ctx: Any) -> Any:
        if wrong(event, ctx):
            raise ZeroDivisionError("the fold is broken")
        return handler(state, event, ctx)

    patch.setitem(pipeline._plans, type_, (*plan[:place], (after, field, fold, raising), *plan[place + 1 :]))
