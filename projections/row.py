"""All that is known of one stream: the states of its pipeline's folds, and what the host keeps beside them.

One row is one view row (DESIGN.md, "Views"). The host alone writes rows; folds write the states in them.
"""

from __future__ import annotations

import msgspec

from projections.diagnosis import DiagnosisFold, DiagnosisState
from projections.flow import FlowFold, FlowState
from projections.kernel import Fold, Work
from projections.ledger import LedgerFold, LedgerState
from projections.lifecycle import LifecycleFold, LifecycleState
from projections.limbo import LimboFold, LimboState
from projections.merge.offer import OfferFold, OfferState
from projections.order_health import OrderHealthFold, OrderHealthState
from projections.relay import RelayFold, RelayState
from projections.sla import SlaFold, SlaState
from projections.work import WorkFold, WorkState


class Standing(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A decision that stands: what refolds are compared with. `time` is when it took effect."""

    id: str
    type: str
    key: str
    cause: int
    time: int


class Fault(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A fold raised on this stream: it is folded no further until `projection retry`."""

    fold: str
    version: int
    at: int
    traceback: str
    waiting: int


class Row(msgspec.Struct, gc=False, array_like=True):
    """`version` and `streamtime` of the last step's event; `latest` the latest occurrence folded; `facts` maps
    business keys to a digest of their content; `late`, `repeats`, `conflicts`, `unknown` and `excused` count."""

    subject: str
    channel: str = ""
    version: int = 0
    streamtime: int = 0
    first: int = 0
    latest: int = 0
    facts: dict[str, str] = {}
    standing: tuple[Standing, ...] = ()
    decided: int = 0
    work: tuple[Work, ...] = ()
    late: int = 0
    repeats: int = 0
    conflicts: int = 0
    unknown: int = 0
    excused: int = 0
    ledger: LedgerState | None = None
    lifecycle: LifecycleState | None = None
    sla: SlaState | None = None
    health: OrderHealthState | None = None
    offer: OfferState | None = None
    limbo: LimboState | None = None
    relay: RelayState | None = None
    diagnosis: DiagnosisState | None = None
    told: WorkState | None = None
    flow: FlowState | None = None
    fault: Fault | None = None


PIPELINES: dict[str, tuple[tuple[str, Fold], ...]] = {  # type: ignore[type-arg]
    "order": (
        ("ledger", LedgerFold()),
        ("lifecycle", LifecycleFold()),
        ("sla", SlaFold()),
        ("health", OrderHealthFold()),
        ("offer", OfferFold()),
        ("flow", FlowFold()),
        ("diagnosis", DiagnosisFold()),
        ("told", WorkFold()),
    ),
    "alias": (("limbo", LimboFold()), ("told", WorkFold())),
    **dict.fromkeys(("node", "channel", "merge", "batch", "board"), (("relay", RelayFold()),)),
}
"""Stage 1: the folds of each kind of subject (the part before the first slash), in their fixed order, with the
field of `Row` that holds each one's state."""
