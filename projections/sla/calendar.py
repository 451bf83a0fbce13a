"""Working time: how much of it lies between two instants, and when an amount of it is used up.

A calendar is sorted, disjoint UTC intervals, compiled from the zone and holidays of streams.yaml
(`projections.policy.Calendar`), so a clock change is only an interval of another length. None is always open.

Outside the compiled span (before the first opening, after the last closing) every hour counts. A deadline
that falls there comes early rather than never, and operators see it; were those hours closed, each clock
that ran past the end of its calendar would silently stop. Two years ahead are compiled and a work
item warns 60 days before they end (DESIGN.md, "Policy"), so this is a net, not a rule to plan with.
"""

from __future__ import annotations

from bisect import bisect_right

from projections.policy import Calendar


def add_working(calendar: Calendar | None, start: int, amount: int) -> int:
    """The first instant (µs) at which `amount` (µs ≥ 0) of working time has passed since `start`; an amount that
    ends with the day ends at closing time, not at the next opening."""
    if calendar is None or not calendar.opens or amount <= 0:
        return start + amount if amount > 0 else start
    opens, closes = calendar.opens, calendar.closes
    at = start
    if at < opens[0]:
        if amount <= opens[0] - at:
            return at + amount
        amount -= opens[0] - at
        at = opens[0]
    for i in range(bisect_right(closes, at), len(closes)):
        at = max(at, opens[i])
        if amount <= closes[i] - at:
            return at + amount
        amount -= closes[i] - at
    return max(at, closes[-1]) + amount


def working_between(calendar: Calendar | None, start: int, end: int) -> int:
    """Working time (µs) in [start, end); 0 when `end` is not after `start`."""
    if end <= start:
        return 0
    if calendar is None or not calendar.opens:
        return end - start
    opens, closes = calendar.opens, calendar.closes
    total = max(0, min(end, opens[0]) - start) + max(0, end - max(start, closes[-1]))
    first = bisect_right(closes, start)
    last = bisect_right(opens, end)
    if first >= last:
        return total
    # Whole intervals by their ends, then what sticks out on either side.
    total += sum(closes[first:last]) - sum(opens[first:last])
    return total - max(0, start - opens[first]) - max(0, closes[last - 1] - end)
