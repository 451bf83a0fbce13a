"""The server's process: where it listens, how it ends, and that an acknowledged event outlives it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from engine.api.server import serve
from engine.errors import Busy, UsageError
from engine.store.database import Store
from tests.serving import placed
from tests.streams import FILE, HOUSE

ROOT = FILE.parent

PROGRAM = """
import sys
from pathlib import Path
from engine.api.server import serve
sys.exit(serve(sys.argv[1], port=0, policy_text=Path("streams.yaml").read_bytes()))
"""


@contextmanager
def running(store: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(store)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stderr is not None
    try:
        told = process.stderr.readline()
        assert told.startswith("Orderfold serves http://127.0.0.1:"), told + process.stderr.read()
        yield process, told.split()[-1]
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        process.stderr.close()


def send(address: str, *events: dict[str, object]) -> dict[str, int]:
    headers = {"Content-Type": "application/cloudevents-batch+json"}
    with urlopen(Request(f"{address}/v1/events", json.dumps(events).encode(), headers), timeout=10) as answer:
        counts: dict[str, int] = json.loads(answer.read())["counts"]
    return counts


def test_killed_at_any_moment_it_loses_nothing_acknowledged_and_repeats_nothing(tmp_path: Path) -> None:
    events = [placed(f"jd:{n}") for n in range(60)]
    for n in range(3):
        with running(tmp_path) as (process, address):
            acknowledged = send(address, *events[n * 20 : n * 20 + 20])
            assert acknowledged == {"accepted": 20}
            process.send_signal(signal.SIGKILL)
            process.wait(10)
    with running(tmp_path) as (_, address):
        assert send(address, *events) == {"duplicate": 60}
        time.sleep(0.1)
        with urlopen(f"{address}/v1/orders?state=placed&wait=views&limit=1000", timeout=10) as answer:
            assert len(json.loads(answer.read())["orders"]) == 60


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_with_everything_written(tmp_path: Path, number: int, code: int) -> None:
    with running(tmp_path) as (process, address):
        send(address, placed())
        process.send_signal(number)

        assert process.wait(20) == code
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    store = Store.open(str(tmp_path))
    with store.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM rows WHERE kind = 'order'").fetchone()[0] == 1
    assert store.lock.holder() is None
    store.close()


def test_a_port_that_is_taken_is_told_before_the_store_is_touched(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(Busy, match=f"127.0.0.1:{port} cannot be listened on: Address already in use"):
            serve(str(tmp_path / "store"), port=port, policy_text=HOUSE.encode())
    assert not (tmp_path / "store").exists()


def test_an_address_that_is_not_here_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no address of this machine"):
        serve(str(tmp_path / "store"), "no.such.host.invalid", 0, policy_text=HOUSE.encode())


def test_beyond_this_machine_it_needs_tokens(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can be reached from other machines, and no token is set"):
        serve(str(tmp_path / "store"), "0.0.0.0", 0, policy_text=HOUSE.encode(), environ={})

    store = Store.open(str(tmp_path / "store"))
    assert store.lock.holder() is None, "the lock is let go"
    store.close()
