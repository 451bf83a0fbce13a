"""Deadlines: clocks per stage and promise, warnings, breaches and escalations (DOMAIN.md, "SLA timers").

state.py      what is kept of an order's clocks
calendar.py   working time between two instants, and when an amount of it is used up
tiers.py      which deadlines an order is under
timing.py     pauses, the instants of a clock, and when it must be woken
clocks.py     one clock: opened, warned of, breached, escalated, stopped
retarget.py   the policy changed under an order
fold.py       the fold: one handler per event type
explain.py    colours, and the clock that explains itself
"""

from projections.sla.calendar import add_working, working_between
from projections.sla.explain import Explanation, colour, explain
from projections.sla.fold import SlaFold
from projections.sla.retarget import RetargetEffects, retarget_effects
from projections.sla.state import Clock, Past, Pause, SlaState

__all__ = [
    "Clock",
    "Explanation",
    "Past",
    "Pause",
    "RetargetEffects",
    "SlaFold",
    "SlaState",
    "add_working",
    "colour",
    "explain",
    "retarget_effects",
    "working_between",
]
