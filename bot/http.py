"""The HTTP surface: webhooks that store and acknowledge, and health. Nothing else, and on loopback unless told otherwise."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.base import Delivery, RawRequest, Refused

log = logging.getLogger(__name__)

BODY_LIMIT = 4 * 1024 * 1024

Authenticate = Callable[[RawRequest], Delivery | Refused]
Accept = Callable[[list[Delivery]], Awaitable[None]]


async def raw_request(request: Request) -> RawRequest | None:
    """The request as it came; None when its body is larger than any platform sends."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            return None
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in request.headers.raw}
    return RawRequest(request.method, request.url.path, request.url.query, headers, bytes(body))


def webhook(authenticate: Authenticate, accept: Accept) -> Callable[[Request], Awaitable[Response]]:
    """Authenticate the raw bytes, store, acknowledge. 503 when it could not be stored: the platform sends it again."""

    async def endpoint(request: Request) -> Response:
        raw = await raw_request(request)
        if raw is None:
            return PlainTextResponse("too large", 413)
        delivery = authenticate(raw)
        if isinstance(delivery, Refused):
            log.warning("%s refused: %s", raw.path, delivery.reason)
            return PlainTextResponse("refused", delivery.status)
        try:
            await accept([delivery])
        except sqlite3.Error as error:
            log.error("a delivery could not be stored: %s", error)
            return PlainTextResponse("try again", 503)
        return PlainTextResponse("")

    return endpoint


def app(hooks: Mapping[str, Authenticate], accept: Accept, ready: Callable[[], bool]) -> Starlette:
    """The application: one route a webhook, `/healthz` (the process lives) and `/readyz` (it can store)."""

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(request: Request) -> Response:
        return PlainTextResponse("ready") if ready() else PlainTextResponse("not ready", 503)

    routes = [Route(path, webhook(authenticate, accept), methods=["POST"]) for path, authenticate in hooks.items()]
    return Starlette(routes=[*routes, Route("/healthz", healthz), Route("/readyz", readyz)])


async def serve(application: Starlette, host: str, port: int) -> None:
    """Serve until cancelled. Raises OSError when the port is taken."""
    config = uvicorn.Config(
        application, host=host, port=port, log_level="warning", access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=5,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    try:
        await server._serve()
    except SystemExit as error:
        raise OSError(f"cannot listen on {host}:{port}; is the port taken?") from error
    except asyncio.CancelledError:
        server.should_exit = True
        raise
