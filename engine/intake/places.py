"""Where in the bytes something is wrong, in the words of a decoder and the numbers of an editor."""

from __future__ import annotations

import re

import msgspec

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that decoding foreign JSON can raise; of these msgspec.ValidationError means JSON of another shape."""

_BYTE = re.compile(r"\(byte (\d+)\)")
_PATH = re.compile(r" - at `\$(.*)`$")
_POINTED = re.compile(r"(/[^\s:]+)[:\s]\s*(.*)", re.DOTALL)


def json_fault(raw: bytes, error: Exception) -> str:
    """Why bytes are no JSON, with line and column: both from 1, columns in bytes."""
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeDecodeError):
        # The decoder counts from the string it was in, so the place is sought again from the beginning.
        try:
            raw.decode()
        except UnicodeDecodeError as again:
            return f"not UTF-8 {_line_and_column(raw, again.start)}"
        return "not UTF-8"
    message = str(error)
    found = _BYTE.search(message)
    if found is None:
        return f"cut short {_line_and_column(raw, len(raw))}"
    return f"{message[: found.start()].strip()} {_line_and_column(raw, int(found.group(1)))}"


def shape_fault(error: msgspec.ValidationError) -> tuple[str, str]:
    """(JSON pointer, what was expected there): msgspec's `$.lines[0].quantity` is /lines/0/quantity."""
    message = str(error)
    found = _PATH.search(message)
    if found is None:
        return "", message
    pointer = found.group(1).replace("[", "/").replace("]", "").replace(".", "/")
    return pointer, message[: found.start()]


def pointed(detail: str) -> list[dict[str, str]]:
    """A refusal's `/data/lines/0/quantity: Expected …` as RFC 9457's `errors`; [] where it names no place."""
    found = _POINTED.match(detail)
    return [{"pointer": found.group(1), "detail": found.group(2)}] if found else []


def _line_and_column(raw: bytes, at: int) -> str:
    line = raw.count(b"\n", 0, at) + 1
    column = at - (raw.rfind(b"\n", 0, at) + 1) + 1
    return f"at line {line} column {column}" if line > 1 else f"at column {column}"
