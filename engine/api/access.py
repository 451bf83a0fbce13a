"""Who asks, and whether they may (DESIGN.md, "Access").

Bound to a loopback address the API is open: whoever is on this machine is `local:<user>` (authtype `unknown`, since
nobody proved it) and may do everything. What must not get in is a page in the operator's browser: a Host that is not
this machine (a name re-bound to 127.0.0.1) and an Origin that is not this API are refused, and only JSON media types are
taken. Bound elsewhere it needs tokens, and only the credential counts.
"""

from __future__ import annotations

import getpass
import os
from base64 import b64decode
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase, translate
from hashlib import sha256
from hmac import compare_digest
from ipaddress import ip_address
from re import compile as compile_pattern
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from engine.api.problems import Unauthenticated
from engine.errors import Forbidden
from engine.intake.model import Credential
from schemas.policy import PolicyText, RoleText
from schemas.vocabulary import ACTIONS

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Actor(msgspec.Struct, frozen=True):
    """Who asks. `sources` is a pattern over the CloudEvents sources they may send from, None for any."""

    authtype: str
    authid: str
    actions: frozenset[str]
    sources: Any = None

    def may(self, action: str) -> None:
        """Raises Forbidden, naming what the actor lacks."""
        if action not in self.actions:
            raise Forbidden(
                f"{self.authid} may not {action}.",
                "A role with that action would allow it (streams.yaml, roles).",
            )

    def sends(self, source: str) -> bool:
        """Whether the credential covers a source."""
        return self.sources is None or self.sources.fullmatch(source) is not None

    @property
    def credential(self) -> Credential:
        """As intake takes it."""
        return Credential(self.authtype, self.authid)


Tokens = tuple[tuple[bytes, Actor], ...]
"""SHA-256 of each token, and whose it is."""


def local_actor() -> Actor:
    """Whoever runs this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without a user database
        user = f"uid{os.getuid()}"
    return Actor("unknown", f"local:{user}", ACTIONS)


def is_local(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def allowed(roles: Mapping[str, RoleText], names: list[str]) -> frozenset[str]:
    """The actions of these roles together; `order.*` stands for every command of the family."""
    patterns = [action for name in names if name in roles for action in roles[name].actions]
    return frozenset(
        action for action in ACTIONS if any(fnmatchcase(action, pattern) for pattern in patterns)
    )


def tokens_of(text: PolicyText, environ: Mapping[str, str]) -> Tokens:
    """The tokens of a policy. One whose environment variable is not set is nobody's."""
    found = []
    for token in text.tokens:
        secret = environ.get(token.env, "") if token.env else ""
        digest = bytes.fromhex(token.sha256) if token.sha256 else sha256(secret.encode()).digest()
        if token.sha256 or secret:
            sources = compile_pattern("|".join(map(translate, token.sources)) or r"(?!)")
            actor = Actor(token.authtype, token.name, allowed(text.roles, token.roles), sources)
            found.append((digest, actor))
    return tuple(found)


class Access:
    """The guard of every route: sets `request.user`. A handler says with `action="…"` what its caller must be allowed
    (`read` if it says nothing), or with `action=""` that it is open to all."""

    def __init__(self, local: bool, tokens: Callable[[], Tokens]) -> None:
        self.local = local
        self._tokens = tokens
        self.anybody = local_actor()

    async def admit(self, connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        headers = connection.headers
        method = str(connection.scope.get("method", ""))
        host = headers.get("host", "")
        if self.local and _name(host) not in LOCAL_NAMES:
            raise Forbidden(
                f"This API listens on this machine only, and the request is for {host!r}.",
                "Ask http://127.0.0.1, or serve another address with tokens.",
            )
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            raise Forbidden(
                f"A page of {origin} may not use this API.", "Send from a program, or from its own pages."
            )
        action: str = handler.opt.get("action", "read")
        actor = self._who(headers.get("authorization", ""), method, open_=not action)
        connection.scope["user"] = actor
        if action:
            actor.may(action)

    def _who(self, authorization: str, method: str, *, open_: bool) -> Actor:
        """Whose credential it is. On this machine none is needed, but one that is shown must be right."""
        if not authorization:
            if self.local or open_:
                return self.anybody
            raise Unauthenticated("This API needs a token.", "Send it as Authorization: Bearer TOKEN.")
        token = _token(authorization, method)
        digest = sha256(token.encode()).digest()
        found = None
        for known, actor in self._tokens():  # all of them: how long it takes says nothing about which
            if compare_digest(known, digest):
                found = actor
        if found is None:
            raise Unauthenticated(
                "The token is not known.", "`tokens` of streams.yaml in force says which are."
            )
        return found


def _name(host: str) -> str:
    """`127.0.0.1:8700` → `127.0.0.1`; "" for what is no host."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _token(authorization: str, method: str) -> str:
    """The token of the header. As a password (RFC 7617), so that a browser can show the pages, it is taken for reading
    only: a browser sends it along by itself, which must never be enough to write."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic" and method in _READING:
        try:
            return b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:
            pass
    raise Unauthenticated("The credential cannot be read.", "Send it as Authorization: Bearer TOKEN.")
