"""The stored record, the store's opening, and the writer's lock."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import Busy, NotFound, StoreError, StoreNewer, UsageError
from engine.store.database import Store, store_directory
from engine.store.lock import WriterLock, this_process
from engine.store.record import GENESIS, chained, decode, encode
from engine.views.tables import check_versions, versions
from schemas.data import decode_data
from schemas.envelope import Event

RAW = b'{"payment":"p","amount":5,"currency":"CNY","more":true}'


def sample() -> Event:
    return Event(
        "payment.received.v1",
        "order/shop:1",
        "id-1",
        "/channels/shop",
        1_700_000_000_000_001,
        decode_data("payment.received.v1", RAW),
        "shop",
        2,
        3,
        4,
        42,
        timeinferred=True,
        historical=True,
        authtype="api_key",
        authid="key-7",
        via="alias/payment:p",
        causationid="cause",
    )


def test_a_record_comes_back_as_it_was() -> None:
    stored, digest = encode(sample(), RAW, bytes(range(32)), GENESIS, 9)

    record = decode("000000000042/order/shop:1", stored)

    assert record.event == sample()
    assert (record.data, record.policy, record.recordedtime, record.hash) == (
        RAW,
        bytes(range(32)),
        9,
        digest,
    )
    assert chained(GENESIS, stored)


@pytest.mark.parametrize("at", range(0, 250, 7))
def test_any_changed_byte_breaks_the_chain(at: int) -> None:
    stored, _ = encode(sample(), RAW, bytes(32), GENESIS, 9)
    changed = bytearray(stored)
    changed[at] ^= 1

    assert not chained(GENESIS, bytes(changed))


def test_a_record_cut_short_is_named() -> None:
    stored, _ = encode(sample(), RAW, bytes(32), GENESIS, 9)

    with pytest.raises(StoreError, match="000000000042/order/shop:1"):
        decode("000000000042/order/shop:1", stored[:100])


def test_a_record_of_a_later_format_is_refused() -> None:
    with pytest.raises(StoreNewer, match="format 2"):
        decode("000000000042/order/shop:1", b"\x02" + bytes(200))


def test_opening_what_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="orderfold ingest"):
        Store.open(str(tmp_path / "none"))


def test_a_store_of_a_later_format_is_refused(tmp_path: Path) -> None:
    store = Store.create(str(tmp_path))
    with store.write() as cursor:
        store.set_setting(cursor, "format", "99")
    store.close()

    with pytest.raises(StoreNewer, match="format 99"):
        Store.open(str(tmp_path))


def test_partitions_are_fixed_when_the_store_is_made(tmp_path: Path) -> None:
    Store.create(str(tmp_path), 4).close()

    assert Store.create(str(tmp_path), 8).partitions == 4


@pytest.mark.parametrize(
    ("url", "path"),
    [("./x/", "x"), ("sqlite:///var/lib/x", "/var/lib/x"), ("file:///var/lib/x", "/var/lib/x")],
)
def test_store_urls(url: str, path: str) -> None:
    assert store_directory(url) == Path(path)


def test_a_store_url_of_another_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="postgresql"):
        store_directory("postgresql://db/x")


HOLD = """
import sys, time
from pathlib import Path
from engine.store.lock import WriterLock, this_process
lock = WriterLock(Path(sys.argv[1]))
lock.take(this_process("orderfold ingest", "http://127.0.0.1:1"), 0)
print("held", flush=True)
time.sleep(60)
"""


def test_the_lock_names_its_holder_and_falls_with_it(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    assert lock.holder() is None
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"

        holder = lock.holder()
        assert holder is not None
        assert (holder.pid, holder.address, holder.command) == (
            other.pid,
            "http://127.0.0.1:1",
            "orderfold ingest",
        )
        with pytest.raises(Busy, match=f"pid {other.pid}"):
            lock.take(this_process("orderfold"), 0)

        other.kill()
        other.wait()
    lock.take(this_process("orderfold"), 0)
    lock.release()


@pytest.mark.parametrize(
    ("made_by", "said"),
    [
        ({**versions(), "sla": 99}, "later release \\(sla\\)"),
        ({**versions(), "unheard_of": 1}, "later release \\(unheard_of\\)"),
        ({**versions(), "sla": 0}, "earlier release \\(sla\\).*projection rebuild"),
    ],
)
def test_views_of_another_release_are_not_touched(made_by: dict[str, int], said: str) -> None:
    with pytest.raises(StoreError, match=said):
        check_versions(json.dumps(made_by))


def test_views_of_this_release_are_used() -> None:
    check_versions(json.dumps(versions()))
