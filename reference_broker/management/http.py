"""The table of routes over HTTP, with aiohttp: who asks, what for, and the answer as JSON."""

import json
import logging
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Any

from aiohttp import BasicAuth, web

from reference_broker.broker.access import User
from reference_broker.broker.ports import StoreError
from reference_broker.session.opening import LOCAL_USER
from reference_broker.wire.errors import AmqpError

from . import files, views  # noqa: F401  the views fill the table
from .call import ROUTES, TAG_REFUSALS, Answer, Call, Refusal, Route, bad_request, has_tag
from .call import not_authorised as refused
from .desk import Desk
from .listing import listed

log = logging.getLogger(__name__)

_LARGEST_BODY = 256 * 2**20  # octets; definitions may be long
_CHALLENGE = {"www-authenticate": 'Basic realm="mqproof management"'}
_FORBIDDEN, _MISSING = 403, 404

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def serve(desk: Desk) -> web.AppRunner:
    """The API, ready for connections: `runner.server` makes their protocols."""
    application = web.Application(middlewares=[_always_json], client_max_size=_LARGEST_BODY)
    for route in ROUTES:
        for path in (route.path, f"{route.path}/"):  # which RabbitMQ takes for the same
            application.router.add_route(route.method, path, _handler(route, desk))
    for path, file in files.load().items():
        application.router.add_get(path, _file_handler(file))
    runner = web.AppRunner(application, access_log=None, handle_signals=False)
    await runner.setup()
    return runner


def _file_handler(file: files.File) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.headers.get("If-None-Match") == file.tag:
            return web.Response(status=304, headers=file.headers)
        return web.Response(body=file.octets, headers=file.headers)

    return handle


def _handler(route: Route, desk: Desk) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            user = _authenticated(request, desk)
            if not has_tag(user, "management"):
                raise refused(TAG_REFUSALS["management"])
            if not has_tag(user, route.tag):
                raise refused(TAG_REFUSALS[route.tag])
            call = Call(
                desk,
                user,
                dict(request.match_info),
                dict(request.query),
                await _body(request),
                request.headers.get("X-Reason", ""),
            )
            return _response(_answered(route, call))
        except Refusal as refusal:
            return _response(refusal.answer)

    return handle


def _authenticated(request: web.Request, desk: Desk) -> User:
    """The user whose name and password the request bears. Raises Refusal 401."""
    header = request.headers.get("Authorization")
    if header is None:
        raise _unknown(None)
    try:
        login = BasicAuth.decode(header, encoding="utf-8")
    except ValueError as cause:
        raise _unknown("Login failed") from cause
    user = desk.hub.broker.access.authenticate(login.login, login.password)
    local = request.remote is not None and ip_address(request.remote).is_loopback
    if user is None or (user.name == LOCAL_USER and not local):
        raise _unknown("Login failed")
    return user


def _unknown(reason: str | None) -> Refusal:
    refusal = Refusal(401, "not_authorized", reason)
    body = refusal.answer.body if reason else None
    refusal.answer = Answer(401, body, _CHALLENGE)
    return refusal


async def _body(request: web.Request) -> dict[str, Any]:
    text = await request.read()
    if not text.strip():
        return {}
    try:
        body = json.loads(text)
    except ValueError as cause:
        raise bad_request(f"the body is not JSON: {cause}") from cause
    if not isinstance(body, dict):
        raise bad_request(
            f"invalid payload: the body holds no JSON object but {type(body).__name__}"
        )
    return body


def _answered(route: Route, call: Call) -> Answer:
    """What the view answers, once all that it did is settled."""
    try:
        found = call.desk.host.run_now(lambda: route.view(call))
    except AmqpError as cause:
        raise _as_refusal(cause) from cause
    except StoreError as cause:
        raise Refusal(500, "internal_error", str(cause)) from cause
    if isinstance(found, Answer):
        return found
    return Answer(200, listed(found, call.query))


def _as_refusal(error: AmqpError) -> Refusal:
    if error.code == _FORBIDDEN:
        return refused("Access refused.")
    if error.code == _MISSING:
        return Refusal(404, "not_found", error.text)
    return bad_request(error.text)


def _response(answer: Answer) -> web.Response:
    headers = dict(answer.headers)
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    octets = text.encode(errors="backslashreplace")  # octets of a name that are no UTF-8
    headers["content-type"] = "application/json"
    return web.Response(status=answer.status, body=octets, headers=headers)


@web.middleware
async def _always_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What goes wrong before or in a view is told in the same form."""
    try:
        return await handler(request)
    except web.HTTPNotFound:
        return _response(Answer(404, {"error": "Object Not Found", "reason": "Not Found"}))
    except web.HTTPException as error:
        return web.Response(status=error.status, headers=_allowed(error))
    except Exception:
        log.exception("%s %s: internal error", request.method, request.path)
        return web.Response(status=500)


def _allowed(error: web.HTTPException) -> dict[str, str]:
    allow = error.headers.get("Allow")
    return {"Allow": allow} if allow else {}
