"""One writer per embedded store: an operating-system lock on a file, and a row that says who holds it.

The lock is the truth (the system drops it with the process); the row lets a second command find the holder: its
HTTP API if it has one, its pid to name if it has none.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import IO

import msgspec

from engine.errors import Busy, StoreFull


class Holder(msgspec.Struct, frozen=True):
    """Who writes: `address` is its API's base URL, "" for a command without one (an ingest)."""

    pid: int
    address: str
    command: str


class WriterLock:
    """The lock file beside the database. `take` waits; `holder` reads who has it."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "writer.lock"
        self._file: IO[bytes] | None = None

    def take(self, holder: Holder, wait_seconds: float) -> None:
        """Take the lock, or raise Busy naming the holder once `wait_seconds` are over. StoreFull where its file cannot be
        written."""
        try:
            # Unbuffered, so that nothing is left to be written when it is closed on a full disk.
            file = open(self._path, "a+b", buffering=0)  # noqa: SIM115 held as long as the store is written
        except OSError as error:
            raise _unwritable(self._path, error) from error
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    file.close()
                    raise self.busy() from None
                time.sleep(0.1)
        self._file = file
        self.describe(holder)

    def describe(self, holder: Holder) -> None:
        """Write down who holds the lock, for others to read. StoreFull where that cannot be written."""
        assert self._file is not None, "only the holder describes itself"
        try:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(msgspec.json.encode(holder))
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def holder(self) -> Holder | None:
        """Who holds the lock now, or None when it is free."""
        try:
            with open(self._path, "rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    try:
                        return msgspec.json.decode(file.read(), type=Holder)
                    except msgspec.DecodeError:
                        return Holder(0, "", "another process")
        except FileNotFoundError:
            return None
        return None

    def busy(self) -> Busy:
        """The error that names the present holder."""
        holder = self.holder() or Holder(0, "", "another process")
        return Busy(
            f"The store is being written by `{holder.command}` (pid {holder.pid}).",
            "Wait for it to end, or stop it, and try again.",
        )

    def release(self) -> None:
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self._file.close()
            self._file = None


def _unwritable(path: Path, error: OSError) -> StoreFull:
    return StoreFull(
        f"{path} cannot be written: {error.strerror}.", "Make room or give rights, then try again."
    )


def this_process(command: str, address: str = "") -> Holder:
    """The holder that this process would be."""
    return Holder(os.getpid(), address, command)
