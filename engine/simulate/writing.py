"""A world into a file, its answers beside it."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec
import orjson

from engine.simulate.world import World

Progress = Callable[[int, int], None]
"""Called now and then with the lines written and the orders begun so far; orders begin throughout the world, so
their share of all is the share of the work."""

_CHUNK = 1_000


class Written(msgspec.Struct, frozen=True):
    """What was written: lines, bytes before compression, and the answers."""

    lines: int
    bytes: int
    answers: dict[str, Any]


def write(
    world: World, path: str | Path, answers_path: str | Path | None = None, progress: Progress | None = None
) -> Written:
    """Draw the world into `path`, gzipped if it ends in .gz, standard output for `-`; its answers as JSON into
    `answers_path`. The same world gives the same bytes, compressed or not. Raises OSError where it cannot write."""
    lines = size = 0
    with _target(str(path)) as target:
        chunk: list[bytes] = []
        for line in world.events():
            chunk.append(line)
            if len(chunk) == _CHUNK:
                size += target.write(b"".join(chunk))
                lines += _CHUNK
                chunk.clear()
                if progress is not None:
                    progress(lines, world.begun)
        size += target.write(b"".join(chunk))
        lines += len(chunk)
    if progress is not None:
        progress(lines, world.begun)
    answers = world.answers()
    if answers_path is not None:
        Path(answers_path).write_bytes(
            orjson.dumps(answers, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
    return Written(lines, size, answers)


@contextmanager
def _target(path: str) -> Iterator[IO[bytes]]:
    if path == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.endswith(".gz"):
        # No name and no time in the header: the same world is the same file.
        with open(path, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as target:
            yield target  # type: ignore[misc]
    else:
        with open(path, "wb") as target:
            yield target
