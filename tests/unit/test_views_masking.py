"""What is left of personal fields when they are shown."""

from __future__ import annotations

import pytest

from engine.views.masking import masked, masked_fields, masked_json
from schemas.events.common import Address, Customer


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("phone", "13812345678", "138****5678"),
        ("phone", "+86 138-1234-5678", "+86 138-****-5678"),
        ("phone", "12345", "***45"),
        ("name", "王小明", "王**"),
        ("name", "Li", "L*"),
        ("email", "lin.yue@example.com", "l****@example.com"),
        ("email", "not an address", "****"),
        ("id_number", "11010119900101123X", "1****X"),
        ("account", "taobao_28492839", "ta****39"),
        ("account", "lin", "****"),
        ("city", "上海市", "****"),
        ("name", "", ""),
    ],
)
def test_enough_stays_to_know_it_again(field: str, value: str, shown: str) -> None:
    assert masked(field, value) == shown


def test_only_fields_that_are_set_are_shown_and_countries_are_nobodys() -> None:
    assert masked_fields(Customer(name="Lin Yue", phone="13812345678")) == {
        "name": "L***",
        "phone": "138****5678",
    }
    assert masked_fields(Address(country="CN", city="Shanghai")) == {"country": "CN", "city": "****"}
    assert masked_fields(None) == {}


def test_bytes_are_masked_also_where_they_are_no_json() -> None:
    raw = '{"data":{"customer":{"name" : "王小明","phone":"13812345678"},"sku":"A-1"'

    assert masked_json(raw) == '{"data":{"customer":{"name" : "王**","phone":"138****5678"},"sku":"A-1"'


def test_an_escaped_quote_does_not_end_a_value() -> None:
    assert masked_json(r'{"name":"a\"b","sku":"x"}') == r'{"name":"a***","sku":"x"}'
