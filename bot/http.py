"""The HTTP surface: webhooks that store and acknowledge, files that a platform fetches, health. On loopback unless told."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from channels.base import Answer, Delivery, Hook, RawRequest, Refused, Report

if TYPE_CHECKING:
    from bot.receiver import Receiver

log = logging.getLogger(__name__)

BODY_LIMIT = 4 * 1024 * 1024

Endpoint = Callable[[Request], Awaitable[Response]]


async def raw_request(request: Request) -> RawRequest | None:
    """The request as it came; None when its body is larger than any platform sends."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT:
            return None
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in request.headers.raw}
    return RawRequest(request.method, request.url.path, request.url.query, headers, bytes(body))


def webhook(hook: Hook, stored: Answer, receiver: Receiver) -> Endpoint:
    """Authenticate the raw bytes, store, acknowledge. 503 when it could not be stored: the platform sends it again."""

    async def endpoint(request: Request) -> Response:
        raw = await raw_request(request)
        if raw is None:
            return PlainTextResponse("too large", 413)
        found = hook(raw)
        if isinstance(found, Refused):
            log.warning("%s refused: %s", raw.path, found.reason)
            return PlainTextResponse("refused", found.status)
        if isinstance(found, (Delivery, Report)):
            try:
                await (receiver.accept([found]) if isinstance(found, Delivery) else receiver.report(found))
            except sqlite3.Error as error:
                log.error("a delivery could not be stored: %s", error)
                return PlainTextResponse("try again", 503)
            found = stored
        return Response(found.body, found.status, media_type=found.kind)

    return endpoint


def fetched(door: Hook) -> Endpoint:
    """A file, or nothing. The address is a secret: it is logged nowhere."""

    async def endpoint(request: Request) -> Response:
        raw = await raw_request(request)
        found = await asyncio.to_thread(door, raw) if raw is not None else None
        if not isinstance(found, Answer):
            return PlainTextResponse("nothing here", 404)
        return Response(found.body, found.status, dict(found.headers), media_type=found.kind)

    return endpoint


def app(
    hooks: Mapping[str, Hook],
    answers: Mapping[str, Answer],
    receiver: Receiver,
    doors: Mapping[str, Hook] | None = None,
) -> Starlette:
    """One route a webhook and a door, `/healthz` (the process lives), `/readyz` (it can store) and `/metrics`."""

    async def healthz(request: Request) -> Response:
        return PlainTextResponse("ok")

    async def readyz(request: Request) -> Response:
        try:
            receiver.intake.next_due()
        except sqlite3.Error:
            return PlainTextResponse("not ready", 503)
        return PlainTextResponse("ready")

    async def metrics(request: Request) -> Response:
        return PlainTextResponse(exposition(receiver), media_type="text/plain; version=0.0.4")

    routes = [Route(path, webhook(hook, answers[path], receiver), methods=["POST"]) for path, hook in hooks.items()]
    routes += [Route(path + "{name:path}", fetched(door), methods=["GET"]) for path, door in (doors or {}).items()]
    return Starlette(routes=[*routes, Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])


def exposition(receiver: Receiver) -> str:
    """The receiver's counters in Prometheus' text form; the rows themselves are counted in SQL."""
    awake = receiver.supervisor is not None and receiver.supervisor.alive
    values = {
        "steward_deliveries_stored_total": receiver.stored,
        "steward_worker_awake": int(awake),
        "steward_worker_crashes": receiver.supervisor.crashes if receiver.supervisor else 0,
        **{f"steward_{name}": count for name, count in receiver.intake.counts().items()},
    }
    return "".join(f"{name} {value}\n" for name, value in values.items())


async def serve(application: Starlette, host: str, port: int, *, cert: str = "", key: str = "") -> None:
    """Serve until cancelled, with TLS when there is a certificate with its key. Raises OSError when the port is taken."""
    config = uvicorn.Config(
        application, host=host, port=port, log_level="warning", access_log=False, lifespan="off", server_header=False,
        timeout_graceful_shutdown=5, ssl_certfile=cert or None, ssl_keyfile=key or None,
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
