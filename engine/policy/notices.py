"""Checks of what people are told: templates, deliveries, guides, points of health.

A template fails here, on publishing, and not on sending, when a variable is missing.
"""

from __future__ import annotations

from string import Formatter

from engine.policy.document import Path
from engine.policy.finding import Findings, nearest
from schemas.policy import PolicyText
from schemas.vocabulary import HEALTH_CAUSES, NOTICES, WORK_KINDS


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """The sections `notices`, `guides` and `health`."""
    for kind, notice in text.notices.items():
        at: Path = ("notices", kind)
        if kind not in NOTICES:
            findings.error(at, f"there is no kind of notice {kind!r}", nearest(kind, NOTICES))
            continue
        for i, via in enumerate(notice.via):
            if via not in text.delivery:
                findings.error((*at, "via", i), f"there is no delivery {via!r}", nearest(via, text.delivery))
        _template(notice.text, (*at, "text"), NOTICES[kind], findings)
    for kind in sorted(NOTICES.keys() - text.notices.keys() - {"digest"}):  # it has words of its own
        findings.warning(
            ("notices",),
            f"there is no text for {kind!r}, so nobody is told",
            f'Add {kind}: {{via: [], text: "…"}}.',
        )
    for kind in text.guides:
        if kind not in WORK_KINDS:
            findings.error(
                ("guides", kind), f"there is no kind of work item {kind!r}", nearest(kind, WORK_KINDS)
            )
    for kind in sorted(WORK_KINDS - text.guides.keys()):
        findings.warning(
            ("guides",),
            f"work items of kind {kind!r} have no guide",
            f"Write {kind}: and what is to be done.",
        )
    for cause in text.health.points:
        if cause not in HEALTH_CAUSES:
            findings.error(
                ("health", "points", cause),
                f"nothing costs points as {cause!r}",
                nearest(cause, HEALTH_CAUSES),
            )


def _template(text: str, at: Path, variables: frozenset[str], findings: Findings) -> None:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        findings.error(
            at,
            f"the template is broken: {str(error).lower()}",
            "Write {{ and }} for braces that are meant as such.",
        )
        return
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if spec or conversion or not name.isidentifier():
            findings.error(
                at, f"{{{name}}} is no plain variable", "Write the name alone in braces, as {order}."
            )
        elif name not in variables:
            findings.error(
                at, f"the variable {{{name}}} is missing: this notice has none such", nearest(name, variables)
            )
