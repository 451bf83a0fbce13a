"""Where an order stands, by the map of its channel.

Question: which state is the order in, since when, by which event, and may it go on? From: every event that moves
orders, goods or money, a person's holds and verdicts. Invariants (DOMAIN.md, "Lifecycle"): an illegal transition
never moves the order; a late fact that fits moves nothing back; a hold is laid over the state, never a state;
only a person, or an earlier-dated fact, frees a frozen order.

    state.py   what is kept of an order
    paths.py   searches over a map: what is missing, the ways out, whether a late fact fits
    goods.py   lines and parcels: which lines an event speaks for, and where it takes them
    doubt.py   illegal steps: doubt, freeze, what waits meanwhile, and a person's verdict
    fold.py    the fold: one handler per event type
"""

from projections.lifecycle.fold import LifecycleFold
from projections.lifecycle.state import Fact, Hold, LifecycleState, LineState, Offence, Parcel

__all__ = ["Fact", "Hold", "LifecycleFold", "LifecycleState", "LineState", "Offence", "Parcel"]
