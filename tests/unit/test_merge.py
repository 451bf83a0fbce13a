"""The merge fold: who is merged unasked, who is put before a person, and what becomes of both."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from projections.merge.handles import digest, pair_of
from tests.merging import LI, NEAR, START, WANG, Night, merging, order
from tests.policies import MINUTE

PAIR = "merge/shop:1+shop:2"
BATCH = "batch/shop:1+shop:2"


# Unasked


def test_one_account_and_one_door_travel_together_unasked() -> None:
    night = Night()

    assert night.place("1") == []
    assert night.place("2", 5) == [("merge.made", BATCH)]

    made = night.decided("merge.made")[0]
    assert made.orders == ["order/shop:1", "order/shop:2"]
    assert made.quantities == {"sku-1": 2}
    assert made.by == "policy"
    assert made.reasons[0] == "same login account"
    assert night.state(PAIR).status == "made"
    assert night.state("order/shop:1").batch == night.state("order/shop:2").batch == BATCH


def test_phone_and_full_name_do_as_well() -> None:
    night = Night()
    night.place("1")

    assert night.place("2", 5, replace(WANG, account="")) == [("merge.made", BATCH)]


def test_a_third_order_joins_the_batch() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)

    assert night.place("3", 10, lines=(("sku-2", 3),)) == [("merge.made", BATCH)]
    assert night.state(BATCH).members == ("order/shop:1", "order/shop:2", "order/shop:3")
    assert night.state(BATCH).quantities == (("sku-1", 2), ("sku-2", 3))


def test_without_leave_to_merge_unasked_a_person_is_asked() -> None:
    night = Night(merging(automatic=False))
    night.place("1")

    assert night.place("2", 5) == [("merge.suggested", PAIR), ("work.opened", PAIR)]


@pytest.mark.parametrize(
    "changes",
    [
        {"categories": ("fresh",)},
        {"categories": ("general", "fresh")},
        {"categories": ("presale",)},
        {"categories": ()},
        {"currency": "EUR"},
    ],
)
def test_goods_and_markets_that_do_not_go_together_are_kept_apart(changes: dict[str, Any]) -> None:
    night = Night()
    night.place("1")

    assert night.place("2", 5, **changes) == []


def test_orders_of_two_channels_are_kept_apart_where_the_policy_says_so() -> None:
    night = Night(merging(across_channels=False))
    night.place("1")

    assert night.place("2", 5, channel="market") == []
    assert night.place("3", 6) == [("merge.made", "batch/shop:1+shop:3")]


def test_the_window_is_two_hours_between_placings() -> None:
    night = Night()
    night.place("1", 0)

    assert night.place("2", 120) == [("merge.made", BATCH)]
    assert night.place("3", 121) == [], "two of three are too far apart"


def test_neighbours_are_strangers() -> None:
    night = Night()
    night.place("1")

    assert night.place("2", 5, LI) == []


def test_nobody_is_asked_to_put_two_doors_into_one_parcel() -> None:
    night = Night()
    night.place("1")

    assert (
        night.place("2", 5, replace(NEAR, number="92", name="王小明", given="小明", sound=WANG.sound)) == []
    )


# A person is asked


def test_what_is_near_is_put_before_the_lead_with_score_and_reasons() -> None:
    night = Night()
    night.place("1")

    assert night.place("2", 5, NEAR) == [("merge.suggested", PAIR), ("work.opened", PAIR)]

    suggested, work = night.decided("merge.suggested")[0], night.decided("work.opened")[0]
    assert suggested.orders == ["order/shop:1", "order/shop:2"]
    assert 0 < suggested.score <= 1000
    assert "name sounds alike" in suggested.reasons
    assert suggested.until == START + (5 + 24 * 60) * MINUTE
    assert (work.kind, work.owner, work.group) == ("merge", "ann", "warehouse")
    assert work.title.startswith("shop:1 and shop:2 may travel together, ")


def test_an_accepted_suggestion_is_a_batch_and_its_work_done() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5, NEAR)

    assert night.accept(9, "1", "2", key=PAIR) == [("merge.made", BATCH), ("work.closed", PAIR)]
    assert night.decided("merge.made")[0].by == f"{PAIR}@4"
    assert night.state(PAIR).status == "made"
    assert night.state(BATCH).deeds[0].why == "seen on the phone"


def test_a_refused_pair_is_not_proposed_again() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5, NEAR)

    assert night.refuse(9, "1", "2", key=PAIR) == [("work.closed", PAIR), ("merge.declined", PAIR)]
    assert night.leave("2", 10, "held") == []
    assert night.place("2", 5, NEAR, at=12, first=False) == []
    assert night.state(PAIR).status == "refused"


def test_a_suggestion_expires_when_either_order_moves_on() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5, NEAR)

    assert night.leave("1", 10, "shipped") == [("work.closed", PAIR), ("merge.expired", PAIR)]
    expired = night.decided("merge.expired")[0]
    assert (expired.cause, expired.reason) == ("order/shop:1", "shop:1 moved on: it is shipped")
    assert night.state("order/shop:2").pairs == ()


def test_a_suggestion_nobody_answers_expires() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5, NEAR)

    assert night.pass_to(5 + 24 * 60 - 1) == []
    assert night.pass_to(5 + 24 * 60) == [("work.closed", PAIR), ("merge.expired", PAIR)]
    assert night.decided("merge.expired")[0].reason == "nobody answered in time"


def test_an_order_has_only_so_many_suggestions_open() -> None:
    night = Night(merging(automatic=False, suggestions=2))
    for number in "1234":
        night.place(number, int(number))

    assert all(len(night.state(order(number)).pairs) <= 2 for number in "1234")
    assert len(night.decided("merge.suggested")) == 3


# A person decides otherwise


def test_a_person_may_put_together_what_the_engine_would_not() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5, LI)

    assert night.accept(9, "1", "2", key=PAIR) == [("merge.made", BATCH)]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda n: n.leave("2", 8, "frozen"), "shop:2 may not travel with others: it is frozen"),
        (lambda n: n.place("9", 8), "is not known"),
        (lambda n: n.place("2", 5, LI, at=8, first=False, categories=("fresh",)), "do not travel together"),
    ],
)
def test_what_cannot_be_is_declined_with_the_reason(spoil: object, why: str) -> None:
    night = Night()
    night.place("1")
    night.place("2", 5, LI)
    spoil(night)  # type: ignore[operator]
    orders = ("1", "7") if "known" in why else ("1", "2")

    assert night.accept(9, *orders, key=PAIR)[-1] == ("merge.declined", PAIR)
    assert why in night.decided("merge.declined")[-1].reason


def test_a_batch_is_undone_until_its_label_is_printed() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)

    assert night.undo(9, BATCH) == [("batch.dissolved", BATCH)]
    assert night.decided("batch.dissolved")[0].reason == "customer wants two parcels"
    assert night.state(PAIR).status == "undone"
    assert night.place("3", 10) != [], "both are free for others"
    assert night.undo(11, BATCH) == [("merge.declined", BATCH)]


def test_after_the_label_it_stays() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)
    night.leave("1", 8, "labelled", "W1")

    assert night.undo(9, BATCH) == [("merge.declined", BATCH)]
    assert night.decided("merge.declined")[0].reason == "it stays: its label is printed for shop:1"


def test_to_refuse_members_of_a_batch_undoes_it_for_them_alone() -> None:
    night = Night()
    for number in "123":
        night.place(number, int(number))

    assert night.refuse(9, "1", "2", key=PAIR) == [
        ("batch.dissolved", BATCH),
        ("merge.declined", PAIR),
        ("merge.made", "batch/shop:1+shop:3"),
    ]
    assert night.state("order/shop:2").batch == ""
    assert night.accept(10, "2", "3", key="merge/shop:2+shop:3") == [
        ("merge.declined", "merge/shop:2+shop:3")
    ]
    assert night.decided("merge.declined")[-1].reason == "shop:2 is kept apart from shop:1: two flats"


# What dissolves a batch


@pytest.mark.parametrize("reason", ["cancelled", "frozen", "held", "in_doubt", "unplaced"])
def test_a_member_that_drops_out_dissolves_the_batch_and_is_named(reason: str) -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)

    assert night.leave("2", 9, reason) == [("batch.dissolved", BATCH)]
    dissolved = night.decided("batch.dissolved")[0]
    assert (dissolved.cause, dissolved.reason) == ("order/shop:2", f"shop:2: it is {reason}")
    assert night.state("order/shop:1").batch == ""


def test_the_others_of_a_dissolved_batch_find_together_again() -> None:
    night = Night()
    for number in "123":
        night.place(number, int(number))

    assert night.leave("1", 9) == [("batch.dissolved", BATCH), ("merge.made", "batch/shop:2+shop:3")]


def test_one_waybill_for_all_ends_it_well() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)

    assert night.leave("1", 8, "labelled", "W1") == []
    assert night.leave("2", 9, "labelled", "W1") == []
    assert night.state(BATCH).status == "shipped"
    assert night.pass_to(600) == []


def test_another_waybill_dissolves_it() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)
    night.leave("1", 8, "labelled", "W1")

    assert night.leave("2", 9, "labelled", "W2") == [("batch.dissolved", BATCH)]
    assert night.decided("batch.dissolved")[0].reason == "shop:2 travels under W2, shop:1 under W1"


def test_a_member_shipped_alone_dissolves_it() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)
    night.leave("1", 8, "shipped", "W1")

    assert night.pass_to(17) == []
    assert night.pass_to(18) == [("batch.dissolved", BATCH)]
    dissolved = night.decided("batch.dissolved")[0]
    assert dissolved.cause == "order/shop:1"
    assert dissolved.reason == "shop:1 left alone under W1: shop:2 has not followed within 10 min"
    assert night.state("order/shop:2").batch == ""


def test_an_order_that_is_free_again_is_offered_again() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)
    night.leave("2", 9, "held")

    assert night.place("2", 5, at=20, first=False) == [("merge.made", f"{BATCH}~2")]


def test_lines_that_change_change_the_batch() -> None:
    night = Night()
    night.place("1", lines=(("a", 2), ("b", 1)))
    night.place("2", 5)

    assert night.place("1", at=9, lines=(("a", 2),), first=False) == []
    assert night.state(BATCH).quantities == (("a", 2), ("sku-1", 1))


def test_another_address_dissolves_the_batch() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5)

    assert night.place("1", who=replace(WANG, room="1203"), at=9, first=False) == [("batch.dissolved", BATCH)]


# Bounds


def test_a_batch_is_full_at_its_limit() -> None:
    night = Night(merging(batch_orders=2))
    for number in "123":
        night.place(number, int(number))

    assert night.state("order/shop:3").batch == ""
    assert night.state("order/shop:3").pairs == (), "nobody is asked what cannot be"


def test_a_block_too_common_proposes_nothing_and_says_so_once() -> None:
    night = Night(merging(block_orders=3))
    desk = replace(
        WANG,
        account="",
        name="",
        name_kind="",
        sound="",
        surname="",
        given="",
        room="",
        building="",
        compound="",
        compound_sound="",
        road="",
        road_sound="",
        number="",
        unit="",
    )
    for number in range(1, 8):
        night.place(str(number), number, desk)

    declined = [one for one in night.decided("merge.declined") if "same phone:" in one.reason]
    assert len(declined) == 1
    assert declined[0].reason == (
        "4 open orders share the same phone: that tells nobody apart, and proposes nothing (limit 3)"
    )


def test_what_is_kept_of_an_order_ends_with_its_window() -> None:
    night = Night()
    night.place("1")
    night.pass_to(149)
    assert night.state("order/shop:1") is not None

    night.pass_to(150)
    night.pass_to(151)

    assert night.state("order/shop:1") is None
    assert night.bench.judge.folds[0].index.blocks == {}


def test_customers_are_known_for_seven_days() -> None:
    night = Night()
    night.place("1")
    night.place("2", 5, NEAR)
    (key,) = [key for key in night.bench.judge.folds[0].cells if key.startswith("customer/account:")]

    assert [seen.order for seen in night.state(key).orders] == ["order/shop:1"]
    night.pass_to(7 * 24 * 60 - 1)
    assert night.state(key) is not None
    night.pass_to(7 * 24 * 60)
    assert night.state(key) is None


def test_nothing_is_merged_where_the_policy_has_no_such_section() -> None:
    night = Night(merging(on=False))
    night.place("1")

    assert night.place("2", 5) == []


def test_all_of_it_survives_a_restart() -> None:
    night = Night()
    night.place("1")
    night.bench.reload()
    assert night.place("2", 5) == [("merge.made", BATCH)]
    night.bench.reload()
    assert night.leave("2", 9) == [("batch.dissolved", BATCH)]


# Names


def test_a_pair_is_named_by_its_orders_and_the_name_stays_short() -> None:
    assert pair_of("order/b:1", "order/a:2") == pair_of("order/a:2", "order/b:1") == "merge/a:2+b:1"
    long = pair_of("order/shop:" + "9" * 128, "order/shop:" + "8" * 128)
    assert len(long) <= 210
    assert long != pair_of("order/shop:" + "9" * 128, "order/shop:" + "8" * 127 + "7")


def test_digests_differ_where_texts_do() -> None:
    made = {digest(f"+86138{number:08d}") for number in range(20_000)}

    assert len(made) == 20_000
    assert all(len(one) == 16 for one in made)


def test_a_suggestion_ends_when_its_orders_are_claimed_by_two_batches() -> None:
    night = Night(merging(suggestions=1))
    night.place("1")
    night.place("2", 1, NEAR)
    night.place("3", 2)

    told = night.place("4", 3, NEAR)

    assert told == [("merge.made", "batch/shop:2+shop:4"), ("work.closed", PAIR), ("merge.expired", PAIR)]
    assert night.decided("merge.expired")[0].reason == (
        "shop:2 travels in batch/shop:2+shop:4, shop:1 in batch/shop:1+shop:3"
    )


def test_a_suggestion_within_a_batch_is_answered_by_it() -> None:
    night = Night(merging(automatic=False))
    night.place("1")
    night.place("2", 1)
    night.place("3", 2)

    night.accept(5, "1", "2", "3")

    assert [night.state(pair_of(order(a), order(b))).status for a, b in ("12", "13", "23")] == ["made"] * 3
    assert night.state("order/shop:1").pairs == ()
