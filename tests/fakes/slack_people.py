"""The other side of a fake Slack: people who write, press and fill forms. Each verb gives a payload's bytes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

USER, TEAM, DIRECT, BOT_USER = "U42", "T1", "D42", "UBOT"


class People:
    """Makes payloads as Slack makes them. `messages` is what stands in the channels, by `(channel, ts)`."""

    def __init__(self) -> None:
        self.url = ""
        self.messages: dict[tuple[str, str], dict[str, Any]] = {}
        self.homes: dict[str, dict[str, Any]] = {}
        self.triggers: set[str] = set()
        self._clock = 1_700_000_000
        self._count = 0

    def next_ts(self) -> str:
        self._clock += 1
        return f"{self._clock}.000100"

    def text(self, text: str, channel: str = DIRECT, user: str = USER, **more: Any) -> bytes:
        """Someone writes in a direct conversation or mentions the bot in a channel, in people's own characters."""
        coded = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") if "raw" not in more else text
        more.pop("raw", None)
        kind = "message" if channel.startswith("D") else "app_mention"
        event = {"type": kind, "channel": channel, "user": user, "text": coded, "ts": self.next_ts(), **more}
        if channel.startswith("D"):
            event["channel_type"] = "im"
        self.messages[(channel, event["ts"])] = event
        return self.event(event)

    def file(self, name: str, mime: str = "text/plain", size: int = 6, **more: Any) -> bytes:
        """Someone shares a file, without words."""
        found = {
            "id": "F1",
            "name": name,
            "mimetype": mime,
            "size": size,
            "url_private_download": f"{self.url}/files/{name}",
            **more,
        }
        event: dict[str, Any] = {
            "type": "message",
            "subtype": "file_share",
            "channel": DIRECT,
            "channel_type": "im",
            "user": USER,
        }
        event |= {"text": "", "ts": self.next_ts(), "files": [found]}
        return self.event(event)

    def event(self, event: dict[str, Any], **more: Any) -> bytes:
        """Any event in its wrapper, with an id of its own (give `event_id` to repeat one)."""
        self._count += 1
        wrapper = {"type": "event_callback", "team_id": TEAM, "api_app_id": "A1", "event": event,
                   "event_id": f"Ev{self._count}", "event_time": self._clock, **more}  # fmt: skip
        return json.dumps(wrapper).encode()

    def command(self, text: str, channel: str = DIRECT, user: str = USER) -> bytes:
        """Someone types `/steward text`."""
        fields = {"command": "/steward", "text": text, "team_id": TEAM, "channel_id": channel, "user_id": user,
                  "user_name": "ada", "trigger_id": self.trigger(), "response_url": f"{self.url}/respond/1"}  # fmt: skip
        return urlencode(fields).encode()

    def press(self, label: str, user: str = USER, **more: Any) -> bytes:
        """Someone presses the newest button of that label."""
        for (channel, ts), message in sorted(self.messages.items(), key=lambda item: item[0][1], reverse=True):
            for block in message.get("blocks", []):
                for element in block.get("elements", []):
                    if element["text"]["text"] == label:
                        return self.interaction(element, channel, ts, message, user, **more)
        raise LookupError(f"no button {label!r}")

    def interaction(
        self, element: dict[str, Any], channel: str, ts: str, message: dict[str, Any], user: str, **more: Any
    ) -> bytes:
        self._count += 1
        payload = {
            "type": "block_actions", "team": {"id": TEAM}, "user": {"id": user, "team_id": TEAM},
            "channel": {"id": channel},
            "container": {"type": "message", "message_ts": ts, "channel_id": channel}, "message": message,
            "actions": [element | {"type": "button", "action_ts": f"{self._clock}.{self._count:06}"}],
            "trigger_id": self.trigger(), "response_url": f"{self.url}/respond/{self._count}", **more,
        }  # fmt: skip
        return urlencode({"payload": json.dumps(payload)}).encode()

    def react(self, emoji: str, words: str, user: str = USER) -> bytes:
        """Someone puts a reaction on the newest message that holds `words`."""
        for (channel, ts), message in sorted(self.messages.items(), key=lambda item: item[0][1], reverse=True):
            if words in str(message):
                item = {"type": "message", "channel": channel, "ts": ts}
                return self.event({"type": "reaction_added", "user": user, "reaction": emoji, "item": item})
        raise LookupError(f"no message with {words!r}")

    def opens_home(self, user: str = USER) -> bytes:
        """Someone opens the app's home tab."""
        return self.event({"type": "app_home_opened", "user": user, "channel": DIRECT, "tab": "home"})

    def press_home(self, label: str, near: str = "", user: str = USER) -> bytes:
        """Someone presses a button of the home tab, the first of that label below a paragraph that holds `near`."""
        view, below = self.homes[user], ""
        for block in view["blocks"]:
            below = block["text"]["text"] if block["type"] == "section" else below
            for element in block.get("elements", []):
                if element["text"]["text"] == label and near in below:
                    self._count += 1
                    payload = {
                        "type": "block_actions", "team": {"id": TEAM}, "user": {"id": user, "team_id": TEAM},
                        "container": {"type": "view", "view_id": "VH"}, "view": {"id": "VH", "type": "home"},
                        "actions": [element | {"type": "button", "action_ts": f"{self._clock}.{self._count:06}"}],
                        "trigger_id": self.trigger(),
                    }  # fmt: skip
                    return urlencode({"payload": json.dumps(payload)}).encode()
        raise LookupError(f"no button {label!r} at home")

    def shortcut(self, words: str, channel: str = "C1", user: str = USER) -> bytes:
        """Someone chooses “Ask Steward” on somebody's message."""
        self._count += 1
        payload = {
            "type": "message_action", "callback_id": "ask-steward", "trigger_id": self.trigger(), "team": {"id": TEAM},
            "user": {"id": user}, "channel": {"id": channel}, "message": {"text": words, "ts": self.next_ts(), "user": "U7"},
            "response_url": f"{self.url}/respond/{self._count}",
        }  # fmt: skip
        return urlencode({"payload": json.dumps(payload)}).encode()

    def starts_thread(self, thread: str = "5.0", user: str = USER) -> bytes:
        """Someone opens a conversation with the assistant."""
        started = {"user_id": user, "channel_id": DIRECT, "thread_ts": thread}
        return self.event({"type": "assistant_thread_started", "assistant_thread": started})

    def submit(self, view: dict[str, Any], text: str | None, user: str = USER, **fields: Any) -> bytes:
        """Someone fills in a form that was opened, words and `fields` (a time in seconds), and sends it."""
        self._count += 1
        values = _as_opened(view)
        for name, value in fields.items():
            (key,) = [key for key in values[f"field-{name}"][name] if key != "type"]
            values[f"field-{name}"][name][key] = value
        values["steward-edit"] = {"steward-edit": {"type": "plain_text_input", "value": text}}
        filled = (
            {"type": "modal", "callback_id": "steward-edit"}
            | view
            | {
                "id": f"V{self._count}",
                "hash": "h",
                "state": {"values": values},
            }
        )
        payload = {
            "type": "view_submission",
            "team": {"id": TEAM},
            "user": {"id": user, "team_id": TEAM},
            "view": filled,
        }
        return urlencode({"payload": json.dumps(payload)}).encode()

    def trigger(self) -> str:
        self._count += 1
        self.triggers.add(f"tr{self._count}")
        return f"tr{self._count}"


def _as_opened(view: dict[str, Any]) -> dict[str, Any]:
    """What every field of a form holds while nobody has touched it."""
    held: dict[str, Any] = {}
    for block in view.get("blocks", []):
        if block["type"] == "input":
            element = block["element"]
            name, timed = element["action_id"], element["type"] == "datetimepicker"
            shown = {"selected_date_time": element.get("initial_date_time")}
            value = shown if timed else {"value": element.get("initial_value")}
            held[block["block_id"]] = {name: {"type": element["type"]} | value}
    return held
