"""What intake derives of a customer and an address, once: the tokens folds compare (schemas/derived.py).

Nothing here is needed before the first event with personal data: its libraries and tables are loaded then.
"""

from __future__ import annotations

from typing import Any

from engine.intake.normalise.chinese import chinese, road_sound
from engine.intake.normalise.names import NOBODY, name_of
from engine.intake.normalise.phones import phone
from engine.intake.normalise.text import is_han
from engine.intake.normalise.western import western
from schemas.derived import Derived
from schemas.events.common import Address, Customer

NORMALISER = "orderfold@1"
"""Goes up with every change of what an event's tokens are."""


def derive(type_: str, data: Any, country: str = "CN", channel: str = "") -> Derived | None:
    """The tokens of an `order.placed.v1`; None for any other event and for one that names nobody and no place.

    `country` (ISO 3166) is the channel's, used where the address names none.
    """
    if type_ != "order.placed.v1" or data is None:
        return None
    customer: Customer | None = data.customer
    address: Address | None = data.address
    if customer is None and address is None:
        return None
    if address is not None and address.country:
        country = address.country
    return Derived(NORMALISER, *_person(customer, country, channel), *_place(address, country))


def _person(customer: Customer | None, country: str, channel: str) -> tuple[str, ...]:
    if customer is None:
        return ("",) * 8 + NOBODY
    number = phone(customer.phone, country) if customer.phone else ("", "", "")
    return (
        f"{channel}/{customer.account}" if customer.account else "",
        (customer.id_number or "").strip().upper(),
        customer.device or "",
        *number,
        (customer.email or "").strip().lower(),
        customer.openid or "",
        *(name_of(customer.name) if customer.name else NOBODY),
    )


def _place(address: Address | None, country: str) -> tuple[str, ...]:
    if address is None:
        return ()
    region, city, district = address.region or "", address.city or "", address.district or ""
    text = address.text or ""
    if is_han(text) or is_han(city) or is_han(region):
        parts = chinese(region, city, district, text)
        return (
            "han",
            country,
            *parts,
            address.postcode or "",
            road_sound(parts[4]) if parts[4] else "",
            road_sound(parts[6]) if parts[6] else "",
        )
    if not (text or city or region or address.postcode):
        return ()
    region, city, road, number, compound, room, *rest = western(
        region, city, district, address.postcode or "", text
    )
    return ("latin", country, region, city, "", "", road, number, compound, "", "", room, *rest)
