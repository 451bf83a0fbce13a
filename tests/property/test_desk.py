"""The desk agrees with the orders: an item is open there if and only if its row has it, whatever way it came to be so.

People take, note and finish items at random between the events of small worlds; batches, partitions and crashes differ.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.intake.model import Incoming
from engine.store.database import Store
from engine.views.judged import Judged
from engine.views.tables import decode_row
from projections.desk import Item
from tests.build import HOUR, MINUTE, event
from tests.worlds import World, run, worlds

FEW = settings(max_examples=40, deadline=None)
WORKS = (
    "frozen",
    "sla:pay",
    "sla:accept",
    "sla:pick",
    "stuck",
    "diagnosis:stock_sync",
    "limbo",
    "hold_absent:h",
)


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@st.composite
def worked(draw: st.DrawFn) -> World:
    """A world in which people do something about what it makes."""
    world = draw(worlds(most=25))
    subjects = sorted({item.event.subject for item in world})
    end = max(item.arrived for item in world) - 1_600_000_000_000_000
    for n in range(draw(st.integers(0, 12))):
        at = draw(st.integers(0, max(1, (end + 6 * HOUR) // MINUTE))) * MINUTE
        kind = draw(st.sampled_from(["work.taken", "work.noted", "work.done", "work.assigned"]))
        data = {"work": draw(st.sampled_from(WORKS)), "by": "ann"}
        if kind == "work.noted":
            data["text"] = "looked"
        elif kind == "work.assigned":
            data["owner"] = "tang.li"
        subject = draw(st.sampled_from(subjects))
        world.append(event(kind, subject, at, data, id=f"w{n}", channel="taobao", source="/people/ann"))
    beat = event("channel.heartbeat", "channel/taobao/2020-09-13", end + 9 * HOUR, id="beat")
    world.append(beat)
    world.sort(key=lambda item: item.arrived)
    return world


def agree(directory: Path) -> None:
    """Every open item of every row is on the desk with its words, and nothing else of streams is."""
    store = Store.open(str(directory))
    try:
        with store.read() as cursor:
            items: list[Item] = [item for _, item in Judged(cursor).under("desk", "item/")]
            rows = [decode_row(blob) for (blob,) in cursor.execute("SELECT row FROM rows")]
    finally:
        store.close()
    here = {
        (item.subject, item.work): item for item in items if item.subject.startswith(("order/", "alias/"))
    }
    there = {(row.subject, work.work): work for row in rows for work in row.work}
    assert here.keys() == there.keys()
    for key, work in there.items():
        assert (here[key].kind, here[key].guide) == (work.kind, work.guide)
    for row in rows:
        assert row.told is None or sorted(row.told.told) == sorted((w.work, w.cause) for w in row.work)


@FEW
@given(world=worked())
def test_open_there_if_and_only_if_open_here(directory: Path, world: Sequence[Incoming]) -> None:
    run(directory / "a", world)

    agree(directory / "a")


@FEW
@given(
    world=worked(),
    batch=st.integers(1, 20),
    partitions=st.sampled_from([1, 2, 16]),
    crashes=st.lists(st.integers(0, 40), max_size=3),
)
def test_whatever_the_batches_partitions_and_crashes(
    directory: Path, world: Sequence[Incoming], batch: int, partitions: int, crashes: list[int]
) -> None:
    whole = run(directory / "a", world)
    other = run(directory / "b", world, batch=batch, partitions=partitions, crashes=crashes)

    # That all views agree is `test_any_way`'s; here it is the desk's, the orders' and what is decided of both.
    assert [
        one for one in other.differs(whole) if not one.startswith("('") or one.startswith("('desk'")
    ] == []
    agree(directory / "b")
