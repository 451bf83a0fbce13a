"""People of whom several orders come within two hours, and others who look like them.

A group is three orders, the second and third half an hour or so behind the one before. Who they are is a
function of the seed and the index alone, so that a world is still drawn order by order. What each group is (`KINDS`):

    same          one person, one address, two or three orders on one channel or several
    moved         one person, two addresses
    neighbours    two people in one building, room beside room
    household     two people at one address who share a phone
    namesakes     two people of one name
    desk          three parcels for two people who both gave the phone and address of a pick-up point

Every one of them writes name, phone and address their own way (`writing`); which orders are whose is the truth kept beside.
"""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from engine.simulate.handwriting import Chinese, Western
from engine.simulate.homes import Home, Person, home_of, person_of
from engine.simulate.scenarios import CHANNELS, Channel
from engine.simulate.words import mixed

KINDS = (
    ("same", 520),
    ("moved", 60),
    ("neighbours", 120),
    ("household", 120),
    ("namesakes", 80),
    ("desk", 100),
)
"""Kind of group → share per mille."""

_KINDS = tuple(kind for kind, share in KINDS for _ in range(share))

DESKS = 4
"""Pick-up points of a world."""

_AT_HOME = tuple(channel for channel in CHANNELS if channel.currency == "CNY" and not channel.handed_over)
_ABROAD = tuple(channel for channel in CHANNELS if channel.currency == "USD")


class Guise(msgspec.Struct, frozen=True, gc=False):
    """Who an order is for, and how it says so. `person` and `home` are the truth; `customer` and `address` the data of
    `order.placed`; `noise` what was done to them."""

    person: str
    home: str
    customer: dict[str, Any]
    address: dict[str, Any]
    noise: tuple[str, ...]
    kind: str


class Member(msgspec.Struct, frozen=True, gc=False):
    """An order's place in a group: `number` is 0, 1 or 2."""

    group: int
    number: int
    kind: str
    channel: Channel


class Kin:
    """The groups of one world. `rate` per mille of orders belong to one; `stretch` orders are placed in half an hour. `tidy`:
    everybody says which city they live in."""

    def __init__(self, seed: int, rate: int, stretch: int, tidy: bool = False) -> None:
        self._seed = seed
        self._rate = rate
        self._stretch = max(4, stretch)
        self._tidy = tidy

    def member(self, index: int) -> Member | None:
        """The group the world's `index`-th order belongs to, None for most."""
        stretch, seed = self._stretch, self._seed
        block, place = divmod(index, 3 * stretch)
        number, offset = divmod(place, stretch)
        if number:
            turn = block * 7919 + seed
            offset = (offset - turn if number == 1 else turn - offset) % stretch
        group = block * stretch + offset
        h = mixed(group, seed + 22)
        if h % 1000 >= self._rate:
            return None
        kind = _KINDS[(h >> 12) % 1000]
        if number == 2 and not (kind == "desk" or (kind == "same" and h >> 24 & 1)):
            return None
        channels = _ABROAD if (h >> 25) % 8 == 0 and kind != "desk" else _AT_HOME
        return Member(group, number, kind, channels[mixed(group * 3 + number, seed + 23) % len(channels)])

    def guise(self, member: Member) -> Guise:
        """Who that member is, and how they write."""
        seed, kind, number = self._seed, member.kind, member.number
        abroad = member.channel in _ABROAD
        one = person_of(f"k{member.group}", mixed(member.group, seed + 24), abroad)
        home = home_of(f"k{member.group}", mixed(member.group, seed + 25), abroad)
        other = number == 1
        who, where = one, home
        if kind == "desk":
            desk = mixed(member.group, seed + 26) % DESKS
            where = home_of(f"desk{desk}", mixed(desk, seed + 27), abroad, pick_up=True)
            shared = person_of("", mixed(desk, seed + 28), abroad).phone
            if other:
                who = person_of(f"k{member.group}b", mixed(member.group, seed + 29), abroad)
            who = msgspec.structs.replace(who, phone=shared, shared=True)
        elif kind == "moved" and other:
            where = home_of(f"k{member.group}b", mixed(member.group, seed + 30), abroad)
        elif kind != "same" and other:
            who, where = self._look_alike(member, one, home, abroad)
        rng = Random(mixed(member.group * 3 + number, seed + 31))
        hand = (Western if abroad else Chinese)(rng, member.channel.name, who, where)
        hand.write(self._tidy)
        return Guise(who.id, where.id, hand.customer, hand.address, tuple(hand.noise), kind)

    def _look_alike(self, member: Member, one: Person, home: Home, abroad: bool) -> tuple[Person, Home]:
        """The other person of the group, and where they live."""
        h = mixed(member.group, self._seed + 29)
        other = person_of(f"k{member.group}b", h, abroad)
        if member.kind == "neighbours":
            return other, home.next_door(f"k{member.group}b")
        if member.kind == "household":
            surname = one.surname if h >> 5 & 1 else other.surname
            if other.given == one.given:
                other = person_of(other.id, h + 1, abroad)
            return msgspec.structs.replace(other, surname=surname, phone=one.phone, shared=True), home
        away = home_of(f"k{member.group}b", mixed(member.group, self._seed + 32), abroad)
        return msgspec.structs.replace(other, surname=one.surname, given=one.given), away
