"""streams.yaml → the policy in force: read, typed, checked, compiled. What does not pass comes back whole,
every finding with its line and the way out."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

from engine.errors import OrderfoldError
from engine.policy.check import examine
from engine.policy.compile import compile_policy
from engine.policy.finding import Finding
from projections.policy import Policy
from schemas.envelope import micros
from schemas.policy import PolicyText


class PolicyError(OrderfoldError):
    """A policy did not pass its check; `findings` holds all there is to say, warnings too."""

    title: ClassVar[str] = "The policy does not pass its check"
    slug: ClassVar[str] = "policy"
    exit_code: ClassVar[int] = 1
    status: ClassVar[int] = 422

    def __init__(self, findings: Sequence[Finding]) -> None:
        errors = sum(finding.severity == "error" for finding in findings)
        super().__init__(
            f"{errors} error{'s' if errors != 1 else ''} in the policy:\n" + "\n".join(map(str, findings)),
            "Put them right; `orderfold check` says when all is well.",
        )
        self.findings = tuple(findings)


def load_policy(
    source: Path | str | bytes, *, now: int, start: int | None = None
) -> tuple[Policy, PolicyText]:
    """(compiled, typed text) of a file (Path) or of the text itself (str, bytes).

    Calendars are compiled from `start` (µs UTC; `intake.earliest` of the text if not given) to two years
    after `now` (µs UTC). Raises PolicyError with every finding if one of them is an error; warnings alone
    pass."""
    raw = _read(source)
    typed, findings = examine(raw, now)
    if typed is None or any(finding.severity == "error" for finding in findings):
        raise PolicyError(findings)
    begins = micros(typed.intake.earliest) if start is None else start
    return compile_policy(typed, sha256(raw).hexdigest(), begins, now), typed


def _read(source: Path | str | bytes) -> bytes:
    if isinstance(source, Path):
        try:
            return source.read_bytes()
        except OSError as error:
            raise PolicyError(
                [
                    Finding(
                        "",
                        0,
                        f"{source} cannot be read: {error.strerror}",
                        "Name the file, or make one by this path.",
                    )
                ]
            ) from None
    return source.encode() if isinstance(source, str) else source
