"""Western names and addresses, weighed field by field: any of them may be mistyped, missing, or in another's place."""

from __future__ import annotations

from rapidfuzz import distance

from projections.merge.card import Card
from projections.merge.likeness import Reason, Weighed, words_of

_EDGES = (1000, 930, 850, 750, 600, 450, 0)
"""From which likeness on which column of the tables below holds."""

_TEXTS: dict[str, tuple[int, ...]] = {
    "given": (45, 35, 10, 0, -35, -40, -50),
    "surname": (50, 50, 15, 0, -30, -65, -65),
    "single": (30, 15, 10, 0, 0, -15, -15),
    "road": (95, 80, 75, 0, -60, -90, -90),
    "compound": (70, 65, 15, -5, -30, -65, -65),
    "city": (80, 60, 5, -5, -35, -60, -60),
}
_CODES: dict[str, tuple[int, int, int]] = {
    "number": (35, -25, -35),
    "postcode": (70, 45, -100),
    "region": (60, -60, -60),
    "room": (30, -30, -100),
}
"""Points of codes that are equal, one character off, different."""

_SHARES = {
    "given": 90, "surname": 90, "single": 60, "road": 190, "compound": 70, "city": 170, "number": 100, "postcode": 170,
    "region": 120, "room": 0,
}  # fmt: skip
"""What each could say, per mille of all."""
_PLACES = {"road": 4, "compound": 1, "city": 2, "number": 3, "postcode": 2, "region": 1, "room": 2}
_WEIGHT_LEAST = 6
_CROSSED = 900
_ONE_DOOR = 800
_DOOR = frozenset(["road", "number", "compound"])
_ONE_TOWN = 150
"""The most an address says when it only names the town."""
_UNSURE = 750
_OTHER = 400
"""Under which share of common letters both names must be to be another person's, either way round."""
_BASE = -20


def weighed(a: Card, b: Card, same_phone: bool, vetoes: list[str], reasons: list[Reason]) -> Weighed:
    """Name and address of two Western cards. Two different names veto, but for one phone at one address: there the
    name is as likely a mistake, and it takes a person to say."""
    found = _names(a, b)
    another = max(found.values(), default=1000) < _UNSURE and _another(a, b)
    _texts(a, b, found)
    points = _BASE
    for field, score in found.items():
        points += _TEXTS[field][next(at for at, edge in enumerate(_EDGES) if score >= edge)]
    for field, x, y in (
        ("number", a.number, b.number),
        ("postcode", a.postcode, b.postcode),
        ("region", a.region, b.region),
        ("room", a.room, b.room),
    ):
        if x and y:
            column = 0 if x == y else 1 if distance.OSA.distance(x, y) == 1 else 2
            found[field] = (1000, 500, 0)[column]
            points += _CODES[field][column]
    present = total = weight = 0
    for field, score in found.items():
        present += _SHARES[field]
        share = _PLACES.get(field, 0)
        total += share * score
        weight += share
        reasons.append(Reason(field, score, words_of(score)))
    address = total // max(weight, _WEIGHT_LEAST)
    if not same_phone and not found.keys() & _DOOR:
        address = min(address, _ONE_TOWN)
    if another and not (same_phone and address >= _ONE_DOOR):
        vetoes.append("name")
    return Weighed(points, present, address, _exact(a, b, found))


def _texts(a: Card, b: Card, found: dict[str, int]) -> None:
    road, compound = likeness(a.road, b.road), likeness(a.compound, b.compound)
    crossed = max(likeness(a.road, b.compound), likeness(a.compound, b.road))
    if crossed >= _CROSSED and crossed > road and crossed > compound:
        # Street and locality were written into each other's place.
        road, compound = crossed, -1
    for field, score in (("road", road), ("compound", compound), ("city", likeness(a.city, b.city))):
        if score >= 0:
            found[field] = score


def likeness(x: str, y: str) -> int:
    """Two texts with typing errors, spaces not counted: 0–1000, -1 where one is missing."""
    if not x or not y:
        return -1
    if x == y:
        return 1000
    x, y = x.replace(" ", ""), y.replace(" ", "")
    return 999 if x == y else int(distance.JaroWinkler.normalized_similarity(x, y) * 2000 + 1) // 2


def _names(a: Card, b: Card) -> dict[str, int]:
    """Given name and surname, turned round where that fits clearly better."""
    if not a.name or not b.name:
        return {}
    if a.name_kind == "latin" and b.name_kind == "latin":
        given, surname = _split(a.given, a.surname, b.given, b.surname)
        if a.name.count(" ") > 1 or b.name.count(" ") > 1:
            # A space too many, or a middle name: the first word against the rest.
            first, rest = _split(*_first(a.name), *_first(b.name))
            if first + rest > given + surname:
                given, surname = first, rest
        return {"given": given, "surname": surname}
    ours = (a.given, a.surname) if a.name_kind == "latin" else (a.name,)
    theirs = (b.given, b.surname) if b.name_kind == "latin" else (b.name,)
    return {"single": max(likeness(x, y) for x in ours for y in theirs)}


def _another(a: Card, b: Card) -> bool:
    """Whether two names of two words have hardly a letter in common: two of three pairs of strangers."""
    if a.name_kind != "latin" or b.name_kind != "latin":
        return False
    straight = _common(a.given, b.given), _common(a.surname, b.surname)
    turned = _common(a.given, b.surname), _common(a.surname, b.given)
    return max(straight) < _OTHER and max(turned) < _OTHER


def _common(x: str, y: str) -> int:
    length = len(x) + len(y)
    return 1000 * (length - distance.Indel.distance(x, y)) // length


def _split(given: str, surname: str, other_given: str, other_surname: str) -> tuple[int, int]:
    straight = likeness(given, other_given), likeness(surname, other_surname)
    turned = likeness(given, other_surname), likeness(surname, other_given)
    # Which of two is the given name is not known once they are turned: the likelier is put for the surname.
    return (min(turned), max(turned)) if sum(turned) > sum(straight) + 200 else straight


def _first(name: str) -> tuple[str, str]:
    first, _, rest = name.partition(" ")
    return first, rest


def _exact(a: Card, b: Card, found: dict[str, int]) -> bool:
    if any(found.get(field, 1000) < 1000 for field in _PLACES) or bool(a.room) != bool(b.room):
        return False
    return "number" in found and "road" in found and ("city" in found or "postcode" in found)
