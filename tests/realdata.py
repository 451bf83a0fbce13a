"""Where the real data sets are: $ORDERFOLD_REAL_DATA, else ../shared/data. They are never part of the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("ORDERFOLD_REAL_DATA") or Path(__file__).parent.parent.parent / "shared" / "data")


def need(name: str) -> Path:
    """The folder of a set, or a skip that says where it was looked for."""
    folder = ROOT / name
    if not folder.exists():
        pytest.skip(f"no real data at {folder}: set ORDERFOLD_REAL_DATA to the folder that holds {name}/")
    return folder
