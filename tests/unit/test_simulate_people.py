"""Look-alikes of the simulated world: the truth about them, and that what is written still says it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from engine.errors import UsageError
from engine.simulate import HOUSE, SCENARIOS, simulate
from engine.simulate.kin import KINDS, Guise, Kin
from engine.simulate.scenarios import DAY, HOUR, MINUTE, SECOND
from engine.simulate.spelling import chinese_numeral, full_width, romanised, traditional, without_suffix
from schemas.envelope import micros

END = 1_762_905_600_000_000


def guises(groups: int = 6_000, tidy: bool = False) -> dict[int, list[Guise]]:
    """Group → its members' guises."""
    kin = Kin(7, 500, 12, tidy)
    found: dict[int, list[Guise]] = defaultdict(list)
    for index in range(groups):
        member = kin.member(index)
        if member is not None:
            found[member.group].append(kin.guise(member))
    return found


def by_kind() -> dict[str, list[list[Guise]]]:
    found: dict[str, list[list[Guise]]] = defaultdict(list)
    for members in guises().values():
        if len(members) > 1:
            found[members[0].kind].append(members)
    return found


def placed(scenario: str, orders: int, seed: int = 7) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
    """(order → its first order.placed, the answers)."""
    world = simulate(orders, seed, scenario, END, HOUSE)
    found: dict[str, dict[str, Any]] = {}
    for line in world.events():
        if b'-0","source"' in line and b'"order.placed.v1"' in line:  # the fact itself, and its duplicates
            event = json.loads(line)
            found.setdefault(event["subject"], event)
    return found, world.answers()


def when(text: str) -> int:
    return micros(datetime.fromisoformat(text))


# The truth


def test_every_kind_of_look_alike_says_truly_who_is_who() -> None:
    kinds = by_kind()

    assert kinds.keys() == {kind for kind, _ in KINDS}
    for members in kinds["same"]:
        assert len({(one.person, one.home) for one in members}) == 1
    for one, other in kinds["moved"]:
        assert one.person == other.person
        assert one.home != other.home
    for kind in ("neighbours", "namesakes"):
        for one, other in kinds[kind]:
            assert one.person != other.person
            assert one.home != other.home
    for one, other in kinds["household"]:
        assert one.person != other.person
        assert one.home == other.home
    for members in kinds["desk"]:
        assert len({one.home for one in members}) == 1
        assert len({one.person for one in members}) == min(2, len(members))


def plain(members: list[Guise]) -> bool:
    return not any(one.noise for one in members)


def test_written_plainly_they_look_as_they_are() -> None:
    kinds = by_kind()

    def look(kind: str, field: str) -> list[tuple[Any, Any]]:
        return [(a.customer[field], b.customer[field]) for a, b, *_ in kinds[kind] if plain([a, b])]

    for kind, names_equal, phones_equal in (
        ("same", True, True),
        ("namesakes", True, False),
        ("household", False, True),
        ("neighbours", False, False),
    ):
        names, phones = look(kind, "name"), look(kind, "phone")
        assert len(names) > 3, kind
        assert all((one == other) == names_equal for one, other in names), kind
        assert all((one == other) == phones_equal for one, other in phones), kind
    assert all(one == other for one, other in look("desk", "phone"))


def test_one_person_in_one_place_is_written_in_every_way_there_is() -> None:
    kinds = by_kind()
    met = Counter(kind for members in kinds["same"] for one in members for kind in one.noise)
    scripts = Counter(one.address["country"] for members in kinds["same"] for one in members)

    for kind in (
        "homophone",
        "name_masked",
        "title",
        "second_phone",
        "phone_masked",
        "no_province",
        "no_district",
    ):
        assert met[kind], kind
    for kind in (
        "dashes",
        "numerals",
        "full_width",
        "building_variant",
        "room_variant",
        "initial",
        "one_text",
    ):
        assert met[kind], kind
    assert scripts["US"] * 20 > scripts["CN"] > scripts["US"]
    assert any(plain(members) for members in kinds["same"])


def test_in_a_tidy_world_everybody_says_where_they_live() -> None:
    for members in guises(tidy=True).values():
        for one in members:
            written = "".join(str(value) for value in one.address.values())
            assert "市" in traditional(written) or one.address.get("city"), written


def test_the_answers_know_whose_every_order_is() -> None:
    events, answers = placed("sales-night", 3_000)
    people = {subject: rest for subject, *rest in answers["people"]}
    groups: dict[str, list[str]] = defaultdict(list)
    for subject, (person, home, merge, kind, noise) in people.items():
        assert merge == (f"{person}@{home}" if home else "")
        assert (home == "") == ("address" not in events[subject]["data"])
        assert kind or not noise
        if kind == "same":
            groups[merge].append(subject)
    pairs = [
        sorted(when(events[one]["time"]) for one in orders) for orders in groups.values() if len(orders) > 1
    ]
    channels = [{one.partition(":")[0] for one in orders} for orders in groups.values() if len(orders) > 1]

    assert people.keys() == events.keys()
    assert len(pairs) > 40
    assert sum(times[-1] - times[0] <= 2 * HOUR for times in pairs) > 0.7 * len(pairs)
    assert {len(one) for one in channels} >= {1, 2}
    # Those who just come back are in it too: the same person and address, written the same.
    back = Counter(merge for _, _, merge, kind, _ in people.values() if merge and not kind)
    assert back.most_common(1)[0][1] > 3


