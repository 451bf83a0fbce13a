"""The availability of nodes and the breaker that follows from it.

state.py  what is kept    score.py    reports against the node's own normal
fold.py   the breaker     wording.py  reasons, and the formula with its figures
"""

from projections.node_health.fold import NodeHealthFold

__all__ = ["NodeHealthFold"]
