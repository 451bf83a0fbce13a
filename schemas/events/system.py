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
    """From this position on, answers come from this version of a projection."""

    projection: Name
    version: int


class PersonErased(Data):
    """A customer's data key is destroyed; `handle` names the key, never the person."""

    handle: Name
    reason: str
