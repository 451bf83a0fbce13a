"""streams.yaml as folds read it: maps, stages, and calendars as UTC intervals."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256
from time import process_time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.policy.calendars import compile_calendar, open_time, spans_of
from engine.policy.compile import AHEAD, REMIND, ending
from engine.policy.load import load_policy
from projections.policy import Policy
from schemas.envelope import micros, rfc3339
from schemas.policy import CalendarText, IntakeText, LifecycleText, StoreText, TimersText, ViewsText, duration
from tests.streams import FILE, HOUSE, NOW, edited

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000


@pytest.fixture(scope="module")
def house() -> Policy:
    return load_policy(FILE, now=NOW)[0]


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [("50ms", 50_000), ("120s", 120 * SECOND), ("45m", 45 * MINUTE), ("1h30m", 90 * MINUTE), ("2d", 2 * DAY), ("-30m", -30 * MINUTE)],
)  # fmt: skip
def test_durations(text: str, expected: int) -> None:
    assert duration(text) == expected


def test_the_hash_is_that_of_the_bytes(house: Policy) -> None:
    assert house.hash == sha256(FILE.read_bytes()).hexdigest()
    assert load_policy(HOUSE, now=NOW)[0] == house
    assert load_policy(HOUSE + "\n# a remark", now=NOW)[0].hash != house.hash


def test_the_defaults_of_the_domain(house: Policy) -> None:
    standard = house.lifecycle_of("taobao")
    assert (standard.name, standard.grace, standard.start) == ("standard", 120 * SECOND, "placed")
    unpaid = {("placed", "fulfilment.dispatched"), ("part_paid", "fulfilment.dispatched")}
    assert standard.person_thaws == unpaid
    assert standard.terminal == {"completed", "refused", "lost", "cancelled"}
    path = ["paid.full", "stock.locked", "fulfilment.accepted", "fulfilment.picked", "fulfilment.packed"]
    path += ["fulfilment.dispatched", "fulfilment.delivered", "order.completed"]
    states = [standard.start]
    for trigger in path:
        states.append(standard.moves[states[-1], trigger])
    assert states == [
        "placed",
        "paid",
        "locked",
        "accepted",
        "picking",
        "packed",
        "shipped",
        "delivered",
        "completed",
    ]
    assert {state for state, trigger in standard.moves if trigger == "order.cancelled"} == {
        "placed", "part_paid", "paid", "review", "reviewed", "locked", "accepted", "picking", "packed", "cancelled"
    }  # fmt: skip
    assert standard.words["part_shipped"] == "Partly shipped"
    assert standard.rank["packed"] < standard.rank["part_shipped"] < standard.rank["shipped"]

    tier = house.sla.tiers[-1]
    stages = {stage.name: stage for stage in tier.stages}
    assert stages["pay"].within == {"": 5 * MINUTE}
    assert stages["accept"].within == {"": 30 * MINUTE}
    assert stages["pick"].within == {"fresh": 45 * MINUTE, "general": 2 * HOUR, "": 2 * HOUR}
    assert stages["ship"].within == {"": HOUR}
    assert stages["review"].within == {"": 2 * HOUR}
    assert [(s.after, s.to, s.via) for s in stages["pick"].ladder] == [
        (0, "owner", ("wecom",)),
        (4 * HOUR, "supervisor", ("wecom",)),
    ]
    assert stages["review"].ladder[0].to == "backup"
    assert stages["review"].ladder[0].via == ("dingtalk", "sms")
    assert (stages["ship_by"].start, stages["ship_by"].promise, stages["ship_by"].within) == (
        "placed",
        "ship_by",
        {},
    )
    assert (house.sla.half, house.sla.warn, house.settle) == (500, 800, 2 * SECOND)


def test_the_marketplace_map_is_never_loosened(house: Policy) -> None:
    assert house.lifecycle_of("olist").moves == {
        ("placed", "paid.part"): "part_paid",
        ("placed", "paid.full"): "paid",
        ("part_paid", "paid.full"): "paid",
        ("placed", "order.confirmed"): "paid",
        ("part_paid", "order.confirmed"): "paid",
        ("paid", "order.confirmed"): "paid",
        ("paid", "fulfilment.dispatched"): "shipped",
        ("shipped", "fulfilment.delivered"): "delivered",
        ("delivered", "order.completed"): "completed",
        ("completed", "order.completed"): "completed",
        ("placed", "order.cancelled"): "cancelled",
        ("part_paid", "order.cancelled"): "cancelled",
        ("paid", "order.cancelled"): "cancelled",
        ("cancelled", "order.cancelled"): "cancelled",
    }
    assert {stage.name for stage in house.sla.tiers[0].stages} == {"ship_by", "deliver_by"}


def test_what_the_file_says_of_the_engine_is_what_it_does_without_a_file() -> None:
    _, text = load_policy(FILE, now=NOW)

    assert text.intake == IntakeText()
    assert text.timers == TimersText()
    assert text.views == ViewsText()
    assert text.store == StoreText()
    defaults = {f.name: f.default for f in msgspec.structs.fields(LifecycleText)}
    assert text.lifecycles["standard"].grace == defaults["grace"]


def test_a_channel_with_its_own_grace_has_its_own_map(house: Policy) -> None:
    policy, _ = load_policy(edited(("    # grace: 5m ", "    grace: 5m #")), now=NOW)

    shopify = policy.lifecycle_of("shopify")
    assert (shopify.name, shopify.grace) == ("standard@shopify", 5 * MINUTE)
    assert shopify.moves == policy.lifecycle_of("jd").moves
    assert policy.lifecycle_of("jd").grace == 120 * SECOND
    assert policy.lifecycle_of("not declared") == policy.lifecycle_of("other")


def test_a_tier_may_set_other_times() -> None:
    policy, _ = load_policy(
        edited(
            (
                "    - name: standard\n",
                "    - name: standard\n      within: {accept: 10m, pick: {fresh: 20m}}\n",
            )
        ),
        now=NOW,
    )
    stages = {stage.name: stage.within for stage in policy.sla.tiers[-1].stages}

    assert stages["accept"] == {"": 10 * MINUTE}
    assert stages["pick"] == {"fresh": 20 * MINUTE}
    assert stages["ship"] == {"": HOUR}


def test_a_compiled_policy_can_be_kept(house: Policy) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(house), type=Policy) == house


def test_calendars_reach_two_years_ahead_and_end_is_told_in_time(house: Policy) -> None:
    office = house.sla.calendars["office"]
    assert rfc3339(office.opens[0]) == "2016-01-01T01:00:00Z"
    assert NOW + AHEAD - 3 * DAY < office.closes[-1] <= NOW + AHEAD + DAY

    assert ending(house, NOW) == []
    assert ending(house, NOW + AHEAD - REMIND - 4 * DAY) == []
    assert ending(house, NOW + AHEAD - REMIND + 2 * DAY) == ["office", "warehouse"]


def test_history_is_compiled_only_from_where_it_is_asked_for() -> None:
    policy, _ = load_policy(FILE, now=NOW, start=NOW)

    assert policy.sla.calendars["office"].opens[0] > NOW - DAY


def compiled(start: str, end: str, **settings: object) -> list[tuple[str, str]]:
    """Opening and closing as UTC text."""
    text = msgspec.convert({"zone": "UTC", "hours": {}} | settings, CalendarText)
    calendar = compile_calendar("test", text, at(start), at(end))
    return [(rfc3339(a), rfc3339(b)) for a, b in zip(calendar.opens, calendar.closes, strict=True)]


def test_holidays_special_days_and_nights() -> None:
    intervals = compiled(
        "2027-01-01T00:00Z",
        "2027-01-04T12:00Z",
        zone="Asia/Shanghai",
        hours={"fri": ["09:00-18:00"], "sat": ["20:00-04:00"], "mon": ["09:00-12:00", "13:00-18:00"]},
        holidays=["2027-01-01"],
        special={"2027-01-03": ["10:00-11:00"]},
    )

    assert intervals == [
        ("2027-01-02T12:00:00Z", "2027-01-02T20:00:00Z"),
        ("2027-01-03T02:00:00Z", "2027-01-03T03:00:00Z"),
        ("2027-01-04T01:00:00Z", "2027-01-04T04:00:00Z"),
        ("2027-01-04T05:00:00Z", "2027-01-04T10:00:00Z"),
    ]


def test_days_open_around_the_clock_are_one_interval() -> None:
    always = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}

    assert compiled("2020-01-01T00:00Z", "2028-12-31T00:00Z", zone="Europe/Berlin", hours=always) == [
        ("2019-12-31T23:00:00Z", "2028-12-31T23:00:00Z")
    ]


def test_a_night_the_clock_skips_an_hour() -> None:
    # Berlin, 2027-03-28: 02:00 is followed by 03:00, at 01:00 UTC.
    def night(span: str) -> list[tuple[str, str]]:
        return compiled("2027-03-28T00:00Z", "2027-03-28T12:00Z", zone="Europe/Berlin", hours={"sun": [span]})

    assert night("01:00-05:00") == [("2027-03-28T00:00:00Z", "2027-03-28T03:00:00Z")]
    assert night("02:30-05:00") == [("2027-03-28T01:00:00Z", "2027-03-28T03:00:00Z")]
    assert night("01:00-02:30") == [("2027-03-28T00:00:00Z", "2027-03-28T01:00:00Z")]
    assert night("02:10-02:50") == []


def test_a_night_the_clock_repeats_an_hour() -> None:
    # Berlin, 2027-10-31: 02:00 to 03:00 comes twice, the change is at 01:00 UTC.
    def night(span: str) -> list[tuple[str, str]]:
        return compiled("2027-10-31T00:00Z", "2027-10-31T12:00Z", zone="Europe/Berlin", hours={"sun": [span]})

    assert night("02:00-04:00") == [("2027-10-31T00:00:00Z", "2027-10-31T03:00:00Z")]
    assert night("02:30-02:45") == [("2027-10-31T00:30:00Z", "2027-10-31T00:45:00Z")]


@given(
    zone=st.sampled_from(
        ["UTC", "Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe"]
    ),
    hours=st.dictionaries(
        st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]),
        st.lists(
            st.tuples(st.integers(0, 1439), st.integers(0, 1440)).map(
                lambda p: f"{p[0] // 60:02}:{p[0] % 60:02}-{p[1] // 60:02}:{p[1] % 60:02}"
            ),
            max_size=3,
        ),
    ),
    start=st.dates(date(2016, 1, 1), date(2027, 12, 31)),
    days=st.integers(0, 60),
)
def test_intervals_are_sorted_disjoint_and_never_empty(
    zone: str, hours: dict[str, list[str]], start: date, days: int
) -> None:
    text = msgspec.convert({"zone": zone, "hours": hours}, CalendarText)
    begins = at(f"{start}T00:00Z")
    calendar = compile_calendar("test", text, begins, begins + days * DAY)

    edges = [edge for pair in zip(calendar.opens, calendar.closes, strict=True) for edge in pair]
    assert edges == sorted(set(edges))
    weeks = days // 7 + 2
    assert open_time(calendar, begins, begins + days * DAY) <= weeks * 7 * DAY


def test_spans_are_minutes_of_the_day() -> None:
    assert spans_of(["13:00-18:00", "09:00-12:00"]) == ((540, 720), (780, 1080))
    assert spans_of(["22:00-06:00", "00:00-24:00"]) == ((0, 1440), (1320, 1800))


def test_loading_is_quick() -> None:
    # 300 ms are allowed and a fifth is used; CPU time, since machines are shared.
    load_policy(FILE, now=NOW)
    began = process_time()
    load_policy(FILE, now=NOW)

    assert process_time() - began < 0.3
