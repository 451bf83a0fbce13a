"""Files as lines: plain or gzip, told apart by their first bytes; `-` is standard input."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import msgspec

from engine.errors import Unreadable
from engine.intake.places import NOT_JSON

STDIN = "-"
WHOLE_BYTES_MAX = 1 << 30
"""The largest file, unpacked, that is read as one document (OCEL)."""

_READ_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 18
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_REMEDY = "Fetch it again and ingest it again: what is already here will count as duplicate."


def chunks(path: str) -> Iterator[bytes]:
    """The file's bytes, unpacked, in chunks of bounded size.

    All that can be read of a damaged or truncated file is given first; then Unreadable names the byte. gzip
    is unpacked here because the library's reader drops what it has in hand when its input ends early.
    """
    file = _open(path)
    try:
        if file.peek(2)[:2] == _GZIP:
            yield from _unpacked(path, file)
        else:
            while chunk := file.read1(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}.", _REMEDY) from None
    finally:
        if path != STDIN:
            file.close()


def lines(path: str, limit: int) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, its bytes without the line feed).

    Of a line longer than `limit` only limit + 1 bytes are given, so that no line fills the memory. After the
    last whole line of a damaged file Unreadable names line and byte.
    """
    number = 0
    pending = b""
    try:
        for chunk in chunks(path):
            parts = chunk.split(b"\n")
            parts[0] = pending + parts[0]
            pending = parts.pop()[: limit + 1]
            for part in parts:
                number += 1
                if number == 1 and part.startswith(_BOM):
                    part = part[3:]
                yield number, part if len(part) <= limit else part[: limit + 1]
    except Unreadable as error:
        # The cut may have fallen exactly behind a line: an event that is whole is not lost with its line feed.
        if _whole(pending):
            number += 1
            yield number, pending
        raise Unreadable(f"{error.detail} Lines 1 to {number} were read.", error.remedy) from None
    if pending:
        yield number + 1, pending.removeprefix(_BOM) if number == 0 else pending


def whole(path: str) -> bytes:
    """The whole file, unpacked. Raises Unreadable for one that is damaged or larger than WHOLE_BYTES_MAX."""
    read = []
    size = 0
    for chunk in chunks(path):
        size += len(chunk)
        if size > WHOLE_BYTES_MAX:
            raise Unreadable(f"{path} is larger than {WHOLE_BYTES_MAX} bytes.", "Split the log by time.")
        read.append(chunk)
    return b"".join(read).removeprefix(_BOM)


def _open(path: str) -> BufferedReader:
    if path == STDIN:
        return sys.stdin.buffer  # type: ignore[return-value]
    if Path(path).is_dir():
        raise Unreadable(f"{path} is a folder.", f"Name its files ({path}/*.jsonl), or its --format.")
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise Unreadable(f"{path} does not exist.", "Check the path.") from None
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}.", "Check the path and its permissions.") from None


def _unpacked(path: str, file: BufferedReader) -> Iterator[bytes]:
    unpack = zlib.decompressobj(wbits=31)
    at = 0
    packed = b""
    while packed or (packed := file.read1(_READ_BYTES)):
        if unpack.eof:
            # Behind a member come more members, or the zeroes that pad a tape block.
            stripped = packed.lstrip(b"\0")
            at += len(packed) - len(stripped)
            packed = stripped
            if not packed:
                continue
            unpack = zlib.decompressobj(wbits=31)
        size = len(packed)
        try:
            chunk = unpack.decompress(packed, _CHUNK_BYTES)
        except zlib.error as error:
            raise Unreadable(
                f"{path} is damaged between bytes {at} and {at + size}: {error}.", _REMEDY
            ) from None
        packed = unpack.unused_data if unpack.eof else unpack.unconsumed_tail
        at += size - len(packed)
        if chunk:
            yield chunk
    if tail := unpack.flush():
        yield tail
    if not unpack.eof:
        raise Unreadable(f"{path} ends early, at byte {at}: its gzip data is cut short.", _REMEDY)


def _whole(line: bytes) -> bool:
    if not line:
        return False
    try:
        msgspec.json.decode(line)
    except NOT_JSON:
        return False
    return True
