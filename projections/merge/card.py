"""What matching knows of one order's customer and address.

A card is made of what intake derived, and of nothing else: two stores with the same log hold the same cards.
"""

from __future__ import annotations

import msgspec

from schemas.derived import Derived


class Card(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The fields of `Derived`, which says what they mean, without who derived them. "" is unknown."""

    account: str = ""
    identity: str = ""
    device: str = ""
    phone: str = ""
    extension: str = ""
    phone_shown: str = ""
    email: str = ""
    openid: str = ""
    name: str = ""
    name_kind: str = ""
    surname: str = ""
    given: str = ""
    sound: str = ""
    script: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    road: str = ""
    number: str = ""
    compound: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""
    postcode: str = ""
    road_sound: str = ""
    compound_sound: str = ""


def card_of(derived: Derived) -> Card:
    """Derived → Card."""
    d = derived
    return Card(
        d.account,
        d.identity,
        d.device,
        d.phone,
        d.extension,
        d.phone_shown,
        d.email,
        d.openid,
        d.name,
        d.name_kind,
        d.surname,
        d.given,
        d.sound,
        d.script,
        d.country,
        d.region,
        d.city,
        d.district,
        d.town,
        d.road,
        d.number,
        d.compound,
        d.building,
        d.unit,
        d.room,
        d.postcode,
        d.road_sound,
        d.compound_sound,
    )
