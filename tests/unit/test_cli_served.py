"""Commands while a server holds the store: what writes goes to it by itself, what reads needs nobody."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.database import Store
from tests.unit.test_cli import ROOT, orderfold

ORDER = "order/taobao:880001"


def line(id_: str, type_: str, data: dict[str, object], subject: str = ORDER) -> str:
    sent = {
        "specversion": "1.0",
        "id": id_,
        "source": "/channels/taobao/shop-1",
        "type": type_,
        "subject": subject,
    }
    return json.dumps(sent | {"data": data}) + "\n"


NIGHT = (
    line(
        "e1",
        "order.placed.v1",
        {"currency": "CNY", "lines": [{"line": "1", "sku": "a", "quantity": 1, "unit_price": 100}]},
    )
    + line("e2", "payment.received.v1", {"payment": "P1", "amount": 100, "currency": "CNY"})
    + "{broken\n"
    + line("e3", "order.held.v1", {"handle": "h", "reason": "other"})
    + line(
        "e1",
        "order.placed.v1",
        {"currency": "CNY", "lines": [{"line": "1", "sku": "a", "quantity": 1, "unit_price": 100}]},
    )
)


class Served:
    """A server in a process of its own, over a store of one order."""

    def __init__(self, directory: Path) -> None:
        self.store = directory / "store"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli.main", "up", "--port", "0", "--store", str(self.store)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self.address = self._address()

    def _address(self) -> str:
        assert self.process.stderr is not None
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            told = self.process.stderr.readline().decode()
            if told.startswith("Orderfold serves "):
                return told.split()[-1]
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {told}")
        raise AssertionError("the server did not start")

    def stop(self, number: int) -> int:
        self.process.send_signal(number)
        code = self.process.wait(30)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(tmp_path_factory.mktemp("served"))
    yield found
    assert found.stop(signal.SIGINT) == 130
    store = Store.open(str(found.store))
    assert store.lock.holder() is None, "the lock is let go"
    store.close()


@pytest.fixture(scope="module")
def ingested(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Served:
    file = tmp_path_factory.mktemp("night") / "night.jsonl"
    file.write_text(NIGHT)
    done = orderfold("ingest", file, "--json", store=served.store)

    assert done.code == 3
    counts = {name: done.data[name] for name in ("events", "accepted", "duplicates", "dead")}
    assert counts == {"events": 5, "accepted": 2, "duplicates": 1, "dead": 2}
    assert set(done.data["reasons"]) == {"broken-json", "person-type"}
    return served


def test_the_store_says_who_holds_it(served: Served) -> None:
    holder = orderfold("store", "info", "--json", store=served.store).data["holder"]

    assert (holder["command"], holder["address"], holder["pid"]) == (
        "orderfold up",
        served.address,
        served.process.pid,
    )


def test_events_go_through_the_server(ingested: Served) -> None:
    time.sleep(0.3)  # the views follow within as much
    shown = orderfold("order", "show", "880001", "--json", store=ingested.store)

    assert (shown.data["state"], shown.data["money"]["received"]) == ("paid", 100)


def test_commands_go_through_the_server(ingested: Served) -> None:
    noted = orderfold("order", "note", "880001", "--reason", "a first note", "--json", store=ingested.store)
    stale = orderfold(
        "order", "note", "880001", "--reason", "x", "--if-version", "1", "--json", store=ingested.store
    )
    refused = orderfold("order", "unfreeze", "880001", "--reason", "x", store=ingested.store)
    dry = orderfold(
        "order", "hold", "880001", "--reason", "awaiting_customer", "--dry-run", store=ingested.store
    )

    assert (noted.code, noted.data["outcome"]) == (0, "accepted")
    assert stale.code == 6
    assert json.loads(stale.err)["actual"] == noted.data["version"]
    assert refused.code == 5
    assert "neither frozen nor in doubt" in refused.err
    assert dry.data["type"] == "order.held.v1"
    told = orderfold("order", "history", "880001", "--json", store=ingested.store).data["entries"]
    assert [entry["type"] for entry in told if entry["version"] > 2] == ["order.note_added.v1"]


def test_dead_letters_are_worked_through_the_server(ingested: Served) -> None:
    letters = orderfold("dead", "list", "--json", store=ingested.store).lines
    broken = next(letter["id"] for letter in letters if letter["reason"] == "broken-json")

    assert orderfold("dead", "replay", broken, "--reason", "once more", store=ingested.store).code == 3
    assert (
        orderfold("dead", "drop", broken, "--reason", "no event", store=ingested.store).out
        == "Dropped 1 letter.\n"
    )


def test_a_policy_is_published_through_the_server(ingested: Served, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_bytes((ROOT / "streams.yaml").read_bytes().replace(b"name: house-1", b"name: house-2"))

    assert orderfold("policy", "publish", rules, "--reason", "a name", store=ingested.store).code == 0
    assert orderfold("summary", "--json", store=ingested.store).data["policy"] == "house-2"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("projection", "rebuild", "--reason", "x"), 6),
        (("clock", "advance", "now", "--reason", "x"), 5),
        (("ingest", str(ROOT / "Makefile"), "--historical"), 5),
        (("ingest", str(ROOT / "Makefile"), "--format", "ocel"), 2),
    ],
)
def test_what_a_server_does_not_do_is_said(served: Served, command: tuple[str, ...], code: int) -> None:
    ended = orderfold(*command, store=served.store)

    assert ended.code == code
    assert ended.err
