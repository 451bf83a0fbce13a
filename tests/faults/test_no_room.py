"""No room on the disk, or no right to write: it is said, nothing acknowledged is lost, and with room it goes on."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.replay.verify import verify
from engine.store.database import Store
from tests.faults.processes import (
    COMMAND,
    NO_LIMIT,
    ROOT,
    SECONDS,
    Reply,
    Server,
    ask,
    inputs,
    kept,
    orderfold,
    post,
)
from tests.serving import paid, placed
from tests.worlds import Outcome

BATCH = 50


def orders(n: int) -> list[dict[str, Any]]:
    """The nth batch of new orders."""
    return [placed(f"jd:{n:03d}{k:02d}") for k in range(BATCH)]


def sent(server: Server, events: Sequence[dict[str, Any]]) -> Reply:
    """A batch that must be answered, whatever the answer."""
    answer = post(server.address, events)
    assert answer is not None
    return answer


def assert_no_room(answer: Reply) -> None:
    """503, as a problem document that says where and what to do."""
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1
    problem = answer.data
    assert problem["type"] == "urn:orderfold:problem:store-full"
    assert "orderfold.db cannot be written" in problem["detail"]
    assert "Make room" in problem["detail"]


def assert_whole(store: Path, batches: Sequence[int]) -> None:
    """Exactly these batches are kept, each order once, and all follows from the log."""
    assert {
        subject: len(events) for subject, events in kept(store).items() if subject.startswith("order/")
    } == {event["subject"]: 1 for n in batches for event in orders(n)}
    opened = Store.open(str(store))
    try:
        assert verify(opened).differences == []
    finally:
        opened.close()


def limit(server: Server, bytes_left: int) -> None:
    """From now on its log may grow by so many bytes, and no file beyond that."""
    log = server.store / "orderfold.db-wal"
    largest = log.stat().st_size + bytes_left if bytes_left != NO_LIMIT else NO_LIMIT
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (largest, NO_LIMIT))


needs_prlimit = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="limits of another process: Linux"
)


@needs_prlimit
@pytest.mark.parametrize("bytes_left", [0, 150_000])
def test_without_room_intake_answers_503_and_goes_on_once_there_is(tmp_path: Path, bytes_left: int) -> None:
    """With no byte left even views cannot be written; with some, a batch fits or half a batch does."""
    store = tmp_path / "store"
    with Server(store) as server:
        assert sent(server, orders(0)).data["counts"] == {"accepted": BATCH}
        time.sleep(0.3)
        limit(server, bytes_left)
        acknowledged = [0]
        for n in range(1, 6):
            answer = sent(server, orders(n))
            if answer.status == 200:
                acknowledged.append(n)
            else:
                assert_no_room(answer)
        assert len(acknowledged) < 3
        if (
            not bytes_left
        ):  # else the little that is left to write may have fitted by now, and it is ready again
            unready = ask(server.address, "GET", "/readyz")
            assert unready is not None
            assert unready.status == 503
            assert "cannot be written" in unready.data["checks"]["store"]
        listed = ask(server.address, "GET", "/v1/orders?limit=1")
        assert listed is not None
        assert listed.status == 200, "what is there can still be read"

        limit(server, NO_LIMIT)
        for n in range(6):
            expected = "duplicate" if n in acknowledged else "accepted"
            assert sent(server, orders(n)).data["counts"] == {expected: BATCH}
        give_up = time.monotonic() + SECONDS
        while (ready := ask(server.address, "GET", "/readyz")) is None or ready.status != 200:
            assert time.monotonic() < give_up
            time.sleep(0.05)
        ended = server.stop()
    assert ended.code == 0
    assert "Traceback" not in ended.err
    assert_whole(store, range(6))


@needs_prlimit
def test_killed_while_the_disk_is_full_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    store = tmp_path / "store"
    with Server(store) as server:
        assert sent(server, orders(0)).status == 200
        limit(server, 60_000)
        acknowledged = [n for n in range(1, 5) if sent(server, orders(n)).status == 200]
        assert_no_room(sent(server, orders(9)))
        server.kill()
    refused = orderfold("up", "--port", "0", store=store, largest_file=4_096)
    assert refused.code == 1
    assert "orderfold.db cannot be" in refused.err
    assert "room" in refused.err
    assert "Traceback" not in refused.err

    with Server(store) as server:
        assert sent(server, orders(9)).data["counts"] == {"accepted": BATCH}
        assert server.stop().code == 0
    assert_whole(store, [0, *acknowledged, 9])


def test_an_import_that_finds_no_room_is_started_again_with_more(tmp_path: Path) -> None:
    night = tmp_path / "night.jsonl"
    orderfold("simulate", "--orders", "300", "--seed", "4", "--end", "2026-03-01T00:00:00Z", "--to", night)
    peace, store = tmp_path / "peace", tmp_path / "store"
    assert orderfold("ingest", night, "--historical", store=peace).code in (0, 3)

    no_spool = orderfold("ingest", night, "--historical", store=store, largest_file=65_536)
    assert no_spool.code == 1
    assert "cannot be spooled" in no_spool.err
    assert "TMPDIR" in no_spool.err
    for largest in (500_000, 1_500_000, 2_500_000):
        full = orderfold("ingest", night, "--historical", store=store, largest_file=largest)
        assert full.code == 1, full.err
        assert "Traceback" not in full.err
        assert "cannot be" in full.err
    assert inputs(store) > 0, "batches before the last were kept"
    assert orderfold("ingest", night, "--historical", store=store).code in (0, 3)

    assert inputs(store) == inputs(peace)
    assert kept(store) == kept(peace)
    one, two = Store.open(str(store)), Store.open(str(peace))
    try:
        assert Outcome(one).differs(Outcome(two)) == []
        assert verify(one).differences == []
    finally:
        one.close()
        two.close()


# A disk of its own, really full

NAMESPACE = ("unshare", "--user", "--map-root-user", "--mount")


@pytest.fixture
def small_disk(tmp_path: Path) -> tuple[Path, tuple[str, ...]]:
    """(folder, words that run a command with a disk of 3 MB mounted there)."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = f'mount -t tmpfs -o size=3m tmpfs "{folder}"'
    words = (*NAMESPACE, "sh", "-c", f'{mounted} && exec "$@"', "sh")
    if sys.platform != "linux" or shutil.which("unshare") is None or shutil.which("nsenter") is None:
        pytest.skip("mounting a disk of one's own needs Linux and util-linux")
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine lets nobody mount a disk of his own")
    return folder, words


