"""One person and one address, as they are written this time: names, phones and addresses with what goes wrong on the way.

Each way of writing is a method named in `NOISE` of its kind; one record meets with none to three of them. What they did is
kept in `noise`, for measuring which kinds a matcher misses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from random import Random
from typing import Any, ClassVar

from engine.simulate.homes import Home, Person
from engine.simulate.spelling import (
    ABBREVIATIONS,
    NICKNAMES,
    chinese_numeral,
    full_width,
    like_sounding,
    romanised,
    traditional,
    without_suffix,
)

HOW_MANY = (0, 0, 1, 1, 1, 2, 2, 3)
"""Ways of writing a record meets with."""


OF_THE_AREA = frozenset(("no_province", "no_city", "no_district", "no_suffix", "one_text", "no_postcode"))
"""Ways of writing that leave out, or run together, where in the country it is."""


class Hand(ABC):
    """What both scripts share. After `write`, `customer` and `address` are the data of `order.placed`."""

    NOISE: ClassVar[tuple[str, ...]] = ()

    def __init__(self, rng: Random, channel: str, who: Person, where: Home) -> None:
        self.rng = rng
        self.channel = channel
        self.who = who
        self.where = where
        self.noise: list[str] = []
        self.phone = who.phone
        self.name = self._plain_name = ""
        self.parts: dict[str, str] = {}
        self.after = ""
        self.joint = ""
        self.customer: dict[str, Any] = {}
        self.address: dict[str, Any] = {}

    def write(self, tidy: bool) -> None:
        """Write the record down, with the ways of writing this one meets with; `tidy` leaves the area alone."""
        self.plain()
        self._plain_name = self.name
        kinds = [kind for kind in self.NOISE if not (tidy and kind in OF_THE_AREA)]
        for _ in range(self.rng.choice(HOW_MANY)):
            kind = kinds.pop(int(self.rng.random() * len(kinds)))
            way: Callable[[], bool] = getattr(self, kind)
            if way():
                self.noise.append(kind)
        self.customer = {"name": self.name} | ({"phone": self.phone} if self.phone else {})
        self._identify()
        self.address = self._addressed()

    @abstractmethod
    def plain(self) -> None:
        """The name and the parts of the address with nothing wrong in them."""

    def _identify(self) -> None:
        """Most people have one account a channel; some a second one, some order as a guest."""
        draw = self.rng.random()
        if draw < 0.9:
            second = "b" if draw > 0.82 else ""
            self.customer["account"] = f"{self.channel}_{self.who.mark:x}{self.who.id}{second}"

    @abstractmethod
    def _addressed(self) -> dict[str, Any]:
        """The address as it is written."""

    def _swapped(self, text: str) -> str:
        """Two neighbouring characters, somewhere after the first, change places."""
        if len(text) < 3:
            return text
        at = 1 + int(self.rng.random() * (len(text) - 2))
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]

    def _changed(self, part: str, written: str) -> bool:
        """Write `part` so; whether that changed anything."""
        if written == self.parts[part]:
            return False
        self.parts[part] = written
        return True

    def _named(self, written: str) -> bool:
        """Write the name so, unless it is written some other way already; whether that changed anything."""
        if self.name != self._plain_name or written == self.name:
            return False
        self.name = written
        return True

    def _phoned(self, written: str) -> bool:
        """The same for the phone."""
        if self.phone != self.who.phone or written == self.phone:
            return False
        self.phone = written
        return True

    # Phones

    def second_phone(self) -> bool:
        return not self.who.shared and self._phoned(self.who.second)

    def phone_digit(self) -> bool:
        """One digit is another."""
        at = len(self.phone) - 1 - int(self.rng.random() * 6)
        if not self.phone:
            return False
        other = "3692581470"["0123456789".find(self.phone[at])]
        return self._phoned(f"{self.phone[:at]}{other}{self.phone[at + 1 :]}")

    def phone_swapped(self) -> bool:
        return self._phoned(self.phone[:4] + self._swapped(self.phone[4:]))

    def no_phone(self) -> bool:
        return self._phoned("")


class Chinese(Hand):
    """省市区 road number estate building unit room; names of two to four characters."""

    NOISE = (
        "homophone",
        "name_masked",
        "title",
        "tagged",
        "name_traditional",
        "name_spaced",
        "name_romanised",
        "nickname",
        "phone_masked",
        "phone_full_width",
        "phone_spaced",
        "second_phone",
        "phone_digit",
        "phone_swapped",
        "phone_virtual",
        "no_phone",
        "no_province",
        "no_city",
        "no_district",
        "no_suffix",
        "no_road",
        "building_variant",
        "room_variant",
        "dashes",
        "numerals",
        "full_width",
        "address_homophone",
        "address_traditional",
        "character_dropped",
        "characters_swapped",
        "estate_first",
        "no_room",
        "remark",
        "spaced",
    )

    def plain(self) -> None:
        where = self.where
        self.name = self.who.surname + self.who.given
        self.parts = {
            "region": where.region,
            "city": "" if where.city == where.region else where.city,
            "district": where.district,
            "road": f"{where.street}{where.number}号",
            "estate": where.estate,
            "building": f"{where.building}栋",
            "unit": f"{where.unit}单元" if where.unit else "",
            "room": f"{where.room}室",
        }
        self.after = f"({where.pick_up})" if where.pick_up else ""

    def _addressed(self) -> dict[str, Any]:
        """Platforms keep the parts of an area apart and the rest as one text; a third of them, and whoever drops a part,
        give one text only."""
        parts = self.parts
        order = list(parts)
        if "estate_first" in self.noise:
            order[3:5] = ["estate", "road"]
        area = [name for name in order[:3] if parts[name]]
        whole = {"no_province", "no_city", "no_district", "no_suffix", "spaced"} & set(self.noise)
        if whole or self.rng.random() < 0.33:
            text = self.joint.join(parts[name] for name in order if parts[name])
            return {"country": "CN", "text": text + self.after}
        text = "".join(parts[name] for name in order[3:])
        found = {"country": "CN", "text": text + self.after} | {name: parts[name] for name in area}
        return found | {"city": found.get("city", found["region"])}

    def _identify(self) -> None:
        super()._identify()
        if self.channel == "wechat" and self.rng.random() < 0.7:
            self.customer["openid"] = f"o{self.who.mark:08x}{self.who.id:0>20}"

    # Names

    def homophone(self) -> bool:
        return self._named(like_sounding(self.name, self.rng))

    def name_masked(self) -> bool:
        return self._named(self.name[0] + "*" * (len(self.name) - 1))

    def title(self) -> bool:
        return self._named(self.who.surname + self.rng.choice(("先生", "女士", "小姐", "老师")))

    def tagged(self) -> bool:
        return self._named(self.name + self.rng.choice(("(收)", "(公司)", "(家)")))

    def name_traditional(self) -> bool:
        return self._named(traditional(self.name))

    def name_spaced(self) -> bool:
        return self._named(self.rng.choice((" ", "　", "·")).join(self.name))

    def name_romanised(self) -> bool:
        return self._named(romanised(self.who.surname, self.who.given))

    def nickname(self) -> bool:
        return self._named(
            self.rng.choice((f"小{self.who.surname}", f"{self.who.given[-1]}哥", f"{self.who.given[-1]}姐"))
        )

    # Phones

    def phone_masked(self) -> bool:
        return self._phoned(f"{self.phone[:3]}****{self.phone[7:]}")

    def phone_full_width(self) -> bool:
        return self._phoned(full_width(self.phone))

    def phone_spaced(self) -> bool:
        head, middle, tail = self.phone[:3], self.phone[3:7], self.phone[7:]
        return self._phoned(
            self.rng.choice((f"+86 {head}-{middle}-{tail}", f"86{self.phone}", f"{head} {middle} {tail}"))
        )

    def phone_virtual(self) -> bool:
        """The platform hands out a number of its own, and an extension."""
        number, extension = int(self.rng.random() * 10**8), int(self.rng.random() * 10**4)
        return self._phoned(f"184{number:08d}转{extension:04d}")

    # Addresses

    def no_province(self) -> bool:
        return bool(self.parts["city"]) and self._changed("region", "")

    def no_city(self) -> bool:
        return self._changed("city", "")

    def no_district(self) -> bool:
        return self._changed("district", "")

    def no_suffix(self) -> bool:
        for name in ("region", "city", "district"):
            self.parts[name] = without_suffix(self.parts[name])
        return True

    def no_road(self) -> bool:
        return self._changed("road", "")

    def building_variant(self) -> bool:
        ending = self.rng.choice(("号楼", "幢", "座", "#", "#楼"))
        return self._changed("building", f"{self.where.building}{ending}")

    def room_variant(self) -> bool:
        ending = self.rng.choice(("", "号", "房"))
        if self.parts["unit"]:
            self.parts["unit"] = f"{self.where.unit}门"
        return self._changed("room", f"{self.where.room}{ending}")

    def dashes(self) -> bool:
        unit = f"{self.where.unit}-" if self.where.unit else ""
        self.parts |= {"building": f"{self.where.building}-", "unit": unit, "room": str(self.where.room)}
        return True

    def numerals(self) -> bool:
        if "dashes" in self.noise:
            return False
        if self.parts["unit"]:
            self.parts["unit"] = f"{chinese_numeral(self.where.unit)}单元"
        return self._changed("building", f"{chinese_numeral(self.where.building)}号楼")

    def full_width(self) -> bool:
        for name in ("road", "building", "unit", "room"):
            self.parts[name] = full_width(self.parts[name])
        return True

    def address_homophone(self) -> bool:
        name = self.rng.choice(("road", "estate"))
        return self._changed(name, like_sounding(self.parts[name], self.rng))

    def address_traditional(self) -> bool:
        for name, part in self.parts.items():
            self.parts[name] = traditional(part)
        return True

    def character_dropped(self) -> bool:
        name = self.rng.choice(("estate", "district"))
        part = self.parts[name]
        if len(part) < 3:
            return False
        at = 1 + int(self.rng.random() * (len(part) - 1))
        return self._changed(name, part[:at] + part[at + 1 :])

    def characters_swapped(self) -> bool:
        return self._changed("estate", self._swapped(self.parts["estate"]))

    def estate_first(self) -> bool:
        return bool(self.parts["road"])

    def no_room(self) -> bool:
        self.parts["unit"] = ""
        return self._changed("room", "")

    def remark(self) -> bool:
        self.after += self.rng.choice(("(放快递柜)", "(工作日送)", " 放门口", "送货前打电话"))
        return True

    def spaced(self) -> bool:
        self.joint = " "
        return True


class Western(Hand):
    """A number and a street, an apartment, city, state and postcode; first and last names."""

    NOISE = (
        "nickname",
        "initial",
        "name_reversed",
        "title",
        "name_typing_error",
        "upper_case",
        "phone_written_out",
        "second_phone",
        "phone_digit",
        "phone_swapped",
        "no_phone",
        "other_email",
        "street_written_out",
        "apartment_variant",
        "street_typing_error",
        "no_postcode",
        "postcode_extended",
        "no_apartment",
        "one_text",
    )

    def plain(self) -> None:
        where = self.where
        self.name = f"{self.who.given} {self.who.surname}"
        self.parts = {
            "street": f"{where.number} {where.street}",
            "apartment": f"Apt {where.room}" if where.room else "",
            "city": where.city,
            "region": where.region,
            "postcode": where.postcode,
        }

    def _addressed(self) -> dict[str, Any]:
        parts = self.parts
        street = ", ".join(part for part in (parts["street"], parts["apartment"]) if part)
        if "one_text" in self.noise:
            area = f"{parts['city']}, {parts['region']} {parts['postcode']}".rstrip()
            return {"country": "US", "text": f"{street}, {area}"}
        found = {"country": "US", "text": street}
        return found | {name: parts[name] for name in ("region", "city", "postcode") if parts[name]}

    def _identify(self) -> None:
        super()._identify()
        if self.rng.random() < 0.6 or "other_email" in self.noise:
            host = "example.org" if "other_email" in self.noise else "example.com"
            given, surname = self.who.given.lower(), self.who.surname.lower().replace("'", "")
            self.customer["email"] = f"{given}.{surname}.{self.who.mark & 0xFFF:x}@{host}"

    # Names

    def nickname(self) -> bool:
        return self._named(f"{NICKNAMES.get(self.who.given, self.who.given)} {self.who.surname}")

    def initial(self) -> bool:
        return self._named(f"{self.who.given[0]}. {self.who.surname}")

    def name_reversed(self) -> bool:
        return self._named(f"{self.who.surname}, {self.who.given}")

    def title(self) -> bool:
        return self._named(f"{self.rng.choice(('Mr', 'Ms', 'Dr.'))} {self.name}")

    def name_typing_error(self) -> bool:
        return self._named(self._swapped(self.name))

    def upper_case(self) -> bool:
        return self._named(self.name.upper()) and self._changed("street", self.parts["street"].upper())

    def other_email(self) -> bool:
        return True

    # Phones

    def phone_written_out(self) -> bool:
        area, middle, tail = self.phone[:3], self.phone[3:6], self.phone[6:]
        return self._phoned(
            self.rng.choice(
                (f"({area}) {middle}-{tail}", f"+1 {area}-{middle}-{tail}", f"1.{area}.{middle}.{tail}")
            )
        )

    # Addresses

    def street_written_out(self) -> bool:
        words = [ABBREVIATIONS.get(word, word) for word in self.parts["street"].split()]
        return self._changed("street", " ".join(words))

    def apartment_variant(self) -> bool:
        if not self.parts["apartment"]:
            return False
        return self._changed("apartment", f"{self.rng.choice(('#', 'Unit ', 'Apartment '))}{self.where.room}")

    def street_typing_error(self) -> bool:
        number, _, street = self.parts["street"].partition(" ")
        return self._changed("street", f"{number} {self._swapped(street)}")

    def no_postcode(self) -> bool:
        return self._changed("postcode", "")

    def postcode_extended(self) -> bool:
        return bool(self.parts["postcode"]) and self._changed(
            "postcode", f"{self.where.postcode}-{int(self.rng.random() * 10_000):04d}"
        )

    def no_apartment(self) -> bool:
        return self._changed("apartment", "")

    def one_text(self) -> bool:
        return True
