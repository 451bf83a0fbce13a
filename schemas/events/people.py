"""What people command about other things than the order itself: merges, corrections, work."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.events.common import Data, Name, Number, Text

Reason = Annotated[str, Meta(min_length=1, max_length=2000)]


class MergeAccepted(Data):
    """A person lets these orders travel together. `by` is who, as the engine wrote it down."""

    orders: Annotated[list[Name], Meta(min_length=2, max_length=200)]
    reason: Reason
    by: Name | None = None


class MergeRefused(Data):
    """A person keeps these orders apart. `by` is who, as the engine wrote it down."""

    orders: Annotated[list[Name], Meta(min_length=2, max_length=200)]
    reason: Reason
    by: Name | None = None


class MergeUndone(Data):
    """A person dissolves a batch before its label is printed. `by` is who, as the engine wrote it down."""

    batch: Name
    reason: Reason
    by: Name | None = None


class EventCorrected(Data):
    """The event `source` + `id` of this stream was wrong; `data` holds what is true instead. Nothing is
    rewritten (EPCIS errorDeclaration is the model): folds read the correction in its place."""

    source: Name
    id: Name
    data: msgspec.Raw
    reason: Reason


class EventSkipped(Data):
    """The event `source` + `id` of this stream is to be folded no longer; it stays in the log."""

    source: Name
    id: Name
    reason: Reason


class WorkTaken(Data):
    """A person takes a work item on. `by`, here and below, is who commanded it: the engine writes it."""

    work: Number
    note: Text | None = None
    by: Name | None = None


class WorkAssigned(Data):
    """A person gives a work item to somebody; `group` where it is not the one they are in."""

    work: Number
    owner: Name
    reason: Text | None = None
    group: Name | None = None
    by: Name | None = None


class WorkDone(Data):
    """A person says a work item is done."""

    work: Number
    note: Text | None = None
    by: Name | None = None


class WorkNoted(Data):
    """A person writes down what they learnt about a work item."""

    work: Number
    text: Annotated[str, Meta(min_length=1, max_length=2000)]
    by: Name | None = None
