"""What matching found, in the words people read. No value of a personal field is among them."""

from __future__ import annotations

from projections.merge.likeness import Likeness

_BY = {
    "account": "same login account",
    "identity": "same verified id",
    "device": "same device",
    "email": "same e-mail",
    "openid": "same OpenID",
}
"""Evidence that no compared field says."""

_FIELDS = {
    "number": "house number",
    "compound": "estate",
    "identity": "verified id",
    "given": "given name",
    "email": "e-mail",
}

_PLACE = {
    "city": "city",
    "postcode": "postcode",
    "district": "district",
    "town": "town",
    "road": "road",
    "compound": "estate",
    "number": "house number",
    "building": "building",
    "unit": "unit",
    "room": "room",
}
"""Parts of an address, the narrowest last: where one is equal, those before it are, or are named."""

_FAMILIES = {
    "account": "login account",
    "identity": "verified id",
    "email": "e-mail",
    "openid": "OpenID",
    "shown": "phone but for its middle",
    "tail": "end of the phone and surname",
    "head": "beginning of the phone and surname",
    "door": "estate, building and room",
    "gate": "house number, building and room",
    "room": "building, room and surname",
    "estate": "building of an estate and surname or unit",
    "name": "name and building",
    "aa": "name",
}
_PARTS = {
    "n": "house number",
    "p": "postcode",
    "c": "city",
    "r": "street",
    "e": "locality",
    "a": "name",
    "i": "initial",
}
"""Letters of the families of Western addresses."""


def field_words(field: str) -> str:
    """A field of a card as people call it."""
    return _FIELDS.get(field, field)


def family_words(family: str) -> str:
    """What the orders of a block share."""
    if family in _FAMILIES or family in ("device", "phone"):
        return _FAMILIES.get(family, family)
    if family and all(part in _PARTS for part in family):
        return joined([_PARTS[part] for part in family])
    return family.replace("_", " ") or "nothing"


def evidence(like: Likeness) -> tuple[str, ...]:
    """What speaks for and against two orders being one customer's to one address, what is equal first."""
    said = [_BY[like.by]] if like.by in _BY else []
    equal = {reason.field for reason in like.reasons if reason.text == "equal"}
    plain = [field_words(reason.field) for reason in like.reasons if reason.field in equal - _PLACE.keys()]
    if plain:
        said.append(f"same {joined(plain)}")
    place = [field for field in _PLACE if field in equal]
    if place:
        said.append(f"same address to the {_PLACE[place[-1]]}")
    for reason in like.reasons:
        if reason.text != "equal":
            said.append(_phrase(field_words(reason.field), reason.text))
    return tuple(said)


def veto_words(like: Likeness) -> str:
    """What makes it impossible: `they have another room`."""
    return f"they differ in {joined([field_words(veto) for veto in like.vetoes])}"


def joined(words: list[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _phrase(field: str, text: str) -> str:
    if text == "another":
        return f"another {field}"
    if field.split()[-1] in text or text == "same surname":
        return text
    if text == "a character left out":
        return f"{field} with a character left out"
    if text == "virtual":
        return f"virtual {field}"
    return f"{field} {text}"
