"""Offered orders for tests of merging: a customer and a door by name, everything else as it usually is."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from projections.merge.card import card_of
from projections.merge.fold import MergeFold
from projections.merge.keys import blocking_keys, identity_keys
from projections.policy import Board, Matching, Merging, Policy
from schemas.derived import Derived
from schemas.events.people import MergeAccepted, MergeRefused, MergeUndone
from schemas.facts import MergeLeft, MergeOffered
from tests.judging import Bench
from tests.policies import MINUTE, policy

START = 1_600_000_000_000_000

MERGING = Merging(
    on=True,
    automatic=True,
    across_channels=True,
    together=(frozenset({"general", "custom"}), frozenset({"fresh"})),
    group="warehouse",
    lead="ann",
    board=Board((START + 60 * MINUTE, START + 120 * MINUTE), ("wecom",), 50),
)

WANG = Derived(
    "test@1",
    account="shop:wang",
    phone="+8613800001234",
    name="王小明",
    name_kind="full",
    surname="王",
    given="小明",
    sound="wang xiao ming",
    script="han",
    country="CN",
    region="浙江省",
    city="杭州市",
    district="西湖区",
    road="文一路",
    number="18",
    compound="翠苑小区",
    building="3",
    unit="2",
    room="501",
    road_sound="wen yi lu",
    compound_sound="cui yuan xiao qu",
)
"""A customer with all there is, at a door of their own."""

NEAR = replace(WANG, account="", name="王晓明", given="晓明", phone="+8613800001235")
"""Heard on the phone: the name sounds alike, a digit of the phone is wrong."""

LI = replace(
    WANG,
    account="shop:li",
    phone="+8613977775678",
    name="李芳",
    surname="李",
    given="芳",
    sound="li fang",
    room="502",
)
"""Next door."""


def merging(**changes: Any) -> Policy:
    """The tests' policy with merging on."""
    return policy(merge=replace(MERGING, **changes))


def offered(who: Derived = WANG, at: int = 0, rules: Matching | None = None, **changes: Any) -> MergeOffered:
    """An order of `who`, placed `at` µs after START."""
    card = card_of(who)
    made = MergeOffered(
        START + at,
        "shop",
        "CNY",
        (("sku-1", 1),),
        ("general",),
        who,
        tuple(identity_keys(card)),
        blocking_keys(card, rules or Matching()),
        True,
    )
    return replace(made, **changes)


class Night:
    """The merge fold on its own, told of orders by their numbers, minute by minute."""

    def __init__(self, rules: Policy | None = None, *folds: Any) -> None:
        self.bench = Bench(MergeFold(), *folds, policy=rules or merging(), at=START - 60 * MINUTE)

    def __del__(self) -> None:
        self.bench.close()

    def place(
        self, number: str, minute: int = 0, who: Derived = WANG, at: int | None = None, **changes: Any
    ) -> list[tuple[str, str]]:
        """An order placed at a minute, heard of then (or `at` minutes); what was decided since, as (type, subject)."""
        heard = START + (minute if at is None else at) * MINUTE
        return self._told("merge.offered", order(number), offered(who, minute * MINUTE, **changes), heard)

    def leave(
        self, number: str, minute: int, reason: str = "cancelled", waybill: str = ""
    ) -> list[tuple[str, str]]:
        """An order that may no longer travel with others."""
        gone = MergeLeft(reason, f"it is {reason}", (waybill,) if waybill else ())
        return self._told("merge.left", order(number), gone, START + minute * MINUTE)

    def accept(self, minute: int, *numbers: str, key: str = "merge/x") -> list[tuple[str, str]]:
        verdict = MergeAccepted([order(number) for number in numbers], "seen on the phone")
        return self._told("merge.accepted.v1", key, verdict, START + minute * MINUTE)

    def refuse(self, minute: int, *numbers: str, key: str = "merge/x") -> list[tuple[str, str]]:
        verdict = MergeRefused([order(number) for number in numbers], "two flats")
        return self._told("merge.refused.v1", key, verdict, START + minute * MINUTE)

    def undo(self, minute: int, batch: str) -> list[tuple[str, str]]:
        verdict = MergeUndone(batch, "customer wants two parcels")
        return self._told("merge.undone.v1", batch, verdict, START + minute * MINUTE)

    def pass_to(self, minute: int) -> list[tuple[str, str]]:
        return _said(self.bench.pass_to(START + minute * MINUTE))

    def state(self, key: str) -> Any:
        return self.bench.state(key)

    def decided(self, type_: str) -> list[Any]:
        """The data of all decisions of a type so far."""
        return [one.data for one in self.bench.decisions if one.type == f"{type_}.v1"]

    def _told(self, type_: str, key: str, data: Any, at: int) -> list[tuple[str, str]]:
        return _said(self.bench.tell(type_, key, data, at=at))


def order(number: str) -> str:
    """`1` → `order/shop:1`; a subject is left as it is."""
    return number if "/" in number else f"order/shop:{number}"


def _said(decisions: Any) -> list[tuple[str, str]]:
    return [(one.type.removesuffix(".v1"), one.subject) for one in decisions]
