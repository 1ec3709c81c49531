"""Telegram's updates in our words, by python-telegram-bot: commands, presses, files, edits, and whose words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from telegram import (
    CallbackQuery,
    Chat,
    ChatMemberUpdated,
    Message,
    MessageEntity,
    MessageReactionUpdated,
    ReactionTypeEmoji,
    Update,
    User,
)

from channels.base import FileRef, Inbound, Kind
from knowledge.words import Press

_UNREADABLE = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, OSError, RecursionError)
_COMMAND = re.compile(r"/(\w{1,32})(?:@(\w+))?(?=\s|$)", re.ASCII)
_OTHER = {
    "sticker": "a sticker", "location": "a location", "venue": "a place", "contact": "a contact", "poll": "a poll",
    "dice": "a dice", "game": "a game", "story": "a story", "paid_media": "paid media", "checklist": "a checklist",
    "invoice": "an invoice", "pinned_message": "a pinned message", "new_chat_members": "people who joined",
    "left_chat_member": "someone who left", "giveaway": "a giveaway",
}  # fmt: skip


def parse(raw: bytes, account: str, username: str, now: datetime) -> Inbound:
    """The inbound of a stored update. `username` is the bot's own name, empty when not known; `now` dates a press.

    Raises ValueError for what can't be read, whatever python-telegram-bot stumbles over.
    """
    try:
        update = Update.de_json(json.loads(raw), None)
        return _Reader(account, username.lower(), now).update(update)
    except _UNREADABLE as trouble:
        raise ValueError(f"not a readable Telegram update: {type(trouble).__name__}") from None


class _Reader:
    def __init__(self, account: str, username: str, now: datetime) -> None:
        self._account = account
        self._username = username
        self._now = now

    def update(self, update: Update) -> Inbound:
        if update.callback_query:
            return self._press(update.callback_query)
        if update.message:
            return self._message(update.message)
        if edited := update.edited_message:
            text = edited.text or edited.caption or ""
            files = _files(edited)[1]
            return self._inbound("edit", edited, text=text, files=files, sent_at=edited.edit_date or edited.date)
        if update.message_reaction:
            return self._reaction(update.message_reaction)
        if update.my_chat_member:
            return self._membership(update.my_chat_member)
        message, chat, user = update.effective_message, update.effective_chat, update.effective_user
        if message:
            return self._inbound("unsupported", message, note="a post in a channel")
        what = ", ".join(sorted(update.api_kwargs)) or "an update of a kind Steward does not know"
        return self._bare("unsupported", chat, user, "", self._now, note=what)

    def _message(self, message: Message) -> Inbound:
        text = message.text or message.caption or ""
        kind, files = _files(message)
        if kind:
            return self._inbound(kind, message, text=text, files=files)
        if message.text is None:
            found = [name for attribute, name in _OTHER.items() if getattr(message, attribute, None)]
            return self._inbound("unsupported", message, note=found[0] if found else "a message without text")
        called = None if message.forward_origin else _command(text, message.entities)
        if not called:
            return self._inbound("text", message, text=self._without_mention(text))
        command, addressee, rest = called
        if addressee and self._username and addressee != self._username:
            return self._inbound("unsupported", message, mentioned=False, note="a command for another bot")
        return self._inbound("command", message, command=command, text=rest, mentioned=True)

    def _press(self, query: CallbackQuery) -> Inbound:
        message = query.message  # may be inaccessible (old or deleted): then it has no more than chat and id
        topic = getattr(message, "message_thread_id", None) if getattr(message, "is_topic_message", None) else None
        chat = message.chat if message else None
        return self._bare(
            "press",
            chat,
            query.from_user,
            str(message.message_id) if message else "",
            self._now,
            topic=topic,
            press=Press.decode(query.data) if query.data else None,
            press_id=query.id,
            pressed_ref=str(message.message_id) if message else "",
        )

    def _reaction(self, reaction: MessageReactionUpdated) -> Inbound:
        def emojis(reactions: Sequence[Any]) -> list[str]:
            return [r.emoji for r in reactions if isinstance(r, ReactionTypeEmoji)]

        before = emojis(reaction.old_reaction)
        added = "".join(e for e in emojis(reaction.new_reaction) if e not in before)
        ref = str(reaction.message_id)
        note = "" if added else "a reaction was taken back or is none that Steward reads"
        sender = reaction.user or reaction.actor_chat
        return self._bare("reaction", reaction.chat, sender, ref, reaction.date, pressed_ref=ref, text=added, note=note)

    def _membership(self, change: ChatMemberUpdated) -> Inbound:
        gone = change.new_chat_member.status in {"kicked", "left"}
        note = "the bot was blocked or removed" if gone else "the bot was started, unblocked or added"
        return self._bare("unsupported", change.chat, change.from_user, "", change.date, note=note)

    def _inbound(self, kind: Kind, message: Message, sent_at: datetime | None = None, **more: Any) -> Inbound:
        replied = message.reply_to_message
        quoted = message.quote.text if message.quote else (replied.text or replied.caption or "") if replied else ""
        return self._bare(
            kind,
            message.chat,
            message.from_user or message.sender_chat,
            str(message.message_id),
            sent_at or message.date,
            topic=message.message_thread_id if message.is_topic_message else None,
            **{
                "forwarded": message.forward_origin is not None,
                "quoted": quoted,
                "reply_to": str(replied.message_id) if replied else "",
                "mentioned": self._is_meant(message),
                "album": message.media_group_id or "",
            }
            | more,
        )

    def _bare(
        self,
        kind: Kind,
        chat: Chat | None,
        sender: User | Chat | None,
        ref: str,
        sent_at: datetime,
        topic: int | None = None,
        **more: Any,
    ) -> Inbound:
        if any(type(one.id) is not int for one in (chat, sender) if one):  # a bool is an int, and no id
            raise TypeError("an id that is none")
        where = str(chat.id) if chat else str(sender.id) if sender else ""  # a private chat has its person's id
        return Inbound(
            kind=kind,
            channel="telegram",
            account=self._account,
            conversation=f"{where}:{topic}" if topic else where,
            sender=str(sender.id) if sender else "",
            message_ref=ref,
            sent_at=sent_at,
            sender_name=_name(sender),
            private=chat is None or chat.type == "private",
            **more,
        )

    def _is_meant(self, message: Message) -> bool:
        """Whether a message in a group speaks to the bot: mentions it or answers it. In private everything does."""
        if message.chat.type == "private":
            return True
        replied = message.reply_to_message
        if replied and replied.from_user and str(replied.from_user.id) == self._account:
            return True
        text = message.text or message.caption or ""
        for entity in (*message.entities, *message.caption_entities):
            if entity.type == "text_mention" and entity.user and str(entity.user.id) == self._account:
                return True
            name = _units(text, entity.offset, entity.offset + entity.length).lower()
            if entity.type == "mention" and self._username and name == f"@{self._username}":
                return True
        return False

    def _without_mention(self, text: str) -> str:
        if self._username and text.lower().startswith(f"@{self._username}"):
            return text[len(self._username) + 1 :].lstrip(" ,:\n")
        return text


def _files(message: Message) -> tuple[Kind | None, tuple[FileRef, ...]]:
    if voice := message.voice or message.audio or message.video_note:
        mime = getattr(voice, "mime_type", None) or ("video/mp4" if message.video_note else "audio/ogg")
        name = getattr(voice, "file_name", None) or ("video.mp4" if message.video_note else "voice.ogg")
        recorded = message.audio is None
        return "voice", (FileRef(voice.file_id, name, mime, voice.file_size or 0, spoken=recorded),)
    if found := message.document or message.video or message.animation:
        mime = found.mime_type or "application/octet-stream"
        kind: Kind = "voice" if message.document and mime.startswith("audio/") else "file"
        return kind, (FileRef(found.file_id, found.file_name or "file", mime, found.file_size or 0),)
    if message.photo:
        largest = message.photo[-1]
        return "file", (FileRef(largest.file_id, "photo.jpg", "image/jpeg", largest.file_size or 0),)
    return None, ()


def _command(text: str, entities: Sequence[MessageEntity]) -> tuple[str, str, str] | None:
    """The command a message opens with, whom it is for, and the rest of the line. Emoji may stand before it."""
    entity = next((e for e in entities if e.type == "bot_command"), None)
    start, end = (entity.offset, entity.offset + entity.length) if entity else (0, None)
    found = _COMMAND.match(_units(text, start, end))
    if not found or any(char.isalnum() for char in _units(text, 0, start)):
        return None
    rest = _units(text, start, None)[found.end() :]
    return found[1].lower(), (found[2] or "").lower(), rest.strip()


def _units(text: str, start: int, end: int | None) -> str:
    """The part of `text` between two offsets in UTF-16 units, Telegram's measure."""
    coded = text.encode("utf-16-le", "surrogatepass")
    return coded[2 * start : None if end is None else 2 * end].decode("utf-16-le", "replace")


def _name(sender: User | Chat | None) -> str:
    if isinstance(sender, User):
        return sender.full_name
    return (sender.title or "") if sender else ""
