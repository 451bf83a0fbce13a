"""The health of channels: flow by stage, silence, addresses, what nobody folds, the golden figure.

state.py    what is kept            usual.py    how long a stage is usually silent
flowing.py  counts added up         score.py    0 to 100, and the quantiles of the golden figure
fold.py     the fold itself         wording.py  reasons, and every formula with its figures
"""

from projections.channel_health.fold import ChannelHealthFold

__all__ = ["ChannelHealthFold"]
