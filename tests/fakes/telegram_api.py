"""A fake Telegram Bot API on loopback: the methods Steward uses, with Telegram's limits, ids and words of refusal.

In a test: `async with FakeTelegram() as telegram:` then point STEWARD_TELEGRAM__API_BASE at `telegram.url`, use
`telegram.people` (text, press, document, edit, react) and look at `telegram.sent()`. As a process of its own:
`python -m tests.fakes.telegram_api --port 8081 --log calls.jsonl`; then `TelegramControl(url)` has the same verbs.
Every call is appended to the log as one JSON line after it took effect, and checked against the published API.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import time
from collections import deque
from pathlib import Path
from typing import Any, cast

import httpx

from tests.fakes import telegram_spec
from tests.fakes.loopback import Drop, Loopback, Request, Response
from tests.fakes.telegram_methods import Methods, Refused
from tests.fakes.telegram_people import People

TOKEN = "123456:TEST-TOKEN-not-a-secret"
SECRET_HEADER = "x-telegram-bot-api-secret-token"
_PEOPLE_VERBS = ("text", "press", "document", "edit", "react", "update")
_OWN_VERBS = (
    "sent",
    "calls",
    "updates",
    "message",
    "delete",
    "fail",
    "delay",
    "kill",
    "block",
    "violations",
    "pending",
    "menu",
)


class FakeTelegram:
    """The server and its state. `token` is the one it takes; any other is unauthorised."""

    def __init__(self, token: str = TOKEN, port: int = 0, log: Path | None = None) -> None:
        self.token = token
        self.bot = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": "Steward",
            "username": "steward_test_bot",
        }
        self.people = People(self.bot, self._deliver)
        self.methods = Methods(self.bot, self.people)
        self.webhook: dict[str, Any] = {}
        self._server = Loopback(self._serve, port)
        self._log = log.open("a", encoding="utf-8") if log else None
        self._calls: list[dict[str, Any]] = []
        self._updates: deque[dict[str, Any]] = deque()
        self._arrived = asyncio.Event()
        self._polls = 0
        self._failures: list[dict[str, Any]] = []
        self._delays: dict[str, float] = {}
        self._pusher: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return self._server.url

    async def __aenter__(self) -> FakeTelegram:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._pusher:
            self._pusher.cancel()
            await asyncio.gather(self._pusher, return_exceptions=True)
        await self._server.__aexit__()
        if self._log:
            self._log.close()

    # --- what a test asks and does -------------------------------------------------------------------------------

    def sent(self, chat: int = 0) -> list[dict[str, Any]]:
        """The bot's messages in order, as they look now; all chats or one."""
        return [m for (where, _), m in sorted(self.people.messages.items(), key=lambda item: item[0][1])
                if m["from"]["id"] == self.bot["id"] and chat in (0, where)]  # fmt: skip

    def calls(self, method: str = "") -> list[dict[str, Any]]:
        """The calls received: method, params, status, result or description, problems."""
        return [call for call in self._calls if method in ("", call["method"])]

    def message(self, ref: int, chat: int = 42) -> dict[str, Any]:
        return self.people.messages[(chat, ref)]

    def delete(self, ref: int, chat: int = 42) -> None:
        """Someone deletes a message."""
        del self.people.messages[(chat, ref)]

    def fail(self, method: str, times: int = 1, status: int = 500, description: str = "Internal Server Error",
             retry_after: int = 0, when: str = "before", drop: bool = False) -> None:  # fmt: skip
        """The next `times` calls of `method` fail, `when` "before" or "after" their effect; `drop`: with no answer."""
        self._failures.append({"method": method, "times": times, "status": status, "description": description,
                               "retry_after": retry_after, "when": when, "drop": drop})  # fmt: skip

    def delay(self, method: str, seconds: float) -> None:
        """Every call of `method` takes effect at once and is answered `seconds` later (0 ends it)."""
        self._delays[method] = seconds

    def kill(self) -> int:
        """Cut all open connections."""
        return self._server.drop_all()

    def block(self, chat: int = 42, blocked: bool = True) -> None:
        """Someone blocks the bot, or takes that back."""
        (self.methods.blocked.add if blocked else self.methods.blocked.discard)(chat)

    def violations(self) -> list[str]:
        """What the published API says against the calls so far."""
        return [problem for call in self._calls for problem in call["problems"]]

    def updates(self) -> list[dict[str, Any]]:
        """The updates not confirmed yet, oldest first."""
        return list(self._updates)

    def pending(self) -> int:
        return len(self._updates)

    def menu(self) -> list[dict[str, Any]]:
        return self.methods.menu

    # --- the server ----------------------------------------------------------------------------------------------

    async def _serve(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if parts[0] == "control":
            return self._control(parts[1], request)
        if parts[0] == "file":
            name = parts[2] if len(parts) > 2 else ""
            known = self.people.files.get(name.split(".")[0]) if parts[1] == f"bot{self.token}" else None
            return Response(200, known[1], "application/octet-stream") if known else Response.of({"ok": False}, 404)
        if parts[0] != f"bot{self.token}" or len(parts) != 2:
            return Response.of({"ok": False, "error_code": 401, "description": "Unauthorized"}, 401)
        return await self._method(parts[1], request.params())

    def _control(self, verb: str, request: Request) -> Response:
        owner: object = self.people if verb in _PEOPLE_VERBS else self if verb in _OWN_VERBS else None
        if owner is None:
            return Response.of({"error": f"no verb {verb}"}, 404)
        return Response.of(getattr(owner, verb)(**request.params()))

    async def _method(self, method: str, params: dict[str, Any]) -> Response:
        call: dict[str, Any] = {"n": len(self._calls), "at": time.time(), "method": method,
                                "params": {k: v[0] if isinstance(v, tuple) else v for k, v in params.items()},
                                "problems": telegram_spec.problems(method, params)}  # fmt: skip
        self._calls.append(call)
        failure = self._failing(method)
        try:
            if failure and failure["when"] == "before":
                raise _failed(failure)
            result = await self._do(method, params)
            call |= {"status": 200, "result": result}
            self._write(call)
            if failure:
                raise _failed(failure)
        except Refused as refused:
            call |= {"answered": refused.status, "description": refused.description}
            call.setdefault("status", refused.status)
            self._write(call | {"late": "result" in call})
            body = {"ok": False, "error_code": refused.status, "description": refused.description}
            return Response.of(
                body | ({"parameters": refused.parameters} if refused.parameters else {}), refused.status
            )
        if seconds := self._delays.get(method):
            await asyncio.sleep(seconds)
        return Response.of({"ok": True, "result": result})

    def _failing(self, method: str) -> dict[str, Any] | None:
        for failure in self._failures:
            if failure["method"] == method and failure["times"] > 0:
                failure["times"] -= 1
                return failure
        return None

    def _write(self, entry: dict[str, Any]) -> None:
        if self._log:
            self._log.write(json.dumps(entry, ensure_ascii=True) + "\n")
            self._log.flush()

    async def _do(self, method: str, params: dict[str, Any]) -> Any:
        if method == "getUpdates":
            return await self._get_updates(params)
        if method in ("setWebhook", "deleteWebhook"):
            return self._set_webhook(params if method == "setWebhook" else {})
        if method == "getWebhookInfo":
            url = self.webhook.get("url", "")
            return {"url": url, "has_custom_certificate": False, "pending_update_count": self.pending()}
        return self.methods.do(method, params)

    # --- updates -------------------------------------------------------------------------------------------------

    def _deliver(self, update: dict[str, Any]) -> int:
        self._updates.append(json.loads(json.dumps(update)))
        self._arrived.set()
        return cast(int, update["update_id"])

    async def _get_updates(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        if self.webhook.get("url"):
            raise Refused("Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete "
                          "the webhook first", 409)  # fmt: skip
        self._polls += 1
        mine = self._polls
        offset = int(params.get("offset", 0))
        while self._updates and offset and self._updates[0]["update_id"] < offset:
            self._updates.popleft()
        ends = time.monotonic() + float(params.get("timeout", 0))
        while not self._updates and (left := ends - time.monotonic()) > 0:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), min(left, 0.5))
            if mine != self._polls:
                told = "terminated by other getUpdates request; make sure that only one bot instance is running"
                raise Refused(f"Conflict: {told}", 409)
        return list(self._updates)[: int(params.get("limit", 100))]

    def _set_webhook(self, params: dict[str, Any]) -> bool:
        self.webhook = params
        if self._pusher:
            self._pusher.cancel()
        self._pusher = asyncio.create_task(self._push()) if params.get("url") else None
        return True

    async def _push(self) -> None:
        """Webhook mode: post the oldest update until it is answered 2xx, then the next."""
        tries = 0
        async with httpx.AsyncClient(timeout=10) as http:
            while True:
                while not self._updates:
                    self._arrived.clear()
                    await self._arrived.wait()
                update = self._updates[0]
                headers = {SECRET_HEADER: self.webhook["secret_token"]} if "secret_token" in self.webhook else {}
                try:
                    status = (await http.post(self.webhook["url"], json=update, headers=headers)).status_code
                except httpx.HTTPError:
                    status = 0
                self._write({"webhook": status, "update_id": update["update_id"], "at": time.time()})
                if 200 <= status < 300:
                    self._updates.popleft()
                    tries = 0
                else:
                    tries += 1
                    await asyncio.sleep(min(0.05 * 2**tries, 2))


def _failed(failure: dict[str, Any]) -> Exception:
    if failure["drop"]:
        return Drop()
    wait = failure["retry_after"]
    if wait:
        return Refused(f"Too Many Requests: retry after {wait}", 429, retry_after=wait)
    return Refused(failure["description"], failure["status"])


class TelegramControl:
    """The verbs of a fake that runs as another process: `TelegramControl(url)("text", text="hi")`."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=180)

    def __call__(self, verb: str, **arguments: Any) -> Any:
        answer = self._http.post(f"/control/{verb}", json=arguments)
        answer.raise_for_status()
        return answer.json()

    def close(self) -> None:
        self._http.close()


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--log", type=Path)
    options.add_argument("--token", default=TOKEN)
    chosen = options.parse_args()
    async with FakeTelegram(chosen.token, chosen.port, chosen.log) as telegram:
        print(telegram.url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
