"""The Litestar application over one `Service`."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from litestar import Litestar
from litestar.datastructures import State
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp, Receive, Scope, Send

from engine.api import commands, condition, deliveries, events, health, merges, operate, orders, pages, todo
from engine.api.describe import describe
from engine.api.problems import to_response
from engine.api.service import Service

API_VERSION = "1"


def make_app(service: Service) -> ASGIApp:
    """The ASGI application; `/openapi.json` describes it."""
    app = Litestar(
        route_handlers=[
            *events.HANDLERS,
            *commands.HANDLERS,
            *orders.HANDLERS,
            *todo.HANDLERS,
            *merges.HANDLERS,
            *operate.HANDLERS,
            *deliveries.HANDLERS,
            *condition.HANDLERS,
            *health.HANDLERS,
            *pages.HANDLERS,
            describe,
        ],
        guards=[service.access.admit],
        exception_handlers={Exception: to_response},
        state=State({"service": service}),
        logging_config=None,  # it would take over the root logger of whoever serves
        request_max_body_size=None,  # body_of has the policy's limit, which may change
        openapi_config=OpenAPIConfig(
            title="Orderfold",
            version=API_VERSION,
            description="Events and commands in, orders out. Errors are problem documents (RFC 9457).",
            path="/openapi",
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin()],
            components=Components(security_schemes={"token": SecurityScheme(type="http", scheme="bearer")}),
            security=[{"token": []}, {}],
        ),
    )
    return _slashes(app)


def _slashes(app: ASGIApp) -> ASGIApp:
    """Numbers of orders may hold a slash, sent as %2F: routing must not take it for one of the path's own."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path", b"")
        if b"%2f" in raw.lower():
            kept = raw.replace(b"%2F", b"%252F").replace(b"%2f", b"%252F")
            scope["path"] = unquote_to_bytes(kept).decode("utf-8", "replace")
        await app(scope, receive, send)

    return routed
