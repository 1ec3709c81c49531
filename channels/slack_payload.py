"""Slack's payloads, read the same way by both parts: what kind it is, whose, where, and whether it concerns us at all.

The same payload comes as JSON (events, Socket Mode), as a form (commands) or as JSON in a form (interactions). Names of
kinds: message, mention, reaction, home, assistant, command, actions, submission, closed, shortcut; "" concerns nobody.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

Kind = Literal[
    "", "message", "mention", "reaction", "home", "assistant", "command", "actions", "submission", "closed", "shortcut"
]
FORM = "steward-edit"
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
        """`channel`, `channel:thread`, `channel/user` for one pair of eyes (commands in a channel), or `home/user`."""
        if not self.channel:
            return f"{HOME}/{self.user}" if self.user and self.kind in _AT_HOME else ""
        if self.kind in ("command", "shortcut", "reaction") and not self.direct:
            return f"{self.channel}/{self.user}"
        return f"{self.channel}:{self.thread}" if self.thread else self.channel

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


def form(press: str, payload: Payload) -> dict[str, Any]:
    """The edit form for a pressed button: the card as it stands, and what is to be different in the principal's words."""
    container = _dict(payload.content, "container")
    stands = _text(_dict(payload.content, "message"), "text")[:3000]
    shown = [{"type": "section", "text": {"type": "mrkdwn", "text": stands, "verbatim": True}}] if stands else []
    kept = {"press": press, "channel": payload.channel, "thread": payload.thread, "ref": _text(container, "message_ts")}
    return {
        "type": "modal",
        "callback_id": FORM,
        "title": {"type": "plain_text", "text": "Change it"},
        "submit": {"type": "plain_text", "text": "Save"},
        "close": {"type": "plain_text", "text": "Leave it"},
        "private_metadata": json.dumps(kept),
        "blocks": [
            *shown,
            {
                "type": "input",
                "block_id": FORM,
                "label": {"type": "plain_text", "text": "How should it be?"},
                "hint": {"type": "plain_text", "text": "More than 3000 characters? Reply to the card instead."},
                "element": {"type": "plain_text_input", "action_id": FORM, "multiline": True, "max_length": 3000},
            },
        ],
    }


def typed_in(content: dict[str, Any]) -> str:
    """What was typed into the form; empty for null, absent or blank."""
    values = _dict(_dict(_dict(content, "view"), "state"), "values")
    return _text(_dict(_dict(values, FORM), FORM), "value").strip()


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
