"""Chinese names and addresses, weighed field by field.

Most cards that meet at all agree in their door, so agreement is worth little and contradiction much: another room,
unit, building, estate or city is another parcel, whoever orders.
"""

from __future__ import annotations

from projections.merge import names, places
from projections.merge.card import Card
from projections.merge.likeness import Reason, Weighed, words_of

_NAMES: dict[str, tuple[int, int]] = {
    names.UNKNOWN: (0, 0),
    names.EQUAL: (140, 1000),
    names.SOUNDS: (130, 950),
    names.SWAPPED: (50, 850),
    names.SHORT: (50, 800),
    names.SPELT: (75, 900),
    names.NEAR: (0, 700),
    names.MASKED: (60, 700),
    names.NICK: (65, 600),
    names.COVERED: (-45, 600),
    names.SURNAME: (-60, 500),
    names.APART: (-165, 200),
    names.OTHER: (-320, 0),
}
"""Points and score of how two names go together."""

_PLACES: tuple[tuple[str, int, int, int, int, int], ...] = (
    ("city", 1, 15, -150, -150, -150),
    ("district", 1, 0, -130, -130, -130),
    ("town", 0, 15, 0, -10, -10),
    ("road", 1, 20, 20, -20, -40),
    ("number", 2, 0, 0, -20, -60),
    ("compound", 3, 60, 50, -50, -140),
    ("building", 3, 20, -60, -60, -60),
    ("unit", 1, 10, -110, -110, -110),
    ("room", 4, 10, -170, -170, -190),
)
"""A field, its weight in the address, and its points when equal (≥ 950), near (≥ 750), half (≥ 400) or apart."""

_WEIGHT_LEAST = 6
"""Weight of the parts an address must share before they say anything: an estate and a building."""
_FULL = 19
"""Weight of all that can be compared: the parts of the address, and 4 for the name."""
_BASE = 60


def weighed(a: Card, b: Card, relation: str, vetoes: list[str], reasons: list[Reason]) -> Weighed:
    """Name and address of two cards of which one is Chinese."""
    points, score = _NAMES[relation]
    present = 4 if relation != names.UNKNOWN else 0
    reasons.append(Reason("name", score, relation))
    if relation == names.OTHER:
        vetoes.append("name")
    if a.script != "han" or b.script != "han":
        return Weighed(points, present * 1000 // _FULL, 0, False)
    found = {
        "city": places.equal(a.city, b.city),
        "district": places.equal(a.district, b.district),
        "town": places.equal(a.town, b.town),
        "road": places.han(a.road, b.road, a.road_sound, b.road_sound),
        "number": places.digits(a.number, b.number),
        "compound": places.han(a.compound, b.compound, a.compound_sound, b.compound_sound),
        "building": places.digits(a.building, b.building),
        "unit": places.equal(a.unit, b.unit),
        "room": places.digits(a.room, b.room),
    }
    total = weight = 0
    for field, share, equal, near, half, apart in _PLACES:
        score = found[field]
        if score < 0:
            continue
        points += equal if score >= 950 else near if score >= 750 else half if score >= 400 else apart
        total += share * score
        weight += share
        reasons.append(Reason(field, score, words_of(score)))
    _contradicted(found, vetoes)
    return Weighed(
        points + _BASE,
        (present + weight) * 1000 // _FULL,
        total // max(weight, _WEIGHT_LEAST),
        _exact(a, b, found),
    )


def _contradicted(found: dict[str, int], vetoes: list[str]) -> None:
    """Parts that cannot differ within one address. Half a number apart is a typing error as often as a neighbour."""
    vetoes.extend(field for field in ("city", "district", "unit") if found[field] == 0)
    if 0 <= found["room"] < 400:
        vetoes.append("room")
    by_road = found["road"] >= 750 and found["number"] >= 950
    if 0 <= found["compound"] < 400 and not by_road:
        vetoes.append("compound")
    if 0 <= found["building"] < 400 and not (found["room"] >= 950 and found["compound"] >= 750):
        vetoes.append("building")


def _exact(a: Card, b: Card, found: dict[str, int]) -> bool:
    """Whether the door is said in full on both sides, and the same."""
    # 雅苑 and 雅园 sound alike and stand side by side: only a person may take one for the other.
    if any(0 <= score < 1000 for score in found.values()):
        return False
    if bool(a.room) != bool(b.room) or bool(a.unit) != bool(b.unit) or bool(a.building) != bool(b.building):
        return False
    by_road = found["road"] == found["number"] == 1000
    return (found["compound"] == 1000 and bool(a.building)) or by_road
