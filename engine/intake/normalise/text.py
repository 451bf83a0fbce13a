"""Characters: full width, traditional forms, Chinese numerals, pinyin, accents."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from unicodedata import combining, normalize

_HAN = re.compile(r"[\u3400-\u9fff]")
_DASHES = {ord(dash): "-" for dash in "‐‑‒–—―−~～"}
_DIGITS = {
    "〇": 0,
    "零": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_NUMERAL = re.compile(
    r"[〇零一二两三四五六七八九十百]+"
    r"(?=号|栋|幢|座|单元|门(?:[\d〇零一二两三四五六七八九十百]|$)|室|房|户|#|楼|层|期|弄|元[\d〇零一二三四五六七八九十])"
)
_MISHEARD = re.compile(
    r"(?<=[\d一二三四五六七八九十])(?:[蛋氮诞丹但旦弹][元园圆员苑院原源猿]|单[园圆员苑院原源猿])"
)
_DASHED = re.compile(r"(?:(?<=-)|(?<=[栋幢座楼元门])(?=.{2}))[〇零一二两三四五六七八九十百]+$")

SURNAME_SOUNDS = {
    "单": "shan", "仇": "qiu", "曾": "zeng", "解": "xie", "查": "zha", "区": "ou", "朴": "piao", "翟": "zhai",
    "盖": "ge", "乐": "yue", "种": "chong", "繁": "po", "员": "yun", "折": "she", "万俟": "mo qi", "尉迟": "yu chi",
    "长孙": "zhang sun", "澹台": "tan tai",
}  # fmt: skip
"""Surnames that do not sound as the character does elsewhere."""


def is_han(text: str) -> bool:
    """Whether any character is Chinese."""
    return _HAN.search(text) is not None


@cache
def _simpler() -> dict[int, str]:
    lines = resources.files(__package__).joinpath("simplified.txt").read_text(encoding="utf-8").splitlines()
    traditional, simplified = (line for line in lines if line and not line.startswith("#"))
    return {ord(t): s for t, s in zip(traditional, simplified, strict=True)} | _DASHES


def folded(text: str) -> str:
    """NFKC, simplified characters, one kind of dash."""
    if not text.isascii():
        text = normalize("NFKC", text)
        if not text.isascii():
            text = text.translate(_simpler())
    return text.replace("~", "-")


def plain(text: str) -> str:
    """Lower case without accents."""
    if text.isascii():
        return text.lower()
    return "".join(c for c in normalize("NFKD", text) if not combining(c)).replace("ß", "ss").lower()


def numerals(text: str) -> str:
    """Chinese numerals before 号, 栋, 单元, 室 and the like, or last behind a dash or 栋, as digits: 二十一栋 → 21栋."""
    text = _MISHEARD.sub("单元", text)
    return _DASHED.sub(_digits, _NUMERAL.sub(_digits, text))


def _digits(found: re.Match[str]) -> str:
    numeral = found[0]
    if "十" not in numeral and "百" not in numeral:
        return "".join(str(_DIGITS[c]) for c in numeral)
    total = digit = 0
    for c in numeral:
        if c == "百":
            total, digit = total + (digit or 1) * 100, 0
        elif c == "十":
            total, digit = total + (digit or 1) * 10, 0
        else:
            digit = _DIGITS[c]
    return str(total + digit)


class _Sounds(dict[str, str]):
    """Character → pinyin without tone, learned as characters come: there are only so many."""

    def __missing__(self, character: str) -> str:
        from pypinyin import Style, lazy_pinyin

        sound = lazy_pinyin(character, style=Style.NORMAL)[0] if is_han(character) else character
        self[character] = sound
        return sound


_sounds = _Sounds()


def sound(text: str) -> str:
    """Pinyin without tones, a space between characters; what is no Chinese character stays as it is."""
    return " ".join(map(_sounds.__getitem__, text))


_SPELLINGS = (
    (re.compile(r"[^a-z ]"), ""),
    (re.compile(r"\b(?:kn|gn|pn)"), "n"),
    (re.compile(r"\bwr"), "r"),
    (re.compile(r"\bmac|\bmc"), "mk"),
    (re.compile(r"ph"), "f"),
    (re.compile(r"gh"), ""),
    (re.compile(r"[st]ch|sh|ti(?=[ao])"), "x"),
    (re.compile(r"ch|ck|c(?![eiy])|q"), "k"),
    (re.compile(r"[cz]"), "s"),
    (re.compile(r"g(?=[eiy])"), "j"),
    (re.compile(r"dg"), "j"),
    (re.compile(r"v"), "f"),
    (re.compile(r"d"), "t"),
    (re.compile(r"\b[aeiouy]+"), "a"),
    (re.compile(r"(?<=[a-z])[aeiouyhw]+"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)


def phonetic(text: str) -> str:
    """How Latin words sound, roughly: their consonants, alike ones as one. ≤ 6 letters a word."""
    for pattern, spoken in _SPELLINGS:
        text = pattern.sub(spoken, text)
    return " ".join(word[:6] for word in text.split())
