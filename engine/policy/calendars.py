"""Working hours of a zone → sorted, disjoint UTC intervals.

A day is compiled by the zone's rules of that day, so in a clock change an interval is an hour longer or
shorter. A local time the change skips is the instant of the change; one it repeats is the first of the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from projections.policy import Calendar
from schemas.envelope import EPOCH, micros
from schemas.policy import CalendarText
from schemas.vocabulary import DAYS

MICROS_PER_SECOND = 1_000_000
MINUTES_PER_DAY = 24 * 60

Spans = tuple[tuple[int, int], ...]
"""Opening hours as minutes of the day (open, close); a close beyond 24 h is on the next day."""


def is_zone(name: str) -> bool:
    """Whether the IANA zone is known here."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def zones() -> set[str]:
    """All IANA zones known here."""
    return available_timezones()


def spans_of(texts: list[str]) -> Spans:
    """["09:00-12:00", "20:00-04:00"] → minutes, sorted; an end not after its start is on the next day."""
    found = []
    for text in texts:
        opens, closes = (int(part[:2]) * 60 + int(part[3:]) for part in text.split("-"))
        found.append((opens, closes if closes > opens else closes + MINUTES_PER_DAY))
    return tuple(sorted(found))


def compile_calendar(name: str, text: CalendarText, start: int, end: int) -> Calendar:
    """The intervals (µs UTC) that begin on the local days of [start, end]. The zone must be known."""
    zone = ZoneInfo(text.zone)
    weekly = tuple(spans_of(text.hours.get(day, [])) for day in DAYS)  # type: ignore[call-overload]
    closed = frozenset(text.holidays)
    special = {day: spans_of(spans) for day, spans in text.special.items()}
    first = (EPOCH + timedelta(microseconds=start)).astimezone(zone).date()
    last = (EPOCH + timedelta(microseconds=end)).astimezone(zone).date()

    opens: list[int] = []
    closes: list[int] = []
    day = first
    one = timedelta(days=1)
    while day <= last:
        if day in special:
            spans = special[day]
        elif day in closed:
            spans = ()
        else:
            spans = weekly[day.weekday()]
        for opening, closing in spans:
            opened, closed_at = local_instant(day, opening, zone), local_instant(day, closing, zone)
            if closes and opened <= closes[-1]:
                # Hours that touch or overlap, such as those of days open around the clock, are one interval.
                closes[-1] = max(closes[-1], closed_at)
            elif closed_at > opened:
                opens.append(opened)
                closes.append(closed_at)
        day += one
    return Calendar(name, tuple(opens), tuple(closes))


def open_time(calendar: Calendar, start: int, end: int) -> int:
    """Working time (µs) of a compiled calendar within [start, end)."""
    return sum(
        max(0, min(closing, end) - max(opening, start))
        for opening, closing in zip(calendar.opens, calendar.closes, strict=True)
    )


def local_instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """A local minute of a day → µs UTC."""
    if minute >= MINUTES_PER_DAY:
        day += timedelta(days=1)
        minute -= MINUTES_PER_DAY
    instant = micros(datetime(day.year, day.month, day.day, *divmod(minute, 60), tzinfo=zone))
    back = (EPOCH + timedelta(microseconds=instant)).astimezone(zone)
    if back.hour * 60 + back.minute != minute:
        return _change_before(instant, zone)
    return instant


@cache
def _change_before(after: int, zone: ZoneInfo) -> int:
    """The clock change that skipped a local time: to the second, within the day before `after` (µs)."""
    low, high = after // MICROS_PER_SECOND - 86_400, after // MICROS_PER_SECOND
    changed = datetime.fromtimestamp(high, UTC).astimezone(zone).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        if datetime.fromtimestamp(middle, UTC).astimezone(zone).utcoffset() == changed:
            high = middle
        else:
            low = middle
    return high * MICROS_PER_SECOND
