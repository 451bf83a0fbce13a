"""Health as people see it: one screen, the formula behind every figure, routes, pages and metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import NotFound
from engine.store.database import HISTORY, Store
from engine.views.health import Why, golden, health, why
from engine.views.queries import Reading
from engine.views.summary import summary
from engine.workers.embedded import Engine
from tests.build import HOUR, MINUTE, START, event, paid, placed
from tests.serving import Api, served
from tests.serving import placed as placed_over_http
from tests.unit.test_cli import Result, orderfold
from tests.worlds import POLICY

LAST = 26 * HOUR
"""The offset at which taobao's feed stops."""


def report(at: int, response: int, failures: int) -> dict[str, object]:
    return {
        "throughput_per_minute": 60,
        "response_milliseconds": response,
        "failures_per_mille": failures,
    }


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Taobao sells every three minutes for 26 hours and falls silent; node n1 fails in the end."""
    directory = tmp_path_factory.mktemp("health") / "store"
    engine = Engine.open(str(directory), HISTORY, POLICY, partitions=4, wait_seconds=0)
    items = []
    for n, at in enumerate(range(0, LAST, 3 * MINUTE)):
        subject = f"order/taobao:{n}"
        items.append(placed(subject, at, id=f"p{n}", channel="taobao"))
        items.append(paid(subject, at + MINUTE, id=f"m{n}", channel="taobao"))
    for n, at in enumerate(range(LAST - 3 * HOUR, LAST + 3 * HOUR, MINUTE)):
        ill = at >= LAST + 2 * HOUR + 30 * MINUTE
        data = report(at, 900 if ill else 100, 300 if ill else 1)
        items.append(event("node.reported", "node/n1/2020-09-14", at, data, id=f"n{n}", source="/nodes/n1"))
    items.sort(key=lambda item: item.arrived)
    for start in range(0, len(items), 500):
        engine.submit(items[start : start + 500])
    list(engine.ingest([]))
    engine.close()
    return directory


@pytest.fixture
def look(store: Path) -> Iterator[Reading]:
    opened = Store.open(str(store))
    yield Reading(opened)
    opened.close()


def line(found: Why, what: str) -> str:
    return next(one.how for one in found.lines if one.what == what)


def test_one_screen(look: Reading) -> None:
    found = health(look)

    (taobao,) = found.channels
    assert (taobao.channel, taobao.placed_24h > 400) == ("taobao", True)
    orders = next(stage for stage in taobao.stages if stage.stage == "orders")
    assert (orders.silent, orders.score, orders.usual_seconds, orders.limit_seconds) == (
        True,
        0,
        120,
        32 * 60,
    )
    (node,) = found.nodes
    assert (node.node, node.breaker, node.scores) == ("n1", "open", node.scores)
    assert [(one.subject, one.kind) for one in found.alarms] == [
        ("channel/taobao", "silent"),
        ("channel/taobao", "silent"),
        ("node/n1", "suspended"),
    ]
    assert found.index is not None
    assert found.index < 60
    assert found.unheard == len(look.policy.channels) - 1
    assert found.judged is not None


def test_why_a_channel_is_silent(look: Reading) -> None:
    found = why(look, "taobao")

    assert found.subject == "channel/taobao"
    assert line(found, "silence of orders").endswith(
        "ago; SILENT since 22:24; usual 2 min (the last 5 h, and this hour before: 5 hours, 100 events), "
        "told after 32 min"
    )
    assert line(found, "connectivity") == "0, weight 40: worst of orders, payment: orders"
    assert line(found, "score").startswith(f"{found.score} = (40×0 + 20×")
    assert found.lines[-2].how.startswith("520 open: paid 520; ")
    assert line(found, "silence of carrier") == "nothing heard yet"
    assert line(found, "placed to ready") == "no order ready yet today"


def test_why_a_node_is_suspended(look: Reading) -> None:
    found = why(look, "node/n1")

    assert line(found, "breaker").startswith("OPEN for ")
    assert "all under 60: failures 300 ‰, normal 1" in line(found, "breaker")
    assert (
        line(found, "failures")
        == "0, weight 40: failures 300 ‰, normal 1; 100 down to 0 from 20 to 200 ‰ above it"
    )
    assert line(found, "throughput").startswith("100, weight 30: throughput 60 a minute, normal 60")
    assert line(found, "last one") == "30 = (30×100 + 30×0 + 40×0) / 100"
    assert line(found, "normal").startswith("median of all ")


def test_nobody_is_known_by_that_name(look: Reading) -> None:
    with pytest.raises(NotFound, match="No channel or node is known as nowhere"):
        why(look, "nowhere")
    with pytest.raises(NotFound, match="There is no channel nowhere"):
        golden(look, "nowhere")


def test_days_of_a_channel(look: Reading) -> None:
    found = golden(look, "taobao")

    assert [(one.day, one.channel) for one in found] == [
        ("2020-09-14", "taobao"),
        ("2020-09-13", "taobao"),
    ]
    assert sum(one.placed for one in found) == 520
    assert found[0].golden is None


def test_the_summary_says_what_is_wrong(look: Reading) -> None:
    found = summary(look).health

    assert (found.silent, found.suspended) == (["taobao orders", "taobao payment"], ["n1"])


def run(store: Path, *args: str) -> Result:
    found = orderfold(*args, store=store)
    assert found.code == 0, found.err
    return found


def test_the_command_line_shows_it(store: Path) -> None:
    shown = run(store, "health", "show")

    assert "channel/taobao: nothing of orders for " in shown.out
    assert "node/n1: scores " in shown.out
    assert "✖ open" in shown.out
    assert "health why NAME" in shown.err
    assert "usual 2 min" in run(store, "health", "why", "channel/taobao").out
    assert "2020-09-14  taobao" in run(store, "health", "golden").out
    assert "silent: taobao orders, taobao payment" in run(store, "summary").out


def test_and_gives_data(store: Path) -> None:
    assert [one["kind"] for one in run(store, "health", "show", "--json").data["alarms"]] == [
        "silent",
        "silent",
        "suspended",
    ]
    assert run(store, "health", "why", "n1", "--json").data["subject"] == "node/n1"
    assert {one["day"] for one in run(store, "health", "golden", "--json").lines} == {
        "2020-09-13",
        "2020-09-14",
    }
    assert orderfold("health", "why", "nowhere", store=store).code == 4


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path) as found:
        found.send(*(placed_over_http(f"jd:{n}") for n in range(3)))
        found.clock.pass_seconds(300)
        found.tick()
        found.tick()
        yield found


def test_routes(api: Api) -> None:
    found = api.get("/v1/health", params={"wait": "views"}).json()
    told = api.get("/v1/health/channels/jd").json()

    assert [line["channel"] for line in found["channels"]] == ["jd"]
    assert found["channels"][0]["placed_24h"] == 3
    assert found["alarms"] == []
    assert told["lines"][-2]["how"].startswith("3 open: placed 3")
    assert [one["placed"] for one in api.get("/v1/health/golden").json()] == [3]
    assert api.get("/v1/health/nodes/n9").status_code == 404


def test_pages(api: Api) -> None:
    page = api.get("/health").text

    assert "Nothing is wrong now." in page
    assert 'href="/health/channels/jd"' in page
    assert "nothing is usual yet" in api.get("/health/channels/jd").text
    assert api.get("/health/nodes/n9").status_code == 404


def test_metrics(api: Api) -> None:
    text = api.get("/metrics").text

    assert 'orderfold_channel_silent{channel="jd",stage="orders"} 0.0' in text
    (last,) = re.findall(r'timestamp_seconds\{channel="jd",stage="orders"\} (\S+)', text)
    assert float(last) == (START // MINUTE + 1) * 60, "the end of the minute"
    assert "# TYPE orderfold_breaker_state gauge" in text
    assert 'orderfold_dispatch_paused{channel="jd"} 0.0' in text
