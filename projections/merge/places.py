"""How two addresses go together, part by part; scores 0–1000, -1 where one of them does not say."""

from __future__ import annotations

from rapidfuzz import distance

UNKNOWN = -1


def equal(x: str, y: str) -> int:
    """Numbers, codes: equal or not."""
    if not x or not y:
        return UNKNOWN
    return 1000 if x == y else 0


def digits(x: str, y: str) -> int:
    """House numbers: one digit off, or two turned round, is still half of an agreement."""
    if not x or not y:
        return UNKNOWN
    if x == y:
        return 1000
    return 500 if len(x) + len(y) > 3 and distance.OSA.distance(x, y) == 1 else 0


def han(x: str, y: str, x_sound: str, y_sound: str) -> int:
    """Names of roads and estates: equal, or sounding so, or one written into the other."""
    if not x or not y:
        return UNKNOWN
    if x == y:
        return 1000
    if x_sound == y_sound:
        return 950
    shorter, longer = (x, y) if len(x) <= len(y) else (y, x)
    if longer.endswith(shorter) or longer.startswith(shorter):
        return 800
    if len(shorter) > 2 and distance.OSA.distance(x, y) == 1:
        return 800
    if sorted(x) == sorted(y):
        return 800
    # 隆公寓, 龙湖公寓: a character lost and another misheard.
    length = max(len(x_sound), len(y_sound))
    heard = 1000 * distance.LCSseq.similarity(x_sound, y_sound) // length
    return heard if heard >= 600 else 1000 * distance.LCSseq.similarity(x, y) // len(longer) // 2
