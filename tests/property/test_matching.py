"""Laws of comparison, over contacts drawn with noise and put together at random."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from bench.contacts import contacts
from bench.quality import Record, card, carded
from projections.merge.card import Card
from projections.merge.compare import compare
from projections.merge.keys import blocking_keys
from projections.policy import Matching
from schemas.events.common import Address

RULES = Matching()


@cache
def _drawn() -> list[Record]:
    return carded(contacts(60, 5, 2.5))


WORDS = st.text("abcdeilnorst王李小欧阳伟芳*（）1234567890# -号楼室路", max_size=12)
CARDS = st.one_of(
    st.deferred(lambda: st.sampled_from([record.card for record in _drawn()])),
    st.builds(
        lambda name, phone, text, city, code: card(
            name, phone, Address(text=text or None, city=city or None, postcode=code or None)
        ),
        WORDS,
        st.text("0123456789*", max_size=12),
        WORDS,
        WORDS,
        st.text("0123456789", max_size=5),
    ),
)


@given(CARDS, CARDS)
def test_comparison_is_symmetric_and_bounded(a: Card, b: Card) -> None:
    there, back = compare(a, b, RULES), compare(b, a, RULES)

    assert there == back
    assert 0 <= there.score <= 1000
    assert 0 <= there.address <= 1000
    assert all(0 <= reason.score <= 1000 for reason in there.reasons)
    if there.vetoes:
        assert there.verdict == "different"
        assert not there.same_address
    if there.automatic:
        assert there.verdict == "same"
        assert there.same_customer


@given(CARDS)
def test_keys_are_sorted_named_and_once(a: Card) -> None:
    keys = blocking_keys(a, RULES)

    assert list(keys) == sorted(set(keys))
    assert all(key.partition(":")[0].isalpha() and key.partition(":")[2] for key in keys)


@given(CARDS)
def test_a_card_does_not_contradict_itself(a: Card) -> None:
    assert compare(a, a, RULES).vetoes == ()
