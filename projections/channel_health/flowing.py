"""Cells of minute sums (`projections.flow`), and what they add up to.

All of it is addition: the order in which partitions tell their minutes changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from projections.channel_health.state import ChannelState, Day, Unfolded
from projections.flow import FAULT, MISSING, NO_STAGE, SECONDS, UNFOLDED
from projections.policy import UnfoldedRule

BLOCKS = 6
"""Parts of the window in which addresses are counted; the oldest leaves whole."""
KINDS_KEPT = 32
"""Kinds of unfolded events kept of one channel: senders choose their types."""


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What one count of a cell says. `stage` "" for none."""

    stage: str = ""
    left: str = ""
    entered: str = ""
    placed: int = 0
    expected: int = 0
    read: int = 0
    unread: int = 0
    routed: int = 0
    unrouted: int = 0
    bucket: int = -1
    missing: str = ""
    unfolded: str = ""
    seconds: bool = False


@lru_cache(maxsize=16_384)
def counted(cell: str) -> Counted:
    """A cell, taken apart."""
    if cell == SECONDS:
        return Counted(seconds=True)
    if cell.startswith(MISSING):
        return Counted(missing=cell[len(MISSING) :])
    if cell.startswith(UNFOLDED):
        return Counted(unfolded=cell[len(UNFOLDED) :])
    stage, *words = cell.split(" ")
    left = entered = ""
    expected, bucket = 0, -1
    for word in words:
        if ">" in word:
            left, _, entered = word.partition(">")
        elif word[0] == "x":
            expected = int(word[1:])
        elif word[0] == "g":
            bucket = int(word[1:])
    return Counted(
        "" if stage == NO_STAGE else stage,
        left,
        entered,
        int("r+" in words or "r-" in words),
        expected,
        int("a+" in words),
        int("a-" in words),
        int("r+" in words),
        int("r-" in words),
        bucket,
    )


def day_with(day: Day, cells: Mapping[str, int]) -> Day:
    """The day with an hour's counts."""
    if not cells:
        return day
    stages, missing, golden = dict(day.stages), dict(day.missing), dict(day.golden)
    placed = expected = read = unread = routed = unrouted = seconds = 0
    for cell, n in cells.items():
        one = counted(cell)
        if one.stage:
            stages[one.stage] = stages.get(one.stage, 0) + n
        if one.bucket >= 0:
            golden[one.bucket] = golden.get(one.bucket, 0) + n
        if one.missing:
            missing[one.missing] = missing.get(one.missing, 0) + n
        if one.seconds:
            seconds += n
        placed += n * one.placed
        expected += n * one.expected
        read += n * one.read
        unread += n * one.unread
        routed += n * one.routed
        unrouted += n * one.unrouted
    return replace(
        day,
        stages=stages,
        placed=day.placed + placed,
        expected=day.expected + expected,
        missing=missing,
        read=day.read + read,
        unread=day.unread + unread,
        routed=day.routed + routed,
        unrouted=day.unrouted + unrouted,
        golden=tuple(sorted(golden.items())),
        seconds=day.seconds + seconds,
    )


def backlog_with(backlog: Mapping[str, int], cells: Mapping[str, int]) -> dict[str, int]:
    """Orders by state with an hour's counts; states without orders are left out."""
    found = dict(backlog)
    for cell, n in cells.items():
        one = counted(cell)
        if one.left:
            found[one.left] = found.get(one.left, 0) - n
        if one.entered:
            found[one.entered] = found.get(one.entered, 0) + n
    return {state: count for state, count in sorted(found.items()) if count}


def addresses_with(addresses: tuple[int, ...], part: int, read: int, unread: int) -> tuple[int, ...]:
    """The window with more addresses in its part number `part`; parts that have left it are dropped."""
    kept = list(addresses)
    while kept and kept[0] <= part - BLOCKS:
        del kept[:3]
    if kept and kept[-3] == part:
        kept[-2] += read
        kept[-1] += unread
    else:
        kept += (part, read, unread)
    return tuple(kept)


def addresses_in(addresses: tuple[int, ...], part: int) -> tuple[int, int]:
    """(read, all) addresses of the window whose newest part is `part`."""
    read = total = 0
    for i in range(0, len(addresses), 3):
        if addresses[i] > part - BLOCKS:
            read += addresses[i + 1]
            total += addresses[i + 1] + addresses[i + 2]
    return read, total


def unfolded_with(
    known: dict[str, Unfolded], kind: str, n: int, now: int, window: int
) -> dict[str, Unfolded]:
    """The kinds nobody folds with `n` more of one; a kind without a work item begins anew with each window."""
    before = known.get(kind)
    if before is None or (now - before.first > window and not before.opened):
        if before is None and len(known) >= KINDS_KEPT:
            return known
        return {**known, kind: Unfolded(now, now, n)}
    return {**known, kind: replace(before, last=now, count=before.count + n)}


def needed(kind: str, rule: UnfoldedRule) -> int:
    """How many of a kind make work: one fault does."""
    return 1 if kind.startswith(FAULT) else rule.sample


def today_of(state: ChannelState) -> Day:
    """The present day with the present hour."""
    return day_with(state.today, state.cells)


def backlog_of(state: ChannelState) -> dict[str, int]:
    """Orders by state as of the last minute told."""
    return backlog_with(state.backlog, state.cells)


def placed_of(state: ChannelState) -> int:
    """Orders placed in the last 24 hours and the present one."""
    return sum(state.placed) + sum([n for cell, n in state.cells.items() if counted(cell).placed])
