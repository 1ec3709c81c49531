"""The other side of a fake Telegram: people who write, press, edit and react. Each verb makes one update."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.fakes.telegram_text import found_entities

PRINCIPAL = 42


class People:
    """Makes updates as Telegram makes them and hands them to `deliver`. Ids count up; chat ids below 0 are groups."""

    def __init__(self, bot: dict[str, Any], deliver: Callable[[dict[str, Any]], int]) -> None:
        self.bot = bot
        self.deliver = deliver
        self.last_message = 100
        self.last_update = 900_000
        self.last_query = 7_000
        self.open_queries: set[str] = set()
        self.messages: dict[tuple[int, int], dict[str, Any]] = {}
        self.files: dict[str, tuple[str, bytes, int]] = {}

    def text(
        self, text: str, chat: int = PRINCIPAL, user: int = 0, reply_to: int = 0, thread: int = 0, **more: Any
    ) -> int:
        """Someone types `text`; `more` are further fields of the message (forward_origin, quote, …)."""
        message = self._message(chat, user, text=text, **more)
        if entities := found_entities(text):
            message.setdefault("entities", entities)
        if reply_to:
            replied = dict(self.messages[(chat, reply_to)])
            message["reply_to_message"] = {k: v for k, v in replied.items() if k != "reply_to_message"}
        if thread:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        return self.update(message=message)

    def press(
        self, label: str = "", message: int = 0, chat: int = PRINCIPAL, user: int = 0, data: str = "", date: int = -1
    ) -> str:
        """Someone presses the button named `label` (or with `data`) on a message, by default the newest that has it.

        Returns the query's id. `date=0` makes the message inaccessible, as Telegram does with old ones.
        """
        for (where, ref), found in sorted(self.messages.items(), reverse=True):
            rows = found.get("reply_markup", {}).get("inline_keyboard", [])
            named = [
                b["callback_data"] for row in rows for b in row if b["text"] == label or b["callback_data"] == data
            ]
            if where == chat and (message in (0, ref)) and named:
                message, data = ref, data or named[0]
                break
        if not data:
            raise LookupError(f"no button {label!r} in chat {chat}")
        self.last_query += 1
        query = str(self.last_query)
        self.open_queries.add(query)
        shown = self.messages.get((chat, message), {"message_id": message, "chat": self._chat(chat), "date": 0})
        if date == 0:
            shown = {"message_id": message, "chat": self._chat(chat), "date": 0}
        who = self._user(user or abs(chat))
        self.update(callback_query={"id": query, "from": who, "message": shown, "chat_instance": "1", "data": data})
        return query

    def document(
        self,
        name: str,
        content: str,
        mime: str = "text/plain",
        chat: int = PRINCIPAL,
        kind: str = "document",
        size: int = -1,
        **more: Any,
    ) -> int:
        """Someone sends a file (`kind`: document, voice, audio, video, photo). `size` overrides what Telegram says of it."""
        ref = f"file-{len(self.files) + 1}"
        data = content.encode("utf-8", "surrogateescape")
        said = len(data) if size < 0 else size
        self.files[ref] = (name, data, said)
        described: dict[str, Any] = {"file_id": ref, "file_unique_id": f"u{ref}", "mime_type": mime, "file_size": said}
        described |= {"file_name": name} if kind != "voice" else {}
        described |= {"duration": 1} if kind != "document" else {}
        if kind == "photo":  # in several sizes, the largest last
            size_of = {"file_id": ref, "file_unique_id": f"u{ref}", "file_size": said}
            sizes = [
                {**size_of, "width": 90, "height": 60, "file_id": "thumb"},
                {**size_of, "width": 1280, "height": 853},
            ]
            return self.update(message=self._message(chat, 0, photo=sizes, **more))
        return self.update(message=self._message(chat, 0, **{kind: described}, **more))

    def edit(self, message: int, text: str, chat: int = PRINCIPAL) -> int:
        """Someone edits an earlier message."""
        edited = self.messages[(chat, message)] | {"text": text, "edit_date": int(time.time())}
        self.messages[(chat, message)] = edited
        return self.update(edited_message=edited)

    def react(self, message: int, emoji: str, chat: int = PRINCIPAL, user: int = 0) -> int:
        """Someone reacts to a message."""
        who, new = self._user(user or abs(chat)), [{"type": "emoji", "emoji": emoji}]
        about = {"chat": self._chat(chat), "message_id": message, "user": who, "date": int(time.time())}
        return self.update(message_reaction=about | {"old_reaction": [], "new_reaction": new})

    def update(self, **content: Any) -> int:
        """Any update at all; returns its id. Give `update_id` to repeat one or to go back."""
        if "update_id" not in content:
            self.last_update += 1
        return self.deliver({"update_id": self.last_update, **content})

    def keep(self, chat: int, **content: Any) -> dict[str, Any]:
        """A message of the bot's own, with the next id."""
        return self._store(chat, {"from": self.bot, **content})

    def _message(self, chat: int, user: int, **content: Any) -> dict[str, Any]:
        return self._store(chat, {"from": self._user(user or abs(chat)), **content})

    def _store(self, chat: int, content: dict[str, Any]) -> dict[str, Any]:
        self.last_message += 1
        message = {"message_id": self.last_message, "date": int(time.time()), "chat": self._chat(chat), **content}
        self.messages[(chat, self.last_message)] = message
        return message

    @staticmethod
    def _user(user: int) -> dict[str, Any]:
        return {"id": user, "is_bot": False, "first_name": f"Person {user}", "language_code": "en"}

    @staticmethod
    def _chat(chat: int) -> dict[str, Any]:
        if chat < 0:
            return {"id": chat, "type": "supergroup", "title": f"Group {chat}"}
        return {"id": chat, "type": "private", "first_name": f"Person {chat}"}
