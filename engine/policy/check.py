"""Everything that can be said of a policy text before it is used (DESIGN.md, "Policy").

First the text must be YAML, then fit the structs of `schemas.policy`, then make sense; what stands in the way
of a later step is found alone. The sense of each section is judged in its own module:

    lifecycles.py   maps, channels: unreachable states, dead ends, rules that contradict each other
    deadlines.py    stages, tiers, ladders, calendars: deadlines that cannot fire
    people.py       groups, people, routing, review, roles, tokens
    notices.py      templates, guides, points
    delivery.py     deliveries, contacts, webhooks
    working.py      diagnoses, ladders of open work, shifts and absences
    health.py       flow, the golden figure, nodes
    merging.py      which orders may travel together, and the board of suggestions
    ocel.py         the mapping of OCEL logs
"""

from __future__ import annotations

from engine.policy import deadlines, delivery, health, lifecycles, merging, notices, ocel, people, working
from engine.policy.document import Unreadable, read
from engine.policy.finding import Finding, Findings
from engine.policy.shape import shape
from schemas.policy import PolicyText


def check(text: str | bytes, now: int) -> list[Finding]:
    """All findings, by line. `now` (µs UTC) is when the policy would come into force. An empty list, or one
    of warnings alone, means it may be published."""
    return examine(text, now)[1]


def examine(text: str | bytes, now: int) -> tuple[PolicyText | None, list[Finding]]:
    """(the typed text or None if there is none to be had, findings by line)."""
    try:
        document = read(text)
    except Unreadable as error:
        return None, [Finding("", error.line, error.problem, error.remedy)]
    findings = Findings(document)
    typed = shape(document, findings)
    if typed is not None:
        for section in (lifecycles, deadlines, people, notices, delivery, working, health, merging, ocel):
            section.check(typed, findings, now)
    return typed, sorted(findings.found, key=lambda finding: (finding.line, finding.path))
