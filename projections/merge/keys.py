"""Under which keys two cards can meet at all, and by which a customer is known.

Blocking decides recall more than any score does: every key is of a family of its own (`<family>:<value>`), and what
one loses to an error another keeps. Each holds at least two independent things, or one that is rare by itself, so
that its block stays small.
"""

from __future__ import annotations

from projections.merge.card import Card
from projections.policy import Matching


def blocking_keys(card: Card, rules: Matching) -> tuple[str, ...]:
    """The sorted keys of a card. Cards that share none are never compared."""
    keys: set[str] = set()
    _of_customer(card, keys)
    if card.script == "han":
        _of_han(card, keys)
    elif card.script == "latin":
        _of_latin(card, keys)
    return tuple(sorted(keys))


def identity_keys(card: Card) -> list[tuple[int, str, str]]:
    """(rank of trust, kind, value) of what tells one customer from another, the most trusted first.

    1 login account, 2 id number, 3 device, 4 phone (a virtual number is none), 5 e-mail, 6 OpenID.
    """
    known = [
        (1, "account", card.account),
        (2, "identity", card.identity),
        (3, "device", card.device),
        (4, "phone", "" if card.extension or card.phone[:1] == "~" else card.phone),
        (5, "email", card.email),
        (6, "openid", card.openid),
    ]
    return [key for key in known if key[2]]


def _initial(card: Card) -> str:
    """How the surname sounds; of a nickname nothing is known. A Latin name may have it at either end."""
    if card.name_kind in ("full", "surname") or (card.name_kind == "masked" and card.name[0] != "*"):
        return card.sound.partition(" ")[0]
    return ""


def _of_customer(card: Card, keys: set[str]) -> None:
    if card.account:
        keys.add(f"account:{card.account}")
    if card.identity:
        keys.add(f"identity:{card.identity}")
    if card.device:
        keys.add(f"device:{card.device}")
    if card.email:
        keys.add(f"email:{card.email}")
    if card.openid:
        keys.add(f"openid:{card.openid}")
    phone, shown = card.phone, card.phone_shown
    if phone and not card.extension:
        keys.add(f"phone:{phone}")
        digits = phone.removeprefix("+86")
        keys.add(f"shown:{digits[:3]}{digits[-4:]}")
        initial = _initial(card)
        if initial:
            keys.add(f"tail:{digits[-4:]}:{initial}")
            keys.add(f"head:{digits[:7]}:{initial}")
    elif shown and shown[:3].isdigit() and shown[-4:].isdigit():
        keys.add(f"shown:{shown[:3]}{shown[-4:]}")


def _of_han(card: Card, keys: set[str]) -> None:
    building, room, estate = card.building, card.room, card.compound_sound
    if room:
        door = f"{building}-{card.unit}-{room}"
        if estate:
            keys.add(f"door:{estate}:{building}-{room}")
        if card.number:
            keys.add(f"gate:{card.number}:{building}-{room}")
        if initial := _initial(card):
            keys.add(f"room:{door}:{initial}")
    if building and estate:
        if initial := _initial(card):
            keys.add(f"estate:{estate}:{building}:{initial}")
        if not room:
            keys.add(f"estate:{estate}:{building}:{card.unit}")
    if card.name_kind == "full" and building:
        keys.add(f"name:{card.sound}:{building}")
    if card.name_kind == "full" and card.road_sound and card.number:
        keys.add(f"name:{card.sound}:{card.road_sound}{card.number}")


_HEAD = 4
"""Letters of a word that go into a key: errors are rarer at its beginning, and a misspelt end costs nothing."""


def _of_latin(card: Card, keys: set[str]) -> None:
    """Every pair of two parts that were both written down: what is mistyped in one is whole in another."""
    names = _heads(card)
    places = [
        (family, value.replace(" ", "")[:length])
        for family, value, length in (
            ("n", card.number, 9),
            ("p", card.postcode, 9),
            ("c", card.city, _HEAD),
            ("r", card.road, _HEAD),
            ("e", card.compound, _HEAD),
        )
        if value
    ]
    for at, (family, value) in enumerate(places):
        for name in names:
            keys.add(f"{family}a:{value}:{name}")
        for other, beside in places[at + 1 :]:
            if family == "p" and other == "c":
                # A suburb is no block: its people with one initial are.
                keys.update(f"pci:{value}:{beside}:{name[0]}" for name in names)
            else:
                keys.add(f"{family}{other}:{value}:{beside}")
    if len(names) > 1:
        keys.add(f"aa:{':'.join(sorted(names))}")


def _heads(card: Card) -> list[str]:
    """How given name and surname begin, in either order."""
    if card.name_kind == "latin":
        return [card.given.replace(" ", "")[:_HEAD], card.surname.replace(" ", "")[:_HEAD]]
    return [card.name[:_HEAD]] if card.name_kind == "single" else []
