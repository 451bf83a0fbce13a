"""People and homes in their parts, before anybody writes them down."""

from __future__ import annotations

from typing import Self

import msgspec

from engine.simulate.words import (
    COMPOUND_SURNAMES,
    ENGLISH_PLACES,
    ENGLISH_STREETS,
    ESTATES,
    FIRST_NAMES,
    GIVEN,
    LAST_NAMES,
    MOBILE_PREFIXES,
    PLACES,
    STREETS,
    SURNAMES,
    mixed,
)


class Person(msgspec.Struct, frozen=True, gc=False):
    """`id` is the truth: who they are; `second` is their other phone; `shared`: the phone is not theirs alone."""

    id: str
    surname: str
    given: str
    phone: str
    second: str
    mark: int
    shared: bool = False


class Home(msgspec.Struct, frozen=True, gc=False):
    """`id` is the truth: which address it is. `unit` 0 where the building has one door; `pick_up` names the point that
    takes parcels there, "" for a home. Abroad `estate` and `unit` are unused and `room` is the apartment, 0 for none."""

    id: str
    region: str
    city: str
    district: str
    street: str
    number: int
    estate: str
    building: int
    unit: int
    room: int
    postcode: str = ""
    pick_up: str = ""

    def next_door(self, id_: str) -> Self:
        """The same but for the room; abroad, where there may be none, the next house."""
        if self.postcode and not self.room:
            return msgspec.structs.replace(self, id=id_, number=self.number + 2)
        return msgspec.structs.replace(self, id=id_, room=self.room + (1 if self.room % 10 < 4 else -1))


def person_of(id_: str, h: int, abroad: bool) -> Person:
    """Somebody, of 64 bits that look random."""
    other = mixed(h, 41)
    if abroad:
        area = ENGLISH_PLACES[h % len(ENGLISH_PLACES)][3]
        phones = [f"{area}{200 + bits % 800}{(bits >> 10) % 10_000:04d}" for bits in (h >> 20, other >> 20)]
        surname, given = LAST_NAMES[(h >> 4) % len(LAST_NAMES)], FIRST_NAMES[(h >> 12) % len(FIRST_NAMES)]
    else:
        prefixes = [MOBILE_PREFIXES[bits % len(MOBILE_PREFIXES)] for bits in (h >> 30, other >> 30)]
        phones = [
            f"{prefix}{(bits >> 16) % 10**8:08d}" for prefix, bits in zip(prefixes, (h, other), strict=True)
        ]
        surname = SURNAMES[h % len(SURNAMES)]
        if h % 41 == 0:
            surname = COMPOUND_SURNAMES[(h >> 7) % len(COMPOUND_SURNAMES)]
        given = GIVEN[(other >> 3) % len(GIVEN)]
        if other & 7:
            given += GIVEN[(other >> 10) % len(GIVEN)]
    return Person(id_, surname, given, phones[0], phones[1], other & 0xFFFFFFFF)


def home_of(id_: str, h: int, abroad: bool, pick_up: bool = False) -> Home:
    """Some address, of 64 bits that look random; with `pick_up` that of a pick-up point."""
    if abroad:
        region, city, postcode, _ = ENGLISH_PLACES[h % len(ENGLISH_PLACES)]
        street = ENGLISH_STREETS[(h >> 8) % len(ENGLISH_STREETS)]
        apartment = ((h >> 34) % 9 + 1) * 10 + (h >> 40) % 4 + 1 if h >> 50 & 1 else 0
        return Home(id_, region, city, "", street, (h >> 16) % 1900 + 10, "", 0, 0, apartment, postcode)
    region, city, districts = PLACES[h % len(PLACES)]
    return Home(
        id_,
        region,
        city,
        districts[(h >> 8) % len(districts)],
        STREETS[(h >> 12) % len(STREETS)],
        (h >> 24) % 980 + 1,
        ESTATES[(h >> 18) % len(ESTATES)],
        (h >> 34) % 30 + 1,
        (h >> 52) % 4,
        ((h >> 40) % 28 + 1) * 100 + (h >> 46) % 4 + 1,
        pick_up=("菜鸟驿站", "妈妈驿站", "丰巢快递柜", "兔喜生活")[h >> 60 & 3] if pick_up else "",
    )
