"""The engine's own inputs (reserved)."""

from __future__ import annotations

from schemas.events.common import Data, Name, Number


class PolicyPublished(Data):
    """From this position on, the partition follows the policy with this SHA-256 (hex)."""

    policy: Name
    reason: str = ""


class AliasBound(Data):
    """`number` of `kind` is known to mean `order`."""

    kind: Name
    number: Number
    order: Name


class ProjectionSwitched(Data):
    projection: Name
    version: int


class PersonErased(Data):
    handle: Name
    reason: str
