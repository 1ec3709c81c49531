"""Payloads of every platform, damaged with knowledge of their structure: for hypothesis."""

from __future__ import annotations

import copy
import itertools
import json
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from hypothesis import strategies as st

from tests.fakes import slack_people, telegram_spec
from tests.fakes.slack_people import People
from tests.fakes.telegram_spec import SPECS
from tests.fakes.twilio_api import FakeTwilio

_KEYS = itertools.count(10**6)
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=12),
    st.sampled_from(["", "\x00", "\ud83d", "é" * 300, "x" * 20_000, "/stop", "/steward", "yes", "1", "١٢٣", "<!channel>", "y:c1:1:0:n",
                     "https://evil.example/x", "../../etc/passwd", "T9", "U42", "1e999", "-0", "{}", "\u202e", "👍"]),
    st.just([]), st.just({}), st.just([[]]), st.just([None]), st.just({"": {}}),
)  # fmt: skip


def _set(tree: Any, path: list[Any], value: Any) -> None:
    for step in path[:-1]:
        tree = tree[step]
    tree[path[-1]] = value


def _drop(tree: Any, path: list[Any]) -> None:
    for step in path[:-1]:
        tree = tree[step]
    del tree[path[-1]]


def _paths(tree: Any, before: tuple[Any, ...] = ()) -> list[list[Any]]:
    found: list[list[Any]] = []
    steps = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for step, inner in steps:
        found.append([*before, step])
        found += _paths(inner, (*before, step))
    return found


@st.composite
def damaged(draw: st.DrawFn, whole: Any) -> Any:
    """`whole` after one to four damages: a value replaced, moved, doubled or taken away."""
    tree = copy.deepcopy(whole)
    for _ in range(draw(st.integers(1, 4))):
        paths = _paths(tree)
        if not paths:
            break
        path = draw(st.sampled_from(paths))
        match draw(st.sampled_from(["odd", "odd", "drop", "move", "nest"])):
            case "odd":
                _set(tree, path, copy.deepcopy(draw(ODD)))
            case "drop":
                _drop(tree, path)
            case "move":
                _set(tree, path, copy.deepcopy(_at(tree, draw(st.sampled_from(paths)))))
            case "nest":
                _set(tree, path, [copy.deepcopy(_at(tree, path))] * 2)
    return tree


def _at(tree: Any, path: list[Any]) -> Any:
    for step in path:
        tree = tree[step]
    return tree


@st.composite
def bodies(draw: st.DrawFn, channel: str) -> bytes:
    """The bytes of a damaged payload of `channel`, now and then damaged once more as bytes."""
    kind, whole = draw(st.sampled_from(_wholes(channel)))
    fresh = next(_KEYS)  # a key of its own: else most would be the same delivery again
    ids = {"update_id": fresh, "event_id": f"Ev{fresh}", "MessageSid": f"SM{fresh:032x}", "trigger_id": f"{fresh}.1"}
    tree = draw(damaged(whole | {name: value for name, value in ids.items() if name in whole}))
    if kind == "json":
        body = json.dumps(tree).encode()
    elif kind == "payload":
        body = urlencode({"payload": json.dumps(tree)}).encode()
    else:
        body = urlencode({k: _text(v) for k, v in tree.items()}, errors="replace").encode()
    match draw(st.integers(0, 11)):
        case 0:
            body = body[: draw(st.integers(0, len(body)))]
        case 1:
            place = draw(st.integers(0, len(body)))
            body = body[:place] + draw(st.binary(max_size=6)) + body[place:]
    return body


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@cache
def _wholes(channel: str) -> list[tuple[str, Any]]:
    """(encoding, payload) of what people do there, and of everything published."""
    return {"slack": _slack, "telegram": _telegram, "whatsapp": _whatsapp}[channel]()


