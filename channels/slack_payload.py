"""Slack's payloads, read the same way by both parts: what kind it is, whose, where, and whether it concerns us at all.

The same payload comes as JSON (events, Socket Mode), as a form (commands) or as JSON in a form (interactions). Names of
kinds: message, mention, reaction, home, assistant, command, actions, submission, closed, shortcut; "" concerns nobody.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

from knowledge.words import Field

Kind = Literal[
    "", "message", "mention", "reaction", "home", "assistant", "command", "actions", "submission", "closed", "shortcut"
]
FORM = "steward-edit"
LONGEST = 3000
"""Characters that an input of a form takes."""
_FIELD = "field-"
HOME = "home"
_AT_HOME = ("home", "actions", "submission", "closed")
_EVENTS: dict[str, Kind] = {
    "message": "message", "app_mention": "mention", "reaction_added": "reaction", "app_home_opened": "home",
    "assistant_thread_started": "assistant",
}  # fmt: skip
_INTERACTIONS: dict[str, Kind] = {
    "block_actions": "actions", "view_submission": "submission", "view_closed": "closed", "message_action": "shortcut",
    "shortcut": "shortcut",
}  # fmt: skip
_SPOKEN = (None, "", "file_share", "thread_broadcast", "me_message")  # message subtypes that people make
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload in few words. `user` of another team is prefixed by it (`T2:U9`), so that it is never the principal."""

    kind: Kind
    team: str
    user: str
    channel: str
    thread: str
    key: str
    content: dict[str, Any]

    @property
    def conversation(self) -> str:
        """`channel` or `channel:thread`, where others read with `/user` behind it: for one pair of eyes; or `home/user`."""
        if not self.channel:
            return f"{HOME}/{self.user}" if self.user and self.kind in _AT_HOME else ""
        where = f"{self.channel}:{self.thread}" if self.thread else self.channel
        return where if self.direct else f"{where}/{self.user}"

    @property
    def direct(self) -> bool:
        """Whether nobody but the user and the app can read the channel."""
        return self.channel.startswith("D")


