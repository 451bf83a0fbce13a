"""The board of suggestions: listed at its times, the surest first, with what was done since the board before."""

from __future__ import annotations

from msgspec.structs import replace

from projections.boards import BoardsFold, next_board
from projections.policy import Board
from tests.merging import MERGING, NEAR, START, Night, merging
from tests.policies import MINUTE, policy

DAY = 24 * 60 * MINUTE


def test_what_waits_is_listed_in_the_morning() -> None:
    night = Night(merging(), BoardsFold())
    night.place("1", 1)
    night.place("2", 5, NEAR)
    night.place("3", 6)

    assert night.pass_to(59) == []
    assert night.pass_to(60) == [("board.listed", "board/warehouse/2020-09-13")]

    board = night.decided("board.listed")[0]
    assert (board.total, board.suggested, board.made) == (1, 1, 1)
    assert board.orders == ["order/shop:1", "order/shop:2"]
    assert board.lines[0].reasons
    assert (board.to, board.via) == ("ann", ["wecom"])


def test_what_was_answered_is_not_listed_and_is_counted_once() -> None:
    night = Night(merging(automatic=False), BoardsFold())
    night.place("1", 1)
    night.place("2", 5)
    night.place("3", 6)
    night.accept(10, "1", "2")
    night.refuse(11, "1", "3")
    night.leave("3", 12)

    night.pass_to(60)
    night.pass_to(120)

    first, second = night.decided("board.listed")
    # One expired as the batch was asked about already, one as its answer was given by another.
    assert (first.total, first.made, first.declined, first.expired) == (0, 1, 1, 2)
    assert (second.total, second.suggested, second.made, second.declined) == (0, 0, 0, 0)


def test_the_board_has_only_so_much_room() -> None:
    board = replace(MERGING.board, lines=1)  # type: ignore[type-var]
    night = Night(merging(automatic=False, board=board), BoardsFold())
    for number in "123":
        night.place(number, int(number))
    night.pass_to(60)

    listed = night.decided("board.listed")[0]
    assert (listed.total, len(listed.lines)) == (3, 1)
    assert len(listed.orders) == 2


def test_beyond_what_is_compiled_it_comes_each_day() -> None:
    board = Board((START, START + DAY), (), 10)

    assert next_board(board, START - 1) == START
    assert next_board(board, START) == START + DAY
    assert next_board(board, START + DAY) == START + 2 * DAY
    assert next_board(board, START + 9 * DAY + 5) == START + 10 * DAY
    assert next_board(Board((), (), 10), START) == 0


def test_a_policy_without_a_board_takes_it_down() -> None:
    night = Night(merging(), BoardsFold())
    night.place("1", 1)
    night.place("2", 5, NEAR)
    night.bench.publish(policy(), START + 10 * MINUTE)

    assert night.pass_to(180) == []
    night.bench.publish(merging(group="service"), START + 200 * MINUTE)
    assert night.bench.state("board/warehouse", 1) is None
    assert night.bench.state("board/service", 1) is not None


def test_another_group_has_its_own_board() -> None:
    night = Night(merging(), BoardsFold())
    night.place("1", 1)
    night.place("2", 5, NEAR)
    night.bench.publish(merging(group="service", lead=""), START + 10 * MINUTE)

    assert night.pass_to(60) == [("board.listed", "board/service/2020-09-13")]
    assert night.decided("board.listed")[0].to == "service"


def test_the_surest_come_first() -> None:
    night = Night(merging(automatic=False), BoardsFold())
    night.place("1", 1)
    night.place("2", 2, NEAR)
    night.place("3", 3)
    night.pass_to(60)

    scores = [line.score for line in night.decided("board.listed")[0].lines]
    assert len(set(scores)) > 1
    assert scores == sorted(scores, reverse=True)


def test_where_orders_never_met_there_is_no_board() -> None:
    night = Night(merging(), BoardsFold())
    night.place("1", 1)

    assert night.pass_to(600) == []
