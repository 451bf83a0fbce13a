"""Small random worlds of orders, and an engine to run them through in different ways."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from engine.intake.model import DeadLetter, Incoming
from engine.store.database import HISTORY, Store
from engine.store.record import decode
from engine.views.tables import COLUMNS, decode_row
from engine.workers.embedded import Engine
from projections.row import Row
from projections.stages import STAGE_TWO
from tests.build import HOUR, MINUTE, SECOND, START, event, paid, placed

POLICY = (Path(__file__).parent.parent / "streams.yaml").read_bytes()

_STEPS = (
    "placed",
    "paid",
    "stock.locked",
    "fulfilment.accepted",
    "fulfilment.picked",
    "fulfilment.packed",
    "fulfilment.dispatched",
    "fulfilment.delivered",
    "order.cancelled",
    "order.held",
    "order.released",
    "order.unfrozen",
    "scan",
)


_HOME = "浙江省杭州市西湖区文三路138号东方公寓3号楼2单元501室"
_CUSTOMERS: tuple[dict[str, str], ...] = (
    {"account": "buyer-1", "name": "王小明", "phone": "13800138000"},
    {"name": "王小明", "phone": "+86 138 0013 8000"},
    {"name": "李伟", "phone": "13800138000"},
)
"""Two orders of one person, and one of their household: some of these may travel together."""


class World(list[Incoming]):
    """A world that prints as what happens in it."""

    def __repr__(self) -> str:
        return "\n".join(
            f"{item.arrived - START:>15} {item.event.time - START:>15} {item.event.id} {item.event.type} {item.event.subject}"
            for item in self
        )


def _incoming(what: str, order: int, at: int, arrived: int, n: int) -> Incoming:
    subject = f"order/taobao:{order}"
    keys: dict[str, Any] = {"id": f"e{n}", "arrived": arrived, "channel": "taobao"}
    if what == "placed":
        return placed(subject, at, customer=_CUSTOMERS[order % 3], address={"text": _HOME}, **keys)
    if what == "paid":
        return paid(subject, at, **keys)
    if what == "scan":
        return event(
            "fulfilment.moved",
            f"alias/waybill:SF{order}",
            at,
            {"waybill": f"SF{order}", "scan": str(at)},
            **keys,
        )
    data: dict[str, Any] = {}
    if what in ("fulfilment.packed", "fulfilment.dispatched", "fulfilment.delivered"):
        data = {"waybill": f"SF{order}"}
    elif what == "order.held":
        data = {"handle": "h", "reason": "awaiting_customer"}
    elif what == "order.released":
        data = {"handle": "h"}
    elif what == "order.unfrozen":
        data = {"reason": "looked at"}
    return event(what, subject, at, data, **keys)


@st.composite
def worlds(draw: st.DrawFn, most: int = 40) -> World:
    """Events of a few orders: mostly along the path, some out of it, late, twice, early or with equal times; sorted as an
    import sorts them."""
    found = World()
    orders = draw(st.integers(1, 4))
    count = draw(st.integers(1, most))
    at = {order: order * SECOND for order in range(orders)}
    reached = dict.fromkeys(range(orders), 0)
    for n in range(count):
        order = draw(st.integers(0, orders - 1))
        gap = draw(st.sampled_from([0, 1, SECOND, MINUTE, 3 * MINUTE, 40 * MINUTE, 3 * HOUR]))
        at[order] += gap
        if draw(st.integers(0, 9)) < 7:
            what = _STEPS[reached[order] % 8]
            reached[order] += 1
        else:
            what = draw(st.sampled_from(_STEPS))
        delay = draw(st.sampled_from([0, 0, 0, SECOND, 2 * MINUTE, HOUR]))
        found.append(_incoming(what, order, at[order], at[order] + delay, n))
        if draw(st.integers(0, 19)) == 0:
            found.append(_incoming(what, order, at[order], at[order] + delay + SECOND, n))
    found.sort(key=lambda item: item.arrived)
    return found


_COMPARED = [name for name in COLUMNS if name != "id"]


JUDGES = frozenset(f"/orderfold/{fold.name}" for fold in STAGE_TWO)
"""Sources of what stage 2 decides."""


class Outcome:
    """What a run left: rows without their ids, the states of stage 2, and decisions as DESIGN.md compares them; of
    stage 1 only, if asked."""

    def __init__(self, store: Store, stage_two: bool = True) -> None:
        with store.read() as cursor:
            self.rows = {
                row["subject"]: tuple(row)
                for row in cursor.execute(f"SELECT {', '.join(_COMPARED)} FROM rows")
            }
            self.judged = {
                (row["fold"], row["key"]): tuple(row)
                for row in cursor.execute("SELECT * FROM judged")
                if stage_two
            }
        self.decisions = sorted(
            (record.event.id, record.event.type, record.event.subject, record.event.time, record.data)
            for partition in range(store.partitions)
            for _, key, state in store.log(partition, 0, -1)
            if key.endswith("!")
            for record in [decode(key, state)]
            if stage_two or record.event.source not in JUDGES
        )

    def differs(self, other: Outcome) -> list[str]:
        """Where the two are not the same, field by field; [] when they are equal."""
        found = [f"{subject} in one only" for subject in sorted(self.rows.keys() ^ other.rows.keys())]
        for subject in sorted(self.rows.keys() & other.rows.keys()):
            for name, one, two in zip(_COMPARED, self.rows[subject], other.rows[subject], strict=True):
                if one != two and name == "row":
                    found += _row_differences(decode_row(one), decode_row(two))
                elif one != two:
                    found.append(f"{subject} {name}: {one} | {two}")
        for place in sorted(self.judged.keys() | other.judged.keys()):
            if self.judged.get(place) != other.judged.get(place):
                found.append(f"{place}: {self.judged.get(place)} | {other.judged.get(place)}")
        found += [f"one only: {decision}" for decision in self.decisions if decision not in other.decisions]
        return found + [
            f"other only: {decision}" for decision in other.decisions if decision not in self.decisions
        ]


def _row_differences(one: Row, two: Row) -> list[str]:
    return [
        f"{one.subject} {name}: {getattr(one, name)} | {getattr(two, name)}"
        for name in one.__struct_fields__
        if getattr(one, name) != getattr(two, name)
    ]


def run(
    directory: Path,
    world: Sequence[Incoming | DeadLetter],
    *,
    partitions: int = 4,
    batch: int = 2_000,
    crashes: Sequence[int] = (),
    rows_bytes: int = 128 * 2**20,
) -> Outcome:
    """Run a world through an engine of its own; at each index in `crashes` the process ends without a word."""
    shutil.rmtree(directory, ignore_errors=True)
    engine = _open(directory, partitions, rows_bytes)
    for start in range(0, len(world), batch):
        engine.submit([_copy(item) for item in world[start : start + batch]])
        if any(start <= crash < start + batch for crash in crashes):
            engine.store.close()
            engine = _open(directory, partitions, rows_bytes)
    list(engine.ingest([]))
    outcome = Outcome(engine.store)
    engine.close()
    return outcome


def _open(directory: Path, partitions: int, rows_bytes: int) -> Engine:
    return Engine.open(
        str(directory), HISTORY, POLICY, partitions=partitions, rows_bytes=rows_bytes, wait_seconds=0
    )


def _copy(item: Incoming | DeadLetter) -> Incoming | DeadLetter:
    return copy.deepcopy(item)
