"""Nodes and channels speaking of themselves. Their streams roll by day."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from schemas.events.common import Data, Name

Count = Annotated[int, Meta(ge=0, le=10**12)]


class Registered(Data):
    """A node or channel exists."""

    name: Name | None = None
    region: Name | None = None
    capacity_per_hour: Count | None = None


class Reported(Data):
    """A node's or channel's own figures of the last minute."""

    throughput_per_minute: Count | None = None
    response_milliseconds: Count | None = None
    failures_per_mille: Annotated[int, Meta(ge=0, le=1000)] | None = None


class Heartbeat(Data):
    """Still there."""
