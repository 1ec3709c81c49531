"""Telegram's receiving part without a network: whose update, which lane, which key, and whether it is authentic."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Delivery, RawRequest, Refused
from channels.telegram_access import TelegramAccess, guard_logs, hide_token
from channels.telegram_receive import peek, receive, verify

FROM = {"id": 42, "is_bot": False, "first_name": "P"}
CHAT = {"id": 42, "type": "private"}


def update(**content: Any) -> bytes:
    return json.dumps({"update_id": 7, **content}).encode()


def message(**content: Any) -> bytes:
    return update(message={"message_id": 1, "date": 1, "chat": CHAT, "from": FROM, **content})


def test_a_text_belongs_to_its_chat_and_waits_its_turn() -> None:
    raw = message(text="yes")
    assert peek(raw, "1") == Delivery("telegram", "1", "7", "42", "42", "turn", raw, hint="yes", wants_typing=True)


@pytest.mark.parametrize("text", ["/stop", "/STOP", "/stop now", "/stop@steward_bot", "  /stop"])
def test_stop_takes_the_control_lane(text: str) -> None:
    assert peek(message(text=text), "1").lane == "control"


@pytest.mark.parametrize("text", ["/stopwatch", "stop", "please /stop", "/start"])
def test_other_texts_do_not(text: str) -> None:
    assert peek(message(text=text), "1").lane == "turn"


def test_forwarded_words_are_no_hint_and_stop_nothing() -> None:
    seen = peek(message(text="/stop", forward_origin={"type": "hidden_user"}), "1")
    assert (seen.lane, seen.hint) == ("turn", "")


def test_a_press_takes_the_control_lane_and_tells_whom_to_confirm() -> None:
    query = {
        "id": "99",
        "from": FROM,
        "chat_instance": "1",
        "data": "x",
        "message": {"message_id": 5, "chat": CHAT, "date": 0},
    }
    seen = peek(update(callback_query=query), "1")
    assert (seen.lane, seen.press_id, seen.conversation, seen.wants_typing) == ("control", "99", "42", False)


def test_what_stands_in_no_chat_belongs_to_its_persons_own() -> None:
    seen = peek(update(poll_answer={"poll_id": "1", "user": FROM, "option_ids": [0]}), "1")
    assert (seen.conversation, seen.sender) == ("42", "42")


def test_a_topic_is_a_conversation_of_its_own_but_a_reply_thread_is_not() -> None:
    assert peek(message(text="x", message_thread_id=3, is_topic_message=True), "1").conversation == "42:3"
    assert peek(message(text="x", message_thread_id=3), "1").conversation == "42"


@pytest.mark.parametrize(
    "raw", [b"", b"\xff", b"{", b"[]", b"1", b'{"update_id": "x"}', b"[" * 100_000, b'{"update_id":' + b"9" * 5000]
)
def test_what_cannot_be_read_becomes_a_dead_letter_of_its_own(raw: bytes) -> None:
    seen = peek(raw, "1")
    assert (seen.conversation, seen.sender, seen.raw) == ("", "", raw)
    assert seen.dedupe_key.startswith("sha256:")
    assert peek(raw + b" ", "1").dedupe_key != seen.dedupe_key


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["message", "callback_query", "chat", "from", "id", "text", "update_id", "data", "is_topic_message"]
            )
            | st.text(max_size=3),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(JSON)
@settings(max_examples=400, deadline=None)
def test_any_json_is_received_without_an_exception(value: Any) -> None:
    seen = peek(json.dumps(value).encode(), "1")
    assert seen.dedupe_key
    assert all(isinstance(part, str) for part in (seen.conversation, seen.sender, seen.hint, seen.press_id))


@given(st.binary(max_size=60), st.text(max_size=20), st.text(max_size=20))
@settings(max_examples=300, deadline=None)
def test_any_bytes_and_any_header_are_refused_without_an_exception(body: bytes, header: str, secret: str) -> None:
    request = RawRequest("POST", "/", "", {"x-telegram-bot-api-secret-token": header}, body)
    refused = verify(request, secret)
    assert (refused is None) == (header == secret != "")


def test_without_a_secret_nothing_is_let_in() -> None:
    headers = {"x-telegram-bot-api-secret-token": ""}
    assert receive(RawRequest("POST", "/", "", headers, message(text="x")), TelegramAccess("1:abcdefgh")) == Refused(
        403, "The secret token is missing or wrong."
    )
    assert isinstance(verify(RawRequest("GET", "/", "", headers, b""), "s"), Refused)


def test_the_token_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    access = TelegramAccess("123456:AAbbCC-dd_ee", "s3cret")
    assert "AAbb" not in repr(access) + str(access)
    assert "s3cret" not in repr(access)
    assert hide_token(f"GET {access.url}/getMe failed") == "GET https://api.telegram.org/bot***/getMe failed"
    guard_logs()
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "httpx")
    logging.getLogger("httpx").info("HTTP Request: %s %s", "POST", access.url + "/getMe")
    assert "AAbb" not in caplog.text
    assert "bot***" in caplog.text


def test_the_receiving_part_imports_no_sdk() -> None:
    probe = "import sys, channels.telegram_receive; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    assert not {"telegram", "starlette", "pydantic", "sqlalchemy", "langgraph"} & set(loaded)
