"""What the views tell: orders, one order, its history, the whole store."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import unquote, urlencode

from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromQuery, PathParameter, QueryParameter

from engine.api.service import ApiRequest, Wait, answer, service_of
from engine.views.history import History, history
from engine.views.order import Page, page
from engine.views.queries import LIMIT, LIMIT_MAX, OrderFilter, OrderPage
from engine.views.summary import Summary

Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="At most this many")]
Order = Annotated[
    str,
    PathParameter(
        description="Any of the order's numbers: `channel:number`, platform, payment, WMS or waybill number"
    ),
]


@get(
    "/v1/orders",
    operation_id="listOrders",
    tags=["orders"],
    responses={
        200: ResponseSpec(
            OrderPage, description="A page; `Link: rel=next` while there is more", generate_examples=False
        )
    },
)
async def list_orders(
    request: ApiRequest,
    in_state: Annotated[str, QueryParameter(name="state")] = "",
    channel: FromQuery[str] = "",
    owner: FromQuery[str] = "",
    group: FromQuery[str] = "",
    colour: Annotated[str, QueryParameter(description="green, yellow, orange or red")] = "",
    frozen: FromQuery[bool] = False,
    in_doubt: FromQuery[bool] = False,
    limbo: FromQuery[bool] = False,
    overdue: FromQuery[bool] = False,
    held: FromQuery[bool] = False,
    fault: FromQuery[bool] = False,
    open_: Annotated[bool, QueryParameter(name="open")] = False,
    limit: Limit = LIMIT,
    after: Annotated[str, QueryParameter(description="Where the page before ended, as it said")] = "",
    wait: Wait = "",
) -> Response[bytes]:
    """Orders, narrowed; exceptions longest standing first."""
    service = service_of(request)
    await service.written(wait)
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
        fault=fault,
        open=open_,
    )
    found = await service.look(lambda reading: reading.orders(wanted, limit, after))
    headers = {}
    if found.after:
        asked = [
            (name, value)
            for name, value in request.query_params.multi_items()
            if name not in ("after", "wait")
        ]
        headers["Link"] = f'</v1/orders?{urlencode([*asked, ("after", found.after)])}>; rel="next"'
    return answer(found, headers)


@get(
    "/v1/orders/{order:str}",
    operation_id="getOrder",
    tags=["orders"],
    responses={
        200: ResponseSpec(Page, description="The order; its version as ETag", generate_examples=False)
    },
)
async def show_order(request: ApiRequest, order: Order, wait: Wait = "") -> Response[bytes]:
    """Everything of one order, with the reasons for what is not as it should be. Personal fields are masked."""
    service = service_of(request)
    await service.written(wait)
    found = await service.look(lambda reading: page(reading, reading.resolve(unquote(order))))
    return answer(found, {"ETag": f'"{found.version}"'})


@get(
    "/v1/orders/{order:str}/history",
    operation_id="getOrderHistory",
    tags=["orders"],
    responses={
        200: ResponseSpec(History, description="In the order it became known", generate_examples=False)
    },
)
async def order_history(request: ApiRequest, order: Order, wait: Wait = "") -> Response[bytes]:
    """Everything told and decided of one order, with causes, actors, and how long each stage took."""
    service = service_of(request)
    await service.written(wait)
    return answer(await service.look(lambda reading: history(reading, reading.resolve(unquote(order)))))


@get(
    "/v1/summary",
    operation_id="getSummary",
    tags=["orders"],
    responses={200: ResponseSpec(Summary, description="As of the instant it names", generate_examples=False)},
)
async def show_summary(request: ApiRequest) -> Response[bytes]:
    """The whole store: orders by state, exceptions, deadlines by colour, money. At most some seconds old."""
    return answer(await asyncio.to_thread(service_of(request).summary))


HANDLERS = [list_orders, show_order, order_history, show_summary]
