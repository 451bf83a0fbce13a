"""Checks of how people and systems are told: deliveries, contacts, webhooks, sending."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from engine.policy.document import Path
from engine.policy.finding import Findings, nearest
from schemas.policy import DeliveryText, PolicyText, WebhookText, duration
from schemas.registry import TYPES

WEBHOOK = "webhook"
"""What intents for endpoints go by; no delivery may have the name."""

TIMEOUT_LEAST, TIMEOUT_MOST = duration("15s"), duration("30s")
"""What the standard asks a sender of webhooks to wait."""

_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://.").match


def check(text: PolicyText, findings: Findings, now: int) -> None:
    """The sections `delivery`, `sending`, `webhooks`, and the contacts of people and groups."""
    for name, delivery in text.delivery.items():
        _delivery(name, delivery, findings)
    for name, endpoint in text.webhooks.items():
        _endpoint(name, endpoint, findings)
    for section, contacts in (
        ("people", {name: person.contacts for name, person in text.people.items()}),
        ("groups", {name: group.contacts for name, group in text.groups.items()}),
    ):
        _contacts(section, contacts, text, findings)
    link = text.sending.link
    if link and not _is_http(link):
        findings.error(("sending", "link"), f"{link!r} is no address of a board", "Write https://….")


def variables(text: str) -> list[str]:
    """The environment variables a text asks for."""
    return _VARIABLE.findall(text)


def _delivery(name: str, delivery: DeliveryText, findings: Findings) -> None:
    at: Path = ("delivery", name)
    if name == WEBHOOK:
        findings.error(at, "that name is taken: endpoints are under `webhooks`", "Choose another.")
    if not delivery.url:
        if not delivery.dry_run:
            findings.error(at, "it is to send, and has no `url`", "Give it one, or leave dry_run: true.")
        return
    here: Path = (*at, "url")
    if _strange_braces(delivery.url):
        findings.error(
            here, "a brace stands for nothing", "There are ${NAME}, an environment variable, and {to}."
        )
    if delivery.provider == "apprise":
        if not _SCHEME(delivery.url) and not _is_variable(delivery.url):
            findings.error(here, "it is no URL of apprise", "As mailtos://user:${PASSWORD}@smtp.example.com.")
    elif not _is_http(delivery.url):
        findings.error(here, "it is no address of the robot", "Copy it whole from the robot's page.")
    elif "${" not in delivery.url and "{to}" not in delivery.url:
        findings.warning(
            here, "its key can be read here", "Put the key into a variable, and write ${NAME} in its place."
        )
    if delivery.secret is not None and delivery.provider != "dingtalk":
        findings.error((*at, "secret"), "only DingTalk signs with a secret", "Take it out.")


def _endpoint(name: str, endpoint: WebhookText, findings: Findings) -> None:
    at: Path = ("webhooks", name)
    if _strange_braces(endpoint.url) or "{to}" in endpoint.url or not _is_http(endpoint.url):
        findings.error((*at, "url"), "it is no address of an endpoint", "Write https://….")
    elif endpoint.url.startswith("http://") and urlsplit(endpoint.url).hostname not in _HERE:
        findings.warning((*at, "url"), "what is sent there can be read on its way", "Write https://….")
    if not TIMEOUT_LEAST <= duration(endpoint.timeout) <= TIMEOUT_MOST:
        findings.warning((*at, "timeout"), "the standard asks for 15 to 30 s", "Write 20s.")
    for i, pattern in enumerate(endpoint.types):
        if not any(fnmatchcase(known, pattern) for known in DECISIONS):
            findings.error((*at, "types", i), f"no decision is a {pattern!r}", nearest(pattern, DECISIONS))
    if len(set(endpoint.secrets)) < len(endpoint.secrets):
        findings.error((*at, "secrets"), "a variable stands twice", "Keep one of the two.")


def _contacts(
    section: str, contacts: Mapping[str, Mapping[str, str]], text: PolicyText, findings: Findings
) -> None:
    for name, found in contacts.items():
        for via, contact in found.items():
            at: Path = (section, name, "contacts", via)
            if via not in text.delivery:
                findings.error(at, f"there is no delivery {via!r}", nearest(via, text.delivery))
            elif _strange_braces(contact) or "{to}" in contact:
                findings.error(at, "a brace stands for nothing", "There is ${NAME}, an environment variable.")


def _strange_braces(text: str) -> bool:
    rest = _VARIABLE.sub("", text).replace("{to}", "")
    return "{" in rest or "}" in rest


def _is_http(url: str) -> bool:
    return (url.startswith(("http://", "https://")) and bool(urlsplit(url).netloc)) or _is_variable(url)


def _is_variable(url: str) -> bool:
    return _VARIABLE.fullmatch(url) is not None


_HERE = ("127.0.0.1", "::1", "localhost")

DECISIONS = tuple(name for name, spec in TYPES.items() if spec.reserved)
"""What endpoints may be told of."""
