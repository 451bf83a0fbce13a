"""The pages in a real browser, headless Chromium: what it makes of them, style sheet and security policy included."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving import placed
from tests.unit.test_api_server import running, send

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def dumped(address: str, directory: Path) -> str:
    """The page's document as the browser holds it once it is loaded."""
    if CHROMIUM is None:
        told = "no chromium on PATH: apt-get install chromium (macOS: brew install chromium)"
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            f"--user-data-dir={directory / 'profile'}",
            "--dump-dom",
            address,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_browser_shows_the_exceptions_first_and_takes_what_was_put_in_as_text(tmp_path: Path) -> None:
    with running(tmp_path / "store") as (_, address):
        send(address, placed("jd:1"), placed("jd:<b>2</b>"))
        send(address, {"specversion": "1.0"})

        overview = dumped(f"{address}/", tmp_path)
        orders = dumped(f"{address}/orders", tmp_path)
        order = dumped(f"{address}/orders/jd:1", tmp_path)

    assert overview.index("Exceptions") < overview.index("Orders by state")
    assert '<li class="bad" id="dead"><a href="/dead-letters"' in overview
    assert "<b>1</b>Dead letters" in overview
    assert 'href="/orders?state=placed"' in overview
    assert "jd:&lt;b&gt;2&lt;/b&gt;" in orders
    assert "<script" not in overview + orders + order
    assert "order.placed.v1" in order
    assert "Timeline" in order
