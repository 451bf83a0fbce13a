"""What `/openapi.json` tells: Litestar's description of the routes, with the bodies they read and the problems they answer.

Handlers read their bodies themselves, within limits the policy may change; so they name them, by media type, as
`body={…}`, and the description is completed here.
"""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Litestar, Response, get
from litestar.routes import HTTPRoute

from engine.api.problems import MEDIA_TYPE
from engine.api.service import ApiRequest

_REFERENCE = "#/components/schemas/{name}"


class Problem(msgspec.Struct):
    """RFC 9457. `type` is `urn:orderfold:problem:…`; `errors` name places by JSON pointer, or by query parameter. Each kind
    of problem may have members of its own beside these."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    traceid: str | msgspec.UnsetType = msgspec.UNSET
    errors: list[dict[str, str]] | msgspec.UnsetType = msgspec.UNSET


@get("/openapi.json", include_in_schema=False)
async def describe(request: ApiRequest) -> Response[bytes]:
    """OpenAPI 3.1 of all of `/v1` and what watches over it."""
    return Response(
        msgspec.json.encode(described(request.app)), media_type="application/vnd.oai.openapi+json"
    )


def described(app: Litestar) -> dict[str, Any]:
    """The whole description."""
    schema = app.openapi_schema.to_schema()
    bodies = _bodies(app)
    kinds = [kind for content in bodies.values() for kind in content.values()]
    made, components = msgspec.json.schema_components([*kinds, Problem], ref_template=_REFERENCE)
    schema["components"]["schemas"].update(components)
    schemas = iter(made)
    content = {id_: {media: {"schema": next(schemas)} for media in kinds_} for id_, kinds_ in bodies.items()}
    problem = {"description": "A problem", "content": {MEDIA_TYPE: {"schema": made[-1]}}}
    for item in schema["paths"].values():
        for operation in item.values():
            if not isinstance(operation, dict):
                continue
            operation["responses"].pop("400", None)  # Litestar's own idea of an error
            operation["responses"]["default"] = problem
            if (body := content.get(operation["operationId"])) is not None:
                operation["requestBody"] = {"required": True, "content": body}
    return schema


def _bodies(app: Litestar) -> dict[str, dict[str, Any]]:
    """Operation id → media type → what is read."""
    return {
        str(handler.operation_id): handler.opt["body"]
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if "body" in handler.opt
    }
