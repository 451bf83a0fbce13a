"""Whose an order is: who was assigned, else the first route that matches."""

from __future__ import annotations

from projections.policy import Route
from projections.routing import owner_of
from tests.policies import policy

ANY: frozenset[str] = frozenset()
ROUTES = policy(
    routes=(
        Route(frozenset({"shop"}), frozenset({"fresh", "presale"}), ANY, "ann", ""),
        Route(ANY, ANY, frozenset({"shipped"}), "joe", "carriers"),
        Route(frozenset({"shop"}), ANY, ANY, "", "sales"),
    )
)


def test_the_first_route_whose_conditions_all_hold_decides() -> None:
    assert owner_of(ROUTES, "shop", ("fresh", "general"), "shipped") == ("ann", "warehouse")
    assert owner_of(ROUTES, "market", ("fresh",), "shipped") == ("joe", "carriers")
    assert owner_of(ROUTES, "shop", ("general",), "paid") == ("", "sales")


def test_no_route_means_nobody() -> None:
    assert owner_of(ROUTES, "market", ("fresh",), "paid") == ("", "")


def test_an_assignment_outranks_routes_and_brings_its_own_group() -> None:
    assert owner_of(ROUTES, "shop", ("fresh",), "paid", "joe", "night") == ("joe", "night")
    assert owner_of(ROUTES, "shop", ("general",), "paid", "ann") == ("ann", "warehouse")
    assert owner_of(ROUTES, "shop", ("general",), "paid", "", "night") == ("", "night")
