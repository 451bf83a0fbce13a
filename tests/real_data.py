"""Where the public data sets are: $ORDERFOLD_REAL_DATA, else ../shared/data beside the clone. Never in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).parent.parent


def folder(name: str) -> Path:
    """The folder of a data set; skips the test, and says why, where there is none."""
    place = Path(os.environ.get("ORDERFOLD_REAL_DATA") or _ROOT.parent / "shared" / "data")
    if not (place / name).is_dir():
        pytest.skip(
            f"no real data: {place / name} does not exist; set ORDERFOLD_REAL_DATA (README, Real data)"
        )
    return place / name
