"""One message handed over: to the robots, to a mail server and an SMS gateway through apprise, all on this machine."""

from __future__ import annotations

import hmac
from base64 import b64encode
from email import message_from_string
from email.policy import default
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.deliver.providers import Answer, address, cut, expanded, to_people
from engine.errors import UsageError
from schemas.policy import DeliveryText
from tests.receivers import Reply, mailbox, receiver

NOW = 1_600_000_000_123_456
ENVIRON = {
    "TOKEN": "a/b c",
    "SECRET": "SEC1",
    "PASSWORD": "p@ss",
    "WHOLE": "https://example.com/x?k=1",
    "PHONE": "+8613812345678",
}


def tell(delivery: DeliveryText, contact: str = "", text: str = "jd:1 is frozen") -> Answer:
    return to_people(delivery, "key-1", "frozen: jd:1", text, contact, NOW, ENVIRON)


def test_dingtalk_is_posted_to_signed_and_mentions_whom_it_is_for() -> None:
    with receiver() as robot:
        delivery = DeliveryText(
            provider="dingtalk", url=f"{robot.url}/robot/send?access_token=${{TOKEN}}", secret="SECRET"
        )
        assert tell(delivery, "13812345678,gao.yi").outcome == "ok"

        (request,) = robot.requests
        query = parse_qs(urlsplit(request.path).query)
        signature = hmac.new(b"SEC1", b"1600000000123\nSEC1", sha256).digest()
        assert query == {
            "access_token": ["a/b c"],
            "timestamp": ["1600000000123"],
            "sign": [b64encode(signature).decode()],
        }
        assert request.json == {
            "msgtype": "text",
            "text": {"content": "frozen: jd:1\njd:1 is frozen"},
            "at": {"atMobiles": ["13812345678"], "atUserIds": ["gao.yi"], "isAtAll": False},
        }


def test_wecom_is_posted_to_and_mentions_whom_it_is_for() -> None:
    with receiver() as robot:
        delivery = DeliveryText(provider="wecom", url=f"{robot.url}/send?key=${{TOKEN}}")
        assert tell(delivery, "13812345678,gao.yi").outcome == "ok"

        assert robot.requests[0].json["text"] == {
            "content": "jd:1 is frozen",
            "mentioned_mobile_list": ["13812345678"],
            "mentioned_list": ["gao.yi"],
        }


@pytest.mark.parametrize(
    ("provider", "code", "outcome"),
    [("dingtalk", 130101, "throttled"), ("dingtalk", 310000, "refused"), ("wecom", 45009, "throttled"), ("wecom", 40058, "refused")],
)  # fmt: skip
def test_what_a_robot_turns_away_with_200_is_not_sent(provider: str, code: int, outcome: str) -> None:
    with receiver() as robot:
        robot.reply = Reply(body=b'{"errcode":%d,"errmsg":"no"}' % code)
        answer = tell(DeliveryText(provider=provider, url=f"{robot.url}/send?key=1"))  # type: ignore[arg-type]

        assert (answer.outcome, answer.status, answer.detail) == (outcome, 200, f"{code} no")


def test_a_robots_retry_after_is_heard() -> None:
    with receiver() as robot:
        robot.reply = Reply(429, {"Retry-After": "30"})
        answer = tell(DeliveryText(provider="wecom", url=f"{robot.url}/send?key=1"))

        assert (answer.outcome, answer.status, answer.retry_after) == ("throttled", 429, 30_000_000)


def test_mail_goes_to_everyone_concerned_with_its_idempotency_key() -> None:
    with mailbox() as (box, port):
        delivery = DeliveryText(url=f"mailto://127.0.0.1:{port}?from=bot@example.com&to={{to}}")
        assert tell(delivery, "ann@example.com,bob@example.com", "已冻结: jd:1").outcome == "ok"

        assert sorted(recipients for recipients, _ in box.mails) == [["ann@example.com"], ["bob@example.com"]]
        mail = message_from_string(box.mails[0][1], policy=default)
        assert mail["Subject"] == "frozen: jd:1"
        assert mail["Idempotency-Key"] == "key-1"
        assert mail["From"].addresses[0].addr_spec == "bot@example.com"
        body = mail.get_body(("plain",))
        assert body is not None
        assert body.get_content().strip() == "已冻结: jd:1"


def test_a_mail_server_that_refuses_or_is_not_there_is_a_failure() -> None:
    with mailbox() as (box, port):
        box.refuse = True
        delivery = DeliveryText(url=f"mailto://127.0.0.1:{port}?from=bot@example.com&to={{to}}")
        assert tell(delivery, "ann@example.com").outcome == "failed"
        assert box.mails == []
    answer = tell(delivery, "ann@example.com")
    assert answer.outcome == "failed"
    assert "submitting email" in answer.detail


def test_an_sms_gateway_is_given_number_and_text() -> None:
    with receiver() as gateway:
        delivery = DeliveryText(
            url=f"json://127.0.0.1:{gateway.port}/sms?:to={{to}}&+Authorization=Bearer%20${{TOKEN}}"
        )
        assert tell(delivery, "${PHONE}").outcome == "ok"

        (request,) = gateway.requests
        assert request.path == "/sms"
        assert request.json["to"] == "+8613812345678"
        assert request.json["message"] == "jd:1 is frozen"
        assert request.headers["authorization"] == "Bearer a/b c"
        assert request.headers["idempotency-key"] == "key-1"


@pytest.mark.parametrize(
    ("status", "outcome"), [(429, "throttled"), (502, "throttled"), (400, "refused"), (500, "failed")]
)
def test_of_a_gateways_refusal_apprise_tells_the_status(status: int, outcome: str) -> None:
    with receiver() as gateway:
        gateway.reply = Reply(status)
        answer = tell(DeliveryText(url=f"json://127.0.0.1:{gateway.port}/sms"))

        assert (answer.outcome, answer.status) == (outcome, status)


def test_apprise_does_not_wait_longer_than_it_may() -> None:
    with receiver() as gateway:
        gateway.reply = Reply(hang=True)
        answer = tell(DeliveryText(url=f"json://127.0.0.1:{gateway.port}/sms", timeout="300ms"))

        assert answer.outcome == "failed"
        assert "Connection error" in answer.detail


@pytest.mark.parametrize("url", ["nonsense://x", "mailto://", "json://${MISSING}/"])
def test_what_apprise_cannot_make_sense_of_is_misconfigured(url: str) -> None:
    assert tell(DeliveryText(url=url)).outcome == "misconfigured"


def test_variables_are_put_in_as_their_place_asks() -> None:
    assert address("https://x/${TOKEN}?to={to}", ENVIRON, "+86 1") == "https://x/a%2Fb%20c?to=%2B86%201"
    assert address("${WHOLE}", ENVIRON) == "https://example.com/x?k=1"
    assert expanded("${PHONE},2", ENVIRON) == "+8613812345678,2"
    with pytest.raises(UsageError, match="MISSING is not set"):
        address("https://x/${MISSING}", ENVIRON)


def test_a_text_is_cut_between_characters() -> None:
    assert cut("short", 10) == "short"
    assert cut("冻" * 10, 20) == "冻" * 5 + "…"
    assert len(cut("冻" * 10, 20).encode()) <= 20
