"""The folds of stage 2, in their fixed order. Those of stage 1 are in `projections.row`."""

from __future__ import annotations

from projections.boards import BoardsFold
from projections.channel_health import ChannelHealthFold
from projections.desk import DeskFold
from projections.keyed import KeyedFold
from projections.merge.fold import MergeFold
from projections.node_health import NodeHealthFold

STAGE_TWO: tuple[KeyedFold, ...] = (
    MergeFold(),
    ChannelHealthFold(),
    NodeHealthFold(),
    BoardsFold(),
    DeskFold(),
)
"""Merge, channel health, node health, boards, desk: each hears what those before it decide."""
