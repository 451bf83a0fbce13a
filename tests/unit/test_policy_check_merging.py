"""The section `merge`: every mistake has its line and a remedy; the board's times are instants of its zone."""

from __future__ import annotations

import pytest

from engine.policy.check import check
from engine.policy.load import load_policy
from projections.policy import Matching, Merging
from schemas.envelope import rfc3339
from tests.streams import HOUSE, NOW, edited


def test_the_house_policy_merges_and_nothing_is_wrong_with_it() -> None:
    assert [one for one in check(HOUSE, NOW) if one.path.startswith("merge")] == []
    merge = load_policy(HOUSE.encode(), now=NOW)[0].merge

    assert merge.on
    assert merge.window == 7_200_000_000
    assert merge.together == (
        frozenset({"general", "custom"}),
        frozenset({"fresh"}),
        frozenset({"high_value"}),
    )
    assert (merge.group, merge.lead) == ("warehouse", "he.jun")
    assert merge.matching == Matching(), "the file says what the release was tuned to"


def test_without_the_section_nothing_is_merged() -> None:
    begin, end = HOUSE.index("\nmerge:\n"), HOUSE.index("# Diagnosis: what")
    end = HOUSE.rindex("# ---", begin, end)
    policy, _ = load_policy((HOUSE[:begin] + "\n" + HOUSE[end:]).encode(), now=NOW)

    assert policy.merge == Merging()


def test_a_matching_left_out_is_as_the_release_was_tuned() -> None:
    text = edited(
        ("matching: {same: 525, near: 475, sparse: 600, address: 400, cluster: 400}", "matching: {near: 400}")
    )
    policy, _ = load_policy(text.encode(), now=NOW)

    assert policy.merge.matching.near == 400
    assert policy.merge.matching.same == Matching().same


def test_the_board_is_listed_at_local_times_whatever_the_season() -> None:
    text = edited(('at: ["09:00"]\n    zone: Asia/Shanghai', 'at: ["09:00"]\n    zone: Europe/Berlin'))
    policy, _ = load_policy(text.encode(), now=NOW)
    board = policy.merge.board
    assert board is not None
    instants = [rfc3339(one) for one in board.instants]

    assert "2027-01-15T08:00:00Z" in instants
    assert "2027-07-15T07:00:00Z" in instants
    assert instants[-1].startswith("2028-11-2")


@pytest.mark.parametrize(
    ("old", "new", "path", "problem"),
    [
        ("ask: warehouse", "ask: wharehouse", "merge.ask", "there is no group"),
        ("lead: he.jun", "lead: he.june", "merge.lead", "there is no person"),
        ("lead: he.jun", "lead: gao.yi", "merge.lead", "is in the group 'risk'"),
        ("- [general, custom]", "- [general, costum]", "merge.together[0][1]", "there is no category"),
        ("- [high_value]", "- [custom]", "merge.together[2]", "it adds nothing"),
        ("window: 2h", "window: 0s", "merge.window", "no time at all"),
        ("keep: 7d ", "keep: 3h ", "merge.keep", "is over before a suggestion is"),
        ("answer_within: 24h", "answer_within: 8h", "merge.answer_within", "24 h lie between them"),
        (
            'at: ["09:00"]\n    zone: Asia/Shanghai',
            'at: ["09:00"]\n    zone: Asia/Shangri',
            "merge.board.zone",
            "no zone",
        ),
        ("via: [wecom]\n    lines", "via: [fax]\n    lines", "merge.board.via[0]", "there is no delivery"),
        ("near: 475", "near: 800", "merge.matching", "asks for more than what is taken for the same"),
        ("suggestions: 3", "suggestions: 12", "merge.suggestions", "and a batch only 10 orders"),
    ],
)
def test_what_is_wrong_is_found_with_its_line(old: str, new: str, path: str, problem: str) -> None:
    text = edited((old, new))
    found = [one for one in check(text, NOW) if one.path == path]

    assert len(found) == 1, check(text, NOW)
    assert problem in found[0].problem
    assert found[0].remedy
    assert found[0].line >= HOUSE[: HOUSE.index("\nmerge:\n")].count("\n")
