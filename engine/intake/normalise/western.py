"""A Western address → number, street, unit, locality, suburb, postcode."""

from __future__ import annotations

import re
from functools import lru_cache

from engine.intake.normalise.text import phonetic, plain

Address = tuple[str, str, str, str, str, str, str, str, str]
"""(region, city, road, number, compound, room, postcode, how the road sounds, how the compound does)"""

_TYPES = {
    "street": "st", "str": "st", "road": "rd", "avenue": "ave", "av": "ave", "drive": "dr", "drv": "dr", "place": "pl",
    "court": "ct", "crt": "ct", "crescent": "cr", "cres": "cr", "close": "cl", "circuit": "cct", "lane": "ln",
    "boulevard": "blvd", "terrace": "tce", "ter": "tce", "parade": "pde", "highway": "hwy", "square": "sq", "way": "wy",
    "grove": "gr", "gardens": "gdns", "esplanade": "esp", "strasse": "str.", "mount": "mt", "saint": "st",
    "north": "n", "south": "s", "east": "e", "west": "w", "parkway": "pkwy", "trail": "trl", "circle": "cir",
}  # fmt: skip
_UNIT = re.compile(
    r"\b(?:unit|apartment|apt|suite|ste|flat|room|rm|shop|villa|lot|bldg|#)\.? ?#?(\w{1,6}(?:-\w{1,4})?)\b,?"
)
_SLASHED = re.compile(r"^(\d{1,4}[a-z]?)/(\d{1,5}[a-z]?)\b")
_NUMBER = re.compile(r"^(\d{1,6}[a-z]?(?:-\d{1,5})?)(?=[ ,]|$)")
_LAST_NUMBER = re.compile(r"[ ,]+(\d{1,5}[a-z]?)$")
_POSTCODE = re.compile(r"\b(\d{4,6}|\d{5}-\d{4}|\d{5}-\d{3}|[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2})$")
_SPACES = re.compile(r"[\s.']+")


@lru_cache(maxsize=1 << 15)
def western(region: str, city: str, district: str, postcode: str, text: str) -> Address:
    """The parts of an address. What stands beside the street goes to `compound`, a district with it."""
    text = _SPACES.sub(" ", plain(text)).strip(" ,;")
    room = ""
    if found := _UNIT.search(text):
        room = found[1]
        text = (text[: found.start()] + text[found.end() :]).strip(" ,")
    if found := _SLASHED.match(text):
        room, text = found[1], text[found.start(2) :]
    parts = [part.strip() for part in re.split(r"[,;\n]", text)]
    parts = [part for part in parts if part]
    number = ""
    if parts and (found := _NUMBER.match(parts[0])):
        number = found[1]
        parts[0] = parts[0][found.end() :].strip()
    elif parts and not city and len(parts) > 2 and re.fullmatch(r"\d{1,6}[a-z]?", parts[1]):
        number = parts.pop(1)
    elif parts and (found := _LAST_NUMBER.search(parts[0])):
        number = found[1]
        parts[0] = parts[0][: found.start()].strip()
    road = _street(parts[0]) if parts else ""
    rest = parts[1:]
    code = plain(postcode).replace(" ", "").replace("-", "")
    if rest and not code and (found := _POSTCODE.search(rest[-1])):
        code = found[1].replace(" ", "").replace("-", "")
        rest[-1] = rest[-1][: found.start()].strip()
        rest = [part for part in rest if part]
    if rest and not region and re.fullmatch(r"[a-z]{2,3}", rest[-1]):
        region = rest.pop()
    if rest and not city:
        city = rest.pop()
    compound = " ".join([*rest, plain(district)]).strip()
    return (
        plain(region).strip(),
        _SPACES.sub(" ", plain(city)).strip(),
        road,
        number,
        compound,
        room,
        code,
        phonetic(road),
        phonetic(compound),
    )


def _street(text: str) -> str:
    words = text.split()
    return " ".join(_TYPES.get(word, word) if at else word for at, word in enumerate(words))
