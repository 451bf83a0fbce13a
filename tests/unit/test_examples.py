"""examples/*.jsonl do what examples/README.md says: line by line, and in what they leave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from engine.intake.importing import Import
from engine.intake.model import DeadLetter
from engine.policy.load import load_policy
from engine.settings import limits_of, rules_of
from engine.store.database import HISTORY
from engine.views.merges import merges, why
from engine.views.queries import Reading
from engine.workers.embedded import Engine
from tests.build import START

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
LINES = {"one-order.jsonl": 11, "trouble.jsonl": 22, "together.jsonl": 6}
NOW = START + 10 * 365 * 86_400_000_000

TROUBLE = {
    1: "accepted",
    2: "accepted",
    3: "accepted",
    4: "accepted",
    5: "accepted",
    6: "duplicate",
    7: "accepted",
    8: "accepted",
    9: "divergent",
    10: "accepted",
    11: "accepted",
    12: "accepted",
    13: "person-type",
    14: "accepted",
    15: "broken-json",
    16: "bad-data",
    17: "bad-data",
    18: "bad-time",
    19: "bad-subject",
    20: "reserved-type",
    21: "not-cloudevent",
    22: "too-early",
}
"""Line → its outcome, or the reason it is a dead letter for."""


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    text = (ROOT / "streams.yaml").read_bytes()
    _, typed = load_policy(text, now=NOW)
    store = str(tmp_path_factory.mktemp("examples"))
    engine = Engine.open(store, HISTORY, text, clock=lambda: NOW, limits=limits_of(typed))
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def outcomes(engine: Engine) -> dict[str, str]:
    _, typed = load_policy((ROOT / "streams.yaml").read_bytes(), now=NOW)
    sources = [str(EXAMPLES / name) for name in LINES]
    lines = dict(_lines())
    found = {}
    with Import(sources, "cloudevents", rules_of(typed), now=NOW, historical=True) as items:
        for batch, answers in engine.ingest(items):
            for item, answer in zip(batch, answers, strict=True):
                said = answer.detail.partition(":")[0] if answer.status == "dead" else answer.status
                if isinstance(item, DeadLetter):
                    found[Path(item.origin).name] = said
                else:
                    found[lines[item.event.id, item.arrived]] = said
    return found


def _lines() -> Iterator[tuple[tuple[str, int], str]]:
    """(id, arrival in µs) of each line that intake can take, and `file:line`: one id comes more than once, at other times."""
    for name in LINES:
        for number, line in enumerate((EXAMPLES / name).read_text(encoding="utf-8").splitlines(), 1):
            try:
                event = json.loads(line)
                if not isinstance(event, dict):
                    continue
                arrived = datetime.fromisoformat(event["arrivedtime" if "arrivedtime" in event else "time"])
            except ValueError:
                continue
            yield (event["id"], int(arrived.timestamp()) * 1_000_000), f"{name}:{number}"


def test_one_order_is_taken_whole(outcomes: dict[str, str]) -> None:
    assert [outcomes[f"one-order.jsonl:{line}"] for line in range(1, 12)] == ["accepted"] * 11


def test_each_trouble_is_told_apart(outcomes: dict[str, str]) -> None:
    assert {line: outcomes[f"trouble.jsonl:{line}"] for line in TROUBLE} == TROUBLE
    assert len(outcomes) == sum(LINES.values())


def test_what_may_travel_together_is_taken_whole(outcomes: dict[str, str]) -> None:
    assert [outcomes[f"together.jsonl:{line}"] for line in range(1, 7)] == ["accepted"] * 6


def test_what_they_leave(engine: Engine, outcomes: dict[str, str]) -> None:
    with engine.store.read() as cursor:
        rows = {
            row["subject"]: tuple(row)[1:]
            for row in cursor.execute(
                "SELECT subject, state, frozen, doubt, limbo, received, repeats, conflicts, late FROM rows"
            )
        }

    # subject: state, frozen, doubt, limbo, received, repeats, conflicts, late
    assert rows["order/taobao:1001"] == ("completed", 0, 0, 0, 23_500, 1, 0, 0)
    assert rows["order/taobao:2001"] == ("placed", 1, 0, 0, 0, 0, 0, 0)
    assert rows["order/taobao:2002"] == ("accepted", 0, 0, 0, 4_900, 1, 1, 4)
    assert rows["alias/waybill:YT-404"][3] == 1
    assert "order/taobao:2003" not in rows


def test_what_travels_together(engine: Engine, outcomes: dict[str, str]) -> None:
    found = merges(Reading(engine.store, clock=engine.clock))

    assert [(one.merge, one.status) for one in found.lines] == [
        ("batch/jd:3002+taobao:3001", "live"),
        ("merge/douyin:3003+jd:3002", "suggested"),
    ]


def test_whether_an_order_joins_a_batch_is_asked_of_the_member_most_like_it(engine: Engine) -> None:
    answer = why(Reading(engine.store, clock=engine.clock), "taobao:3001", "douyin:3003").answer

    assert answer.startswith("taobao:3001 travels in batch/jd:3002+taobao:3001; whether douyin:3003 joins it")
    assert "merge why douyin:3003 jd:3002" in answer


def test_every_line_is_explained() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    explained = [line for line in text.splitlines() if line.startswith("| ") and line[2].isdigit()]

    assert len(explained) == sum(LINES.values())
