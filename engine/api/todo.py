"""`/v1/todo`: what waits for people, and what they command of it."""

from __future__ import annotations

from typing import Annotated, Any, cast
from urllib.parse import unquote

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta

from engine.api.once import DryRun, KeyHeader, MatchHeader, Trial, Work, asked, once
from engine.api.service import ApiRequest, Wait, answer, json_of, service_of
from engine.commands import work as commands
from engine.commands.sending import Sending
from engine.commands.work import Done
from engine.intake.model import Incoming
from engine.views import work as views
from engine.views.queries import LIMIT, LIMIT_MAX
from engine.views.work import Todo, WorkItem


class WorkBody(msgspec.Struct, forbid_unknown_fields=True):
    """`type` is one of take, assign, note, done, or the event type itself; `data` its fields (`owner`, `group` to assign);
    `note` what is said with it."""

    type: Annotated[str, Meta(min_length=1, max_length=64)]
    data: dict[str, Any] = {}
    note: Annotated[str, Meta(max_length=2000)] = ""


_body = msgspec.json.Decoder(WorkBody).decode


@get(
    "/v1/todo",
    operation_id="listWork",
    tags=["work"],
    responses={200: ResponseSpec(Todo, description="Open work, oldest first", generate_examples=False)},
)
async def list_work(
    request: ApiRequest,
    owner: FromQuery[str] = "",
    group: FromQuery[str] = "",
    kind: FromQuery[str] = "",
    mine: Annotated[bool, QueryParameter(description="Only what is with whoever asks")] = False,
    limit: Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="At most this many")] = LIMIT,
    wait: Wait = "",
) -> Response[bytes]:
    """What waits for a person: whose, who has it, since when, why, and what to do."""
    service = service_of(request)
    await service.written(wait)
    who = request.user.authid if mine else ""
    found = await service.look(lambda reading: views.todo(reading, owner, group, kind, who, limit))
    return answer(found)


@get(
    "/v1/todo/{item:str}",
    operation_id="getWork",
    tags=["work"],
    responses={200: ResponseSpec(WorkItem, description="The item", generate_examples=False)},
)
async def show_work(request: ApiRequest, item: FromPath[str]) -> Response[bytes]:
    """One open work item, by its id (`order/jd:1#frozen`, percent-encoded), or by its order where that has only one."""
    found = await service_of(request).look(
        lambda reading: views.shown(reading, [views.find(reading, unquote(item))])[0]
    )
    return answer(found)


@post(
    "/v1/todo/{item:str}/commands",
    status_code=200,
    action="read",
    operation_id="postWorkCommand",
    body={"application/json": WorkBody},
    tags=["commands"],
    responses={
        200: ResponseSpec(
            cast("type[Done]", Done | DryRun), description="Carried out", generate_examples=False
        )
    },
)
async def command_work(
    request: ApiRequest,
    item: FromPath[str],
    idempotency_key: KeyHeader = None,
    if_match: MatchHeader = None,
    dry_run: Trial = False,
) -> Response[bytes]:
    """Take a work item, assign it, note something, mark it done. Needs the role's action of that command, such as
    `work.taken`."""
    service = service_of(request)
    how = asked(request, idempotency_key, if_match, dry_run)
    body = await json_of(request, _body, service.in_force.intake.max_event_bytes)
    request.user.may(commands.type_of(body.type).rpartition(".")[0])
    name = unquote(item)

    def prepared(how: Sending) -> Incoming:
        return commands.prepare(views.find(service.reading(), name), body.type, body.data, body.note, how)

    return await once(request, service, how, [name, body], Work(prepared, commands.try_out, commands.done))


HANDLERS = [list_work, show_work, command_work]