def _slack() -> list[tuple[str, Any]]:
    people = People()
    people.messages[("D42", "1.0")] = {
        "ts": "1.0", "bot_id": "B1",
        "blocks": [{"elements": [{"text": {"text": "Go"}, "action_id": "a", "value": "y:c1:1:0:n"}]}],
    }  # fmt: skip
    react = {
        "type": "reaction_added",
        "user": "U42",
        "reaction": "+1",
        "item": {"channel": "D42", "ts": "1.0", "type": "message"},
    }
    home = {"type": "app_home_opened", "user": "U42", "channel": "D42", "tab": "home"}
    thread = {
        "type": "assistant_thread_started",
        "assistant_thread": {"user_id": "U42", "channel_id": "D42", "thread_ts": "5.0"},
    }
    view = {
        "id": "V1",
        "hash": "h",
        "callback_id": "steward-edit",
        "private_metadata": json.dumps({"press": "e:c1:1:0:n", "channel": "D42", "thread": "", "ref": "1.0"}),
    }
    events = [people.text("note: bread"), people.text("<@UBOT> hello", channel="C1", raw=True), people.file("clip.mp4", "video/mp4", subtype="slack_audio"),
              people.event(react), people.event(home), people.event(thread)]  # fmt: skip
    found: list[tuple[str, Any]] = [("json", json.loads(body)) for body in events]
    found += [("payload", _form(body)) for body in (people.press("Go"), people.submit(view, "make it 3pm"))]
    shortcut = {
        "type": "message_action",
        "trigger_id": "t",
        "team": {"id": "T1"},
        "user": {"id": "U42"},
        "channel": {"id": "C1"},
        "message": {"text": "x", "ts": "3.0"},
    }
    found += [("payload", shortcut), ("form", dict(parse_qsl(people.command("status").decode())))]
    found *= 6  # most of what is published concerns nobody here
    for path in sorted((SPECS / "slack" / "samples" / "events").glob("*.json")):
        found.append(("json", {"type": "event_callback", "team_id": slack_people.TEAM} | json.loads(path.read_text())))
    found += [
        ("payload", json.loads(p.read_text()))
        for p in sorted((SPECS / "slack" / "samples" / "app-backend").glob("*.json"))
    ]
    return found


def _form(body: bytes) -> Any:
    return json.loads(dict(parse_qsl(body.decode()))["payload"])


def _telegram() -> list[tuple[str, Any]]:
    who, chat = {"id": 42, "is_bot": False, "first_name": "Ada"}, {"id": 42, "type": "private", "first_name": "Ada"}
    base = {"message_id": 5, "date": 1_700_000_000, "chat": chat, "from": who}
    press = {"id": "7001", "from": who, "message": base | {"text": "?"}, "chat_instance": "1", "data": "y:c1:1:0:n"}
    command = base | {"text": "/status", "entities": [{"type": "bot_command", "offset": 0, "length": 7}]}
    voice = base | {
        "voice": {"file_id": "f", "file_unique_id": "u", "duration": 3, "mime_type": "audio/ogg", "file_size": 900}
    }
    react = {
        "chat": chat,
        "user": who,
        "message_id": 5,
        "date": 1,
        "old_reaction": [],
        "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    }
    found = [{"message": base | {"text": "note: bread"}}, {"message": command}, {"message": voice}, {"callback_query": press},
             {"edited_message": base | {"text": "x", "edit_date": 2}}, {"message_reaction": react}]  # fmt: skip
    if spec := telegram_spec.api():
        for field in spec["types"]["Message"]["fields"]:
            found.append({"message": base | {field["name"]: _example(spec, field["types"][0])}})
        found += [
            {f["name"]: _example(spec, f["types"][0])}
            for f in spec["types"]["Update"]["fields"]
            if f["name"] != "update_id"
        ]
    return [("json", {"update_id": 910_000 + n, **one}) for n, one in enumerate(found)]


def _example(spec: dict[str, Any], kind: str, depth: int = 0) -> Any:
    if kind.startswith("Array of "):
        return [_example(spec, kind.removeprefix("Array of "), depth)]
    plain = {"Integer": 42, "String": "x", "Boolean": True, "Float": 1.5}
    if kind in plain:
        return plain[kind]
    described = spec["types"].get(kind, {})
    if subtypes := described.get("subtypes"):
        return _example(spec, subtypes[0], depth)
    fields = described.get("fields", [])
    return {f["name"]: _example(spec, f["types"][0], depth + 1) for f in fields if f["required"] or depth < 2}


def _whatsapp() -> list[tuple[str, Any]]:
    twilio = FakeTwilio()
    made = [twilio.text("note: bread"), twilio.text("1"),
            twilio.text("Approve", ButtonPayload="y:c1:1:0:n", ButtonText="Approve"),
            twilio.text("", NumMedia="1", MediaUrl0="https://api.twilio.com/x", MediaContentType0="audio/ogg"),
            twilio.text("", Latitude="1.5", Longitude="2", MessageType="location")]  # fmt: skip
    found = [dict(parse_qsl(body.decode(), keep_blank_values=True)) for body in made]
    shapes = SPECS / "twilio" / "whatsapp_inbound_shapes.json"
    if shapes.exists():
        found += [shape for shape in json.loads(shapes.read_text()).values() if isinstance(shape, dict)]
    return [("form", one) for one in found]
