"""Files as lines: plain, gzip, standard input; damaged ones give what they hold and name the place."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import pytest

from engine.errors import Unreadable
from engine.intake import files

LINES = [b'{"n":%d}' % n for n in range(50_000)]
TEXT = b"\n".join(LINES) + b"\n"


def written(folder: Path, content: bytes, name: str = "night.jsonl") -> str:
    path = folder / name
    path.write_bytes(content)
    return str(path)


def read(path: str, limit: int = 1_000) -> list[bytes]:
    return [line for _, line in files.lines(path, limit)]


def read_until_unreadable(path: str) -> tuple[list[bytes], Unreadable]:
    found: list[bytes] = []
    with pytest.raises(Unreadable) as caught:
        found.extend(line for _, line in files.lines(path, 1_000))
    return found, caught.value


def test_lines_are_numbered_from_one(tmp_path: Path) -> None:
    path = written(tmp_path, b"a\n\nb")

    assert list(files.lines(path, 10)) == [(1, b"a"), (2, b""), (3, b"b")]


def test_plain_and_gzip_are_told_apart_by_content(tmp_path: Path) -> None:
    plain, packed = written(tmp_path, TEXT, "a.gz"), written(tmp_path, gzip.compress(TEXT), "b.jsonl")

    assert read(plain) == read(packed) == LINES


def test_gzip_of_several_members_and_padding(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b"a\nb") + gzip.compress(b"c\n") + bytes(1_000))

    assert read(path) == [b"a", b"bc"]


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"\xef\xbb\xbfa\nb\n")) == [b"a", b"b"]
    assert read(written(tmp_path, b"\xef\xbb\xbfa")) == [b"a"]


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_may_be_gzip(packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    content = io.BytesIO(gzip.compress(TEXT) if packed else TEXT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(content)))

    assert read("-") == LINES


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert read(written(tmp_path, b"")) == []


def test_of_a_line_too_long_only_the_beginning_is_given(tmp_path: Path) -> None:
    path = written(tmp_path, b"a\n" + b"x" * 3_000_000 + b"\nb\n" + b"y" * 2_000)

    assert read(path, 100) == [b"a", b"x" * 101, b"b", b"y" * 101]


def test_a_truncated_gzip_gives_all_whole_lines_and_names_the_place(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT)
    path = written(tmp_path, packed[: len(packed) // 2], "night.jsonl.gz")

    found, error = read_until_unreadable(path)

    assert found == LINES[: len(found)]
    assert len(found) > 20_000
    assert f"ends early, at byte {len(packed) // 2}" in error.detail
    assert f"Lines 1 to {len(found)} were read" in error.detail
    assert "duplicate" in error.remedy


def test_a_cut_behind_the_last_event_loses_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, gzip.compress(b'{"n":1}\n{"n":2}')[:-8], "night.jsonl.gz")

    found, _ = read_until_unreadable(path)

    assert found == [b'{"n":1}', b'{"n":2}']


def test_a_damaged_gzip_names_the_bytes(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(TEXT))
    packed[70_000:70_100] = bytes(100)

    found, error = read_until_unreadable(written(tmp_path, bytes(packed)))

    assert found == LINES[: len(found)]
    assert "is damaged between bytes" in error.detail


def test_what_is_no_file_is_unreadable(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "absent", "does not exist"), (tmp_path, "is a folder")):
        _, error = read_until_unreadable(str(path))
        assert words in error.detail
        assert error.remedy


def test_a_document_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, gzip.compress(TEXT))
    assert files.whole(path) == TEXT

    monkeypatch.setattr(files, "WHOLE_BYTES_MAX", 1_000)
    with pytest.raises(Unreadable):
        files.whole(path)
