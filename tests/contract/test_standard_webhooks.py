"""Standard Webhooks 1.0: the published vector, and every case its own libraries test (STANDARDS.md, 2c)."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from engine.deliver.signing import Unverified, headers, verify
from engine.errors import UsageError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + b64encode(b"another secret of 32 bytes or so").decode()
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector() -> None:
    assert headers(ID, AT, BODY, [SECRET]) == {
        "webhook-id": ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def received(**changes: str) -> dict[str, str]:
    """The vector as it is received; `None` is written "" and taken out."""
    found = {"webhook-id": ID, "webhook-timestamp": str(AT), "webhook-signature": SIGNATURE} | {
        name.replace("_", "-"): value for name, value in changes.items()
    }
    return {name: value for name, value in found.items() if value}


def test_what_is_signed_is_verified() -> None:
    verify(received(), BODY, [SECRET], AT)


@pytest.mark.parametrize("secret", [SECRET.removeprefix("whsec_"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])
def test_a_secret_is_known_with_and_without_its_prefix(secret: str) -> None:
    verify(received(), BODY, [secret], AT)


def test_an_unpadded_secret_is_the_padded_one() -> None:
    padded = "whsec_" + b64encode(b"a secret of 25 bytes long").decode()
    assert padded.endswith("=")

    assert headers(ID, AT, BODY, [padded.rstrip("=")]) == headers(ID, AT, BODY, [padded])
    verify(headers(ID, AT, BODY, [padded]), BODY, [padded.rstrip("=")], AT)


def test_one_of_several_signatures_is_enough() -> None:
    several = " ".join(
        ["v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=", "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy", SIGNATURE]
    )

    verify(received(webhook_signature=several), BODY, [SECRET], AT)


def test_a_secret_is_changed_without_a_gap() -> None:
    both = headers(ID, AT, BODY, [OTHER, SECRET])

    assert both["webhook-signature"].split(" ")[1] == SIGNATURE
    verify(both, BODY, [SECRET], AT)
    verify(both, BODY, [OTHER], AT)
    verify(received(), BODY, [OTHER, SECRET], AT)


@pytest.mark.parametrize("apart", [-300, 0, 300])
def test_five_minutes_are_tolerated_in_both_directions(apart: int) -> None:
    verify(received(), BODY, [SECRET], AT + apart)


REFUSED: list[tuple[str, dict[str, str], bytes, str, int, str]] = [
    ("a tampered body", {}, b'{"test": 2432232315}', SECRET, AT, "None of its signatures"),
    ("a wrong secret", {}, BODY, OTHER, AT, "None of its signatures"),
    ("another id", {"webhook_id": "msg_other"}, BODY, SECRET, AT, "None of its signatures"),
    ("another time", {"webhook_timestamp": str(AT + 1)}, BODY, SECRET, AT, "None of its signatures"),
    ("too old", {}, BODY, SECRET, AT + 301, "too old: signed 301 s ago"),
    ("too new", {}, BODY, SECRET, AT - 301, "too new: signed 301 s from now"),
    ("no id", {"webhook_id": ""}, BODY, SECRET, AT, "lacks webhook-id"),
    ("no timestamp", {"webhook_timestamp": ""}, BODY, SECRET, AT, "lacks webhook-timestamp"),
    ("no signature", {"webhook_signature": ""}, BODY, SECRET, AT, "lacks webhook-signature"),
    ("no number", {"webhook_timestamp": "hello"}, BODY, SECRET, AT, "no number of seconds"),
    ("no version", {"webhook_signature": SIGNATURE[3:]}, BODY, SECRET, AT, "None of its signatures"),
    ("a version not known", {"webhook_signature": f"v2{SIGNATURE[2:]}"}, BODY, SECRET, AT, "None of its"),
    ("v1a by a symmetric secret", {"webhook_signature": f"v1a{SIGNATURE[2:]}"}, BODY, SECRET, AT, "None of"),
    ("a partial one", {"webhook_signature": SIGNATURE[:8]}, BODY, SECRET, AT, "None of its signatures"),
]


@pytest.mark.parametrize(
    ("changes", "body", "secret", "now", "why"),
    [case[1:] for case in REFUSED],
    ids=[case[0] for case in REFUSED],
)
def test_what_is_not_to_be_believed(
    changes: dict[str, str], body: bytes, secret: str, now: int, why: str
) -> None:
    with pytest.raises(Unverified, match=why):
        verify(received(**changes), body, [secret], now)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_%%%%", "whsk_c2hvcnQ="])
def test_what_is_no_secret_is_said_so_and_signs_nothing(secret: str) -> None:
    with pytest.raises(UsageError):
        headers(ID, AT, BODY, [secret])
    with pytest.raises(UsageError):
        verify(received(), BODY, [secret], AT)


def test_without_secrets_nothing_passes() -> None:
    with pytest.raises(UsageError):
        verify(received(), BODY, [], AT)
    with pytest.raises(UsageError):
        headers(ID, AT, BODY, [])


def test_an_id_with_a_dot_is_not_sent() -> None:
    with pytest.raises(UsageError, match="dot"):
        headers("msg.1", AT, BODY, [SECRET])


def test_an_asymmetric_signature_is_verified_by_the_public_key_alone() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    secret = "whsk_" + b64encode(key.private_bytes_raw() + key.public_key().public_bytes_raw()).decode()
    public = "whpk_" + b64encode(key.public_key().public_bytes_raw()).decode()
    signed = headers(ID, AT, BODY, [SECRET, secret])

    assert [part.partition(",")[0] for part in signed["webhook-signature"].split(" ")] == ["v1", "v1a"]
    verify(signed, BODY, [public], AT)
    verify(signed, BODY, [secret], AT)
    with pytest.raises(Unverified):
        verify(signed, b"another body", [public], AT)
    with pytest.raises(Unverified):
        verify(received(), BODY, [public], AT)
