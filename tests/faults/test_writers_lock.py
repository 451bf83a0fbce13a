"""One writer among several processes: who comes second goes through the first, waits for it, or is told who it is."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from tests.faults.processes import SECONDS, Server, finish, inputs, kept, kill, orderfold, start
from tests.serving import paid, placed, told

SHORTLY = (
    sys.executable,
    "-c",
    "from engine.cli import writing; writing.WAIT_SECONDS = 2.0; from engine.cli.main import main; main()",
)
"""The command line with two seconds' patience instead of thirty."""


def written(file: Path, *events: dict[str, Any]) -> Path:
    file.write_text("".join(json.dumps(event) + "\n" for event in events))
    return file


def holding(store: Path) -> Popen[bytes]:
    """An ingest that has the lock and waits for standard input."""
    process = start("ingest", "-", store=store)
    lock = store / "writer.lock"
    give_up = time.monotonic() + SECONDS
    while not (lock.exists() and str(process.pid) in lock.read_text()):
        assert process.poll() is None
        assert time.monotonic() < give_up
        time.sleep(0.01)
    return process


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A live store with one order."""
    store = tmp_path / "store"
    assert orderfold("ingest", written(tmp_path / "first.jsonl", placed()), store=store).code == 0
    return store


def test_while_it_is_served_an_ingest_goes_through_the_server(store: Path, tmp_path: Path) -> None:
    more = written(tmp_path / "more.jsonl", placed(), paid(), placed("jd:2"), told("order.placed", "jd:3"))
    with more.open("ab") as file:
        file.write(b'{"specversion": "1.0", "id": NaN}\n{"id": \xff}\n')
    with Server(store) as server:
        through = orderfold("ingest", more, "--json", store=store)
        history = orderfold("ingest", more, "--historical", store=store)
        note = orderfold("order", "note", "jd:2", "--reason", "seen", "--json", store=store)
        second = orderfold("up", "--port", "0", store=store)
        port = server.address.rpartition(":")[2]
        elsewhere = orderfold("up", "--port", port, store=tmp_path / "other")
        told_of = orderfold("store", "info", "--json", store=store)
        assert server.stop().code == 0

    assert through.code == 3, through.err
    assert [through.data[name] for name in ("accepted", "duplicates", "dead")] == [2, 1, 3]
    assert history.code == 5
    assert server.address in history.err.replace("\n", " ")
    assert note.code == 0, note.err
    assert second.code == 6
    assert f"pid {server.process.pid}" in second.err
    assert elsewhere.code == 6
    assert f":{port} cannot be listened on" in elsewhere.err
    assert server.address in told_of.out
    assert [len(kept(store)[f"order/jd:{n}"]) for n in (1, 2)] == [2, 2]


def test_while_an_import_holds_the_lock_a_second_waits_then_names_it_and_readers_do_neither(
    store: Path, tmp_path: Path
) -> None:
    more = written(tmp_path / "more.jsonl", paid())
    holder = holding(store)
    try:
        began = time.monotonic()
        second = orderfold("ingest", more, store=store, command=SHORTLY)
        waited = time.monotonic() - began
        summary = orderfold("summary", "--json", store=store)
        shown = orderfold("order", "show", "jd:1", "--json", store=store)
    finally:
        ended = finish(holder, json.dumps(placed("jd:2")).encode())

    assert second.code == 6
    assert waited > 2
    assert second.out == ""
    assert f"`orderfold ingest` (pid {holder.pid})" in second.err.replace("\n", " ")
    assert (summary.code, summary.data["orders"]) == (0, 1)
    assert (shown.code, shown.data["state"]) == (0, "placed")
    assert ended.code == 0, "and the first never noticed"
    assert inputs(store) >= 2


def test_who_waits_goes_on_once_the_holder_is_gone_even_killed(store: Path, tmp_path: Path) -> None:
    holder = holding(store)
    waiting = start("ingest", written(tmp_path / "more.jsonl", paid()), "--json", store=store)
    assert waiting.stderr is not None
    assert b"Waiting for `orderfold ingest`" in waiting.stderr.readline()
    assert kill(holder)

    ended = finish(waiting)

    assert ended.code == 0, ended.err
    assert ended.data["accepted"] == 1
    assert orderfold("replay", "verify", store=store).code == 0
