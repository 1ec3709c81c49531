"""A fake Twilio on loopback: messages, contents, media, typing; and the signed webhooks of people on WhatsApp.

`async with FakeTwilio() as twilio:` then STEWARD_WHATSAPP__API_BASE is `twilio.url`; `twilio.text(…)`, `.press(…)`,
`.media(…)` give the body of a webhook and `twilio.signed(body)` the request, signed by Twilio's own library.
"""

from __future__ import annotations

import base64
import json
import re
import time
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlencode

from twilio.request_validator import RequestValidator

from channels.base import RawRequest
from tests.fakes import twilio_spec
from tests.fakes.loopback import Drop, Loopback, Request, Response

ACCOUNT, AUTH_TOKEN = "AC" + "0" * 32, "twilio-TEST-token"
NUMBER, PERSON, PUBLIC = "whatsapp:+14155238886", "whatsapp:+15555550100", "https://steward.example/prefix"


class FakeTwilio:
    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.contents: dict[str, dict[str, Any]] = {}
        self.approvals: list[dict[str, Any]] = []
        self.approval = ""  # what WhatsApp says of the templates
        self.senders: list[dict[str, Any]] = []  # as the Senders API lists them; the sandbox's number is none
        self.senders_are_told = True
        self.typing: list[str] = []
        self.stored: dict[str, bytes] = {}
        self.media_is_late = 0
        self.store_saw: list[dict[str, str]] = []
        self.redirect = ""
        self._server = Loopback(self._serve)
        self._calls: list[dict[str, Any]] = []
        self._failures: list[dict[str, Any]] = []
        self._count = 0

    @property
    def url(self) -> str:
        return self._server.url

    async def __aenter__(self) -> FakeTwilio:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    # --- people --------------------------------------------------------------------------------------------------

    def text(self, body: str, **more: str) -> bytes:
        """Someone writes; `more` are further parameters."""
        sid = self._sid("SM")
        self.messages.append(self._message(sid, PERSON, NUMBER, body, "inbound"))
        found = {"SmsMessageSid": sid, "NumMedia": "0", "ProfileName": "Ada", "MessageType": "text", "WaId": "15555550100",
                 "Body": body, "To": NUMBER, "MessageSid": sid, "AccountSid": ACCOUNT, "From": PERSON} | more  # fmt: skip
        return urlencode(found).encode()

    def press(self, label: str, **more: str) -> bytes:
        """Someone presses the newest quick reply of that title."""
        for message in reversed(self.messages):
            for action in message.get("actions", []):
                if action["title"] == label:
                    pressed = {"ButtonText": label, "ButtonPayload": action["id"], "MessageType": "interactive"}
                    return self.text(label, **pressed, OriginalRepliedMessageSid=message["sid"], **more)
        raise LookupError(f"no quick reply {label!r}")

    def media(self, name: str, content: bytes, mime: str = "audio/ogg", body: str = "", **more: str) -> bytes:
        """Someone sends a file."""
        self.stored[name] = content
        address = f"{self.url}/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/{name}"
        return self.text(body, **{"NumMedia": "1", "MediaUrl0": address, "MediaContentType0": mime} | more)

    @staticmethod
    def report(sid: str, status: str, error: int = 0) -> bytes:
        """Twilio tells what became of a message."""
        told = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": status, "SmsStatus": status, "AccountSid": ACCOUNT,
                "From": NUMBER, "To": PERSON, "ApiVersion": "2010-04-01"}  # fmt: skip
        return urlencode(told | ({"ErrorCode": str(error)} if error else {})).encode()

    @staticmethod
    def signed(
        body: bytes, path: str = "/whatsapp/webhook", query: str = "", token: str = AUTH_TOKEN, **headers: str
    ) -> RawRequest:
        """The request that brings `body`, signed for the public address as Twilio's library signs."""
        url = PUBLIC + path + (f"?{query}" if query else "")
        values: dict[str, list[str]] = {}
        for name, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
            values.setdefault(name, []).append(value)
        signature = RequestValidator(token).compute_signature(url, _Many(values))
        given = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature}
        return RawRequest("POST", path, query, given | headers, body)

    # --- what a test asks and does -------------------------------------------------------------------------------

    def sent(self) -> list[dict[str, Any]]:
        return [m for m in self.messages if m["direction"] == "outbound-api"]

    def calls(self, path: str = "") -> list[dict[str, Any]]:
        return [call for call in self._calls if path in call["path"]]

    def violations(self) -> list[str]:
        return [problem for call in self._calls for problem in call["problems"]]

    def fail(
        self, status: int = 500, code: int = 20500, times: int = 1, when: str = "before", drop: bool = False
    ) -> None:
        """The next sends fail "before" or "after" their effect; `drop`: with no answer."""
        self._failures.append({"status": status, "code": code, "times": times, "when": when, "drop": drop})

    # --- the server ----------------------------------------------------------------------------------------------

    async def _serve(self, request: Request) -> Response:
        if request.path.startswith("/store/"):
            self.store_saw.append(request.headers)
            return Response(200, self.stored[request.path.removeprefix("/store/")], "audio/ogg")
        login = base64.b64encode(f"{ACCOUNT}:{AUTH_TOKEN}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return Response.of({"code": 20003, "message": "Authenticate", "status": 401}, 401)
        if media := re.search(r"/Media/(\w+(?:\.\w+)?)$", request.path):
            if self.media_is_late > 0:
                self.media_is_late -= 1
                return Response.of({"code": 20404, "message": "not found", "status": 404}, 404)
            return Response(307, headers={"location": self.redirect or f"{self.url}/store/{media[1]}"})
        is_json = request.headers.get("content-type", "").startswith("application/json")
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        params = {k: v for k, v in request.params().items() if k not in query}
        problems = twilio_spec.problems(request.method, request.path, query, params, is_json)
        self._calls.append({"path": request.path, "method": request.method, "params": params, "problems": problems})
        return self._answer(request.method, request.path, query, params)

    def _answer(self, method: str, path: str, query: dict[str, str], params: dict[str, Any]) -> Response:
        if path.endswith("/Messages.json"):
            return self._send(params) if method == "POST" else self._list(query)
        if found := re.search(r"/Messages/(\w+)\.json$", path):
            message = next((m for m in self.messages if m["sid"] == found[1]), None)
            return Response.of(message, 200) if message else Response.of({"code": 20404, "status": 404}, 404)
        if path == "/v1/Content":
            return self._make(params) if method == "POST" else Response.of({"contents": list(self.contents.values())})
        if path.endswith("/ApprovalRequests/whatsapp"):
            self.approvals.append(params)
            self.approval = self.approval or "received"
            return Response.of({"status": "received"}, 201)
        if path.endswith("/ApprovalRequests"):
            return Response.of({"sid": path.split("/")[3], "whatsapp": {"name": "x", "status": self.approval}})
        if path == "/v2/Channels/Senders":
            if not self.senders_are_told:
                return Response.of({"code": 20404, "message": "not found", "status": 404}, 404)
            return Response.of({"senders": self.senders, "meta": {"next_page_url": None}})
        if path == "/v2/Indicators/Typing.json":
            self.typing.append(params["messageId"])
            return Response.of({"success": True})
        if path.endswith(f"/Accounts/{ACCOUNT}.json"):
            return Response.of({"sid": ACCOUNT, "friendly_name": "House", "status": "active"})
        return Response.of({"code": 20404, "message": "not found", "status": 404}, 404)

    def _send(self, params: dict[str, Any]) -> Response:
        failure = next((f for f in self._failures if f["times"] > 0), None)
        if failure:
            failure["times"] -= 1
        if failure and failure["when"] == "before":
            return self._failed(failure)
        body, actions = params.get("Body", ""), []
        if "ContentSid" in params:
            values = json.loads(params.get("ContentVariables", "{}"))
            types = self.contents[params["ContentSid"]]["types"]
            reply = types.get("twilio/quick-reply") or types["twilio/text"]
            body = _filled(reply["body"], values)
            actions = [action | {"id": _filled(action["id"], values)} for action in reply.get("actions", [])]
        media = params.get("MediaUrl", "")
        if media and not re.match(r"https?://[^/]+/.+\.\w+$", media):
            return Response.of({"code": 21620, "message": "Invalid media URL", "status": 400}, 400)
        if not (body.strip() or media) or len(body) > 1600:
            code = 21617 if body.strip() else 21619
            return Response.of({"code": code, "message": "The body is empty or too long", "status": 400}, 400)
        sid = self._sid("MM" if media else "SM")
        message = self._message(sid, NUMBER, params["To"], body, "outbound-api") | {"actions": actions}
        message |= {"media": media, "num_media": "1" if media else "0"}
        self.messages.append(message)
        return self._failed(failure) if failure else Response.of(message, 201)

    @staticmethod
    def _failed(failure: dict[str, Any]) -> Response:
        if failure["drop"]:
            raise Drop
        body = {"code": failure["code"], "message": "refused", "status": failure["status"]}
        return Response.of(body, failure["status"])

    def _list(self, query: dict[str, str]) -> Response:
        found = [m for m in reversed(self.messages) if m["to"] == query["To"] and m["from"] == query["From"]]
        return Response.of({"messages": found[:50], "next_page_uri": None, "page": 0, "page_size": 50})

    def _make(self, params: dict[str, Any]) -> Response:
        sid = self._sid("HX")
        self.contents[sid] = params | {"sid": sid}
        return Response.of(self.contents[sid], 201)

    def _sid(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count:032}"

    @staticmethod
    def _message(sid: str, from_: str, to: str, body: str, direction: str) -> dict[str, Any]:
        return {"sid": sid, "from": from_, "to": to, "body": body, "direction": direction, "status": "queued",
                "date_created": formatdate(time.time()), "account_sid": ACCOUNT}  # fmt: skip


class _Many(dict[str, list[str]]):
    """Parameters that may repeat, as Twilio's validator wants them."""

    def getlist(self, name: str) -> list[str]:
        return self[name]


def _filled(text: str, values: dict[str, str]) -> str:
    return re.sub(r"\{\{(\d+)\}\}", lambda found: values[found[1]], text)
