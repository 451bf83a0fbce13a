"""What intake derives from an event once, for folds to compare: they never normalise themselves.

Libraries and their tables change, recorded answers must not: `normaliser` says which release of which rules made it.
"""

from __future__ import annotations

import msgspec


class Derived(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Tokens of one customer and address. Every field is personal, "" where nothing is known.

    Stored by position: new fields go to the end and have a default.
    """

    normaliser: str
    """name@version of the rules that made this"""

    account: str = ""
    """login account, with its channel's name before it: accounts of two channels are not the same"""
    identity: str = ""
    """id number of the verified real name"""
    device: str = ""
    phone: str = ""
    """E.164 (`+8613812345678`); `~` and the digits where they are no number of the country"""
    extension: str = ""
    """what is dialled after a virtual number; such a number says nothing of whose it is"""
    phone_shown: str = ""
    """a masked number as it is shown, `138****5678`; `phone` is then empty"""
    email: str = ""
    openid: str = ""

    name: str = ""
    """simplified, without title, mask as `*`; Latin names in lower case"""
    name_kind: str = ""
    """full | masked | surname | nick | latin | single (a Latin name of one word)"""
    surname: str = ""
    given: str = ""
    sound: str = ""
    """pinyin without tones, a space between syllables; a Latin name as it is"""

    script: str = ""
    """han | latin: by whose rules the address was read"""
    country: str = ""
    region: str = ""
    city: str = ""
    district: str = ""
    town: str = ""
    road: str = ""
    number: str = ""
    compound: str = ""
    """estate, tower, village; of a Western address the locality or property beside the street"""
    building: str = ""
    unit: str = ""
    room: str = ""
    postcode: str = ""
    road_sound: str = ""
    compound_sound: str = ""