# Spelling


def test_other_spellings() -> None:
    assert [chinese_numeral(n) for n in (1, 10, 11, 20, 28)] == ["一", "十", "十一", "二十", "二十八"]
    assert full_width("138-06") == "１３８－０６"
    assert traditional("刘强东楼") == "劉強東樓"
    assert romanised("欧阳", "雨桐") == "Ouyang Yutong"
    assert [without_suffix(area) for area in ("浙江省", "浦东新区", "高新区", "杭州市")] == [
        "浙江",
        "浦东",
        "高新",
        "杭州",
    ]


# Days


def test_days_have_the_rhythm_of_the_clock_and_the_week() -> None:
    world = simulate(14_000, 7, "day", END, HOUSE, days=14)
    starts = [world._order(index)[0].start for index in range(0, 14_000, 2)]
    hours = Counter((start + 8 * HOUR) // HOUR % 24 for start in starts)
    weekdays = Counter(((start + 8 * HOUR) // DAY + 3) % 7 for start in starts)

    assert hours[21] > 5 * hours[3]
    assert hours[10] > 3 * hours[6]
    assert weekdays[5] > weekdays[1] * 11 // 10
    assert starts == sorted(starts)
    assert world.end - world.begin == pytest.approx(14 * DAY, abs=SECOND)


def test_days_are_for_scenarios_over_days() -> None:
    with pytest.raises(UsageError, match="length of its own"):
        simulate(10, 7, "sales-night", END, HOUSE, days=2)
    with pytest.raises(UsageError, match="would begin before"):
        simulate(10, 7, "sync-died", END - 6 * HOUR, HOUSE, days=1)
    assert simulate(10, 7, "sync-died", END, HOUSE).scenario.days == 4


@pytest.mark.parametrize("scenario", [name for name, one in SCENARIOS.items() if one.trouble])
def test_what_stands_still_is_known_to_the_last_order(scenario: str) -> None:
    world = simulate(2_000, 7, scenario, END, HOUSE)
    told: dict[str, list[tuple[int, str]]] = defaultdict(list)
    numbers: dict[str, str] = {}
    for line in world.events():
        event = json.loads(line)
        number = event["id"].rpartition("-")[0].removeprefix("poll-")
        told[number].append((when(event["time"]), event["type"]))
        if event["type"] == "order.placed.v1":
            numbers[event["subject"]] = number
    arrived = {subject: told[number] for subject, number in numbers.items()}
    struck = world.answers()["struck"]

    assert struck
    for subject, state, since, until in struck:
        times = sorted(time for time, _ in arrived[subject])
        assert when(since) in times
        if scenario == "stock-refused":
            kinds = Counter(kind for _, kind in arrived[subject])
            assert (state, until) == ("paid", "")
            assert kinds["stock.lock_failed.v1"] == 3
            assert not kinds["stock.locked.v1"]
        elif until:
            assert not [time for time in times if when(since) < time < when(until)], subject


# Nodes and channels


def test_a_node_ails_for_a_while_and_recovers() -> None:
    world = simulate(50, 7, "node-failing", END, HOUSE, days=2)
    reports: dict[str, list[tuple[int, dict[str, int]]]] = defaultdict(list)
    for line in world.events():
        event = json.loads(line)
        if event["type"] == "node.reported.v1":
            assert (
                event["subject"]
                == f"node/{event['data'] and event['subject'].split('/')[1]}/{event['time'][:10]}"
            )
            reports[event["subject"].split("/")[1]].append((when(event["time"]), event["data"]))
    weakness = world.scenario.weaknesses[0]
    ill = range(world.anchor + weakness.since + 6 * MINUTE, world.anchor + weakness.until)
    around = range(ill.start - HOUR, ill.stop + HOUR)

    assert len(reports) == 6
    for node, told in reports.items():
        times = [time for time, _ in told]
        assert {later - time for time, later in pairwise(times)} == {MINUTE}
        failing = [time for time, data in told if data["failures_per_mille"] > 300]
        assert bool(failing) == (node == weakness.node)
        assert all(time in around for time in failing)
        assert all(time in failing for time in times if time in ill) == (node == weakness.node)


def test_channels_show_that_they_live_unless_their_job_has_died() -> None:
    world = simulate(200, 7, "sync-died", END, HOUSE, days=2)
    beats: dict[str, list[int]] = defaultdict(list)
    for line in world.events():
        event = json.loads(line)
        if event["type"] == "channel.heartbeat.v1":
            beats[event["subject"].split("/")[1]].append(when(event["arrivedtime"]))
    [silence] = world.scenario.silences

    for channel, times in beats.items():
        longest = max(later - time for time, later in pairwise(times))
        assert (longest > 5 * MINUTE + SECOND) == (channel == silence.channel)
