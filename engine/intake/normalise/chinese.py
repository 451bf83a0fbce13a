"""A Chinese address → province, city, district, town, road, number, compound, building, unit, room."""

from __future__ import annotations

import re
from functools import lru_cache

from engine.intake.normalise.divisions import divided
from engine.intake.normalise.text import folded, numerals, sound

Address = tuple[str, str, str, str, str, str, str, str, str, str]
"""(region, city, district, town, road, number, compound, building, unit, room)"""

_ASIDE = re.compile(r"[(\[【][^)\]】]*[)\]】]?")
_TOWN = re.compile(r"[\u4e00-\u9fff]{1,6}?(?:街道办?事?处?|镇|乡|苏木)")
_ESTATE = "小区|社区|花园|家园|公寓|大厦|广场|新村|新城|名苑|雅苑|豪庭|华庭|花庭|水岸|豪苑|雅居|公馆|山庄|庄园|府|苑|园|城|村|庭|岸|厦|湾|邸|墅|轩|阁|坊|里|院|厂|店|楼"
_ROAD = re.compile(
    r"(?P<road>[\u4e00-\u9fffA-Za-z0-9]{1,12}?(?:大道|大街|胡同|公路|路|街|巷|道))(?P<side>[东西南北]?[一二三四五六七八九十\d]{1,2}(?:段|巷|弄|支路))?"
    r"(?P<number>\d{1,5}(?:-\d{1,4})?(?=号|#|弄|[\u4e00-\u9fff])(?:号院|号(?!楼)|#(?!楼)|弄)?)?"
)
_NUMBERED = re.compile(
    r"(?P<road>[\u4e00-\u9fff]{2,6})(?P<number>\d{1,5})[号#](?=[\u4e00-\u9fff]{2,12}\d)(?!楼|单元|室|房|门|栋|幢|座)"
)
"""A road that lost its suffix, before an estate."""
_TURNED = re.compile(
    r"([\u4e00-\u9fff])(\d{1,5})[号#](?=[\u4e00-\u9fff]{2,12}\d)(?!楼|单元|室|房|门|栋|幢|座)"
)
_BEFORE_ROAD = re.compile(rf"(?P<estate>[\u4e00-\u9fff]{{1,8}}(?:{_ESTATE}))(?=[\u4e00-\u9fff]{{2,6}}$)")
_MARK = r"号楼|#楼|号院|单元|元单|元(?=\d)|单(?=\d)|号|#|栋|幢|座|楼|层|门|室|房|户|弄"
_TOKEN = re.compile(
    rf"(?P<name>[A-Za-z]?\d{{1,6}}[A-Za-z]?|[A-Za-z](?=座|栋|幢|楼|区|单元))(?P<mark>(?:{_MARK}|单元)*)(?P<dash>[-/]?)"
)
_LOST = re.compile(r"(?<=.{2})(?:号楼|栋|幢|号)$")
_LOOSE = re.compile(r"(?:第|单元|楼|号|栋|,|，|#)*")
_BUILDINGS = ("号楼", "#楼", "栋", "幢", "座")
_NAME_TAIL = re.compile(r"(?:小区|社区|住宅区)$")
_DROPPED = re.compile(r"[\s,，.。;；:：、·\"']+")


@lru_cache(maxsize=1 << 15)
def chinese(region: str, city: str, district: str, text: str) -> Address:
    """The parts of an address. Named divisions stand before what the text says of them."""
    text = _ASIDE.sub(" ", folded(text)).strip()
    text = re.sub(r"^(?:中国|中华人民共和国|收货地址|地址)[:： ]*", "", text)
    place, rest = divided(text)
    if region or city or district:
        named, _ = divided(folded(" ".join((region, city, district))))
        place = (
            named[0] or folded(region) or place[0],
            named[1] or folded(city) or place[1],
            named[2] or folded(district) or place[2],
        )
    rest = re.sub(r"(?<=\d) +(?=\d{3,4}(?:\D|$))", "-", rest)
    rest = numerals(_DROPPED.sub("", rest))
    town = ""
    if (found := _TOWN.match(rest)) and found.end() < len(rest):
        town, rest = found[0], rest[found.end() :]
    misread, road, number, rest = _road(rest)
    town = town or misread
    at = _house(rest)
    compound, tail = rest[:at], rest[at:]
    if lost := _LOST.search(compound):
        # 梧桐公寓栋1804: the building's number is not there, what follows is the room.
        compound, tail = compound[: lost.start()], f"单元{tail}"
    building, unit, room = _tail(tail)
    compound = _NAME_TAIL.sub("", compound.strip("-#/号")) or compound
    return (*place, town, road, number, compound, building, unit, room)


