"""The Bot API methods of the fake: what Telegram does, refuses, and in which words."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any, cast

from tests.fakes.telegram_people import People
from tests.fakes.telegram_text import Unparsed, parse_html, utf16


class Refused(Exception):
    """A method's refusal: HTTP status, Telegram's description, and `parameters`."""

    def __init__(self, description: str, status: int = 400, **parameters: Any) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters


class Methods:
    """The state that methods change. Each `_on_…` takes the call's arguments and returns its result."""

    def __init__(self, bot: dict[str, Any], people: People) -> None:
        self.bot = bot
        self.people = people
        self.blocked: set[int] = set()
        self.pinned: dict[int, int] = {}
        self.menu: list[dict[str, Any]] = []
        self._forcing: set[int] = set()  # messages that forced a reply: Telegram lets nobody edit them

    def do(self, method: str, params: dict[str, Any]) -> Any:
        handler = getattr(self, f"_on_{re.sub('([A-Z])', lambda m: '_' + m[1].lower(), method)}", None)
        if handler is None:
            raise Refused("Not Found", 404)
        return handler(params)

    def _on_get_me(self, params: dict[str, Any]) -> dict[str, Any]:
        flags = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return self.bot | flags

    def _on_send_message(self, params: dict[str, Any]) -> dict[str, Any]:
        chat = self._chat(params)
        content = _content(params, "Bad Request: message is too long")
        reply = _decoded(params.get("reply_parameters")) or {}
        replied = self.people.messages.get((chat, int(reply.get("message_id", 0))))
        if reply and not replied and not reply.get("allow_sending_without_reply"):
            raise Refused("Bad Request: message to be replied not found")
        forces = content.get("reply_markup", {}).get("force_reply")
        if "inline_keyboard" not in content.get("reply_markup", {"inline_keyboard": ()}):
            del content["reply_markup"]  # Telegram shows other keyboards to the person alone
        message = self.people.keep(chat, **content, **({"reply_to_message": replied} if replied else {}))
        if forces:
            self._forcing.add(message["message_id"])
        return message

    def _on_send_document(self, params: dict[str, Any]) -> dict[str, Any]:
        name, data = params["document"]
        return self.people.keep(
            self._chat(params),
            document={"file_id": "sent", "file_unique_id": "sent", "file_name": name, "file_size": len(data)},
        )

    def _on_send_voice(self, params: dict[str, Any]) -> dict[str, Any]:
        name, data = params["voice"]
        self.people.files["sent"] = (name, data, len(data))
        about = {"file_id": "sent", "file_unique_id": "sent", "duration": 1, "file_size": len(data)}
        return self.people.keep(self._chat(params), voice=about)

    def _on_edit_message_text(self, params: dict[str, Any]) -> dict[str, Any]:
        chat = self._chat(params)
        message = self.people.messages.get((chat, int(params["message_id"])))
        if message is None:
            raise Refused("Bad Request: message to edit not found")
        forced = message["message_id"] in self._forcing
        if message["from"]["id"] != self.bot["id"] or forced:
            raise Refused("Bad Request: message can't be edited")
        content = _content(params, "Bad Request: MESSAGE_TOO_LONG")
        parts = ("text", "entities", "reply_markup")
        if all(content.get(part) == message.get(part) for part in parts):
            raise Refused("Bad Request: message is not modified: specified new message content and reply markup are "
                          "exactly the same as a current content and reply markup of the message")  # fmt: skip
        for part in parts:
            message.pop(part, None)
        message.update(content, edit_date=int(time.time()))
        return message

    def _on_edit_message_reply_markup(self, params: dict[str, Any]) -> dict[str, Any]:
        message = self.people.messages.get((self._chat(params), int(params["message_id"])))
        if message is None:
            raise Refused("Bad Request: message to edit not found")
        return self._on_edit_message_text({"text": message["text"], **params})

    def _on_pin_chat_message(self, params: dict[str, Any]) -> bool:
        place = (self._chat(params), int(params["message_id"]))
        if place not in self.people.messages:
            raise Refused("Bad Request: message to pin not found")
        self.pinned[place[0]] = place[1]
        return True

    def _on_answer_callback_query(self, params: dict[str, Any]) -> bool:
        if len(params.get("text", "")) > 200:
            raise Refused("Bad Request: MESSAGE_TOO_LONG")
        if params["callback_query_id"] not in self.people.open_queries:
            raise Refused("Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.people.open_queries.discard(params["callback_query_id"])
        return True

    def _on_send_chat_action(self, params: dict[str, Any]) -> bool:
        self._chat(params)
        return True

    def _on_set_my_commands(self, params: dict[str, Any]) -> bool:
        commands = _decoded(params["commands"])
        if len(commands) > 100 or any(not re.fullmatch("[a-z0-9_]{1,32}", c["command"]) for c in commands):
            raise Refused("Bad Request: BOT_COMMAND_INVALID")
        self.menu = commands
        return True

    def _on_get_file(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["file_id"] not in self.people.files:
            raise Refused("Bad Request: wrong file_id or the file is temporarily unavailable")
        name, _, size = self.people.files[params["file_id"]]
        if size > 20_000_000:
            raise Refused("Bad Request: file is too big")
        suffix = Path(name).suffix
        return {
            "file_id": params["file_id"],
            "file_unique_id": "u",
            "file_size": size,
            "file_path": params["file_id"] + suffix,
        }

    def _chat(self, params: dict[str, Any]) -> int:
        try:
            chat = int(params["chat_id"])
        except ValueError:
            raise Refused("Bad Request: chat not found") from None
        if chat in self.blocked:
            raise Refused("Forbidden: bot was blocked by the user", 403)
        if chat == 0 or (chat > 0 and chat not in {where for where, _ in self.people.messages} | {42}):
            raise Refused("Bad Request: chat not found")
        return chat


def _content(params: dict[str, Any], too_long: str) -> dict[str, Any]:
    text, entities = params.get("text", ""), cast(list[dict[str, Any]], [])
    if params.get("parse_mode") == "HTML":
        try:
            text, entities = parse_html(text)
        except Unparsed as trouble:
            raise Refused(f"Bad Request: can't parse entities: {trouble}") from None
    elif params.get("parse_mode"):
        raise Refused("Bad Request: unsupported parse_mode")
    text = text.replace("\x00", "").strip()
    if not text:
        raise Refused("Bad Request: message text is empty")
    if utf16(text) > 4096:
        raise Refused(too_long)
    markup = _decoded(params.get("reply_markup"))
    for row in (markup or {}).get("inline_keyboard", []):
        for button in row:
            if not 1 <= len(button.get("callback_data", "x").encode()) <= 64:
                raise Refused("Bad Request: BUTTON_DATA_INVALID")
    shown = {"reply_markup": markup} if markup else {}
    return {"text": text} | ({"entities": entities} if entities else {}) | shown


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else value
