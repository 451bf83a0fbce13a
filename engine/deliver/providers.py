"""How one message is handed over: to an endpoint, to the robots of DingTalk and WeCom, to whatever apprise knows.

apprise only says whether it went well. For mail and SMS that will do. The two robots answer 200 to a message they turn away,
with the reason in the body, which apprise (2.2) does not read: a notice lost to their limit of 20 a minute would count as sent.
They are therefore posted to directly; an answer's status and `Retry-After` are then known too.
"""

from __future__ import annotations

import hmac
import logging
import re
import threading
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from engine.deliver import signing
from engine.errors import OrderfoldError, UsageError
from engine.policy.delivery import variables
from schemas.envelope import micros
from schemas.policy import DeliveryText, WebhookText, duration

if TYPE_CHECKING:
    import httpx

OK, THROTTLED, GONE, REDIRECTED = "ok", "throttled", "gone", "redirected"
REFUSED, FAILED, TIMEOUT, UNREACHABLE, MISCONFIGURED = (
    "refused",
    "failed",
    "timeout",
    "unreachable",
    "misconfigured",
)
"""What an attempt may come to."""

THROTTLING = frozenset({429, 502, 504})
RETRY_AFTER_MOST = duration("24h")
CLOUDEVENT = "application/cloudevents+json; charset=UTF-8"
BODY_BYTES_READ = 4_096

DINGTALK_BUSY = frozenset({130101, 410100, 90018, 90020})
WECOM_BUSY = frozenset({45009, 45033})
"""Codes by which the robots say that it is too much at the moment."""

TEXT_BYTES_MOST = {"wecom": 2_048, "dingtalk": 20_000}
"""What the robots take as one text."""

_encode = msgspec.json.Encoder().encode
_STATUS = re.compile(r"error=(\d{3})\b")


class Answer(msgspec.Struct, frozen=True):
    """What an attempt came to: `status` the HTTP one, 0 where none is known; `retry_after` µs from now, 0 for none said."""

    outcome: str
    status: int = 0
    retry_after: int = 0
    detail: str = ""


def answered(status: int, retry_after: str = "", now: int = 0, detail: str = "") -> Answer:
    """What a status means to a sender of webhooks. `now` in µs UTC, for a Retry-After that names an instant."""
    if 200 <= status < 300:
        return Answer(OK, status)
    said = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    if status == HTTPStatus.GONE:
        outcome = GONE
    elif status in THROTTLING:
        outcome = THROTTLED
    else:
        outcome = REDIRECTED if status < 400 else REFUSED if status < 500 else FAILED
    return Answer(
        outcome,
        status,
        later(retry_after, now),
        f"{status} {said}".strip() + (f": {detail}" if detail else ""),
    )