def decode(raw: bytes) -> dict[str, Any]:
    """The JSON of a body in any of Slack's encodings. Raises ValueError."""
    try:
        text = raw.decode("utf-8")
        if not text.startswith(("{", "[")):
            form = dict(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
            if "payload" not in form:
                return dict(form)
            text = form["payload"]
        found = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def understand(content: dict[str, Any], raw: bytes) -> Payload:
    """What a decoded payload is. Never raises; what it can't place has the kind ""."""
    if _text(content, "type") == "event_callback":
        return _event(content, raw)
    if "command" in content and "type" not in content:
        key = f"command:{_text(content, 'trigger_id') or digest(raw)}"
        who, place = _text(content, "user_id"), _text(content, "channel_id")
        return Payload("command", _text(content, "team_id"), who, place, "", key, content)
    kind = _INTERACTIONS.get(_text(content, "type"), "")
    user, team = _dict(content, "user"), _dict(content, "team")
    where, message, view = _dict(content, "container"), _dict(content, "message"), _dict(content, "view")
    channel = _text(_dict(content, "channel"), "id") or _text(where, "channel_id")
    thread = _text(message, "thread_ts") or _text(where, "thread_ts")
    if kind in ("submission", "closed"):
        kept = metadata(view)
        channel, thread = kept.get("channel", ""), kept.get("thread", "")
        key = f"{kind}:{_text(view, 'id')}:{_text(view, 'hash')}"
    elif kind == "actions":
        action = first_action(content)
        key = f"action:{_text(action, 'action_ts')}:{_text(action, 'action_id')}:{_text(user, 'id')}"
    else:
        thread = ""
        key = f"shortcut:{_text(content, 'trigger_id') or digest(raw)}"
    return Payload(kind, _text(team, "id"), _foreign(user, team), channel, thread, key, content)


def _event(content: dict[str, Any], raw: bytes) -> Payload:
    event = _dict(content, "event")
    kind = _EVENTS.get(_text(event, "type"), "")
    if kind in ("message", "mention") and not _is_spoken(event):
        kind = ""
    channel, thread, user = _text(event, "channel"), _text(event, "thread_ts"), _text(event, "user")
    if kind == "reaction":
        item = _dict(event, "item")
        channel, thread = _text(item, "channel"), ""
    if kind == "home":
        kind, channel = kind if user else "", ""
    if kind == "assistant":
        started = _dict(event, "assistant_thread")
        channel, thread, user = _text(started, "channel_id"), _text(started, "thread_ts"), _text(started, "user_id")
    if kind in ("message", "mention") and not thread and not channel.startswith("D"):
        thread = _text(event, "ts")  # in a channel every turn has its own thread
    team = _text(content, "team_id")
    theirs = _text(event, "user_team") or _text(event, "source_team")
    user = f"{theirs}:{user}" if theirs and team and theirs != team else user
    return Payload(kind, team, user, channel, thread, _text(content, "event_id") or digest(raw), content)


def _is_spoken(event: dict[str, Any]) -> bool:
    """Whether a person said it: no bot, no edit, no deletion, no joining."""
    hidden = event.get("bot_id") or event.get("hidden") or event.get("bot_profile")
    return not hidden and bool(_text(event, "user")) and event.get("subtype") in _SPOKEN


def _foreign(user: dict[str, Any], team: dict[str, Any]) -> str:
    ident, theirs, ours = _text(user, "id"), _text(user, "team_id"), _text(team, "id")
    return f"{theirs}:{ident}" if theirs and ours and theirs != ours else ident


def said(content: dict[str, Any]) -> str:
    """The words of a message, mention or command, as Slack encodes them."""
    return _text(content, "text") if "command" in content else _text(_dict(content, "event"), "text")


def first_action(content: dict[str, Any]) -> dict[str, Any]:
    """The pressed button of a block_actions payload, or {}."""
    actions = content.get("actions")
    return actions[0] if isinstance(actions, list) and actions and isinstance(actions[0], dict) else {}


def metadata(view: dict[str, Any]) -> dict[str, str]:
    """What we put into a form when it was opened: press, channel, thread, ref. Only texts come out."""
    try:
        kept = json.loads(_text(view, "private_metadata") or "{}")
    except (ValueError, RecursionError):
        return {}
    return {k: v for k, v in kept.items() if isinstance(v, str)} if isinstance(kept, dict) else {}


def form(press: str, payload: Payload, fields: tuple[Field, ...] = ()) -> dict[str, Any]:
    """The edit form for a pressed button: the card as it stands, its fields with today's values, and room for words.

    A text longer than a form takes is not in it; a line says so, and what to do.
    """
    container = _dict(payload.content, "container")
    stands = _text(_dict(payload.content, "message"), "text")[:LONGEST]
    shown = [{"type": "section", "text": {"type": "mrkdwn", "text": stands, "verbatim": True}}] if stands else []
    kept = {"press": press, "channel": payload.channel, "thread": payload.thread, "ref": _text(container, "message_ts")}
    words = {"type": "plain_text_input", "action_id": FORM, "multiline": True, "max_length": LONGEST}
    asked = "Or say it in your words" if fields else "How should it be?"
    hint = f"More than {LONGEST:,} characters? Reply to the card instead."
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": {"type": "plain_text", "text": "Change it"},
        "submit": {"type": "plain_text", "text": "Save"},
        "close": {"type": "plain_text", "text": "Leave it"},
        "private_metadata": json.dumps(kept),
        "blocks": [
            *shown,
            *(_asked_for(field) for field in fields),
            {
                "type": "input",
                "block_id": FORM,
                "optional": bool(fields),
                "label": {"type": "plain_text", "text": asked},
                "hint": {"type": "plain_text", "text": hint},
                "element": words,
            },
        ],
    }


