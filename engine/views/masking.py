"""Personal fields as they are shown: masked, everywhere and for everyone (DOMAIN.md, "Access and privacy").

Enough stays for two people on the phone to be sure they speak of the same order, too little to write or ring anyone.
Showing the rest is a right of its own that no view has.
"""

from __future__ import annotations

import re
from typing import Any

_FIELDS = (
    "account", "name", "phone", "email", "id_number", "openid", "device", "text", "region", "city", "district", "postcode",
    "signed_by",
)  # fmt: skip
_IN_JSON = re.compile(r'("(' + "|".join(_FIELDS) + r')"\s*:\s*")((?:[^"\\]|\\.)*)')

_KEPT = {"phone": (3, 4), "account": (2, 2), "id_number": (1, 1), "openid": (2, 2), "device": (2, 2)}
"""Field → characters kept at its beginning and end."""

MASK = "****"


def masked(field: str, value: str) -> str:
    """A personal value for showing. Of a phone its middle four digits go, of a name all but the first character,
    of an e-mail the name before the @ but its first; of anything else all."""
    value = value.strip()
    if not value:
        return ""
    if field == "phone":
        return _middle(value)
    if field == "name":
        return value[0] + "*" * min(3, max(1, len(value) - 1))
    if field == "email":
        local, at, domain = value.partition("@")
        return f"{local[:1]}{MASK}{at}{domain}" if at else MASK
    first, last = _KEPT.get(field, (0, 0))
    if len(value) < 3 * (first + last) or not first:
        return MASK
    return f"{value[:first]}{MASK}{value[-last:]}"


def masked_fields(data: Any) -> dict[str, str]:
    """The fields of a personal struct (Customer, Address) that are set, masked; country is not personal."""
    if data is None:
        return {}
    shown = {}
    for field in data.__struct_fields__:
        value = getattr(data, field)
        if value:
            shown[field] = value if field == "country" else masked(field, value)
    return shown


def masked_json(text: str) -> str:
    """JSON, or what was meant to be, with the values of every personal field masked; the rest as it is."""
    return _IN_JSON.sub(lambda found: found[1] + masked(found[2], found[3]), text)


def _middle(phone: str) -> str:
    """The four digits before the last four are hidden, whatever the phone's country or punctuation."""
    digits = [index for index, character in enumerate(phone) if character.isdigit()]
    hidden = set(digits[-8:-4] if len(digits) >= 9 else digits[:-2])
    return "".join("*" if index in hidden else character for index, character in enumerate(phone))
