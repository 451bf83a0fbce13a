"""The command line as processes of its own: run to their end, served, killed, or run short of room."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.errors import NotFound
from engine.store.database import Store

ROOT = Path(__file__).parent.parent.parent
COMMAND = (sys.executable, "-m", "engine.cli.main")
SECONDS = 60
"""No step takes as long, on the busiest of machines."""

NO_LIMIT = resource.RLIM_INFINITY
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("ORDERFOLD_")} | {
    "NO_COLOR": "1"
}


class Ended:
    """A process that ended: its exit code, stdout and stderr."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code, self.out, self.err = code, out.decode(), err.decode()

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def start(
    *args: str | Path,
    store: Path | None = None,
    largest_file: int = NO_LIMIT,
    before: Sequence[str] = (),
    command: Sequence[str] = COMMAND,
) -> subprocess.Popen[bytes]:
    """A command, started. No file it writes may grow beyond `largest_file` bytes; `before` are words to run it by."""
    given = [*before, *command, *map(str, args), *(["--store", str(store)] if store else [])]
    limit = _limit(largest_file) if largest_file != NO_LIMIT else None
    return subprocess.Popen(
        given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=ENVIRONMENT,
        preexec_fn=limit,
    )  # fmt: skip


def _limit(largest_file: int) -> Callable[[], None]:
    def before_it_begins() -> None:
        # Python ignores SIGXFSZ: the write fails with EFBIG, as on a full disk it does with ENOSPC.
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, NO_LIMIT))

    return before_it_begins


def finish(process: subprocess.Popen[bytes], stdin: bytes = b"") -> Ended:
    """Wait for its end."""
    out, err = process.communicate(stdin, timeout=SECONDS)
    return Ended(process.returncode, out, err)


def orderfold(*args: str | Path, stdin: bytes = b"", **more: Any) -> Ended:
    """A command, from its beginning to its end."""
    return finish(start(*args, **more), stdin)


def kill(process: subprocess.Popen[bytes]) -> bool:
    """SIGKILL; False when it had ended already."""
    process.kill()
    finish(process)
    return process.returncode == -signal.SIGKILL


class Server:
    """`orderfold up` on a free port. `address` changes with every start."""

    def __init__(self, store: Path, **more: Any) -> None:
        self.store = store
        self.process = start("up", "--port", "0", store=store, **more)
        assert self.process.stderr is not None
        said = b""
        for line in self.process.stderr:
            if line.startswith(b"Orderfold serves "):
                self.address = line.split()[-1].decode()
                return
            said += line
        self.process.wait(SECONDS)
        raise AssertionError(f"it ended with {self.process.returncode}: {said.decode()}")

    def kill(self) -> None:
        assert kill(self.process), "it was still serving"

    def stop(self) -> Ended:
        """As a supervisor ends it."""
        self.process.terminate()
        return finish(self.process)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *raised: object) -> None:
        if self.process.poll() is None:
            kill(self.process)


class Reply:
    """An answer over HTTP."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def data(self) -> Any:
        return json.loads(self.body)


def ask(
    address: str, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Reply | None:
    """A request on a connection of its own; None where no whole answer came."""
    where = urlsplit(address)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=SECONDS)
    try:
        connection.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json", **(headers or {})},
        )
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, told, answer.read())
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()


def post(address: str, events: Sequence[dict[str, Any]]) -> Reply | None:
    """A batch of events."""
    return ask(address, "POST", "/v1/events", list(events))


def kept(store: Path) -> dict[str, list[tuple[str, str]]]:
    """(source, id) of every event in every stream, version by version, once versions are found to have no gap."""
    opened = Store.open(str(store))
    try:
        with opened.read() as cursor:
            subjects = [row[0] for row in cursor.execute("SELECT subject FROM streams")]
        found = {}
        for subject in subjects:
            records = opened.stream(subject)
            assert [record.event.streamversion for record in records] == list(range(1, len(records) + 1))
            found[subject] = [(record.event.source, record.event.id) for record in records]
        return found
    finally:
        opened.close()


def inputs(store: Path) -> int:
    """Events in the log so far; 0 where there is no store yet."""
    try:
        opened = Store.open(str(store))
    except NotFound:
        return 0
    try:
        return sum(own.inputs for own in opened.ownership())
    finally:
        opened.close()
