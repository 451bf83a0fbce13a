"""Signatures of Standard Webhooks 1.0: `{id}.{timestamp}.{body}`, by HMAC-SHA256 (v1) or ed25519 (v1a).

Secrets are written `whsec_…` (24 to 64 random bytes), `whsk_…` (an ed25519 key or its seed) and `whpk_…` (the public one), in
base64, with or without its padding. Several sign side by side, so that one can be changed for another.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar

from engine.errors import Refused, UsageError

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE_SECONDS = 300
"""How far, in both directions, a timestamp may be from the present."""

SYMMETRIC, SECRET_KEY, PUBLIC_KEY = "whsec_", "whsk_", "whpk_"
SECRET_LEAST, SECRET_MOST = 24, 64


class Unverified(Refused):
    """A webhook that is not to be believed."""

    title: ClassVar[str] = "The webhook is not verified"
    slug: ClassVar[str] = "webhook-unverified"
    status: ClassVar[int] = 401


def headers(id_: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of one attempt, `timestamp` in Unix seconds. UsageError for a secret that is none, or an id with a
    dot, which would let one id and timestamp pass for another."""
    if not id_ or "." in id_:
        raise UsageError(f"{id_!r} is no id of a webhook.", "It must not be empty, nor hold a dot.")
    if not secrets:
        raise UsageError("A webhook without a secret cannot be signed.", "Give it one.")
    content = _content(id_, str(timestamp), body)
    return {
        ID: id_,
        TIMESTAMP: str(timestamp),
        SIGNATURE: " ".join(_signed(content, secret) for secret in secrets),
    }


def verify(received: Mapping[str, str], body: bytes, secrets: Sequence[str], now: int) -> None:
    """Whether a webhook as received (header names in lower case) was signed with one of the secrets, for this time: `now`
    in Unix seconds. Raises Unverified, UsageError for a secret that is none."""
    keys = [_verifier(secret) for secret in secrets]
    if not keys:
        raise UsageError("Without a secret nothing can be verified.", "Give one.")
    id_, timestamp, signatures = (received.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE))
    if not id_ or not timestamp or not signatures:
        missing = [name for name in (ID, TIMESTAMP, SIGNATURE) if not received.get(name)]
        raise Unverified(f"It lacks {', '.join(missing)}.")
    if not (timestamp.isascii() and timestamp.isdecimal()):
        raise Unverified(f"Its timestamp {timestamp[:40]!r} is no number of seconds.")
    if int(timestamp) < now - TOLERANCE_SECONDS:
        raise Unverified(f"It is too old: signed {now - int(timestamp)} s ago.")
    if int(timestamp) > now + TOLERANCE_SECONDS:
        raise Unverified(f"It is too new: signed {int(timestamp) - now} s from now.")
    content = _content(id_, timestamp, body)
    for signature in signatures.split(" "):
        version, _, value = signature.partition(",")
        if any(key(version, value, content) for key in keys):
            return
    raise Unverified("None of its signatures is by a secret known here.")


def _content(id_: str, timestamp: str, body: bytes) -> bytes:
    return b".".join((id_.encode(), timestamp.encode(), body))


def _signed(content: bytes, secret: str) -> str:
    if secret.startswith(SECRET_KEY):
        return f"v1a,{b64encode(_private(secret).sign(content)).decode()}"
    return f"v1,{_mac(_symmetric(secret), content)}"


def _verifier(secret: str) -> Any:
    """(version, value in base64, content) → whether it is this secret's."""
    if secret.startswith((SECRET_KEY, PUBLIC_KEY)):
        public = _private(secret).public_key() if secret.startswith(SECRET_KEY) else _public(secret)

        def by_key(version: str, value: str, content: bytes) -> bool:
            from cryptography.exceptions import InvalidSignature

            try:
                public.verify(b64decode(value, validate=True), content)
            except (InvalidSignature, NotBase64, ValueError):
                return False
            return version == "v1a"

        return by_key
    key = _symmetric(secret)

    def by_secret(version: str, value: str, content: bytes) -> bool:
        return hmac.compare_digest(value.encode(), _mac(key, content).encode()) and version == "v1"

    return by_secret


def _mac(key: bytes, content: bytes) -> str:
    return b64encode(hmac.new(key, content, sha256).digest()).decode()


def _symmetric(secret: str) -> bytes:
    key = _bytes(secret.removeprefix(SYMMETRIC))
    if not SECRET_LEAST <= len(key) <= SECRET_MOST:
        raise UsageError(
            f"A webhook's secret has {SECRET_LEAST} to {SECRET_MOST} bytes, not {len(key)}.",
            "Make one: printf whsec_; head -c 32 /dev/urandom | base64",
        )
    return key


def _private(secret: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = _bytes(secret.removeprefix(SECRET_KEY))
    if len(key) not in (32, 64):
        raise UsageError(f"An ed25519 key has 32 or 64 bytes, not {len(key)}.")
    return Ed25519PrivateKey.from_private_bytes(key[:32])  # of 64 the rest is the public key


def _public(secret: str) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = _bytes(secret.removeprefix(PUBLIC_KEY))
    if len(key) != 32:
        raise UsageError(f"A public ed25519 key has 32 bytes, not {len(key)}.")
    return Ed25519PublicKey.from_public_bytes(key)


def _bytes(text: str) -> bytes:
    """Base64, with its padding or without."""
    text = text.strip().rstrip("=")
    try:
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (NotBase64, ValueError):
        raise UsageError("A webhook's secret is whsec_ and base64.") from None
