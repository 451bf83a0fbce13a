"""Phones, names and addresses as intake derives them: what is one thing written two ways has the same tokens."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.intake.normalise import NORMALISER, derive
from engine.intake.normalise.chinese import chinese
from engine.intake.normalise.names import name_of
from engine.intake.normalise.phones import phone
from engine.intake.normalise.text import folded, numerals, phonetic, sound
from engine.intake.normalise.western import western
from schemas.events.common import Address, Customer
from schemas.events.order import OrderPlaced


@pytest.mark.parametrize(
    "text",
    [
        "13812345678",
        "+86 138-1234-5678",
        "8613812345678",
        "0086 138 1234 5678",
        "１３８１２３４５６７８",
        "138 1234 5678",
    ],
)
def test_a_chinese_mobile_is_one_number_however_it_is_written(text: str) -> None:
    assert phone(text, "CN") == ("+8613812345678", "", "")


@pytest.mark.parametrize(
    ("text", "country", "expected"),
    [
        ("(408) 555-0132", "US", "+14085550132"),
        ("+44 20 7946 0958", "CN", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("021-6234 5678", "CN", "+862162345678"),
        ("(11) 91234-5678", "BR", "+5511912345678"),
    ],
)
def test_other_numbers_are_their_countrys(text: str, country: str, expected: str) -> None:
    assert phone(text, country)[0] == expected


@pytest.mark.parametrize("text", ["18412345678转1234", "18412345678-1234", "18412345678ext.1234"])
def test_a_virtual_number_keeps_its_extension_apart(text: str) -> None:
    assert phone(text, "CN") == ("+8618412345678", "1234", "")


def test_what_is_no_number_keeps_its_digits_and_a_dummy_nothing() -> None:
    assert phone("7535316", "CN")[0] == "~7535316"
    assert phone("138****5678", "CN") == ("", "", "138****5678")
    assert phone("+86138****5678", "CN") == ("", "", "138****5678")
    for dummy in ("00000000000", "13333333333", "none", ""):
        assert phone(dummy, "CN") == ("", "", "")


@pytest.mark.parametrize(
    ("text", "name", "kind", "surname", "given"),
    [
        ("王小明", "王小明", "full", "王", "小明"),
        ("王 小 明", "王小明", "full", "王", "小明"),
        ("王·小·明", "王小明", "full", "王", "小明"),
        ("龔軒敏", "龚轩敏", "full", "龚", "轩敏"),
        ("欧阳晨文代收", "欧阳晨文", "full", "欧阳", "晨文"),
        ("董磊（家）", "董磊", "full", "董", "磊"),
        ("魏丽(收)", "魏丽", "full", "魏", "丽"),
        ("司徒老师", "司徒", "surname", "司徒", ""),
        ("袁女士", "袁", "surname", "袁", ""),
        ("王静先生", "王静", "full", "王", "静"),
        ("张*伟", "张*伟", "masked", "张", ""),
        ("李**", "李*", "masked", "李", ""),
        ("阿勇", "勇", "nick", "", ""),
        ("凯姐", "凯", "nick", "", ""),
        ("小王", "王", "nick", "", ""),
        ("Li, Wei-Tong", "wei tong li", "latin", "li", "wei tong"),
        ("Mr. José da Silva Jr.", "jose da silva", "latin", "da silva", "jose"),
        ("Madonna", "madonna", "single", "", "madonna"),
        ("", "", "", "", ""),
    ],
)
def test_names(text: str, name: str, kind: str, surname: str, given: str) -> None:
    assert name_of(text)[:4] == (name, kind, surname, given)


def test_homophones_sound_the_same_and_surnames_as_surnames() -> None:
    assert name_of("邹艺欣")[4] == name_of("邹伊馨")[4] == "zou yi xin"
    assert name_of("曾伟")[4] == "zeng wei"
    assert sound("单元") == "dan yuan"
    assert name_of("单伟")[4] == "shan wei"
    assert phonetic("catherine") == phonetic("katharine")


PLAIN = ("浙江省", "杭州市", "西湖区", "", "文三路", "391", "翡翠雅苑", "6", "4", "2201")


@pytest.mark.parametrize(
    "text",
    [
        "浙江省杭州市西湖区文三路391号翡翠雅苑6号楼4单元2201室",
        "浙江省杭州市西湖区文三路391#翡翠雅苑6#楼4单元2201",
        "杭州市西湖区文三路391号翡翠雅苑小区6幢4单元2201房",
        "浙江 杭州 西湖 文三路391号 翡翠雅苑 6栋4-2201室",
        "浙江杭州西湖文三路391号翡翠雅苑6-4-2201",
        "浙江省杭州市西湖区文三路３９１号翡翠雅苑６座４门２２０１号 菜鸟驿站",
        "浙江省杭州市西湖区文三路391号翡翠雅苑六号楼四单元2201室(工作日送)",
        "浙江省杭州市西湖區文三路391號翡翠雅苑6號樓4單元2201室",
        "浙江省杭州市西湖区翡翠雅苑文三路391号6号楼4单元2201室",
        "折江省航州市西湖区文三路391号翡翠雅苑6号楼4单元2201室",
        "中国浙江省杭州市西湖区文三路391号翡翠雅苑6—4—2201送货前打电话",
    ],
)
def test_a_chinese_address_is_one_however_it_is_written(text: str) -> None:
    assert chinese("", "", "", text) == PLAIN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("萧山区锦绣府5号楼2407", ("浙江省", "杭州市", "萧山区", "", "", "", "锦绣府", "5", "", "2407")),
        ("南京西路100号3楼", ("", "", "", "", "南京西路", "100", "", "3", "", "")),
        (
            "江苏省苏州市昆山市城关镇云栖家园22栋3-",
            ("江苏省", "苏州市", "昆山市", "城关镇", "", "", "云栖家园", "22", "3", ""),
        ),
        ("上海市静安区A座1203", ("上海市", "上海市", "静安区", "", "", "", "", "A", "", "1203")),
        ("新城街道解放东路86号龙湖城2栋", ("", "", "", "新城街道", "解放东路", "86", "龙湖城", "2", "", "")),
        (
            "重庆市渝中区星河家园二十一幢一〇二",
            ("重庆市", "重庆市", "渝中区", "", "", "", "星河家园", "21", "", "102"),
        ),
        ("朝阳区金色大厦10#1305号", ("", "", "朝阳区", "", "", "", "金色大厦", "10", "", "1305")),
        (
            "北京市昌平区迎宾街919#碧桂园豪庭24号楼",
            ("北京市", "北京市", "昌平区", "", "迎宾街", "919", "碧桂园豪庭", "24", "", ""),
        ),
        ("", ("", "", "", "", "", "", "", "", "", "")),
    ],
)
def test_parts_of_chinese_addresses(text: str, expected: tuple[str, ...]) -> None:
    assert chinese("", "", "", text) == expected


def test_named_divisions_stand_before_the_text() -> None:
    parts = chinese("广东", "深圳", "南山", "科技路450号紫荆水岸18栋2902")

    assert parts == ("广东省", "深圳市", "南山区", "", "科技路", "450", "紫荆水岸", "18", "", "2902")


@pytest.mark.parametrize(
    ("numeral", "digits"),
    [
        ("十栋", "10栋"),
        ("十二号楼", "12号楼"),
        ("二十室", "20室"),
        ("三〇五室", "305室"),
        ("一百零二室", "102室"),
        ("文三路", "文三路"),
    ],
)
def test_numerals_are_digits_where_they_count(numeral: str, digits: str) -> None:
    assert numerals(numeral) == digits


def test_full_width_and_dashes_are_folded() -> None:
    assert folded("ＡＢＣ　１２３－４—５～６") == "ABC 123-4-5-6"


@pytest.mark.parametrize(
    ("text", "road", "number", "room", "compound"),
    [
        ("7 Wallaby Place, Delmar", "wallaby pl", "7", "", "delmar"),
        ("Unit 3, 45 Smith Street", "smith st", "45", "3", ""),
        ("3/45 Smith St.", "smith st", "45", "3", ""),
        ("45 Smith Street Apt 3", "smith st", "45", "3", ""),
        ("Hauptstraße 5a", "hauptstrasse", "5a", "", ""),
        ("Wallaby Place", "wallaby pl", "", "", ""),
    ],
)
def test_western_addresses(text: str, road: str, number: str, room: str, compound: str) -> None:
    region, city, *found = western("NSW", "Cleveland", "", "2119", text)

    assert (region, city) == ("nsw", "cleveland")
    assert found[:5] == [road, number, compound, room, "2119"]


def test_city_and_postcode_are_found_in_the_text() -> None:
    region, city, road, number, _, _, code, *_ = western(
        "", "", "", "", "12 Oak Street, Springfield, SW1A 1AA"
    )

    assert (city, road, number, code, region) == ("springfield", "oak st", "12", "sw1a1aa", "")


def test_an_order_is_derived_once_and_others_are_not() -> None:
    customer = Customer(account="a1", name="Wang Fang", phone="(408) 555-0132", email=" W@Example.ORG ")
    address = Address(text="12 Oak St", city="San Jose", region="CA", postcode="95112", country="US")
    derived = derive(
        "order.placed.v1", OrderPlaced(currency="USD", customer=customer, address=address), "CN", "shop"
    )

    assert derived is not None
    assert derived.normaliser == NORMALISER
    assert (derived.account, derived.phone, derived.email) == ("shop/a1", "+14085550132", "w@example.org")
    assert (derived.script, derived.number, derived.road) == ("latin", "12", "oak st")
    assert derive("order.placed.v1", OrderPlaced(currency="USD")) is None
    assert derive("order.held.v1", OrderPlaced(currency="USD", customer=customer)) is None


def test_nothing_is_loaded_before_there_is_a_name() -> None:
    code = "import engine.cli.main, engine.intake.cloudevents, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"pypinyin", "phonenumbers", "engine.intake.normalise"} & set(done.stdout.split())