def _road(rest: str) -> tuple[str, str, str, str]:
    """(town, road, number, what is left), also where the estate stands before the road. A road without number before
    one that has it is a town that lost its 道."""
    town = ""
    for found in _ROAD.finditer(rest):
        road, before = found["road"] + (found["side"] or ""), rest[: found.start()]
        number, after = (found["number"] or "").rstrip("号院#弄"), rest[found.end() :]
        if len(found["road"]) < 2 or after.startswith("口"):
            continue
        if any(c.isdigit() for c in before):
            break
        if not number:
            if (following := _ROAD.match(after)) and following["number"]:
                town, rest = road, before + after
                return (town, *_road(rest)[1:])
            if turned := _TURNED.match(after):
                # 和路平282号: the suffix and the character before it changed places.
                road, number, after = road + turned[1], turned[2], after[turned.end() :]
        estate = _BEFORE_ROAD.match(
            road[:-2] if road.endswith(("大道", "大街", "胡同", "公路")) else road[:-1]
        )
        if estate and not before:
            before, road = estate["estate"], road[estate.end("estate") :]
        return town, road, _bare(number), before + after
    if bare := _NUMBERED.match(rest):
        return town, bare["road"], _bare(bare["number"]), rest[bare.end() :]
    return town, "", "", rest


def _house(rest: str) -> int:
    """Where the compound's name ends and its house begins."""
    for found in _TOKEN.finditer(rest):
        if rest[found.end() : found.end() + 1] == "期" or (
            not found["mark"] and not found["dash"] and found.end() < len(rest) and len(found["name"]) < 3
        ):
            continue
        return found.start()
    return len(rest)


def _tail(tail: str) -> tuple[str, str, str]:
    """(building, unit, room) of 7栋2单元1203室, 7-2-1203, 7#1203, 7号楼2-1203."""
    building = unit = room = ""
    loose: list[str] = []
    inside = tail.startswith("单元")
    at, hanging, marked = 0, False, True
    for _ in range(6):
        found = _TOKEN.match(tail, _LOOSE.match(tail, at).end())  # type: ignore[union-attr]
        if found is None:
            break
        name, mark = _bare(found["name"].upper()), found["mark"]
        if len(name) == 6 and not building and not loose:
            # 302706室: no room has six digits, a dash was lost.
            return name[:2], "", _bare(name[2:])
        at, hanging, marked = found.end(), bool(found["dash"]), bool(mark or found["dash"])
        if not building and mark.startswith(_BUILDINGS):
            building = name
        elif mark.startswith(("单", "门", "元")):
            unit = unit or name
            inside = inside or not loose
        elif mark.startswith(("室", "房", "户")):
            room = room or name
        elif mark != "层" and (mark != "楼" or not building):
            loose.append(name)
        if room:
            break
    # A number alone, without a word for what it is, is a room when it is long: 阳光花园1204.
    alone = len(loose) == 1 and not building and not room
    if loose and not building and not (alone and (inside or (not marked and not unit and len(loose[0]) > 2))):
        building = loose.pop(0)
    if loose and not room and not (hanging and len(loose) == 1 and not unit):
        room = loose.pop()
    if loose and not unit:
        unit = loose.pop(0)
    return building, unit, room


def _bare(number: str) -> str:
    return number.lstrip("0") or number


@lru_cache(maxsize=1 << 15)
def road_sound(road: str) -> str:
    """How a road or an estate sounds, without spaces."""
    return sound(road).replace(" ", "")
