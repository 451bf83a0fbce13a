"""Keys, comparison and groups: what meets, what is the same, what vetoes, what may be merged unasked."""

from __future__ import annotations

import msgspec
import pytest

from bench.quality import card
from projections.merge.card import Card, card_of
from projections.merge.cluster import Clusters
from projections.merge.compare import compare
from projections.merge.keys import blocking_keys, identity_keys
from projections.merge.likeness import Likeness
from projections.policy import Matching
from schemas.derived import Derived
from schemas.events.common import Address

RULES = Matching()
HOME = "浙江省杭州市西湖区文三路391号翡翠雅苑6号楼4单元2201室"


def han(name: str = "王育聪", phone: str = "13812345678", address: str = HOME) -> Card:
    return card(name, phone, Address(text=address))


def western(name: str, text: str, phone: str = "", city: str = "Cleveland", postcode: str = "2119") -> Card:
    return card(
        name, phone, Address(text=text or None, city=city, postcode=postcode, region="NSW", country="AU")
    )


def like(a: Card, b: Card) -> Likeness:
    return compare(a, b, RULES)


def test_a_card_has_every_token_of_what_was_derived() -> None:
    fields = Derived.__struct_fields__
    derived = Derived(**{name: name for name in fields})

    assert Card.__struct_fields__ == fields[1:]
    assert msgspec.structs.astuple(card_of(derived)) == fields[1:]


@pytest.mark.parametrize(
    "other",
    [
        han("王育聰", "+86 138-1234-5678", "杭州西湖翡翠雅苑6-4-2201"),
        han("王玉聪"),
        han("王先生"),
        han("王*聪", "138****5678"),
        han("Wang Yucong"),
        han("王聪育", "13812345687"),
        han("王育", address="浙江省杭州市翡翠雅园6栋4单元2201"),
        han("王育聪", "", "西湖区文三路391#翡翠雅苑小区6#4单元2201"),
    ],
)
def test_one_order_written_otherwise_meets_and_is_the_same(other: Card) -> None:
    assert set(blocking_keys(han(), RULES)) & set(blocking_keys(other, RULES))
    assert like(han(), other).verdict == "same"


@pytest.mark.parametrize(
    ("other", "veto"),
    [
        (han("李明哲"), "name"),
        (han("王育明"), "name"),
        (han("李*哲"), "name"),
        (han("李女士"), "name"),
        (han("Li Mingzhe"), "name"),
        (han(address=HOME.replace("2201", "1805")), "room"),
        (han(address=HOME.replace("4单元", "3单元")), "unit"),
        (han(address=HOME.replace("6号楼4单元2201", "17号楼4单元1805")), "building"),
        (han(address=HOME.replace("杭州市西湖", "宁波市江北")), "city"),
        (han(address="浙江省杭州市西湖区江东大道12号锦绣山庄6号楼4单元2201室"), "compound"),
    ],
)
def test_what_contradicts_vetoes_whatever_the_phone_says(other: Card, veto: str) -> None:
    found = like(han(), other)

    assert veto in found.vetoes
    assert found.verdict == "different"
    assert not found.automatic
    assert not found.same_address


def test_a_verified_person_is_not_another() -> None:
    one, other = (msgspec.structs.replace(han(), identity=number) for number in ("330100A", "330100B"))

    assert like(one, other).vetoes == ("identity",)
    assert like(one, one).by == "identity"


def test_only_full_evidence_merges_unasked() -> None:
    home = han()
    account = msgspec.structs.replace(han("王先生", "13900000001"), account="jd/7")

    assert like(home, han(address="杭州西湖文三路391号翡翠雅苑6-4-2201")).automatic
    assert like(account, account).automatic
    assert like(account, account).by == "account"
    for other in (
        han("王玉聪"),
        han("王*聪"),
        han("王先生"),
        han(phone="138****5678"),
        han(phone="13812345679"),
        han(phone="13812345678转12"),
        han(address="杭州西湖文三路391号翡翠雅苑6号楼4单元"),
        han(address="杭州西湖文三路391号翡翠雅苑6号楼2201"),
        han(address="杭州西湖文三路391号翡翠雅园6-4-2201"),
    ):
        assert not like(home, other).automatic


