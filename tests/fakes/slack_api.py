"""A fake Slack on loopback: Web API, response URLs, private files, and Socket Mode (by aiohttp, not by our own client).

`async with FakeSlack() as slack:` then STEWARD_SLACK__API_BASE is `slack.api_base`; `slack.people` makes the payloads,
`slack.signed(body)` the request as it would arrive over HTTP, `slack.push(...)` sends it down the socket.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import b64decode
from email.utils import formatdate
from typing import Any

from aiohttp import WSMsgType, web

from channels.base import RawRequest
from tests.fakes import slack_spec
from tests.fakes.loopback import Drop, Loopback, Request, Response
from tests.fakes.slack_people import BOT_USER, TEAM, People

CLIENT_ID, CLIENT_SECRET = "4123121235.9872358710", "e1b9e11dfcd19c1982d5de12921e17e8"
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-1-TEST", "xapp-1-TEST", "8f742231b10e8888abcd99yyyzzz85a5"
SCOPES = (
    "app_mentions:read,assistant:write,chat:write,commands,files:read,files:write,im:history,im:write,reactions:read"
)
_NO_JSON = (
    "conversations.history", "conversations.replies", "files.info", "files.getUploadURLExternal",
    "files.completeUploadExternal",
)  # fmt: skip


class FakeSlack:
    def __init__(self) -> None:
        self.people = People()
        self.scopes = SCOPES
        self.absent: set[str] = set()  # channels the bot is not in
        self.views: list[dict[str, Any]] = []
        self.ephemeral: list[dict[str, Any]] = []
        self.responses: list[dict[str, Any]] = []
        self.dead_urls = False
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.uploads: dict[str, dict[str, Any]] = {}  # by file id: name, length, content, headers it came with
        self.upload_host = ""  # another host that is named for uploads
        self.broken_files = False  # a download answers 200 with a page, as without the scope
        self.bot_token = BOT_TOKEN
        self.rotated: list[tuple[str, str]] = []  # access and refresh token of every grant
        self.lifetime = 43_200.0
        self._refresh = ""
        self._expired: set[str] = set()
        self.acknowledged: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.pongs: list[bytes] = []
        self._server = Loopback(self._serve)
        self._calls: list[dict[str, Any]] = []
        self._failures: list[dict[str, Any]] = []
        self._web: web.AppRunner | None = None
        self._socket_url = ""

    @property
    def api_base(self) -> str:
        return f"{self._server.url}/api"

    async def __aenter__(self) -> FakeSlack:
        await self._server.__aenter__()
        self.people.url = self._server.url
        app = web.Application()
        app.router.add_get("/link", self._link)
        self._web = web.AppRunner(app, shutdown_timeout=0.1)  # a polite close waits for clients that may be gone
        await self._web.setup()
        site = web.TCPSite(self._web, "127.0.0.1", 0)
        await site.start()
        port = self._web.addresses[0][1]
        self._socket_url = f"ws://127.0.0.1:{port}/link?ticket=1"
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._web:
            await self._web.cleanup()
        await self._server.__aexit__()

    # --- what a test asks and does -------------------------------------------------------------------------------

    def sent(self) -> list[dict[str, Any]]:
        """The bot's messages in order, as they look now."""
        return [m for (_, _), m in sorted(self.people.messages.items(), key=lambda i: i[0][1]) if m.get("bot_id")]

    def calls(self, method: str = "") -> list[dict[str, Any]]:
        return [call for call in self._calls if method in ("", call["method"])]

    def violations(self) -> list[str]:
        return [problem for call in self._calls for problem in call["problems"]]

    def fail(self, method: str, error: str = "internal_error", times: int = 1, retry_after: int = 0,
             when: str = "before", drop: bool = False) -> None:  # fmt: skip
        """The next calls of `method` fail "before" or "after" their effect; `drop`: with no answer."""
        self._failures.append(
            {"method": method, "error": error, "times": times, "retry_after": retry_after, "when": when, "drop": drop}
        )

    def rotate(self, refresh: str) -> None:
        """Token rotation is on: `refresh` counts once, and what it gives lives for `lifetime` seconds."""
        self._refresh, self.bot_token = refresh, ""

    def expire(self) -> None:
        """The present bot token has come to its end, earlier than it was said to."""
        self._expired.add(self.bot_token)

    @staticmethod
    def signed(body: bytes, now: float | None = None, secret: str = SIGNING_SECRET, **headers: str) -> RawRequest:
        """The request that brings `body` over HTTP, signed at `now`."""
        stamp = str(int(time.time() if now is None else now))
        signature = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        kind = "application/json" if body.startswith(b"{") else "application/x-www-form-urlencoded"
        given = {"content-type": kind, "x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={signature}"}
        return RawRequest("POST", "/slack/events", "", given | headers, body)

    async def push(self, kind: str, payload: dict[str, Any], envelope: str) -> None:
        """Send an envelope down the newest socket (kinds: events_api, interactive, slash_commands)."""
        await self.sockets[-1].send_str(json.dumps({"envelope_id": envelope, "type": kind, "payload": payload}))

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Ask the newest socket's client to connect again."""
        await self.sockets[-1].send_str(json.dumps({"type": "disconnect", "reason": reason}))

    # --- the server ----------------------------------------------------------------------------------------------

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)  # a heartbeat would cut off who is slow on a busy machine
        await socket.prepare(request)
        self.sockets.append(socket)
        await socket.send_str(json.dumps({"type": "hello", "num_connections": 1, "padding": "x" * 70_000}))
        await socket.ping(b"still there?")
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                self.acknowledged.append(json.loads(message.data))
            elif message.type == WSMsgType.PONG:
                self.pongs.append(bytes(message.data))
        return socket

    async def _serve(self, request: Request) -> Response:
        room, _, name = request.path.strip("/").partition("/")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if room == "upload":
            return self._uploaded(name, request)
        if room == "respond":
            if self.dead_urls:
                return Response(404, b"expired_url", "text/plain")
            self.responses.append(json.loads(request.body))
            return Response(200, b"ok", "text/plain")
        if name == "oauth.v2.access":
            return self._grant(request)
        if token in self._expired:
            return Response.of({"ok": False, "error": "token_expired"})
        if room == "files":
            self.fetched.append(name)
            if token != self.bot_token or self.broken_files:
                return Response(200, b"<html>sign in</html>", "text/html; charset=utf-8")
            return Response(200, self.files[name], "text/plain")
        if token != (APP_TOKEN if name == "apps.connections.open" else self.bot_token):
            return Response.of({"ok": False, "error": "invalid_auth"})
        json_body = request.headers.get("content-type", "").startswith("application/json")
        params = {} if json_body and name in _NO_JSON else request.params()
        return self._method(name, params)

    def _method(self, method: str, params: dict[str, Any]) -> Response:
        problems = slack_spec.problems(method, params) + slack_spec.block_problems(params.get("blocks", []))
        problems += slack_spec.view_problems(params.get("view"))
        self._calls.append({"method": method, "params": params, "problems": problems})
        failure = next((f for f in self._failures if f["method"] == method and f["times"] > 0), None)
        if failure:
            failure["times"] -= 1
        if failure and failure["when"] == "before":
            return self._failed(failure)
        handler = getattr(self, "_on_" + method.replace(".", "_").lower(), None)
        answer = handler(params) if handler else {"ok": False, "error": "unknown_method"}
        if failure:
            return self._failed(failure)
        headers = {"x-oauth-scopes": self.scopes, "date": formatdate(usegmt=True)}
        return Response(200, json.dumps({"ok": True} | answer).encode(), headers=headers)

    def _grant(self, request: Request) -> Response:
        failure = next((f for f in self._failures if f["method"] == "oauth.v2.access" and f["times"] > 0), None)
        if failure:
            failure["times"] -= 1
            return self._failed(failure)
        given = request.headers.get("authorization", "").removeprefix("Basic ")
        if b64decode(given).decode() != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return Response.of({"ok": False, "error": "bad_client_secret"})
        asked = request.params()
        if asked.get("grant_type") != "refresh_token" or asked.get("refresh_token") != self._refresh:
            return Response.of({"ok": False, "error": "invalid_refresh_token"})
        number = len(self.rotated) + 1
        self._expired.add(self.bot_token)
        self.bot_token, self._refresh = f"xoxe.xoxb-1-CANARYaccess{number}", f"xoxe-1-CANARYrefresh{number}"
        self.rotated.append((self.bot_token, self._refresh))
        told = {"access_token": self.bot_token, "refresh_token": self._refresh, "expires_in": self.lifetime}
        return Response.of({"ok": True, "token_type": "bot", **told})

    @staticmethod
    def _failed(failure: dict[str, Any]) -> Response:
        if failure["drop"]:
            raise Drop
        if failure["retry_after"]:
            wait = {"Retry-After": str(failure["retry_after"])}
            return Response(429, json.dumps({"ok": False, "error": "ratelimited"}).encode(), headers=wait)
        return Response.of({"ok": False, "error": failure["error"]})

    # --- methods -------------------------------------------------------------------------------------------------

    def _on_auth_test(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"user_id": BOT_USER, "user": "steward", "team": "House", "team_id": TEAM, "bot_id": "B1"}

    def _on_chat_postmessage(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["channel"] in self.absent:
            return {"ok": False, "error": "not_in_channel"}
        ts = self.people.next_ts()
        message = {"type": "message", "bot_id": "B1", "user": BOT_USER, "ts": ts} | {
            k: v for k, v in params.items() if k in ("text", "blocks", "thread_ts")
        }
        self.people.messages[(params["channel"], ts)] = message
        return {"channel": params["channel"], "ts": ts, "message": message}

    def _on_chat_update(self, params: dict[str, Any]) -> dict[str, Any]:
        message = self.people.messages.get((params["channel"], params["ts"]))
        if message is None:
            return {"ok": False, "error": "message_not_found"}
        if not message.get("bot_id"):
            return {"ok": False, "error": "cant_update_message"}
        message.update({k: v for k, v in params.items() if k in ("text", "blocks")})
        return {"channel": params["channel"], "ts": params["ts"], "text": params["text"]}

    def _on_chat_postephemeral(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["channel"] in self.absent:
            return {"ok": False, "error": "user_not_in_channel"}
        self.ephemeral.append(params)
        return {"message_ts": self.people.next_ts()}

    def _on_conversations_history(self, params: dict[str, Any]) -> dict[str, Any]:
        if not params["channel"].startswith("D"):
            return {"ok": False, "error": "missing_scope"}
        found = [
            m
            for (channel, ts), m in self.people.messages.items()
            if channel == params["channel"] and ts > params.get("oldest", "")
        ]
        return {"messages": sorted(found, key=lambda m: m["ts"], reverse=True), "has_more": False}

    def _on_conversations_replies(self, params: dict[str, Any]) -> dict[str, Any]:
        found = [
            m
            for (c, _), m in self.people.messages.items()
            if c == params["channel"] and m.get("thread_ts") == params["ts"]
        ]
        return {"messages": found, "has_more": False}

    def _on_conversations_open(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"channel": {"id": "D" + params["users"][1:]}}

    def _on_files_info(self, params: dict[str, Any]) -> dict[str, Any]:
        return {
            "file": {"id": params["file"], "url_private_download": f"{self._server.url}/files/{next(iter(self.files))}"}
        }

    def _uploaded(self, file: str, request: Request) -> Response:
        kept = self.uploads[file]
        if self.broken_files or len(request.body) != kept["length"]:
            return Response(500, b"NOT OK", "text/plain")
        kept |= {"content": request.body, "headers": request.headers}
        return Response(200, f"OK - {len(request.body)}".encode(), "text/plain")

    def _on_files_getuploadurlexternal(self, params: dict[str, Any]) -> dict[str, Any]:
        file = f"F{len(self.uploads) + 101}"
        self.uploads[file] = {"name": params["filename"], "length": int(params["length"])}
        return {"file_id": file, "upload_url": f"{self.upload_host or self._server.url}/upload/{file}"}

    def _on_files_completeuploadexternal(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["channel_id"] in self.absent:
            return {"ok": False, "error": "not_in_channel"}
        (file,) = json.loads(params["files"])
        kept = self.uploads[file["id"]]
        if "content" not in kept:
            return {"ok": False, "error": "file_not_found"}
        ts, thread = self.people.next_ts(), {k: params[k] for k in ("thread_ts",) if k in params}
        shared = {"id": file["id"], "name": kept["name"], "title": file["title"], "mimetype": "audio/ogg"}
        message = {"type": "message", "subtype": "file_share", "bot_id": "B1", "user": BOT_USER, "ts": ts, "text": ""}
        self.people.messages[(params["channel_id"], ts)] = message | thread | {"files": [shared]}
        return {"files": [{"id": file["id"], "title": file["title"]}]}

    def _on_views_open(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["trigger_id"] not in self.people.triggers:
            return {"ok": False, "error": "expired_trigger_id"}
        self.people.triggers.discard(params["trigger_id"])
        self.views.append(params["view"])
        return {"view": params["view"]}

    def _on_views_publish(self, params: dict[str, Any]) -> dict[str, Any]:
        self.people.homes[params["user_id"]] = params["view"]
        return {"view": params["view"]}

    def _on_assistant_threads_setsuggestedprompts(self, params: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _on_assistant_threads_setstatus(self, params: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _on_apps_connections_open(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"url": self._socket_url}
