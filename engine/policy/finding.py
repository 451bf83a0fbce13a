"""What a check finds: the place, what is wrong there, and the way out."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Literal

import msgspec

from engine.policy.document import Document, Path, dotted

_SHOWN_MAX = 60


class Finding(msgspec.Struct, frozen=True):
    """One thing found in a policy text. `line` counts from 1 (0: the file as a whole); `path` is dotted, as
    `lifecycles.standard.moves[3].to`. An error keeps the policy from being used, a warning does not."""

    path: str
    line: int
    problem: str
    remedy: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{self.severity}: {where}{self.path or 'the file'}: {self.problem}. {self.remedy}"


class Findings:
    """The findings of one document, each put at its line."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.found: list[Finding] = []

    def error(self, path: Path, problem: str, remedy: str) -> None:
        """The policy cannot be used until this is put right."""
        self.found.append(Finding(dotted(path), self._document.line(path), problem, remedy))

    def warning(self, path: Path, problem: str, remedy: str) -> None:
        """The policy can be used, but probably does not do what was meant."""
        self.found.append(Finding(dotted(path), self._document.line(path), problem, remedy, "warning"))

    def line(self, path: Path) -> int:
        """Where a path is written, for naming a second place."""
        return self._document.line(path)


def shown(value: Any) -> str:
    """A value as a message shows it: short, on one line."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[: _SHOWN_MAX - 1]}…"


def nearest(name: str, known: Any) -> str:
    """ "did you mean 'paid'?" for a name that is close to a known one, else the known names, else ""."""
    names = sorted(known)
    close = get_close_matches(str(name), names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if not names:
        return "None is declared."
    listed = ", ".join(names[:12])
    return f"Known: {listed}{', …' if len(names) > 12 else ''}."
