"""The section `merge`: which orders may travel together, checked and compiled.

The board's local times become UTC instants from `start` to two years ahead, as working hours do.
"""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import asdict, replace

from engine.policy.calendars import is_zone, local_instant, zones
from engine.policy.document import Path
from engine.policy.finding import Findings, nearest
from projections.policy import Board, Matching, Merging
from schemas.envelope import EPOCH
from schemas.policy import BoardText, MatchingText, MergeText, PolicyText, duration

HOUR = 3_600_000_000
DAY = 24 * HOUR


def compile_merge(text: MergeText | None, start: int, end: int) -> Merging:
    """Without the section nothing is merged. Boards are compiled for [start, end] (µs UTC)."""
    if text is None:
        return Merging()
    return Merging(
        on=True,
        automatic=text.automatic,
        across_channels=text.across_channels,
        window=duration(text.window),
        late=duration(text.late),
        answer_within=duration(text.answer_within),
        label_within=duration(text.label_within),
        suggestions=text.suggestions,
        batch_orders=text.batch_orders,
        block_orders=text.block_orders,
        keep=duration(text.keep),
        customer_orders=text.customer_orders,
        together=tuple(frozenset(group) for group in text.together),
        group=text.ask,
        lead=text.lead,
        board=_board(text.board, start, end) if text.board is not None else None,
        matching=_matching(text.matching),
    )


def _matching(text: MatchingText) -> Matching:
    given = {name: value for name, value in asdict(text).items() if value is not None}
    return replace(Matching(), **given)


def _board(text: BoardText, start: int, end: int) -> Board:
    zone = ZoneInfo(text.zone)
    times = sorted({int(at[:2]) * 60 + int(at[3:]) for at in text.at})
    day = (EPOCH + timedelta(microseconds=start)).astimezone(zone).date()
    last = (EPOCH + timedelta(microseconds=end)).astimezone(zone).date()
    instants = []
    while day <= last:
        instants += [local_instant(day, minute, zone) for minute in times]
        day += timedelta(days=1)
    return Board(tuple(sorted(set(instants))), tuple(text.via), text.lines)


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """The section `merge`."""
    merge = text.merge
    if merge is None:
        return
    if merge.ask not in text.groups:
        findings.error(("merge", "ask"), f"there is no group {merge.ask!r}", nearest(merge.ask, text.groups))
    lead = text.people.get(merge.lead)
    if merge.lead and lead is None:
        findings.error(
            ("merge", "lead"), f"there is no person {merge.lead!r}", nearest(merge.lead, text.people)
        )
    elif lead is not None and lead.group != merge.ask:
        findings.error(
            ("merge", "lead"),
            f"{merge.lead} is in the group {lead.group!r}, and {merge.ask!r} is asked",
            "Name somebody of that group, or ask the other.",
        )
    _together(merge, text, findings)
    _times(merge, findings)
    if merge.board is not None:
        _check_board(merge.board, merge, text, findings)
    matching = _matching(merge.matching)
    if matching.near > matching.same:
        findings.error(
            ("merge", "matching"),
            f"near ({matching.near}) asks for more than what is taken for the same ({matching.same})",
            "Write a smaller `near`.",
        )


def _together(merge: MergeText, text: PolicyText, findings: Findings) -> None:
    for i, group in enumerate(merge.together):
        at: Path = ("merge", "together", i)
        for j, category in enumerate(group):
            if category not in text.categories:
                findings.error(
                    (*at, j), f"there is no category {category!r}", nearest(category, text.categories)
                )
            elif category in group[:j]:
                findings.warning((*at, j), f"the category {category!r} stands twice", "Keep one of the two.")
        wider = [k for k, other in enumerate(merge.together) if k != i and set(group) <= set(other)]
        if any(set(merge.together[k]) != set(group) or k < i for k in wider):
            findings.warning(
                at,
                f"it adds nothing: line {findings.line(('merge', 'together', wider[0]))} holds all of it",
                "Take it out.",
            )


def _times(merge: MergeText, findings: Findings) -> None:
    for name, value in (
        ("window", merge.window),
        ("answer_within", merge.answer_within),
        ("label_within", merge.label_within),
        ("keep", merge.keep),
    ):
        if not duration(value):
            findings.error(
                ("merge", name), "no time at all leaves nothing to do", "Write a duration such as 2h."
            )
    if duration(merge.keep) < max(duration(merge.window), duration(merge.answer_within)):
        findings.error(
            ("merge", "keep"),
            f"{merge.keep} is over before a suggestion is ({merge.answer_within}) or the window ({merge.window})",
            "Write a longer one; 7d is usual.",
        )
    if merge.suggestions > merge.batch_orders:
        findings.warning(
            ("merge", "suggestions"),
            f"an order may have {merge.suggestions} suggestions, and a batch only {merge.batch_orders} orders",
            f"Write at most {merge.batch_orders}.",
        )


def _check_board(board: BoardText, merge: MergeText, text: PolicyText, findings: Findings) -> None:
    at: Path = ("merge", "board")
    if not is_zone(board.zone):
        findings.error((*at, "zone"), f"there is no zone {board.zone!r}", nearest(board.zone, zones()))
    for i, via in enumerate(board.via):
        if via not in text.delivery:
            findings.error((*at, "via", i), f"there is no delivery {via!r}", nearest(via, text.delivery))
    minutes = sorted({int(clock[:2]) * 60 + int(clock[3:]) for clock in board.at})
    longest = max(
        (
            later - earlier
            for earlier, later in zip(minutes, [*minutes[1:], minutes[0] + 24 * 60], strict=True)
        )
    )
    if duration(merge.answer_within) < longest * 60_000_000:
        findings.warning(
            ("merge", "answer_within"),
            f"suggestions made just after one board are over before the next: {longest // 60} h lie between them",
            "Write a longer time, or add a board.",
        )