def _asked_for(field: Field) -> dict[str, Any]:
    """One field as Slack asks for it."""
    if len(field.value) > LONGEST:
        told = (
            f"{field.label}: {len(field.value):,} characters, more than a form takes. Reply to the card with all of it."
        )
        return {"type": "context", "elements": [{"type": "plain_text", "text": told}]}
    element: dict[str, Any] = {"action_id": field.name}
    if field.kind == "time":
        element |= {"type": "datetimepicker", "initial_date_time": int(datetime.fromisoformat(field.value).timestamp())}
    else:
        element |= {"type": "plain_text_input", "multiline": field.kind == "text", "max_length": LONGEST}
        element |= {"initial_value": field.value} if field.value else {}
    return {
        "type": "input",
        "block_id": _FIELD + field.name,
        "optional": field.optional,
        "label": {"type": "plain_text", "text": field.label},
        "element": element,
    }


def typed_in(content: dict[str, Any]) -> str:
    """What was typed into the form in free words; empty for null, absent or blank."""
    return _text(_given(content, FORM, FORM), "value").strip()


def changed_in(content: dict[str, Any]) -> dict[str, str]:
    """The fields whose value is another than when the form was opened; a time as ISO in UTC."""
    found = {}
    for name, element in _fields(content):
        given = _given(content, _FIELD + name, name)
        if element.get("type") == "datetimepicker":
            at = given.get("selected_date_time")
            if isinstance(at, int) and at != element.get("initial_date_time") and 0 < at < 10**11:
                found[name] = datetime.fromtimestamp(at, UTC).isoformat()
        elif given and (value := _text(given, "value")).strip() != _text(element, "initial_value").strip():
            found[name] = value
    return found


def trouble_in(content: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a form that was sent, by the block under which Slack shows it; empty when it can be taken."""
    found = {}
    times: dict[str, int] = {}
    optional = {_text(block, "block_id") for block in _blocks(content) if block.get("optional") is True}
    for name, element in _fields(content):
        given = _given(content, _FIELD + name, name)
        if element.get("type") == "datetimepicker":
            at = given.get("selected_date_time")
            times |= {name: at} if isinstance(at, int) else {}
        elif not _text(given, "value").strip() and _FIELD + name not in optional:
            found[_FIELD + name] = "This can't be empty."
    if {"start", "end"} <= times.keys() and times["end"] <= times["start"]:
        found[f"{_FIELD}end"] = "It must end after it begins."
    if not found and not typed_in(content) and not changed_in(content):
        found[FORM] = "Say how it should be, or leave it."
    return found


def _blocks(content: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = _dict(content, "view").get("blocks")
    return [block for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []


def _fields(content: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Name and element of every field in a form that was sent."""
    named = [(_text(block, "block_id"), _dict(block, "element")) for block in _blocks(content)]
    return [(block_id.removeprefix(_FIELD), element) for block_id, element in named if block_id.startswith(_FIELD)]


def _given(content: dict[str, Any], block: str, action: str) -> dict[str, Any]:
    """What one input of a form holds."""
    return _dict(_dict(_dict(_dict(_dict(content, "view"), "state"), "values"), block), action)


def plain(text: str) -> str:
    """Slack's inbound text as people see it: mentions by id, channels by name, links by address, no entities."""

    def shown(found: re.Match[str]) -> str:
        target, _, label = found[1].partition("|")
        if target.startswith(("@", "#", "!")):
            return f"#{label}" if target.startswith("#") and label else f"@{label or target[1:].removeprefix('@')}"
        return target if label in ("", target) or target.endswith(label) else f"{label} ({target})"

    text = re.sub(r"<([^<>]+)>", shown, text)
    for coded, char in _ENTITIES:
        text = text.replace(coded, char)
    return text


def digest(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw).hexdigest()


def _dict(owner: dict[str, Any], name: str) -> dict[str, Any]:
    value = owner.get(name)
    return value if isinstance(value, dict) else {}


def _text(owner: dict[str, Any], name: str) -> str:
    value = owner.get(name)
    return value if isinstance(value, str) else ""
