"""The divisions of China at the head of an address: province, city, district, however much of them was written."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from engine.intake.normalise.text import sound

_SUFFIX = re.compile(
    r"(?:维吾尔|壮族|回族)?(?:特别行政区|自治区|自治州|自治县|新区|地区|林区|矿区|省|市|区|县|盟|旗)$"
)
_PEOPLES = re.compile(r"(?:[\u4e00-\u9fff]{1,4}族)+自治(?:州|县|旗)$|(?:蒙古|哈萨克|柯尔克孜)+自治(?:州|县)$")
_NO_NAME = frozenset(["省直辖县", "自治区直辖县级行政区划", "县"])
_ELSE = re.compile(
    r"[东西南北中环]{0,2}[一二三四五六七八九十\d]*(?:路|街(?!道)|大道|道(?!路)|巷|弄|胡同|门)|大厦|花园|广场|公寓|小区|新村|名苑|家园|"
    r"新城|豪庭|华庭|花庭|雅苑|庄园|山庄|公馆|大酒店|酒店|饭店|大学|学院|中学|医院|火车站|站|港|湾|里|苑|府|城(?!区|关)|园(?!区)"
)
_ENDS = frozenset("省市区县州盟旗")
_PARKS = ("小区", "社区", "园区")
_TOWN = re.compile(r"[\u4e00-\u9fff]{2,3}(?:街道|镇)")
_LONGEST = 15

Place = tuple[str, str, str]
"""(province, city, district), full names, "" where not known."""


class _Table:
    """Every name a division goes by → the divisions it may mean."""

    def __init__(self) -> None:
        self.full: dict[str, list[Place]] = {}
        self.short: dict[str, list[Place]] = {}
        self.spoken: dict[str, list[Place]] = {}
        text = resources.files(__package__).joinpath("divisions.txt").read_text(encoding="utf-8")
        provinces: set[str] = set()
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            province, city, districts = line.split("\t")
            if city in _NO_NAME:
                city = province if province.endswith("市") else ""
            if province not in provinces:
                provinces.add(province)
                self._add(province, (province, province if province == city else "", ""))
            if city and city != province:
                self._add(city, (province, city, ""))
            for district in districts.split():
                if district.endswith(("街道", "镇")):
                    continue  # of the cities without districts: towns, as they are elsewhere
                # A county-level city of a province without a city between is its own city.
                self._add(district, (province, city, district))

    def _add(self, name: str, place: Place) -> None:
        self.full.setdefault(name, []).append(place)
        self.spoken.setdefault(sound(name), []).append(place)
        for suffix in (_SUFFIX, _PEOPLES):
            short = suffix.sub("", name)
            if short != name and len(short) > 1:
                self.short.setdefault(short, []).append(place)
        if name.endswith("新区") and len(name) > 3:
            self.short.setdefault(name[:-1], []).append(place)


@cache
def _table() -> _Table:
    return _Table()


def divided(text: str) -> tuple[Place, str]:
    """What an address begins with, and the rest of it. Spaces may stand between divisions."""
    table = _table()
    known: Place = ("", "", "")
    for _ in range(4):
        rest = text.lstrip(" ,，")
        step = _full(table, rest, known) or _short(table, rest, known) or _spoken(table, rest, known)
        if step is None:
            break
        known, length = step
        text = rest[length:]
        if known[2]:
            # 昆山市 is a city to its people and may be named again as 苏州市昆山市.
            break
    return known, text.lstrip(" ,，")


def _full(table: _Table, rest: str, known: Place) -> tuple[Place, int] | None:
    full = table.full
    for length in range(min(_LONGEST, len(rest)), 1, -1):
        found = full.get(rest[:length])
        if found and (place := _meant(found, known)):
            return place, length
    return None


def _short(table: _Table, rest: str, known: Place) -> tuple[Place, int] | None:
    """浙江杭州西湖…: names without suffix, unless a road or an estate is named so."""
    for length in range(min(8, len(rest)), 1, -1):
        found = table.short.get(rest[:length])
        if not found or not (place := _meant(found, known)):
            continue
        after = rest[length:]
        if after[:1] == " " or _TOWN.match(after):
            return place, length
        if _ELSE.match(after) or after.startswith(("街道", "镇", "乡")):
            continue
        if known[1] or place[1] == place[0] or not place[2]:
            return place, length
        # No city to hold it against: enough must be left to be a name of its own.
        words = re.match(r"[\u4e00-\u9fff]*", after)
        if words and (len(words[0]) >= (3 if len(found) == 1 else 4)):
            return place, length
    return None


def _spoken(table: _Table, rest: str, known: Place) -> tuple[Place, int] | None:
    """诚都市, 朝杨区: written as it sounds, or one character off what can stand here."""
    written = [
        rest[:end]
        for end in range(2, 7)
        if rest[end - 1 : end] in _ENDS and rest[end - 2 : end] not in _PARKS
    ]
    for name in written:
        found = table.spoken.get(sound(name))
        if found and (place := _meant(found, known)):
            return place, len(name)
    for name in written if known[0] else ():
        near = [
            place
            for full, places in table.full.items()
            if abs(len(full) - len(name)) <= 1 and full[-1] == name[-1] and _one_off(full, name)
            for place in places
        ]
        if len(name) > 2 and (place := _meant(near, known)):
            return place, len(name)
    return None


def _meant(found: list[Place], known: Place) -> Place | None:
    """Which of the divisions of one name lies in what is known already, as far as that can be said."""
    within = [
        place
        for place in found
        if (not known[0] or place[0] == known[0])
        and (not known[1] or place[1] == known[1] or not place[1])
        and _level(place) + (place[0] == place[1]) >= _level(known)
    ]
    if not within:
        return None
    if len(within) == 1:
        place = within[0]
        return (place[0], place[1] or known[1], place[2])
    first = within[0]
    return (
        first[0] if all(place[0] == first[0] for place in within) else known[0],
        first[1] if all(place[1] == first[1] for place in within) else known[1],
        first[2] if all(place[2] == first[2] for place in within) else "",
    )


def _level(place: Place) -> int:
    return 3 if place[2] else 2 if place[1] else 1 if place[0] else 0


def _one_off(a: str, b: str) -> bool:
    """Whether one character was lost, added, changed, or two swapped."""
    if len(a) < len(b):
        a, b = b, a
    if len(a) == len(b):
        off = [i for i in range(len(a)) if a[i] != b[i]]
        return len(off) == 1 or (
            len(off) == 2 and off[1] == off[0] + 1 and a[off[0]] == b[off[1]] and a[off[1]] == b[off[0]]
        )
    return any(a[:i] + a[i + 1 :] == b for i in range(len(a)))
