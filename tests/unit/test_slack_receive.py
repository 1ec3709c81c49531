"""Slack's receiving part without a network: signatures on raw bytes, handshakes, noise, lanes, every sample."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.base import Answer, Delivery, RawRequest, Refused
from channels.slack_access import SlackAccess, guard_logs, hide_tokens
from channels.slack_parse import parse
from channels.slack_receive import peek, receive, sort, verify
from knowledge.words import Press
from tests.fakes.slack_api import SIGNING_SECRET, FakeSlack
from tests.fakes.slack_people import People
from tests.fakes.telegram_spec import SPECS

NOW = 1_700_000_000.0
ACCESS = SlackAccess("xoxb-1-TEST", SIGNING_SECRET, team="T1")
SAMPLES = sorted((SPECS / "slack" / "samples").glob("[ae]*-*/*.json")) + sorted(
    (SPECS / "slack" / "samples" / "events").glob("*.json")
)


def request(body: bytes, **headers: str) -> RawRequest:
    return FakeSlack.signed(body, NOW, **headers)


@pytest.mark.skipif(
    not (SPECS / "slack").exists(), reason="no ../shared/specs/slack: the published vector goes unchecked"
)
def test_the_published_vector_verifies_and_any_other_byte_does_not() -> None:
    (vector,) = json.loads((SPECS / "slack" / "signature_vectors.json").read_text())["vectors"]
    headers = {"x-slack-request-timestamp": vector["timestamp"], "x-slack-signature": vector["signature"]}
    body, now = vector["body"].encode(), float(vector["timestamp"])
    assert verify(RawRequest("POST", "/", "", headers, body), vector["signing_secret"], now) is None
    assert isinstance(verify(RawRequest("POST", "/", "", headers, body + b" "), vector["signing_secret"], now), Refused)


@pytest.mark.parametrize(("skew", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_five_minutes_of_skew_and_no_more(skew: int, taken: bool) -> None:
    assert (verify(request(b"{}"), SIGNING_SECRET, NOW + skew) is None) == taken


@pytest.mark.parametrize(
    "headers",
    [
        {"x-slack-request-timestamp": "abc"},
        {"x-slack-request-timestamp": "١٢٣"},
        {"x-slack-request-timestamp": "9" * 400},
        {"x-slack-request-timestamp": ""},
        {"x-slack-signature": "v0=é"},
        {"x-slack-signature": ""},
        {"x-slack-signature": "\udcff"},
    ],
)
@pytest.mark.parametrize("body", [b"\xff", b"{not json", b"", b"x" * 1_000_000])
def test_malformed_headers_and_bodies_are_refused_without_an_exception(headers: dict[str, str], body: bytes) -> None:
    refused = receive(request(body, **headers), ACCESS, NOW)
    assert isinstance(refused, Refused)
    assert refused.status == 401


def test_without_a_secret_nothing_is_let_in() -> None:
    assert isinstance(verify(FakeSlack.signed(b"{}", NOW, secret=""), "", NOW), Refused)


def test_handshakes_are_answered_signed_and_the_ssl_check_unsigned() -> None:
    hello = b'{"type":"url_verification","challenge":"c3"}'
    assert receive(request(hello), ACCESS, NOW) == Answer(body=b"c3")
    assert isinstance(receive(request(hello, **{"x-slack-signature": "v0=0"}), ACCESS, NOW), Refused)
    assert receive(RawRequest("POST", "/", "", {}, b"ssl_check=1&token=x"), ACCESS, NOW) == Answer()
    assert isinstance(receive(RawRequest("GET", "/", "", {}, b""), ACCESS, NOW), Refused)


def test_a_retry_has_the_key_of_the_first_and_its_header_decides_nothing() -> None:
    body = People().text("hi")
    first = receive(request(body), ACCESS, NOW)
    again = receive(request(body, **{"x-slack-retry-num": "1", "x-slack-retry-reason": "http_timeout"}), ACCESS, NOW)
    assert isinstance(first, Delivery)
    assert first == again
    assert first.dedupe_key == "Ev1"


@pytest.mark.parametrize(
    "more",
    [
        {"bot_id": "B9"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "message_deleted"},
        {"subtype": "message_replied"},
        {"subtype": "channel_join"},
        {"user": ""},
        {"type": "channel_rename"},
    ],
)
def test_noise_is_answered_and_not_stored(more: dict[str, Any]) -> None:
    event = {"type": "message", "channel": "D42", "user": "U42", "text": "x", "ts": "1.0"} | more
    assert sort(People().event(event), ACCESS) == Answer()


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
def test_what_people_say_in_other_ways_is_stored(subtype: str) -> None:
    event = {"type": "message", "subtype": subtype, "channel": "D42", "user": "U42", "text": "x", "ts": "1.0"}
    assert isinstance(sort(People().event(event), ACCESS), Delivery)


def test_another_team_is_not_ours_and_a_guest_of_another_team_is_not_the_principal() -> None:
    event = {"type": "message", "channel": "D42", "user": "U42", "text": "x", "ts": "1.0"}
    assert sort(People().event(event, team_id="T9"), ACCESS) == Answer()
    guest = sort(People().event(event | {"user_team": "T9"}), ACCESS)
    assert isinstance(guest, Delivery)
    assert guest.sender == "T9:U42"


def test_conversations_follow_threads_and_commands_in_channels_are_for_one_pair_of_eyes() -> None:
    people = People()

    def where(body: bytes) -> str:
        seen = peek(body, "T1")
        assert seen
        return seen.conversation

    assert where(people.text("x")) == "D42"
    assert where(people.text("x", thread_ts="5.0")) == "D42:5.0"
    assert where(people.text("<@UBOT> x", channel="C1", raw=True, ts="7.0")) == "C1:7.0/U42"
    assert where(people.text("<@UBOT> x", channel="C1", raw=True, ts="8.0", thread_ts="7.0")) == "C1:7.0/U42"
    assert where(people.command("x")) == "D42"
    assert where(people.command("x", channel="C1")) == "C1/U42"


def test_lanes() -> None:
    people = People()
    people.messages[("D42", "1.0")] = {
        "ts": "1.0",
        "blocks": [{"elements": [{"text": {"text": "Go"}, "action_id": "a", "value": "y:c:1:0:n"}]}],
    }
    lanes = {
        "control": [people.press("Go"), people.command("stop"), people.text("/stop"), people.submit({}, "x")],
        "turn": [people.text("stop"), people.text("hello"), people.command("status"), people.command("stop smoking")],
    }
    for lane, bodies in lanes.items():
        seen = [peek(body, "T1") for body in bodies]
        assert [delivery.lane for delivery in seen if delivery] == [lane] * len(bodies)


def test_an_empty_form_is_answered_inline_and_a_full_one_is_the_edit() -> None:
    people = People()
    view = {
        "private_metadata": json.dumps(
            {"press": Press("edit", "card", 1, 0, "n").encode(), "channel": "D42", "thread": "", "ref": "1.0"}
        )
    }
    for nothing in (None, "", "  \n"):
        answer = sort(people.submit(view, nothing), ACCESS)
        assert isinstance(answer, Answer)
        assert json.loads(answer.body)["response_action"] == "errors"
    stored = sort(people.submit(view, "make it 3pm"), ACCESS)
    assert isinstance(stored, Delivery)
    inbound = parse(stored.raw, "T1", "UBOT", (), datetime.now(UTC))
    assert (inbound.kind, inbound.text, inbound.conversation, inbound.sender) == ("press", "make it 3pm", "D42", "U42")
    assert inbound.press == Press("edit", "card", 1, 0, "n")


def test_a_form_of_3000_characters_is_taken_one_that_is_closed_wants_no_answer() -> None:
    view = {"private_metadata": json.dumps({"press": Press("edit", "c", 1, 0, "n").encode(), "channel": "D42"})}
    stored = sort(People().submit(view, "x" * 3000), ACCESS)
    assert isinstance(stored, Delivery)
    assert len(parse(stored.raw, "T1", "UBOT", (), datetime.now(UTC)).text) == 3000
    closed = {
        "type": "view_closed",
        "team": {"id": "T1"},
        "user": {"id": "U42"},
        "view": view | {"id": "V1", "callback_id": "x"},
    }
    seen = parse(json.dumps(closed).encode(), "T1", "UBOT", (), datetime.now(UTC))
    assert (seen.kind, seen.press) == ("sign", None)


@pytest.mark.parametrize(
    ("text", "kind", "command", "rest"),
    [
        ("", "command", "help", ""),
        ("status", "command", "status", ""),
        ("Status now", "command", "status", "now"),
        ("plan “my day” &amp; <@U2>", "text", "", "plan “my day” & @U2"),
        ("see <https://e.org|the page> in <#C1|general>", "text", "", "see the page (https://e.org) in #general"),
    ],
)
def test_slash_commands(text: str, kind: str, command: str, rest: str) -> None:
    inbound = parse(People().command(text), "T1", "UBOT", ("status", "help"), datetime.now(UTC))
    assert (inbound.kind, inbound.command, inbound.text) == (kind, command, rest)


def test_a_mention_is_taken_off_and_an_audio_clip_is_a_voice_note() -> None:
    now = datetime.now(UTC)
    asked = parse(People().text("<@UBOT> what &lt;now&gt;?", channel="C1", raw=True), "T1", "UBOT", (), now)
    assert (asked.kind, asked.text, asked.private, asked.mentioned) == ("text", "what <now>?", False, True)
    clip = parse(People().file("clip.mp4", "video/mp4", subtype="slack_audio"), "T1", "UBOT", (), now)
    assert (clip.kind, clip.files[0].mime, clip.text) == ("voice", "audio/mp4", "")
    shared = parse(People().file("a.txt", file_access="check_file_info"), "T1", "UBOT", (), now)
    assert shared.files[0].id == "F1"


def test_a_reaction_and_a_shortcut() -> None:
    now, people = datetime.now(UTC), People()
    event = {
        "type": "reaction_added",
        "user": "U42",
        "reaction": "+1",
        "item": {"type": "message", "channel": "D42", "ts": "9.0"},
    }
    reaction = parse(people.event(event), "T1", "UBOT", (), now)
    assert (reaction.kind, reaction.text, reaction.pressed_ref, reaction.conversation) == (
        "reaction",
        "👍",
        "9.0",
        "D42",
    )
    who = {
        "type": "message_action",
        "callback_id": "ask-steward",
        "trigger_id": "t",
        "team": {"id": "T1"},
        "user": {"id": "U42"},
    }
    shortcut = who | {"channel": {"id": "C1"}, "message": {"text": "their &lt;words&gt;", "ts": "3.0"}}
    asked = parse(json.dumps(shortcut).encode(), "T1", "UBOT", (), now)
    assert (asked.text, asked.forwarded, asked.conversation) == ("their <words>", True, "C1/U42")


@pytest.mark.skipif(not SAMPLES, reason="no ../shared/specs/slack/samples")
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_published_sample_goes_through_without_an_exception(sample: Any) -> None:
    raw = sample.read_bytes()
    for body in (raw, raw.replace(b'"event": {', b'"type": "event_callback", "event": {', 1)):
        seen = sort(body, SlackAccess("xoxb-1", "s"))
        if isinstance(seen, Delivery):
            inbound = parse(body, "T1", "UBOT", (), datetime.now(UTC))
            assert (inbound.conversation, inbound.sender) == (seen.conversation, seen.sender)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "event",
                    "user",
                    "channel",
                    "team",
                    "actions",
                    "view",
                    "container",
                    "command",
                    "text",
                    "payload",
                    "state",
                ]
            ),
            inner
            | st.sampled_from(
                ["event_callback", "message", "block_actions", "view_submission", "message_action", "reaction_added"]
            ),
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON | st.binary(max_size=80))
@settings(max_examples=400, deadline=None)
def test_any_payload_is_sorted_without_an_exception_and_parsed_or_a_value_error(value: Any) -> None:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    seen = sort(raw, ACCESS)
    if isinstance(seen, Delivery):
        assert all(isinstance(part, str) for part in (seen.conversation, seen.sender, seen.dedupe_key, seen.press_id))
        try:
            parse(raw, "T1", "UBOT", (), datetime.now(UTC))
        except ValueError:
            return


def test_tokens_show_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    assert hide_tokens("Bearer xoxb-12-ab-CD and xapp-1-A-b") == "Bearer xox*** and xox***"
    assert "TEST" not in repr(ACCESS)
    guard_logs()
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "slack_sdk.web.async_client"):
        caplog.set_level(logging.DEBUG, name)
        logging.getLogger(name).info("sent %s", {"token": "xoxb-1-TEST"})
    assert [record.getMessage() for record in caplog.records] == ["sent {'token': 'xox***'}"] * 2


def test_the_receiving_part_imports_no_sdk() -> None:
    probe = "import sys, channels.slack_receive; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    assert not {"slack_sdk", "slack_bolt", "aiohttp", "starlette", "sqlalchemy"} & set(loaded)
