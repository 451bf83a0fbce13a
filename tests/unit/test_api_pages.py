"""The operator's pages: exceptions first, every number a link, nothing that is put in becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from engine.api import html
from engine.api.html import Markup, tag
from tests.serving import Api, paid, placed, served, told


class Parsed(HTMLParser):
    """Links, texts, and whether every element that was opened was closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self._open: list[str] = []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if tag == "a" and name == "href"]
        if tag not in ("meta", "link"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path) as found:
        found.send(
            placed("jd:1"), told("fulfilment.dispatched", "jd:1", waybill="SF1")
        )  # frozen after the grace
        found.clock.pass_seconds(7_200)
        found.tick()
        found.send(placed("jd:2"), paid("jd:2"))
        found.send(placed("jd:3"), told("fulfilment.delivered", "jd:3"))  # in doubt
        found.send(paid("jd:4"))  # in limbo
        found.post("/v1/events", json=placed("jd:5", price=-1))
        found.tick()
        yield found


def page(api: Api, path: str) -> Parsed:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "script" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return Parsed(answer.text)


def test_the_first_screen_is_the_exceptions_by_age_each_a_number_and_a_link(api: Api) -> None:
    found = page(api, "/")

    assert found.text.index("Exceptions") < found.text.index("Orders by state")
    for words in (
        "1 Frozen oldest 2 h 00 min",
        "1 In doubt oldest 0 s",
        "1 Limbo oldest",
        "1 Dead letters oldest 0 s",
        "Work items",
        "Overdue",
    ):
        assert words in found.text
    for link in (
        "/orders?frozen=true",
        "/orders?overdue=true",
        "/orders?in_doubt=true",
        "/orders?limbo=true",
        "/dead-letters",
        "/todo",
        "/orders?state=paid",
    ):
        assert link in found.links


def test_every_link_of_every_page_leads_somewhere(api: Api) -> None:
    seen: set[str] = set()
    ahead = ["/"]
    while ahead:
        path = ahead.pop()
        if path in seen or path in ("/metrics", "/openapi.json"):
            continue
        seen.add(path)
        ahead += page(api, path).links

    assert {"/orders/jd%3A1", "/orders/jd%3A2", "/orders/jd%3A3"} <= seen


def test_the_page_of_a_frozen_order_says_why_and_the_ways_out(api: Api) -> None:
    text = page(api, "/orders/jd:1").text

    for words in (
        "frozen",
        "fulfilment.dispatched.v1 met the order in placed",
        "Shortest legal ways out",
        "Timeline",
    ):
        assert words in text
    assert text.index("ways out") < text.index("Timeline")
    assert "order.frozen.v1" in text


def test_colours_never_speak_alone(api: Api) -> None:
    text = page(api, "/").text

    for words in ("✖ red", "▲ orange", "◐ yellow", "● green"):
        assert words in text


def test_a_list_says_what_it_is_narrowed_to(api: Api) -> None:
    found = page(api, "/orders?frozen=true")

    assert "Orders: frozen" in found.text
    assert "/orders/jd%3A1" in found.links
    assert "/orders/jd%3A2" not in found.links
    assert "None." in page(api, "/orders?channel=taobao").text


def test_nothing_put_in_becomes_markup(api: Api) -> None:
    nasty = '<script>alert(1)</script>"><b onmouseover=x>&amp;'
    api.send(placed(f"jd:{nasty}"), told("order.cancelled", f"jd:{nasty}", reason=nasty))
    api.post("/v1/events", json={**placed("jd:6"), "id": nasty, "time": nasty, "source": nasty})
    api.tick()

    for path in (
        "/",
        "/orders",
        "/todo",
        "/dead-letters",
        f"/orders/jd:{nasty.replace('/', '%2F').replace('#', '%23')}",
    ):
        answer = api.get(path)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "<b onmouseover" not in answer.text
        Parsed(answer.text)


def test_what_is_not_found_is_told_on_a_page(api: Api) -> None:
    answer = api.get("/orders/jd:404")

    assert answer.status_code == 404
    assert "No order is known by jd:404." in Parsed(answer.text).text


def test_the_style_sheet_needs_nothing_from_elsewhere(api: Api) -> None:
    answer = api.get("/style.css")

    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "url(" not in answer.text
    assert "@import" not in answer.text
    assert "prefers-color-scheme: dark" in answer.text


# The builder


def test_text_is_escaped_markup_is_not() -> None:
    assert tag("p", "a<b>&", tag("i", '"')) == "<p>a&lt;b&gt;&amp;<i>&quot;</i></p>"
    assert (
        tag("a", None, ["x", 1], href='"&', hidden=True, title=None) == '<a href="&quot;&amp;" hidden>x1</a>'
    )
    assert tag("meta", http_equiv="refresh") == '<meta http-equiv="refresh">'
    assert isinstance(tag("p"), Markup)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (123_450, "CNY", "1,234.50 CNY"),
        (-5, "EUR", "-0.05 EUR"),
        (1_500, "JPY", "1,500 JPY"),
        (1_500, "KWD", "1.500 KWD"),
        (0, "", ""),
    ],
)
def test_money_is_shown_in_its_currencys_units(amount: int, currency: str, shown: str) -> None:
    assert html.money(amount, currency) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (61, "1 min"),
        (3_600, "1 h 00 min"),
        (7_384, "2 h 03 min"),
        (180_000, "2 d 2 h"),
        (-5, "0 s"),
    ],
)
def test_a_span_is_shown_in_the_units_that_matter(seconds: int, shown: str) -> None:
    assert html.span(seconds) == shown


def test_an_instant_is_shown_in_utc() -> None:
    assert html.instant(None) == ""
    shown = html.instant(datetime(2020, 1, 2, 3, 4, 5, 6, UTC))
    assert shown == '<time datetime="2020-01-02T03:04:05.000006+00:00">2020-01-02 03:04:05Z</time>'
