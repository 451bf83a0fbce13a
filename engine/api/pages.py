"""The operator's pages: the overview, whose first screen is the exceptions by age, and what it links to.

Plain HTML that works without JavaScript; every view is a URL; colours never speak alone. Personal fields come masked.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlencode

from litestar import Response, Router, get
from litestar.params import FromPath, FromQuery, QueryParameter

from engine import dead_letters
from engine.api import html, problems
from engine.api.health_page import health_body, why_body
from engine.api.html import Child, Markup, age, instant, money, span, tag
from engine.api.merge_page import merge_body, merge_why_body, merges_body
from engine.api.order_page import order_body
from engine.api.overview import EXCEPTIONS, colour_of, exceptions, overview_body
from engine.api.service import ApiRequest, service_of
from engine.api.todo_page import task_body, todo_body
from engine.errors import OrderfoldError
from engine.intake.model import REASONS
from engine.views import merges as merge_views
from engine.views import work
from engine.views.health import health as health_of
from engine.views.health import why
from engine.views.history import history
from engine.views.order import page
from engine.views.queries import OrderFilter, OrderLine, Reading

REFRESH_SECONDS = 15
ROWS = 100


@get("/", include_in_schema=False)
async def overview(request: ApiRequest) -> Response[bytes]:
    """The overview."""
    service = service_of(request)
    found = await asyncio.to_thread(service.summary)
    oldest = await service.look(lambda reading: exceptions(reading, found))
    return _page(
        "Overview", found.kind, found.as_of, overview_body(found, oldest), refresh_seconds=REFRESH_SECONDS
    )


@get("/orders", include_in_schema=False)
async def orders(
    request: ApiRequest,
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    channel: FromQuery[str] = "",
    owner: FromQuery[str] = "",
    group: FromQuery[str] = "",
    colour: FromQuery[str] = "",
    frozen: FromQuery[bool] = False,
    in_doubt: FromQuery[bool] = False,
    limbo: FromQuery[bool] = False,
    overdue: FromQuery[bool] = False,
    held: FromQuery[bool] = False,
    after: FromQuery[str] = "",
) -> Response[bytes]:
    """A list of orders, narrowed."""
    service = service_of(request)
    wanted = OrderFilter(
        state=in_state,
        channel=channel,
        owner=owner,
        group=group,
        colour=colour,
        frozen=frozen,
        in_doubt=in_doubt,
        limbo=limbo,
        overdue=overdue,
        held=held,
    )
    found, kind = await service.look(lambda reading: (reading.orders(wanted, ROWS, after), reading.kind))
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    words = [value if value != "true" else EXCEPTIONS.get(name, (name,))[0].lower() for name, value in asked]
    title = f"Orders: {', '.join(words)}" if words else "Orders"
    more = (
        tag("p", tag("a", "More", href=f"/orders?{urlencode([*asked, ('after', found.after)])}", rel="next"))
        if found.after
        else None
    )
    rows = (_order_row(line, found.as_of) for line in found.orders)
    heads = ("Order", "State", "Since", "Deadline", "Owner", "Receivable", "")
    body = [tag("h1", title), html.table(heads, rows, "None."), more]
    return _page(title, kind, found.as_of, body)


@get("/orders/{order:str}", include_in_schema=False)
async def order(request: ApiRequest, order: FromPath[str]) -> Response[bytes]:
    """One order: what is wrong with it, what is due, and everything that happened."""

    def both(reading: Reading) -> tuple[Any, Any, str]:
        subject = reading.resolve(unquote(order))
        return page(reading, subject), history(reading, subject), reading.kind

    found, told, kind = await service_of(request).look(both)
    return _page(found.order, kind, found.as_of, order_body(found, told))


@get("/todo", include_in_schema=False)
async def todo(
    request: ApiRequest, owner: FromQuery[str] = "", group: FromQuery[str] = "", kind: FromQuery[str] = ""
) -> Response[bytes]:
    """Open work, oldest first."""
    found, store = await service_of(request).look(
        lambda reading: (work.todo(reading, owner, group, kind, limit=ROWS), reading.kind)
    )
    return _page("Work", store, found.as_of, todo_body(found))


@get("/todo/{item:str}", include_in_schema=False)
async def task(request: ApiRequest, item: FromPath[str]) -> Response[bytes]:
    """One open work item: why it is there, who has it, what was noted."""
    found, store, now = await service_of(request).look(
        lambda reading: (work.explained(reading, unquote(item)), reading.kind, reading.as_of)
    )
    return _page(found.item.title, store, now, task_body(found, now))


@get("/health", include_in_schema=False)
async def health(request: ApiRequest) -> Response[bytes]:
    """Channels, nodes, the health index and what is wrong now."""
    found, kind = await service_of(request).look(lambda reading: (health_of(reading), reading.kind))
    return _page("Health", kind, found.as_of, health_body(found), refresh_seconds=REFRESH_SECONDS)


@get(["/health/channels/{name:str}", "/health/nodes/{name:str}"], include_in_schema=False)
async def health_why(request: ApiRequest, name: FromPath[str]) -> Response[bytes]:
    """The formula behind a channel's or node's score, with its figures."""
    of = "node" if "/nodes/" in request.url.path else "channel"
    found, kind = await service_of(request).look(
        lambda reading: (why(reading, f"{of}/{unquote(name)}"), reading.kind)
    )
    return _page(f"Why {found.subject}", kind, found.as_of, why_body(found))


@get("/merges", include_in_schema=False)
async def merge_list(request: ApiRequest, status: FromQuery[str] = "") -> Response[bytes]:
    """What travels together, and what waits for an answer."""
    found, kind = await service_of(request).look(
        lambda reading: (merge_views.merges(reading, status, ROWS), reading.kind)
    )
    return _page("Merges", kind, found.as_of, merges_body(found, status))


@get("/merges/why", include_in_schema=False)
async def merge_why(request: ApiRequest, a: FromQuery[str], b: FromQuery[str]) -> Response[bytes]:
    """Why two orders travel together or not."""
    found, kind = await service_of(request).look(
        lambda reading: (merge_views.why(reading, a, b), reading.kind)
    )
    return _page("Why", kind, found.as_of, merge_why_body(found))


@get("/merges/{merge:str}", include_in_schema=False)
async def merge_one(request: ApiRequest, merge: FromPath[str]) -> Response[bytes]:
    """One suggestion or batch."""
    found, kind = await service_of(request).look(
        lambda reading: (merge_views.show(reading, unquote(merge)), reading.kind)
    )
    return _page(found.merge.merge, kind, found.as_of, merge_body(found))


@get("/dead-letters", include_in_schema=False)
async def letters(
    request: ApiRequest, reason: FromQuery[str] = "", after: FromQuery[int] = 0
) -> Response[bytes]:
    """What intake did not take."""
    service = service_of(request)

    def asked(reading: Reading) -> tuple[dead_letters.Letters, str, datetime | None]:
        found = dead_letters.letters(reading.store, reason=reason, limit=ROWS, after=after)
        return found, reading.kind, reading.as_of

    found, kind, now = await service.look(asked)
    reasons = [
        (tag("a", f"{name}: {count}", href=f"/dead-letters?{urlencode({'reason': name})}"), " ")
        for name, count in found.reasons.items()
    ]
    rows = (
        (
            letter.id,
            age(letter.at, now),
            tag("abbr", letter.reason, title=REASONS.get(letter.reason)),
            letter.detail,
            letter.type,
            letter.source,
            letter.origin,
        )
        for letter in found.letters
    )
    next_ = urlencode({"reason": reason, "after": found.after})
    body = [
        tag("h1", f"Dead letters: {found.total}"),
        tag("p", reasons),
        html.table(("No.", "Age", "Reason", "What is wrong", "Type", "Source", "From"), rows, "None wait."),
        tag("p", tag("a", "More", href=f"/dead-letters?{next_}", rel="next")) if found.after else None,
        tag(
            "p",
            "`orderfold dead show NO` shows one, `dead replay` sends it again, `dead drop` puts it aside.",
            class_="quiet",
        ),
    ]
    return _page("Dead letters", kind, now, body)


@get(html.STYLE_PATH, include_in_schema=False, action="")
async def style(request: ApiRequest) -> Response[bytes]:
    """The style sheet of all pages."""
    headers = {"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"}
    return Response(html.STYLE.encode(), media_type="text/css", headers=headers)


def _page(
    title: str, kind: str, now: datetime | None, body: Child, refresh_seconds: int = 0
) -> Response[bytes]:
    links = (
        ("Overview", "/"),
        ("Orders", "/orders"),
        ("Work", "/todo"),
        ("Merges", "/merges"),
        ("Health", "/health"),
        ("Dead letters", "/dead-letters"),
    )
    made = html.document(
        title,
        tag(
            "header",
            tag("strong", "Orderfold"),
            tag("nav", (tag("a", name, href=path) for name, path in links), aria_label="Pages"),
            tag(
                "span",
                "a store of history, " if kind == "history" else None,
                "as of ",
                instant(now),
                class_="quiet",
            ),
        ),
        tag("main", body),
        refresh_seconds=refresh_seconds,
    )
    return Response(made, media_type="text/html", headers=html.HEADERS)


def _order_row(line: OrderLine, now: datetime | None) -> tuple[Child, ...]:
    flags = [
        name
        for name, on in (
            ("frozen", line.frozen),
            ("in doubt", line.in_doubt),
            ("limbo", line.limbo),
            ("held", line.held > 0),
            ("faulted", line.fault),
        )
        if on
    ]
    left = (line.due - now).total_seconds() if line.due is not None and now is not None else 0.0
    due = "" if line.due is None else f"{span(int(abs(left)))} {'left' if left > 0 else 'over'}"
    return (
        _order_link(line.order),
        line.state or "(not placed)",
        age(line.since, now),
        (colour_of(line.colour), " ", due) if line.colour else due,
        line.owner or line.group,
        tag("span", money(line.money.receivable, line.money.currency), class_="n"),
        tag("span", ", ".join(flags), class_="red" if line.frozen or line.fault else "orange"),
    )


def _order_link(subject: str) -> Markup:
    number = subject.removeprefix("order/")
    return tag("a", number, href=f"/orders/{quote(number, safe='')}")


def page_problem(request: ApiRequest, error: Exception) -> Response[bytes]:
    """A problem as a page, for whoever looks with a browser."""
    answer = problems.to_response(request, error)
    if not isinstance(error, OrderfoldError) or answer.status_code == 401:
        return answer
    body = [tag("h1", error.title), tag("p", error.detail), tag("p", error.remedy, class_="quiet")]
    return Response(
        html.document(error.title, tag("main", body), tag("p", tag("a", "Overview", href="/"))),
        status_code=answer.status_code,
        media_type="text/html",
        headers=html.HEADERS,
    )


HANDLERS = [
    Router(
        "/",
        route_handlers=[
            overview,
            orders,
            order,
            todo,
            task,
            health,
            health_why,
            merge_list,
            merge_why,
            merge_one,
            letters,
            style,
        ],
        exception_handlers={OrderfoldError: page_problem},
    )
]
