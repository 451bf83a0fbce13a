"""The simulated world: the same bytes for the same seed, lines in order of arrival, and answers worked out by hand."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import subprocess
import sys
from collections import Counter
from datetime import datetime
from pathlib import Path
from random import Random

import msgspec
import pytest

from engine.errors import UsageError
from engine.policy.load import load_policy
from engine.simulate import HOUSE, SCENARIOS, simulate, telling, terms_of, write
from engine.simulate.answers import Answers, due_of, entries, folded
from engine.simulate.delivery import Delivery
from engine.simulate.orders import Goods, Order, make
from engine.simulate.sabotage import KINDS, drawn
from engine.simulate.scenarios import CHANNELS, HOUR, MINUTE, SECOND, Rates
from engine.simulate.telling import Telling, rfc3339
from engine.simulate.terms import Deadline
from engine.simulate.words import person, scrambled
from schemas.envelope import micros

ROOT = Path(__file__).parents[2]
END = 1_762_905_600_000_000
"""2025-11-12T00:00:00Z, the end of every world here."""
NOON = END - 12 * HOUR


def drawn_lines(scenario: str = "sales-night", orders: int = 300, seed: int = 7) -> list[bytes]:
    return list(simulate(orders, seed, scenario, END, HOUSE).events())


def readable(lines: list[bytes]) -> list[dict[str, object]]:
    """The lines that are JSON objects with all attributes as they should be."""
    events = []
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def instant(text: object) -> int:
    return micros(datetime.fromisoformat(str(text)))


# The stream


def test_the_same_arguments_give_the_same_bytes_whatever_the_hash_seed() -> None:
    program = (
        "import hashlib; from engine.simulate import *; "
        f"w = simulate(200, 7, 'sync-stopped', {END}, HOUSE); "
        "print(hashlib.sha256(b''.join(w.events()) + repr(w.answers()).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(digests) == 1
    assert drawn_lines(seed=7) == drawn_lines(seed=7)
    assert drawn_lines(seed=7) != drawn_lines(seed=8)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_lines_come_in_order_of_arrival_and_the_last_at_the_end(scenario: str) -> None:
    world = simulate(300, 7, scenario, END, HOUSE)
    arrived = [instant(event["arrivedtime"]) for event in readable(list(world.events()))]

    assert sorted(arrived) == arrived
    assert world.end == arrived[-1]
    assert END - world.end < 2_000
    assert world.begin < arrived[0]
    # Nothing but the channels' closing signs of life in the last seconds.
    assert len(CHANNELS) >= sum(world.end - SECOND < at for at in arrived)


def test_a_world_is_drawn_as_it_is_read() -> None:
    world = simulate(10_000_000, 7, "sales-night", END, HOUSE)
    first = list(itertools.islice(world.events(), 100))

    assert len(first) == 100
    assert world.begun < 1_000


def test_a_world_is_drawn_once_and_answers_are_not_guessed() -> None:
    world = simulate(5, 7, "normal", END, HOUSE)
    with pytest.raises(UsageError, match="when all events are drawn"):
        world.answers()
    list(world.events())

    assert world.answers()["simulated"] == 5
    with pytest.raises(UsageError, match="drawn already"):
        world.events()


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="sales-night"):
        simulate(5, 7, "black-friday", END, HOUSE)
    with pytest.raises(UsageError, match="at least one order"):
        simulate(0, 7, "normal", END, HOUSE)
    with pytest.raises(UsageError, match="not negative"):
        simulate(1, -7, "normal", END, HOUSE)


def test_written_worlds_are_the_lines_plain_or_compressed(tmp_path: Path) -> None:
    lines = drawn_lines(orders=200)
    calls: list[tuple[int, int]] = []
    plain, packed = tmp_path / "night.jsonl", tmp_path / "night.jsonl.gz"
    answers = tmp_path / "night.answers.json"
    told = lambda lines, orders: calls.append((lines, orders))  # noqa: E731
    written = write(simulate(200, 7, "sales-night", END, HOUSE), plain, answers, told)
    write(simulate(200, 7, "sales-night", END, HOUSE), packed)
    once = packed.read_bytes()
    write(simulate(200, 7, "sales-night", END, HOUSE), packed)

    assert b"".join(lines) == plain.read_bytes() == gzip.decompress(once)
    assert packed.read_bytes() == once
    assert (len(lines), plain.stat().st_size) == (written.lines, written.bytes)
    assert (len(lines), 200) == calls[-1]
    assert json.loads(answers.read_bytes())["events"] == len(lines)


# What is in it


def test_a_few_people_order_much_and_most_order_little() -> None:
    placed = [e for e in readable(drawn_lines(orders=3_000)) if e.get("type") == "order.placed.v1"]
    orders = Counter(e["data"]["customer"]["name"] for e in placed)  # type: ignore[index]
    times = sorted(orders.values(), reverse=True)

    assert times[0] > 10
    assert sum(times[: len(times) // 10]) > len(placed) * 0.3
    assert times[len(times) // 2] <= 2


def test_carriers_warehouses_and_gateways_know_no_order() -> None:
    subjects = {str(e.get("subject", "")).split(":")[0] for e in readable(drawn_lines(orders=1_000))}

    assert {"alias/waybill", "alias/wms", "alias/payment", "order/taobao", "order/shopify"} <= subjects


def test_a_silent_channel_tells_nothing_then_everything() -> None:
    world = simulate(2_000, 7, "sync-stopped", END, HOUSE)
    events = readable(list(world.events()))
    flood, for_good = world.scenario.silences
    douyin = [e for e in events if str(e.get("subject")).startswith("order/douyin:")]
    arrived = [instant(e["arrivedtime"]) for e in douyin]
    since, until = world.begin + flood.since, world.begin + flood.until
    held = [e for e in douyin if since <= instant(e["time"]) < until - MINUTE]

    assert not [at for at in arrived if since <= at < until]
    assert held
    assert all(until <= instant(e["arrivedtime"]) for e in held)
    wechat = [e for e in events if str(e.get("source")).startswith("/channels/wechat/")]
    assert all(instant(e["arrivedtime"]) < world.begin + for_good.since for e in wechat)


def test_while_stock_is_down_no_lock_succeeds() -> None:
    world = simulate(1_000, 7, "stock-down", END, HOUSE)
    events = readable(list(world.events()))
    down, up = (world.begin + offset for offset in world.scenario.stock_down)
    during = Counter(
        e["type"]
        for e in events
        if down <= instant(e["time"]) < up
        and str(e["type"]).startswith("stock.")
        and not str(e["subject"]).startswith("order/pos:")
    )

    assert up - down > 30 * MINUTE
    assert {"stock.lock_failed.v1"} == set(during)


def test_numbers_are_nobody_elses() -> None:
    assert len({scrambled(n, 4, 3) for n in range(10_000)}) == 10_000
    events = readable(drawn_lines(orders=2_000))
    subjects = {
        e["subject"] for e in events if e["type"] == "order.placed.v1" and str(e["id"]).endswith("-0")
    }

    assert len(subjects) == 2_000


def test_a_customer_is_the_same_person_in_every_order() -> None:
    assert person(17, 3, "jd") == person(17, 3, "jd")
    assert person(17, 3, "jd")["phone"] == person(17, 3, "taobao")["phone"]
    assert len(person(17, 3, "jd")["phone"]) == 11


def test_instants_are_written_with_six_digits() -> None:
    assert rfc3339(END) == "2025-11-12T00:00:00.000000Z"
    assert rfc3339(END - 1) == "2025-11-11T23:59:59.999999Z"


def test_rates_decide_which_kind_meets_an_order() -> None:
    rates = msgspec.structs.replace(Rates(*([0] * len(KINDS))), early=100)

    assert KINDS["early"] is drawn(rates, 0.0)
    assert KINDS["early"] is drawn(rates, 0.0099)
    assert drawn(rates, 0.01) is None
    assert list(KINDS) == list(Rates.__struct_fields__)


# The terms


def test_the_terms_of_the_house_are_those_of_the_delivered_policy() -> None:
    policy, _ = load_policy(ROOT / "streams.yaml", now=END)
    terms = terms_of(policy)

    for channel in CHANNELS:
        path = terms.path_of(channel.name)
        assert HOUSE.path.moves.items() <= path.moves.items()
        assert msgspec.structs.replace(path, moves={}) == msgspec.structs.replace(HOUSE.path, moves={})
        ours = HOUSE.deadlines_of(channel.name, 100)
        theirs = terms.deadlines_of(channel.name, 100)
        assert [(d.stage, d.start, d.stop) for d in ours] == [(d.stage, d.start, d.stop) for d in theirs]
        for category in ("fresh", "general", "presale", "custom", "high_value"):
            order = an_order(category=category)
            entered = entries(order, folded(order, told((telling.PLACED, 0)))[0], path)[0]
            assert [due_of(d, order, entered) for d in ours] == [due_of(d, order, entered) for d in theirs]
    assert HOUSE.settle == terms.settle
    assert not terms.reviewed("taobao", "high_value", 10**9)


def test_a_channel_on_another_lifecycle_cannot_be_simulated() -> None:
    text = (ROOT / "streams.yaml").read_text()
    policy, _ = load_policy(
        text.replace("taobao:\n    lifecycle: standard", "taobao:\n    lifecycle: marketplace"), now=END
    )

    with pytest.raises(UsageError, match=r"'taobao' knows no stock\.locked"):
        terms_of(policy)


def test_working_hours_count_and_beyond_the_known_ones_every_hour() -> None:
    order = an_order()
    placed = entries(order, folded(order, told((telling.PLACED, 0)))[0], HOUSE.path)[0]

    def due(opens: tuple[int, ...], closes: tuple[int, ...]) -> int:
        hours = [tuple(NOON + hour * HOUR for hour in side) for side in (opens, closes)]
        deadline = Deadline("pay", "placed", "paid", "", {"": 2 * HOUR}, hours[0], hours[1])
        return (due_of(deadline, order, placed) - NOON) // HOUR

    assert due((), ()) == 2
    assert due((0,), (5,)) == 2
    assert due((-5, 5), (1, 8)) == 6
    assert due((-5, 3), (1, 4)) == 4
    assert due((3,), (5,)) == 2
    assert due((-9,), (-5,)) == 2


# The answers, worked out by hand


def an_order(**changes: object) -> Order:
    """One general line of 100.00, placed at noon, payable within 5 min."""
    order = make(0, 7, NOON, 50, Random(1))
    for name, value in {
        "channel": CHANNELS[0],
        "source": "/channels/taobao/shop-1",
        "subject": "order/taobao:1",
        "category": "general",
        "lines": (Goods("MUG", 1, 10_000, 1),),
        "parcels": (("1",),),
        "shipping": 0,
        "discount": 0,
        "subsidy": 0,
        "deposit": 0,
        "receivable": 10_000,
        "by_wms": False,
        "by_gateway": False,
        **changes,
    }.items():
        setattr(order, name, value)
    return order


def told(*facts: tuple[Telling, int] | tuple[Telling, int, int]) -> list[Delivery]:
    """Facts (how told, occurrence after noon[, arrival after noon; else a second later])."""
    deliveries = []
    for number, (how, at, *arrival) in enumerate(facts):
        arrived = arrival[0] if arrival else at + SECOND
        deliveries.append(Delivery(NOON + arrived, NOON + at, how, 0, str(number)))
    return deliveries


def answers(*facts: tuple[Telling, int] | tuple[Telling, int, int], **changes: object) -> dict[str, object]:
    found = Answers(HOUSE, END)
    found.take(an_order(**changes), told(*facts), plain=False)
    return found.as_dict()


def test_exactly_at_the_deadline_is_in_time() -> None:
    paid = answers(
        (telling.PLACED, 0), (telling.RECEIVED, 5 * MINUTE, 5 * MINUTE), (telling.LOCKED, 6 * MINUTE)
    )

    assert ["order/taobao:1", "pay"] not in paid["breached"]  # type: ignore[operator]
    assert paid["excused"] == []


def test_later_is_overdue_and_so_is_what_never_comes() -> None:
    found = answers((telling.PLACED, 0), (telling.RECEIVED, 5 * MINUTE + 1_000))

    assert [["order/taobao:1", stage] for stage in ("accept", "pay", "pick")] == found["breached"]
    assert found["states"] == {"paid": 1}
    assert found["money"] == {"CNY": {"receivable": 10_000, "received": 10_000}}


def test_overdue_then_told_in_time_is_excused() -> None:
    found = answers(
        (telling.PLACED, 0), (telling.RECEIVED, 4 * MINUTE, 9 * MINUTE), (telling.UNPAID, 10 * MINUTE)
    )

    assert found["excused"] == [["order/taobao:1", "pay"]]
    assert found["breached"] == []
    assert found["states"] == {"cancelled": 1}


def test_a_backlog_is_judged_only_once_it_has_settled() -> None:
    hour, second = HOUR, SECOND
    at_once = answers(
        (telling.PLACED, 0, hour),
        (telling.RECEIVED, MINUTE, hour + second),
        (telling.UNPAID, 2 * MINUTE, hour + second + 1),
    )
    slower = answers(
        (telling.PLACED, 0, hour),
        (telling.RECEIVED, MINUTE, hour + 3 * second),
        (telling.UNPAID, 2 * MINUTE, 2 * hour),
    )

    assert at_once["excused"] == []
    assert ["order/taobao:1", "pay"] in slower["excused"]  # type: ignore[operator]


def test_a_deposit_is_not_a_payment() -> None:
    found = answers((telling.PLACED, 0), (telling.RECEIVED, MINUTE), deposit=2_000)

    assert found["states"] == {"part_paid": 1}
    assert found["money"] == {"CNY": {"receivable": 10_000, "received": 2_000}}
    assert found["breached"] == [["order/taobao:1", "pay"]]


def test_what_names_only_an_alias_waits_for_the_order() -> None:
    order = an_order(by_wms=True)
    deliveries = told(
        (telling.ACCEPTED, 6 * MINUTE), (telling.PLACED, 0, HOUR), (telling.RECEIVED, MINUTE, HOUR + 1),
        (telling.LOCKED, 2 * MINUTE, HOUR + 2),
    )  # fmt: skip
    stream, limbo = folded(order, deliveries)

    assert [one.delivery.telling for one in stream] == [
        telling.PLACED,
        telling.RECEIVED,
        telling.LOCKED,
        telling.ACCEPTED,
    ]
    assert stream[-1].heard == NOON + HOUR + 2
    assert limbo == []
    assert ([], [f"alias/wms:{order.wms}"]) == folded(order, deliveries[:1])


def test_a_fact_after_a_later_one_of_its_stream_is_late() -> None:
    found = answers((telling.PLACED, 0, 3 * SECOND), (telling.RECEIVED, MINUTE, 2 * SECOND))

    assert found["late"] == 1
    assert found["states"] == {"paid": 1}


def test_an_order_of_which_only_facts_are_known_is_in_limbo() -> None:
    found = answers((telling.LOCKED, 0))

    assert found["limbo"] == ["order/taobao:1"]
    assert found["orders"] == 0


def test_the_clocks_of_a_frozen_order_stand_still_from_the_offence_on() -> None:
    order = an_order()
    deliveries = told((telling.PLACED, 0), (telling.DISPATCHED, MINUTE))
    found = Answers(HOUSE, END)
    found.take(order, deliveries, deliveries[1], plain=False)
    late = told((telling.PLACED, 0), (telling.DISPATCHED, 10 * MINUTE))
    overdue = Answers(HOUSE, END)
    overdue.take(order, late, late[1], plain=False)

    assert found.as_dict()["breached"] == []
    assert found.as_dict()["states"] == {"placed": 1}
    assert overdue.as_dict()["breached"] == [["order/taobao:1", "pay"]]
