"""Phone numbers → E.164, by phonenumbers; Chinese mobiles, most of what comes, by a pattern."""

from __future__ import annotations

import re
from functools import lru_cache

from engine.intake.normalise.text import folded

_MOBILE = re.compile(r"(?:\+?86|0086)?(1[3-9]\d{9})").fullmatch
_EXTENSION = re.compile(r"(?:转|ext\.?|x|#|,|-)\s*(\d{1,6})$", re.IGNORECASE)
_VIRTUAL = re.compile(r"(1[3-9]\d{9})(?:转|ext\.?|x|#|,|-)(\d{1,6})", re.IGNORECASE).fullmatch
_FILLING = re.compile(r"[\s().\-]+")
_SHOWN = re.compile(r"[\d*]{5,20}").fullmatch
_DIGITS_LEAST = 5


@lru_cache(maxsize=1 << 16)
def phone(text: str, country: str) -> tuple[str, str, str]:
    """(E.164, extension, masked form). What is no number of the country or any other is `~` and its digits.

    All are "" for what holds no number at all, or one digit over and over.
    """
    if country == "CN" and text.isascii() and (found := _MOBILE(text)):
        return _checked("+86" + found[1], "", "")
    text = folded(text).strip()
    if country == "CN":
        packed = text.replace(" ", "")
        if found := _VIRTUAL(packed):
            return _checked("+86" + found[1], found[2], "")
        if found := _MOBILE(_FILLING.sub("", packed)):
            return _checked("+86" + found[1], "", "")
    if "*" in text:
        shown = re.sub(r"^(?:\+?86)(?=1.{10}$)", "", _FILLING.sub("", text))
        return ("", "", shown) if _SHOWN(shown) and sum(map(str.isdigit, shown)) >= 4 else ("", "", "")
    return _parsed(text, country)


def _parsed(text: str, country: str) -> tuple[str, str, str]:
    """By phonenumbers, which knows every country's plan."""
    from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_valid_number, parse

    try:
        number = parse(text, country or None)
    except NumberParseException:
        number = None
    if number is not None and is_valid_number(number):
        return _checked(format_number(number, PhoneNumberFormat.E164), number.extension or "", "")
    extension = ""
    if (found := _EXTENSION.search(text)) and len(text) - len(found[0]) >= 7:
        text, extension = text[: found.start()], found[1]
    digits = "".join(filter(str.isdigit, text))
    return _checked("~" + digits, extension, "") if len(digits) >= _DIGITS_LEAST else ("", "", "")


def _checked(number: str, extension: str, shown: str) -> tuple[str, str, str]:
    """00000000000 and 13333333333 are written where no number is known: they are nobody's."""
    if len(set(number[-8:])) == 1:
        return "", "", ""
    return number, extension, shown
