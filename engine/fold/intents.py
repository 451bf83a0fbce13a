"""Who is to be told of a decision, and by what: intents, written with its receipt in the view transaction.

Each exists once: its id is the decision's, the delivery and the recipient. What becomes of it is deliver's to say, in tables of
its own; here it is only known whether there is anything to send at all.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from engine.fold.judge import Ruling
from engine.fold.step import Decided
from projections.policy import Policy
from schemas.vocabulary import NOTICE_OF, NOTICES

WAITING, SUPPRESSED = "waiting", "suppressed"
WEBHOOK = "webhook"
"""What intents for endpoints go by."""

OWNER = "@owner"
"""The recipient of what is told to whoever owns the order when it is sent."""

INSERT = (
    "INSERT OR IGNORE INTO intents (id, partition, position, at, subject, type, kind, recipient, via, status) "
    "VALUES (?,?,?,?,?,?,?,?,?,?)"
)

Intent = tuple[object, ...]
"""The values of INSERT."""


def intents_of(
    one: Decided | Ruling, subject: str, partition: int, position: int, policy: Policy, suppressed: str
) -> list[Intent]:
    """The intents of a decision about `subject`, whose receipt is at `position`. `suppressed` says why notices are not to
    be sent, "" when they are; endpoints are then not told at all."""
    type_, data = one.decision.type, one.decision.data
    kind = kind_of(type_, data)
    told: list[tuple[str, str, str]] = []
    if kind:
        via = data.via if hasattr(data, "via") else policy.notify.get(kind, ())
        told = [(_recipient(kind, data, policy), name, kind) for name in via]
    if policy.webhooks and not suppressed:
        told += [(name, WEBHOOK, "") for name, types in policy.webhooks.items() if wanted(type_, types)]
    status = f"{SUPPRESSED}: {suppressed}" if suppressed else WAITING
    return [
        (f"{one.id}-{via}-{to}", partition, position, one.time, subject, type_, kind, to, via, status)
        for to, via, kind in told
    ]


def kind_of(type_: str, data: Any) -> str:
    """The kind of notice a decision is told by, "" for none."""
    kind = NOTICE_OF.get(type_, "")
    return data.kind if kind == "work" and data.kind in _TOLD_AS_WORK else kind


_TOLD_AS_WORK = NOTICES.keys() - NOTICE_OF.values()
"""Kinds no decision of their own is told by: a work item of that name is."""


@cache
def wanted(type_: str, patterns: tuple[str, ...]) -> bool:
    """Whether an endpoint that asked for `patterns` is told of a type."""
    return any(fnmatchcase(type_, pattern) for pattern in patterns)


def _recipient(kind: str, data: Any, policy: Policy) -> str:
    """A person or group by name, or OWNER."""
    if to := getattr(data, "to", ""):
        return str(to)
    if kind == "thawed":
        return policy.frozen_group  # who was told that it is frozen
    return getattr(data, "owner", "") or getattr(data, "group", "") or OWNER