def later(retry_after: str, now: int) -> int:
    """A Retry-After (seconds, or a date) in µs from now; 0 for none, or what is no such thing. At most a day."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return min(int(text[:9]) * 1_000_000, RETRY_AFTER_MOST)
    try:
        return min(max(0, micros(parsedate_to_datetime(text)) - now), RETRY_AFTER_MOST)
    except (ValueError, TypeError):
        return 0


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """A text with its environment variables put in as they are. UsageError for one that is not set."""
    return _put_in(text, environ, str)


def address(url: str, environ: Mapping[str, str], to: str = "") -> str:
    """A URL with its variables and `{to}` put in, made fit for a URL; one that is a variable and nothing else is taken as
    that has it. UsageError for a variable not set."""
    if url.startswith("${") and url.find("}") == len(url) - 1:
        return expanded(url, environ)
    return _put_in(url, environ, lambda value: quote(value, safe="")).replace("{to}", quote(to, safe="@,"))


def _put_in(text: str, environ: Mapping[str, str], written: Callable[[str], str]) -> str:
    for name in variables(text):
        if not environ.get(name):
            raise UsageError(
                f"The environment variable {name} is not set.", "Set it for the process that sends."
            )
        text = text.replace(f"${{{name}}}", written(environ[name]))
    return text


@cache
def _client() -> httpx.Client:
    """One pool of connections for all that is posted."""
    import httpx

    return httpx.Client(follow_redirects=False, headers={"User-Agent": "Orderfold"})


def _post(
    url: str, body: bytes, headers: Mapping[str, str], timeout: int, now: int, read: bool = False
) -> tuple[Answer, bytes]:
    import httpx

    seconds = timeout / 1e6
    try:
        with _client().stream("POST", url, content=body, headers=dict(headers), timeout=seconds) as response:
            found = answered(response.status_code, response.headers.get("retry-after", ""), now)
            return found, next(response.iter_bytes(BODY_BYTES_READ), b"") if read else b""
    except httpx.TimeoutException:
        return Answer(TIMEOUT, detail=f"no answer within {seconds:g} s"), b""
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return Answer(MISCONFIGURED, detail=str(error)), b""
    except httpx.HTTPError as error:
        return Answer(UNREACHABLE, detail=f"{type(error).__name__}: {error}"), b""


def to_endpoint(endpoint: WebhookText, key: str, body: bytes, now: int, environ: Mapping[str, str]) -> Answer:
    """One attempt to tell an endpoint, signed as of `now` (µs UTC)."""
    try:
        secrets = [environ[name] for name in endpoint.secrets if environ.get(name)]
        if not secrets:
            raise UsageError(f"None of {', '.join(endpoint.secrets)} is set.")
        headers = signing.headers(key, now // 1_000_000, body, secrets)
        url = address(endpoint.url, environ)
    except OrderfoldError as error:
        return Answer(MISCONFIGURED, detail=error.detail)
    return _post(url, body, headers | {"Content-Type": CLOUDEVENT}, duration(endpoint.timeout), now)[0]


def to_people(
    delivery: DeliveryText,
    key: str,
    title: str,
    text: str,
    contact: str,
    now: int,
    environ: Mapping[str, str],
) -> Answer:
    """One attempt to tell somebody, by whatever the delivery is."""
    try:
        contact = expanded(contact, environ)
        url = address(delivery.url, environ, contact)
        secret = expanded(f"${{{delivery.secret}}}", environ) if delivery.secret else ""
    except UsageError as error:
        return Answer(MISCONFIGURED, detail=error.detail)
    timeout = duration(delivery.timeout)
    named = [one for one in contact.split(",") if one] if "{to}" not in delivery.url else []
    if delivery.provider == "dingtalk":
        return _dingtalk(
            url, secret, cut(f"{title}\n{text}", TEXT_BYTES_MOST["dingtalk"]), named, timeout, now
        )
    if delivery.provider == "wecom":
        return _wecom(url, cut(text, TEXT_BYTES_MOST["wecom"]), named, timeout, now)
    return _apprise(url, key, title, text, timeout)


def cut(text: str, most: int) -> str:
    """A text of at most so many bytes, marked where it was cut."""
    raw = text.encode()
    return text if len(raw) <= most else raw[: most - 3].decode(errors="ignore") + "…"


def _dingtalk(url: str, secret: str, text: str, named: list[str], timeout: int, now: int) -> Answer:
    if secret:
        stamp = str(now // 1_000)
        signed = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), sha256).digest()
        url += f"&timestamp={stamp}&sign={quote(b64encode(signed).decode(), safe='')}"
    mobiles = [one for one in named if one.lstrip("+").replace("-", "").isdecimal()]
    at = {"atMobiles": mobiles, "atUserIds": [one for one in named if one not in mobiles], "isAtAll": False}
    return _robot(url, {"msgtype": "text", "text": {"content": text}, "at": at}, DINGTALK_BUSY, timeout, now)


def _wecom(url: str, text: str, named: list[str], timeout: int, now: int) -> Answer:
    mobiles = [one for one in named if one.isdecimal() and len(one) == 11]
    said = {
        "content": text,
        "mentioned_mobile_list": mobiles,
        "mentioned_list": [one for one in named if one not in mobiles],
    }
    return _robot(url, {"msgtype": "text", "text": said}, WECOM_BUSY, timeout, now)


class _Said(msgspec.Struct):
    errcode: int = 0
    errmsg: str = ""


def _robot(url: str, message: dict[str, Any], busy: frozenset[int], timeout: int, now: int) -> Answer:
    """Post to a robot, and read whether it took the message: with 200 it says that in the body."""
    found, body = _post(url, _encode(message), {"Content-Type": "application/json"}, timeout, now, read=True)
    if found.outcome != OK:
        return found
    try:
        said = msgspec.json.decode(body, type=_Said)
    except msgspec.DecodeError:
        return Answer(FAILED, found.status, 0, "its answer cannot be read")
    if not said.errcode:
        return found
    return Answer(
        THROTTLED if said.errcode in busy else REFUSED, found.status, 0, f"{said.errcode} {said.errmsg}"
    )


_loading = threading.Lock()


@cache
def _library() -> Any:
    """apprise with its plugins, which it loads when first asked for one; imported when it is first needed."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # its mail plugin imports what Python 3.13 takes away
        import apprise

        apprise.Apprise.instantiate("json://localhost")
    return apprise


def _apprise(url: str, key: str, title: str, text: str, timeout: int) -> Answer:
    """Through apprise: it went well or not, and what it logged of it."""
    with _loading:
        apprise = _library()
    asset = apprise.AppriseAsset(app_id="Orderfold", app_desc="Orderfold", async_mode=False)
    with _overheard() as said:
        service = apprise.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if service is None:
            return Answer(MISCONFIGURED, detail="; ".join(said) or "apprise does not know such a URL")
        service.request_rate_per_sec = 0  # bounds are the policy's; it would sleep
        service.socket_connect_timeout = service.socket_read_timeout = timeout / 1e6
        if isinstance(headers := getattr(service, "headers", None), dict):
            headers.setdefault("Idempotency-Key", key)
        try:
            went_well = service.notify(body=text, title=title, body_format=apprise.NotifyFormat.TEXT)
        except TypeError as error:  # what it raises for a message it will not take
            return Answer(MISCONFIGURED, detail=str(error))
    if went_well:
        return Answer(OK)
    detail = "; ".join(said) or "apprise could not send it"
    status = _STATUS.search(detail)
    if status is None:
        return Answer(FAILED, detail=detail)
    return msgspec.structs.replace(answered(int(status[1])), detail=detail)


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What apprise logs in this thread: all it tells of a failure."""
    said: list[str] = []
    thread = threading.get_ident()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == thread:
                said.append(record.getMessage())

    log, listener = logging.getLogger("apprise"), Listener(logging.WARNING)
    log.addHandler(listener)
    try:
        yield said
    finally:
        log.removeHandler(listener)
