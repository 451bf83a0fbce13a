"""`order diff`: what changed between two versions of a stream, as an RFC 6902 patch over its named values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from engine.errors import UsageError
from engine.views.queries import Reading, moment
from engine.views.steps import Step, stream
from engine.views.values import Values, values


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """One operation of the patch: add, remove or replace at a JSON pointer. `was` is what it replaces or removes, which
    RFC 6902 lets stand beside."""

    op: str
    path: str
    value: Any = None
    was: Any = None


class Diff(msgspec.Struct, frozen=True):
    """Versions count the stream's events; version 0 is before the first. Times are stream times."""

    order: str
    from_version: int
    to_version: int
    from_time: datetime | None
    to_time: datetime | None
    patch: list[Change]


def diff(reading: Reading, subject: str, from_version: int, to_version: int) -> Diff:
    """What the events after `from_version` up to `to_version` (0: the last) changed, with the timers between them.

    A state counts for a version until the next event of the stream. UsageError for versions the stream does not have."""
    found = stream(reading, subject)
    last = found.records[-1].event.streamversion
    to_version = to_version or last
    if not 0 <= from_version <= to_version <= last:
        raise UsageError(
            f"{subject} has versions 1 to {last}; from {from_version} to {to_version} is no range of them.",
            "Give --from and --to in that order; 0 is before the first event.",
        )
    before, after = _Side(), _Side()
    version = 0
    for step in found.steps():
        version = step.version or version
        if version <= from_version:
            before.take(step)
        if version <= to_version:
            after.take(step)
    policy = reading.policy
    one = values(before.step.after, policy) if before.step is not None else {}
    other = values(after.step.after, policy) if after.step is not None else {}
    return Diff(subject, from_version, to_version, before.time, after.time, patch(one, other))


class _Side:
    """The last step taken for one of the two versions."""

    def __init__(self) -> None:
        self.step: Step | None = None

    def take(self, step: Step) -> None:
        self.step = step

    @property
    def time(self) -> datetime | None:
        return moment(self.step.at) if self.step is not None else None


def patch(before: Values, after: Values, pointer: str = "") -> list[Change]:
    """The operations that turn one tree of values into another; lists are replaced as a whole."""
    changes: list[Change] = []
    for name in [*before, *(name for name in after if name not in before)]:
        path = f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in after:
            changes.append(Change("remove", path, was=before[name]))
        elif name not in before:
            changes.append(Change("add", path, after[name]))
        elif isinstance(before[name], dict) and isinstance(after[name], dict):
            changes += patch(before[name], after[name], path)
        elif before[name] != after[name]:
            changes.append(Change("replace", path, after[name], before[name]))
    return changes


__all__ = ["Change", "Diff", "diff", "patch"]
