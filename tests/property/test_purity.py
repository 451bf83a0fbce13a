"""Folds are functions of the log: no clock, chance, network or file; and who reaches for one is caught."""

from __future__ import annotations

import ast
import datetime
import os
import random
import secrets
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from time import time_ns
from typing import ClassVar
from urllib.request import urlopen

import pytest

from engine.fold.refold import Timeline, fold_again
from engine.fold.step import Pipeline, new_row, pipeline_of, step_event, step_wake
from engine.fold.stream import retrace
from engine.intake.importing import Import
from engine.intake.model import Rules
from engine.policy.load import load_policy
from engine.simulate import simulate, terms_of, write
from engine.store.database import HISTORY
from engine.views.tables import decode_row
from engine.workers.embedded import Engine
from projections.kernel import Context, Fold, Handler
from projections.ledger import LedgerState
from projections.row import Row
from schemas.envelope import Event, micros
from tests.build import placed
from tests.policies import policy
from tests.sandbox import Impure, sandbox
from tests.worlds import POLICY

END = 1_762_905_600_000_000
PROJECTIONS = sorted((Path(__file__).parents[2] / "projections").rglob("*.py"))

# A world within the sandbox


class Told:
    """The streams of a simulated world as an engine stored them, with the rows it made of them."""

    def __init__(self, directory: Path) -> None:
        compiled, text = load_policy(POLICY, now=END)
        lines = directory / "world.jsonl"
        write(simulate(250, 17, "sales-night", END, terms_of(compiled)), lines)
        channels = [(name, channel.sources) for name, channel in text.channels.items()]
        rules = Rules(micros(text.intake.earliest), 300_000_000, 65_536, channels, text.default_channel)
        engine = Engine.open(str(directory / "store"), HISTORY, POLICY, partitions=2, wait_seconds=0)
        with Import([str(lines)], "cloudevents", rules, now=END, historical=True) as items:
            list(engine.ingest(items))
        with engine.store.read() as cursor:
            rows = [decode_row(blob) for (blob,) in cursor.execute("SELECT row FROM rows").fetchall()]
        self.rows = {row.subject: row for row in rows}
        self.timeline = Timeline([(0, engine.policy)])
        self.stands_at = engine.stands_at
        self.streams = {
            subject: [record.event for record in engine.store.stream(subject)] for subject in self.rows
        }
        engine.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return Told(tmp_path_factory.mktemp("world"))


def test_a_whole_world_is_folded_without_a_clock_chance_network_or_file(world: Told) -> None:
    rows: dict[str, Row] = {}
    with sandbox():
        for subject, inputs in world.streams.items():
            for step in retrace(subject, pipeline_of(subject), inputs, world.timeline, world.stands_at):
                rows[subject] = step.row

    assert len(rows) >= 250
    assert rows == world.rows


def test_nor_does_a_refold_need_one(world: Told) -> None:
    decided = 0
    with sandbox():
        for subject, inputs in world.streams.items():
            _, made = fold_again(subject, pipeline_of(subject), inputs, world.timeline, world.stands_at)
            decided += len(made)

    assert decided > 100


# Who is caught

IMPURE: dict[str, Callable[[], object]] = {
    "time.time": lambda: time.time(),
    "time.time_ns": lambda: time_ns(),
    "time.monotonic": lambda: time.monotonic(),
    "datetime.now": lambda: datetime.datetime.now(datetime.UTC),
    "datetime.utcnow": lambda: datetime.datetime.utcnow(),
    "date.today": lambda: datetime.date.today(),
    "random.random": lambda: random.random(),
    "random.shuffle": lambda: random.shuffle([1, 2]),
    "random.Random": lambda: random.Random(),
    "uuid.uuid4": lambda: uuid.uuid4(),
    "os.urandom": lambda: os.urandom(8),
    "secrets.token_hex": lambda: secrets.token_hex(),
    "socket.socket": lambda: socket.socket(),
    "socket.create_connection": lambda: urlopen("http://127.0.0.1:9/", timeout=1),
    "builtins.open": lambda: open(__file__),  # noqa: SIM115
    "builtins.open of a path": lambda: Path(__file__).read_text(),
    "os.open": lambda: os.open(__file__, os.O_RDONLY),
}


class Reaching(Fold[LedgerState]):
    """A fold that asks `reach` for what its log does not hold: on an event, and when woken."""

    name = "reaching"
    version = 1
    handlers: ClassVar[dict[str, Handler]] = {}

    def __init__(self, reach: Callable[[], object]) -> None:
        def placed_(state: LedgerState, event: Event, ctx: Context) -> LedgerState:
            reach()
            return state

        self.handlers = {"order.placed.v1": placed_}  # type: ignore[misc]
        self._reach = reach

    def initial(self, subject: str) -> LedgerState:
        return LedgerState()

    def due(self, state: LedgerState) -> int:
        return END

    def wake(self, state: LedgerState, now: int, ctx: Context) -> LedgerState:
        self._reach()
        return state


@pytest.mark.parametrize("name", IMPURE)
@pytest.mark.parametrize("woken", [False, True])
def test_a_fold_that_reaches_outside_its_log_is_caught(name: str, woken: bool) -> None:
    pipeline = Pipeline((("ledger", Reaching(IMPURE[name])),))
    row = new_row("order/shop:1", pipeline)
    rules, ctx, event = policy(), Context(), placed().event

    def step() -> None:
        if woken:
            step_wake(row, pipeline, END, rules, ctx)
        else:
            step_event(row, pipeline, event, rules, ctx, END)

    with sandbox(__name__), pytest.raises(Impure) as caught:
        step()

    assert str(caught.value) == name.partition(" ")[0]
    assert time_ns() > END, "outside the sandbox all is as ever"


def test_what_needs_no_clock_is_let_be() -> None:
    instant = datetime.datetime(2026, 11, 22, tzinfo=datetime.UTC)
    with sandbox(__name__):
        assert isinstance(instant, datetime.datetime)
        assert datetime.datetime.fromtimestamp(0, datetime.UTC).year == 1970


# What projections import

ALLOWED = frozenset(
    (
        "__future__",
        "bisect",
        "collections",
        "functools",
        "heapq",
        "msgspec",
        "projections",
        "schemas",
        "typing",
    )
)
BESIDE = {
    # It words instants for people; it asks nobody what time it is.
    "projections/sla/explain.py": frozenset(("datetime",)),
    # Likeness of letters: the one third-party help a projection may have (DESIGN.md, "Event").
    **{
        f"projections/merge/{name}.py": frozenset(("rapidfuzz",))
        for name in ("compare", "latin", "names", "places")
    },
}


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else (node.module or "").partition(".")[0]


@pytest.mark.parametrize("path", PROJECTIONS, ids=lambda path: path.stem)
def test_projections_import_nothing_that_reaches_outside(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    name = path.relative_to(PROJECTIONS[0].parent.parent).as_posix()

    assert set(imported(tree)) - ALLOWED - BESIDE.get(name, frozenset()) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("import time", {"time"}),
        ("from os import path", {"os"}),
        ("def f():\n    import engine.store", {"engine"}),
        ("from . import row", {"."}),
        ("import msgspec, collections.abc", set()),
    ],
)
def test_what_is_not_on_the_list_is_found(text: str, found: set[str]) -> None:
    assert set(imported(ast.parse(text))) - ALLOWED == found
