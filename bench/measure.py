"""What a job used, and where it ran."""

from __future__ import annotations

import gc
import os
import platform
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import msgspec

ROOT = Path(__file__).parent.parent


PARTS = ("intake", "append", "stage 1", "stage 2", "views", "receipts")


class Cost(msgspec.Struct):
    """What one run of a job took. `wall_seconds` and `cpu_seconds` (user and system, children too) are of the measured
    part alone; `peak_bytes` is the most the process ever held. `parts` are the CPU seconds of PARTS, where the job has
    them; `receipts_wall_seconds` those of the clock that went into receipts. `counts` says what the job found, so that a
    wrong answer shows."""

    events: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    receipts_wall_seconds: float = 0.0
    peak_bytes: int = 0
    parts: dict[str, float] = {}
    counts: dict[str, int] = {}


class Machine(msgspec.Struct, frozen=True):
    """Where the figures were taken. `load` is the one-minute load average when the bench began."""

    system: str
    processor: str
    cores: int
    memory_bytes: int
    load: float
    python: str
    versions: dict[str, str]
    commit: str


@contextmanager
def measured(cost: Cost) -> Iterator[None]:
    """Add the time the block takes to `cost`, and note the peak."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    yield
    cost.wall_seconds += time.perf_counter() - wall
    cost.cpu_seconds += _cpu_seconds() - cpu
    cost.peak_bytes = peak_bytes()


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def peak_bytes() -> int:
    """The most memory this process ever held resident."""
    try:
        # On Linux getrusage counts what the parent held when it started us; this does not.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def settle_collector() -> None:
    """The garbage collector as the engine sets it when it starts, for jobs that run without one."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def machine() -> Machine:
    """This machine, the libraries that count, and the commit; `+` behind it says that the work tree differs."""
    names = ("eventsourcing", "msgspec", "orjson")
    return Machine(
        platform.platform(),
        _processor(),
        os.cpu_count() or 0,
        os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        round(os.getloadavg()[0], 2),
        platform.python_version(),
        {"sqlite": sqlite3.sqlite_version, **{name: version(name) for name in names}},
        commit(),
    )


def commit() -> str:
    """The short hash of the commit measured, `none` outside a clone."""
    head = _said("git", "rev-parse", "--short=12", "HEAD")
    return f"{head}{'+' if _said('git', 'status', '--porcelain') else ''}" if head else "none"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return _said("sysctl", "-n", "machdep.cpu.brand_string") or platform.processor() or platform.machine()


def _said(*command: str) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
