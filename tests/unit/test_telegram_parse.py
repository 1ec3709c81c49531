"""Updates in our words: the shapes Telegram sends, the traps in them, and whose words they are."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels.base import FileRef, Inbound
from channels.telegram_parse import parse
from channels.telegram_receive import peek
from knowledge.words import Press
from tests.fakes import telegram_spec
from tests.fakes.telegram_text import found_entities

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
FROM = {"id": 42, "is_bot": False, "first_name": "Ada", "last_name": "L"}
BOT = {"id": 1, "is_bot": True, "first_name": "Steward", "username": "steward_bot"}
CHAT = {"id": 42, "type": "private"}
VOICE = {"file_id": "f", "file_unique_id": "u", "duration": 3}
GROUP = {"id": -5, "type": "supergroup", "title": "G"}
STRANGER = {"id": 9, "is_bot": False, "first_name": "S"}


def read(**content: Any) -> Inbound:
    return parse(json.dumps({"update_id": 7, **content}).encode(), "1", "steward_bot", NOW)


def message(**content: Any) -> Inbound:
    base = {"message_id": 5, "date": 1_700_000_000, "chat": CHAT, "from": FROM}
    text = content.get("text", "")
    return read(message=base | {"entities": found_entities(text) if isinstance(text, str) else []} | content)


def test_a_text_in_our_words() -> None:
    assert message(text="hi") == Inbound(
        "text",
        "telegram",
        "1",
        "42",
        "42",
        "5",
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        text="hi",
        sender_name="Ada L",
    )


@pytest.mark.parametrize(
    ("text", "command", "rest"),
    [
        ("/status", "status", ""),
        ("/Status", "status", ""),
        ("/status@Steward_Bot now", "status", "now"),
        ("👍 /status now", "status", "now"),
        ("👨‍👩‍👧‍👦 /note a\nb", "note", "a\nb"),
        ("/remind  me ", "remind", "me"),
    ],
)
def test_commands_are_found_by_their_entities(text: str, command: str, rest: str) -> None:
    inbound = message(text=text)
    assert (inbound.kind, inbound.command, inbound.text) == ("command", command, rest)


@pytest.mark.parametrize("text", ["please /status", "see a/b", "/", "//", "/ü"])
def test_a_slash_elsewhere_is_text(text: str) -> None:
    assert (message(text=text).kind, message(text=text).text) == ("text", text)


def test_a_command_for_another_bot_is_not_ours() -> None:
    inbound = message(text="/status@other_bot")
    assert (inbound.kind, inbound.mentioned, inbound.command) == ("unsupported", False, "")


def test_a_press_also_on_a_message_that_is_no_longer_accessible() -> None:
    press = Press("approve", "card", 2, 1, "n")
    query = {"id": "77", "from": FROM, "chat_instance": "1", "data": press.encode()}
    for date in (0, 1_700_000_000):
        inbound = read(callback_query=query | {"message": {"message_id": 5, "chat": CHAT, "date": date}})
        assert (inbound.press, inbound.press_id, inbound.pressed_ref, inbound.sent_at) == (press, "77", "5", NOW)
    strange = read(callback_query=query | {"data": "ap:evil"})
    assert (strange.kind, strange.press, strange.conversation) == ("press", None, "42")


@pytest.mark.parametrize(
    ("content", "file"),
    [
        ({"voice": {"duration": 0}}, ("voice", "voice.ogg", "audio/ogg", 0)),
        (
            {"voice": {"duration": 3, "mime_type": "audio/ogg", "file_size": 20_000_001}},
            ("voice", "voice.ogg", "audio/ogg", 20_000_001),
        ),
        (
            {"audio": {"duration": 3, "file_name": "a.oga", "mime_type": "audio/ogg"}},
            ("voice", "a.oga", "audio/ogg", 0),
        ),
        ({"video_note": {"duration": 3, "length": 9}}, ("voice", "video.mp4", "video/mp4", 0)),
        (
            {"document": {"file_name": "a.txt", "mime_type": "text/plain", "file_size": 3}},
            ("file", "a.txt", "text/plain", 3),
        ),
        ({"document": {"file_name": "a.oga", "mime_type": "audio/ogg"}}, ("voice", "a.oga", "audio/ogg", 0)),
        ({"document": {}}, ("file", "file", "application/octet-stream", 0)),
    ],
)
def test_files_and_voices(content: dict[str, dict[str, Any]], file: tuple[str, str, str, int]) -> None:
    identified = {kind: described | {"file_id": "F", "file_unique_id": "U"} for kind, described in content.items()}
    inbound = message(**identified, caption="see", media_group_id="9")
    assert (inbound.kind, inbound.text, inbound.album) == (file[0], "see", "9")
    recorded = not {"voice", "video_note"}.isdisjoint(content)  # in the chat itself: then it is the sender's own word
    assert inbound.files == (FileRef("F", *file[1:], spoken=recorded),)


def test_a_photo_is_its_largest_size() -> None:
    sizes = [{"file_id": f"F{n}", "file_unique_id": f"U{n}", "width": n, "height": n, "file_size": n} for n in (1, 2)]
    assert message(photo=sizes).files == (FileRef("F2", "photo.jpg", "image/jpeg", 2),)


def test_forwarded_and_quoted_words_are_marked() -> None:
    forwarded = message(text="/approve", forward_origin={"type": "user", "date": 1, "sender_user": STRANGER})
    assert (forwarded.kind, forwarded.forwarded, forwarded.command) == ("text", True, "")
    theirs = {"message_id": 3, "date": 1, "chat": CHAT, "from": BOT, "text": "whole"}
    assert (message(text="x", reply_to_message=theirs).quoted, message(text="x", reply_to_message=theirs).reply_to) == (
        "whole",
        "3",
    )
    assert message(text="x", reply_to_message=theirs, quote={"text": "part", "position": 0}).quoted == "part"


def test_in_a_group_the_bot_is_meant_when_named_or_answered() -> None:
    silent = message(text="lunch?", chat=GROUP)
    assert (silent.private, silent.mentioned) == (False, False)
    named = message(text="@Steward_bot, note: x", chat=GROUP)
    assert (named.mentioned, named.text) == (True, "note: x")
    assert message(
        text="yes", chat=GROUP, reply_to_message={"message_id": 3, "date": 1, "chat": GROUP, "from": BOT}
    ).mentioned
    assert message(text="/status", chat=GROUP).mentioned


def test_an_edit_a_reaction_and_a_block() -> None:
    edited = read(
        edited_message={"message_id": 5, "date": 1, "edit_date": 9, "chat": CHAT, "from": FROM, "text": "new"}
    )
    assert (edited.kind, edited.message_ref, edited.text, edited.sent_at.timestamp()) == ("edit", "5", "new", 9)
    emoji = [{"type": "emoji", "emoji": "👍"}]
    about = {"chat": CHAT, "message_id": 5, "user": FROM, "date": 1}
    added = read(message_reaction=about | {"old_reaction": [], "new_reaction": emoji})
    assert (added.kind, added.text, added.pressed_ref) == ("reaction", "👍", "5")
    assert read(message_reaction=about | {"old_reaction": emoji, "new_reaction": []}).text == ""
    member = {"user": BOT, "status": "kicked", "until_date": 0}
    change = {
        "chat": CHAT,
        "from": FROM,
        "date": 1,
        "old_chat_member": {"user": BOT, "status": "member"},
        "new_chat_member": member,
    }
    assert read(my_chat_member=change).note == "the bot was blocked or removed"


@pytest.mark.parametrize(
    ("content", "note"),
    [
        ({"location": {"longitude": 1.0, "latitude": 2.0}}, "a location"),
        ({"contact": {"phone_number": "1", "first_name": "x"}}, "a contact"),
        ({"dice": {"emoji": "🎲", "value": 1}}, "a dice"),
        ({"rich_message": {"html": "x"}}, "a message without text"),
    ],
)
def test_what_steward_cannot_use_is_named(content: dict[str, Any], note: str) -> None:
    assert (message(**content).kind, message(**content).note) == ("unsupported", note)


def test_unknown_kinds_are_named_and_channel_posts_are_no_turn() -> None:
    assert read(new_update_kind={"a": 1}).note == "new_update_kind"
    post = read(
        channel_post={"message_id": 5, "date": 1, "chat": {"id": -9, "type": "channel", "title": "C"}, "text": "x"}
    )
    assert (post.kind, post.conversation) == ("unsupported", "-9")


@pytest.mark.parametrize(
    "content",
    [
        {"message": {"message_id": 5, "chat": CHAT, "from": FROM, "text": "no date"}},
        {"message": {"message_id": 5, "date": 10**30, "chat": CHAT, "text": "x"}},
        {"message": {"message_id": 5, "date": 1, "chat": CHAT, "text": 5}},
        {"message": {"message_id": 5, "date": 1, "chat": CHAT, "unique_gift": {"gift": 3}}},
        {"message": "x"},
        {"callback_query": {"id": "1"}},
        # what the library lets through, and nothing behind it expects (found by fuzzing)
        {
            "message": {
                "message_id": 5,
                "date": 1,
                "chat": CHAT,
                "from": CHAT | {"first_name": ["Ada"], "is_bot": False},
                "text": "x",
            }
        },
        {"message": {"message_id": 5, "date": 1, "chat": CHAT, "from": FROM | {"id": [42]}, "text": "x"}},
        {"message": {"message_id": 5, "date": 1, "chat": CHAT | {"id": True}, "from": FROM, "text": "x"}},
        {"message": {"message_id": 5, "date": 1, "chat": CHAT | {"id": None}, "from": FROM, "text": "x"}},
        {"message": {"message_id": 5, "date": 1, "chat": CHAT, "from": FROM, "voice": VOICE | {"mime_type": 2.5}}},
        {"message": {"message_id": 5, "date": 1, "chat": CHAT, "from": FROM, "audio": VOICE | {"mime_type": ["x"]}}},
        {"message": {"message_id": 5, "date": 1, "chat": CHAT, "from": FROM, "document": VOICE | {"file_name": [[]]}}},
        {"message": {"message_id": 5, "date": 1, "chat": CHAT, "from": FROM, "document": VOICE | {"file_size": "9"}}},
    ],
)
def test_what_the_library_stumbles_over_is_a_value_error(content: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a readable Telegram update"):
        read(**content)


def _example(kind: str, depth: int = 0) -> Any:
    """A value of a published type with every field that is not too deep: the widest update there can be."""
    if kind.startswith("Array of "):
        return [_example(kind.removeprefix("Array of "), depth)]
    plain = {"Integer": 5, "String": "x", "Boolean": True, "Float": 1.5}
    if kind in plain:
        return plain[kind]
    spec = telegram_spec.api()
    assert spec is not None
    described = spec["types"].get(kind, {})
    if subtypes := described.get("subtypes"):
        return _example(subtypes[0], depth)
    return {
        field["name"]: _example(field["types"][0], depth + 1)
        for field in described.get("fields", [])
        if field["required"] or depth < 3
    }


@pytest.mark.skipif(telegram_spec.api() is None, reason="no published Bot API at ../shared/specs")
def test_every_published_update_and_message_is_parsed_or_a_value_error() -> None:
    spec = telegram_spec.api()
    assert spec is not None
    kinds = [f for f in spec["types"]["Update"]["fields"] if f["name"] != "update_id"]
    contents = [{f["name"]: _example(f["types"][0])} for f in kinds]
    for field in spec["types"]["Message"]["fields"]:
        base = {"message_id": 5, "date": 1, "chat": CHAT, "from": FROM}
        contents.append({"message": base | {field["name"]: _example(field["types"][0], 1)}})
    read_well = 0
    for content in contents:
        raw = json.dumps({"update_id": 7, **content}).encode()
        seen = peek(raw, "1")
        try:
            inbound = parse(raw, "1", "steward_bot", NOW)
        except ValueError:
            continue
        read_well += 1
        if inbound.sender or inbound.conversation:
            assert (inbound.conversation, inbound.sender) == (seen.conversation, seen.sender), content
    assert read_well > len(contents) * 0.8


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_mutated_update_is_parsed_or_a_value_error(data: st.DataObject) -> None:
    command = {"text": "/x", "entities": [{"type": "bot_command", "offset": 0, "length": 2}]}
    written = {"message_id": 5, "date": 1, "chat": dict(CHAT), "from": dict(FROM), **command}
    update: dict[str, Any] = {"update_id": 7, "message": written}
    target: Any = update["message"]
    for _ in range(data.draw(st.integers(1, 3))):
        key = data.draw(st.sampled_from(sorted(target)))
        target[key] = data.draw(
            st.none() | st.integers() | st.text(max_size=4) | st.just([]) | st.just({}) | st.just([{}])
        )
    raw = json.dumps(update).encode()
    peek(raw, "1")
    with contextlib.suppress(ValueError):
        parse(raw, "1", "steward_bot", NOW)


IDS = st.text("abcdefghij23456789", max_size=30)
VERBS = st.sampled_from(["approve", "reject", "edit", "undo", "run"])


@example(Press("approve", "a" * 30, 10**6, 99, "b" * 30))
@given(st.builds(Press, VERBS, IDS, st.integers(0, 10**6), st.integers(0, 99), IDS))
def test_every_button_we_can_make_has_one_to_sixty_four_bytes_and_comes_back(press: Press) -> None:
    try:
        data = press.encode()
    except ValueError:
        return
    assert 1 <= len(data.encode()) <= 64
    assert Press.decode(data) == press


@given(st.text(max_size=70))
def test_button_data_from_outside_never_raises(data: str) -> None:
    pressed = Press.decode(data)
    assert pressed is None or Press.decode(pressed.encode()) == pressed