def test_on_a_disk_that_is_full_it_is_the_same(small_disk: tuple[Path, tuple[str, ...]]) -> None:
    folder, words = small_disk
    store = folder / "store"
    with Server(store, before=words) as server:
        inside = (
            "nsenter",
            f"--target={server.process.pid}",
            "--user",
            "--mount",
            "--preserve-credentials",
            f"--wd={ROOT}",
        )
        acknowledged = 0
        while (answer := sent(server, orders(acknowledged))).status == 200:
            acknowledged += 1
            assert acknowledged < 100, "three megabytes hold no more"
        assert_no_room(answer)
        assert "full" in answer.data["detail"]
        subprocess.run([*inside, "mount", "-o", "remount,size=64m", str(folder)], check=True)
        assert sent(server, orders(acknowledged)).data["counts"] == {"accepted": BATCH}
        assert sent(server, orders(0)).data["counts"] == {"duplicate": BATCH}
        found = subprocess.run(
            [*inside, *COMMAND, "replay", "verify", "--json", "--store", str(store)],
            capture_output=True, cwd=ROOT, check=True,
        )  # fmt: skip
        assert json.loads(found.stdout)["found"] == 0
        summary = subprocess.run(
            [*inside, *COMMAND, "summary", "--json", "--store", str(store)],
            capture_output=True, cwd=ROOT, check=True,
        )  # fmt: skip
        assert json.loads(summary.stdout)["orders"] == (acknowledged + 1) * BATCH
        assert server.stop().code == 0


# No right to write


@pytest.fixture
def as_a_stranger() -> tuple[str, ...]:
    """Words that run a command with modes holding: root ignores them as long as it has the capability."""
    if os.geteuid():
        return ()
    words = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner")
    if shutil.which("setpriv") is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("root ignores modes, and cannot be kept from it here")
    return words


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A store in a folder nobody may write, with one order."""
    store = tmp_path / "store"
    (tmp_path / "events.jsonl").write_text(json.dumps(placed() | {"time": "2026-02-01T00:00:00Z"}))
    assert orderfold("ingest", tmp_path / "events.jsonl", "--historical", store=store).code == 0
    for file in store.iterdir():
        file.chmod(0o444)
    store.chmod(0o555)
    yield store
    store.chmod(0o755)


@pytest.mark.parametrize(
    "command",
    [("summary",), ("order", "show", "1"), ("ingest", "{events}", "--historical"), ("up", "--port", "0")],
)
def test_a_store_that_may_not_be_written_is_said_so(
    read_only: Path, as_a_stranger: tuple[str, ...], command: tuple[str, ...]
) -> None:
    given = [word.format(events=read_only.parent / "events.jsonl") for word in command]

    ended = orderfold(*given, store=read_only, before=as_a_stranger)

    assert ended.code == 1
    assert ended.out == ""
    assert f"{read_only}/orderfold.db cannot be opened: " in ended.err.replace("\n", " ")
    assert "give rights to" in ended.err.replace("\n", " ")
    assert "Traceback" not in ended.err


def test_with_the_rights_back_the_same_store_goes_on(read_only: Path) -> None:
    read_only.chmod(0o755)
    for file in read_only.iterdir():
        file.chmod(0o644)
    more = read_only.parent / "more.jsonl"
    more.write_text(json.dumps(paid() | {"time": "2026-02-01T00:01:00Z"}))

    assert orderfold("ingest", more, "--historical", store=read_only).code == 0
    assert orderfold("replay", "verify", store=read_only).code == 0


def test_a_store_is_not_made_where_nothing_may_be_written(
    tmp_path: Path, as_a_stranger: tuple[str, ...]
) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(0o555)
    (tmp_path / "events.jsonl").write_text(json.dumps(placed()))

    below = orderfold("ingest", tmp_path / "events.jsonl", store=folder / "store", before=as_a_stranger)
    itself = orderfold("ingest", tmp_path / "events.jsonl", store=folder, before=as_a_stranger)

    assert (below.code, itself.code) == (1, 1)
    assert "cannot be made: Permission denied" in below.err
    assert "cannot be written: unable to open database file" in itself.err.replace("\n", " ")
    assert "Traceback" not in below.err + itself.err
