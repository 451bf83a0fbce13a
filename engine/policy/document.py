"""YAML text → plain values, with the line of every path.

Only what a policy needs is read: mappings with text keys, lists, and scalars by the JSON-like core schema (so
`on` is a word and 12:30 no number). Anchors, aliases and tags are refused: they make one place of the file
speak for several, which no line could then name, and a few lines of them can unfold to gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

Path = tuple[str | int, ...]

TEXT_BYTES_MAX = 1_048_576
DEPTH_MAX = 32

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER = re.compile(r"[-+]?(0|[1-9]\d{0,17})").fullmatch
_FLOAT = re.compile(r"[-+]?\d{1,18}(\.\d{0,18}([eE][-+]?\d{1,2})?|[eE][-+]?\d{1,2})").fullmatch


class Unreadable(Exception):
    """The text is no YAML we take: `line` (from 1, 0 if unknown), `problem`, `remedy`."""

    def __init__(self, line: int, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem
        self.remedy = remedy


class Document(msgspec.Struct, frozen=True):
    """`tree`: dict, list, str, int, float, bool or None. `lines`: the line, from 1, of every path in it."""

    tree: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of a path; of what it would be in, where it is not there."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 0)


def dotted(path: Path) -> str:
    """("moves", 3, "to") → `moves[3].to`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def read(text: str | bytes) -> Document:
    """Raises Unreadable for what is not UTF-8, not YAML, too large, too deep, or uses what is not taken
    here."""
    if isinstance(text, bytes):
        text = _decoded(text)
    text = text.removeprefix("\ufeff")
    if len(text) > TEXT_BYTES_MAX:
        raise Unreadable(
            0, f"it is longer than {TEXT_BYTES_MAX} characters", "Split what does not belong here."
        )
    lines: dict[Path, int] = {}
    events = iter(yaml.parse(text, Loader=_LOADER))
    try:
        tree = _document(events, lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        said = error.problem or error.context or "it cannot be read"
        if error.context and error.context_mark and error.context_mark.line + 1 != line:
            said += f" ({error.context} that begins on line {error.context_mark.line + 1})"
        raise Unreadable(
            line,
            f"it is not YAML here: {said}",
            "Check indentation, colons and quotes on this line and the one before; tabs cannot indent.",
        ) from None
    except yaml.reader.ReaderError as error:
        line = text.encode()[: error.position].count(b"\n") + 1
        raise Unreadable(
            line, "it holds a character YAML does not allow", "Remove the control character on this line."
        ) from None
    return Document(tree, lines)


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise Unreadable(line, "it is not UTF-8 text", "Save the file as UTF-8.") from None


def _document(events: Iterator[Any], lines: dict[Path, int]) -> Any:
    tree: Any = None
    documents = 0
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise Unreadable(
                    line,
                    "a second document begins here",
                    "Keep one document a file; drop `---`.",
                )
            tree = _node(next(events), events, (), lines)
    return tree


def _node(event: Any, events: Iterator[Any], path: Path, lines: dict[Path, int]) -> Any:
    line = event.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
        raise Unreadable(
            line,
            "anchors and aliases (&, *) are not taken",
            "Write the value out; quote a text that begins so.",
        )
    if event.tag is not None and event.tag != "!":
        raise Unreadable(
            line, f"the tag {event.tag} is not taken", "Drop it; quote a text that begins with '!'."
        )
    if isinstance(event, yaml.ScalarEvent):
        return _scalar(event.value) if event.implicit[0] else event.value
    if len(path) >= DEPTH_MAX:
        raise Unreadable(
            line, f"it is nested deeper than {DEPTH_MAX}", "No part of a policy is; check the brackets."
        )
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(_node(event, events, (*path, len(items)), lines))
        return items
    return _mapping(events, path, lines)


def _mapping(events: Iterator[Any], path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        line = event.start_mark.line + 1
        if not isinstance(event, yaml.ScalarEvent):
            raise Unreadable(
                line, "a key must be a plain name here", "Write `name: value`; check brackets and braces."
            )
        key = event.value
        inner = (*path, key)
        if inner in lines:
            raise Unreadable(
                line,
                f"the key {dotted(inner)} stands twice, first on line {lines[inner]}",
                "Keep one of the two.",
            )
        lines[inner] = line
        found[key] = _node(next(events), events, inner, lines)
    return found


def _scalar(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER(text):
        return int(text)
    if _FLOAT(text):
        return float(text)
    return text
