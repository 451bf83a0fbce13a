"""Days, weekdays, hours and spans of time by integer arithmetic: folds have no time-zone data.

Instants are µs UTC. A zone is what the policy compiled of it: from when on it stands how far from UTC.
"""

from __future__ import annotations

from bisect import bisect_right

from projections.policy import ZoneOffsets

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
HOURS_FROM = 48 * HOUR
"""Longer spans are told in days and hours, shorter ones to the minute."""
HOURS_PER_WEEK = 168
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def day_of(instant: int) -> str:
    """The date on which an instant (µs) falls, as YYYY-MM-DD; of a local time as `local` gives it, the local date."""
    # Howard Hinnant's civil_from_days: years begin in March, so that the leap day is a year's last.
    days = instant // DAY + 719_468
    era, of_era = divmod(days, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    return f"{year + era * 400 + (month <= 2):04d}-{month:02d}-{day:02d}"


def local(zone: ZoneOffsets, instant: int) -> int:
    """What clocks show in the zone at an instant, as µs since their 1970-01-01T00:00. Beyond what is compiled the
    nearest offset holds."""
    return instant + zone.offsets[max(0, bisect_right(zone.starts, instant) - 1)]


def hour_of_week(shown: int) -> int:
    """0 for Monday 00:00 to 00:59 up to 167, of a local time as `local` gives it."""
    return (shown // HOUR + 3 * 24) % HOURS_PER_WEEK


def hour_name(hour: int) -> str:
    """`Tue 14–15 h` of an hour of the week."""
    return f"{WEEKDAYS[hour // 24]} {hour % 24:02d}–{hour % 24 + 1:02d} h"


def span(time: int, unit: int = 0) -> str:
    """A duration (µs) for people: "40 s", "31 min", "3 h 10", "14 h", "3 d 4 h"; in `unit` or what suits it."""
    unit = unit or unit_of(time)
    if unit == SECOND:
        return f"{max(0, time) // SECOND} s"
    if unit == MINUTE:
        hours, minutes = divmod(time // MINUTE, 60)
        if not hours:
            return f"{minutes} min"
        return f"{hours} h {minutes:02d}" if minutes else f"{hours} h"
    days, hours = divmod(time // HOUR, 24)
    return f"{days} d {hours} h" if days and hours else f"{days} d" if days else f"{hours} h"


def unit_of(time: int) -> int:
    """The unit that suits a duration."""
    return SECOND if time < MINUTE else MINUTE if time < HOURS_FROM else HOUR