def test_a_shared_phone_does_not_move_a_house() -> None:
    one = western("Mitchell Green", "7 Wallaby Place, Delmar", "0412345678")
    far = western("Mitchell Green", "112 Sherwood Crescent, Bega", "0412345678", "Pakenham", "3810")

    assert like(one, far).verdict == "different"


def test_western_cards_bear_typing_errors() -> None:
    one = western("Mitchell Green", "7 Wallaby Place, Delmar")

    for other in (
        western("mitchel green", "7 walaby pl, delmar"),
        western("Green, Mitchell", "7 Wallaby Place"),
        western("Mitchell Green", "Delmar, 7 Wallaby Place", "", "Clevland", "2191"),
        western("Michele Green", "7 Wallaby Place, Delmar", "", "Cleveland", "2911"),
    ):
        assert set(blocking_keys(one, RULES)) & set(blocking_keys(other, RULES))
        assert like(one, other).verdict == "same"


def test_two_western_names_veto_unless_phone_and_door_are_one() -> None:
    one = western("Peyton Cupid", "22 Mathieson Crescent", "0412345678")
    guest = western("Imogen Blaxland", "22 Mathieson Crescent")
    other = western("Imogen Blaxland", "22 Mathieson Crescent", "0412345678")

    assert like(one, guest).vetoes == ("name",)
    assert like(one, other).vetoes == ()
    assert not like(one, other).automatic


def test_the_fewer_the_fields_the_more_is_needed() -> None:
    full = like(han(), han())
    bare = like(card("王育聪", "", Address(city="杭州市")), card("王育聪", "", Address(city="杭州市")))
    town = like(western("Mitchell Green", ""), western("Mitchell Green", ""))

    assert full.needed == RULES.same < bare.needed
    assert bare.verdict == town.verdict == "different"


def test_strangers_share_no_key() -> None:
    other = han("李明哲", "15900001111", "四川省成都市锦江区江东大道53号星河名苑30号楼207室")

    assert not set(blocking_keys(han(), RULES)) & set(blocking_keys(other, RULES))
    assert blocking_keys(Card(), RULES) == ()


def test_identity_keys_are_in_order_of_trust() -> None:
    known = msgspec.structs.replace(
        han(), account="jd/7", device="d1", email="a@b.c", openid="o1", identity="330"
    )

    assert identity_keys(known) == [
        (1, "account", "jd/7"),
        (2, "identity", "330"),
        (3, "device", "d1"),
        (4, "phone", "+8613812345678"),
        (5, "email", "a@b.c"),
        (6, "openid", "o1"),
    ]
    assert identity_keys(han(phone="18412345678转1234")) == []


def test_every_reason_names_its_field() -> None:
    found = like(han(), han("王先生", "13812345679", "杭州市文三路391号翡翠雅园6号楼2201室"))

    assert {reason.field: reason.text for reason in found.reasons} == {
        "name": "same surname",
        "city": "equal",
        "road": "equal",
        "number": "equal",
        "compound": "sounds alike" if found.reasons[4].score == 950 else "nearly equal",
        "building": "equal",
        "room": "equal",
        "phone": "nearly equal",
    }


def test_groups_are_guarded_against_chains() -> None:
    """a-b and b-c are alike, a and c are not: closure would join all three."""
    scores = {(0, 1): 900, (1, 2): 600, (0, 2): 0}
    groups = Clusters(400, lambda one, other: scores[min(one, other), max(one, other)])
    groups.add(0, [])
    groups.add(1, [0])
    groups.add(2, [1])

    assert groups.groups() == [[0, 1], [2]]


def test_groups_that_like_each_other_become_one() -> None:
    groups = Clusters(400, lambda one, other: 800)
    groups.add(0, [])
    groups.add(1, [])
    groups.add(2, [0, 1])

    assert groups.groups() == [[0, 1, 2]]
