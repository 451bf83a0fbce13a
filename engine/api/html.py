"""HTML by construction: every text that is put in is escaped, because only `tag` makes `Markup`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape

STYLE_PATH = "/style.css"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Of every page: nothing from elsewhere, no script at all."""

_VOID = frozenset({"meta", "link", "br", "hr", "input"})

_EXPONENTS = dict.fromkeys(
    (
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ),
    0,
) | dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3)
"""ISO 4217: currencies whose minor unit is not a hundredth."""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


Child = str | int | None | Iterable["Child"]


def tag(name: str, /, *children: Child, **attributes: str | int | bool | None) -> Markup:
    """An element; a trailing `_` of an attribute's name is dropped and `_` within becomes `-`. Attributes that are None
    or False are left out, True ones have no value."""
    written = []
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        key = key.rstrip("_").replace("_", "-")
        written.append(f" {key}" if value is True else f' {key}="{escape(str(value))}"')
    opened = f"<{name}{''.join(written)}>"
    return Markup(opened if name in _VOID else f"{opened}{join(children)}</{name}>")


def join(children: Child) -> Markup:
    """Children one after another; None is nothing."""
    if children is None:
        return Markup()
    if isinstance(children, Markup):
        return children
    if isinstance(children, str | int):
        return Markup(escape(str(children)))
    return Markup("".join(map(join, children)))


def table(heads: Iterable[Child], rows: Iterable[Iterable[Child]], empty: str) -> Markup:
    """A table; `empty` says what it means that there are no rows."""
    made = [tag("tr", (tag("td", cell) for cell in row)) for row in rows]
    if not made:
        return tag("p", empty, class_="quiet")
    return tag(
        "div",
        tag(
            "table",
            tag("thead", tag("tr", (tag("th", head, scope="col") for head in heads))),
            tag("tbody", made),
        ),
        class_="scroll",
    )


def document(title: str, *body: Child, refresh_seconds: int = 0) -> bytes:
    """A whole page."""
    return (
        "<!doctype html>\n"
        + tag(
            "html",
            tag(
                "head",
                tag("meta", charset="utf-8"),
                tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
                tag("meta", http_equiv="refresh", content=refresh_seconds) if refresh_seconds else None,
                tag("meta", name="color-scheme", content="light dark"),
                tag("title", f"{title} · Orderfold"),
                tag("link", rel="icon", href="data:,"),
                tag("link", rel="stylesheet", href=STYLE_PATH),
            ),
            tag("body", body),
            lang="en",
        )
    ).encode()


def money(amount: int, currency: str) -> str:
    """Minor units → `1,234.50 CNY`."""
    if not currency:
        return ""
    digits = _EXPONENTS.get(currency, 2)
    whole, part = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{whole:,}{f'.{part:0{digits}d}' if digits else ''} {currency}"


def instant(at: datetime | None) -> Markup:
    """An instant to the second, UTC."""
    if at is None:
        return Markup()
    return tag("time", f"{at:%Y-%m-%d %H:%M:%S}Z", datetime=at.isoformat())


def age(since: datetime | None, now: datetime | None) -> str:
    """How long ago: `3 d 4 h`, `2 h 05 min`, `12 min`, `40 s`; "" where there is no such instant."""
    return "" if since is None or now is None else span(int((now - since).total_seconds()))


def span(seconds: int) -> str:
    """A duration in the two units that matter."""
    seconds = max(0, seconds)
    if seconds >= 86_400:
        return f"{seconds // 86_400} d {seconds % 86_400 // 3_600} h"
    if seconds >= 3_600:
        return f"{seconds // 3_600} h {seconds % 3_600 // 60:02d} min"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --quiet: #5b6675; --paper: #f6f7f9; --card: #fff; --line: #d9dee5;
  --red: #b3261e; --orange: #9a4d00; --yellow: #7a6200; --green: #1b6b3a; --link: #0b57a4; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --quiet: #9aa6b5; --paper: #12161c; --card: #1b212a;
  --line: #323b47; --red: #ff8a80; --orange: #ffb26b; --yellow: #f0d35b; --green: #74d99f; --link: #8ec5ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem 1.25rem 3rem; max-width: 72rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Noto Sans CJK SC", sans-serif; }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; border-bottom: 1px solid var(--line);
  padding-bottom: .6rem; margin-bottom: 1rem; }
header strong { font-size: 1.15rem; } header nav { display: flex; gap: 1rem; } header .quiet { margin-left: auto; }
h1 { font-size: 1.35rem; margin: .2rem 0 .6rem; overflow-wrap: anywhere; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
.quiet { color: var(--quiet); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: .75rem; padding: 0; margin: 0;
  list-style: none; }
.tiles a { display: block; height: 100%; padding: .7rem .85rem; border: 1px solid var(--line); border-radius: .5rem;
  background: var(--card); color: inherit; text-decoration: none; }
.tiles a:hover { border-color: var(--link); }
.tiles b { display: block; font-size: 1.8rem; line-height: 1.15; font-variant-numeric: tabular-nums; }
.tiles small { color: var(--quiet); display: block; }
.bad b, .red { color: var(--red); } .orange { color: var(--orange); } .yellow { color: var(--yellow); }
.green { color: var(--green); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(19rem, 1fr)); gap: 0 2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 600; color: var(--quiet); white-space: nowrap; }
th, td { padding: .28rem .8rem .28rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.n { text-align: right; } td, time { font-variant-numeric: tabular-nums; }
.n { text-align: right; white-space: nowrap; }
progress { width: 100%; min-width: 5rem; height: .7rem; accent-color: var(--link); }
.notice { border: 1px solid var(--line); border-left: .35rem solid var(--red); background: var(--card); padding: .6rem .9rem;
  border-radius: .4rem; margin: .6rem 0; } .notice.doubt { border-left-color: var(--orange); }
.notice p { margin: .25rem 0; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 0; } .facts dt { color: var(--quiet); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.timeline { list-style: none; margin: 0; padding: 0 0 0 1.1rem; border-left: 2px solid var(--line); }
.timeline li { position: relative; padding: 0 0 .8rem .2rem; }
.timeline li::before { content: ""; position: absolute; left: -1.5rem; top: .45rem; width: .65rem; height: .65rem;
  border-radius: 50%; background: var(--link); }
.timeline li.decision::before { background: var(--card); border: 2px solid var(--orange); }
.timeline li.policy::before { background: var(--quiet); border-radius: 0; }
.timeline p { margin: 0; overflow-wrap: anywhere; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; }
footer { margin-top: 2.5rem; color: var(--quiet); font-size: .9rem; }
"""
