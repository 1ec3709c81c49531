"""WhatsApp's receiving part without a network: every published signature variant, sorting, reports, the window."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from channels.base import Answer, Delivery, FileRef, RawRequest, Refused, Report
from channels.whatsapp_access import STORED, WhatsAppAccess
from channels.whatsapp_parse import parse
from channels.whatsapp_receive import fields, peek, receive, report, verify
from channels.whatsapp_signature import algorithm, is_signed
from channels.whatsapp_state import is_open, newer, reported
from graphs.decisions import chosen
from knowledge.words import Button, Press
from tests.fakes.telegram_spec import SPECS
from tests.fakes.twilio_api import ACCOUNT, AUTH_TOKEN, NUMBER, PERSON, PUBLIC, FakeTwilio

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ACCESS = WhatsAppAccess(ACCOUNT, AUTH_TOKEN, NUMBER, PUBLIC)
VECTORS = SPECS / "twilio" / "request_validator_vectors.json"
SHAPES = SPECS / "twilio" / "whatsapp_inbound_shapes.json"
published = pytest.mark.skipif(
    not VECTORS.exists(), reason="no ../shared/specs/twilio: the published vectors go unchecked"
)
YES = Press("approve", "card", 1, 0, "n")


def taken(body: bytes, **changes: Any) -> Delivery:
    found = receive(FakeTwilio.signed(body, **changes), ACCESS)
    assert isinstance(found, Delivery)
    return found


@published
def test_every_published_signature_vector_verifies() -> None:
    found = json.loads(VECTORS.read_text())
    form, token = urlencode(found["params"]).encode(), found["auth_token"]
    assert is_signed(found["url"], form, True, found["signature"], token)
    for also in found["also_valid"]:
        assert is_signed(also["url"], form, True, also["signature"], token), also["why"]
    repeated = found["duplicate_params"]
    assert is_signed(
        found["url"],
        urlencode([(name, value) for name, value in repeated["items"]]).encode(),
        True,
        repeated["signature"],
        token,
    )
    hashed = found["json_body"]
    url = f"{found['url']}&bodySHA256={hashed['bodySHA256']}"
    assert is_signed(url, hashed["body"].encode(), False, hashed["signature"], token)
    assert not is_signed(url, hashed["body"].encode() + b" ", False, hashed["signature"], token)
    assert not is_signed(found["url"], form, True, found["signature"], "54321")
    assert not is_signed(found["url"], form + b"&x=", True, found["signature"], token)


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), max_size=8),
        st.text(st.characters(codec="utf-8"), max_size=12),
        max_size=5,
    ),
    st.sampled_from(["HMAC_SHA1", "HMAC_SHA256"]),
    st.sampled_from(
        [
            "https://a.example/x",
            "https://a.example:8443/p/x?foo=1",
            "http://a.example/x?b=%20",
            "https://a.example:443/",
        ]
    ),
)
@settings(max_examples=200, deadline=None)
def test_what_twilios_own_library_signs_verifies(params: dict[str, str], name: str, url: str) -> None:
    signature = RequestValidator("key").compute_signature(url, params, name)
    body = urlencode(params).encode()
    assert is_signed(url, body, True, signature, "key", name)
    assert not is_signed(url, body, True, signature, "other", name)
    assert not is_signed(url, body + b"&extra=", True, signature, "key", name)


@given(st.binary(max_size=40), st.text(max_size=30), st.text(max_size=20), st.text(max_size=20), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_bytes_and_no_header_raise(
    body: bytes, signature: str, query: str, settings_header: str, form: bool
) -> None:
    kind = "application/x-www-form-urlencoded" if form else "application/json"
    headers = {
        "content-type": kind,
        "x-twilio-signature": signature,
        "x-twilio-webhooks-signature-settings": settings_header,
    }
    assert isinstance(receive(RawRequest("POST", "/whatsapp/webhook", query, headers, body), ACCESS), Refused)


def test_the_public_address_is_what_counts_whatever_the_proxy_did() -> None:
    body = FakeTwilio().text("hi", New="", Repeated="a")
    good = FakeTwilio.signed(body, query="rc=1&x=")
    for path in ("/whatsapp/webhook", "/prefix/whatsapp/webhook", "/"):
        assert verify(RawRequest("POST", path, good.query, good.headers, body), ACCESS) is None
    assert isinstance(verify(RawRequest("POST", good.path, "", good.headers, body), ACCESS), Refused)
    assert isinstance(verify(good, WhatsAppAccess(ACCOUNT, AUTH_TOKEN, NUMBER)), Refused)


def test_shared_key_signing_with_sha256_and_json_by_its_hash() -> None:
    access = WhatsAppAccess(ACCOUNT, AUTH_TOKEN, NUMBER, PUBLIC, shared_key="shared")
    body = FakeTwilio().text("hi")
    url = f"{PUBLIC}/whatsapp/webhook"
    settings_header = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    signature = RequestValidator("shared").compute_signature(url, fields(body), algorithm(settings_header))
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": signature,
               "x-twilio-webhooks-signature-settings": settings_header}  # fmt: skip
    assert verify(RawRequest("POST", "/", "", headers, body), access) is None
    assert isinstance(verify(RawRequest("POST", "/", "", headers, body), ACCESS), Refused)
    report_ = b'{"a": 1}'
    query = f"bodySHA256={hashlib.sha256(report_).hexdigest()}"
    signature = RequestValidator(AUTH_TOKEN).compute_signature(f"{url}?{query}", {})
    headers = {"content-type": "application/json", "x-twilio-signature": signature}
    assert verify(RawRequest("POST", "/", query, headers, report_), ACCESS) is None
    assert isinstance(verify(RawRequest("POST", "/", query, headers, report_ + b" "), ACCESS), Refused)


def test_another_account_or_number_is_refused_though_signed() -> None:
    twilio = FakeTwilio()
    assert isinstance(receive(FakeTwilio.signed(twilio.text("x", AccountSid="AC1")), ACCESS), Refused)
    assert isinstance(receive(FakeTwilio.signed(twilio.text("x", To="whatsapp:+1")), ACCESS), Refused)


def test_a_message_keeps_its_spaces_its_key_and_its_empty_answer() -> None:
    body = FakeTwilio().text("  two\nlines  ")
    delivery = taken(body)
    assert (delivery.hint, delivery.conversation, delivery.lane) == ("  two\nlines  ", PERSON, "turn")
    assert delivery == taken(body)
    assert (STORED.kind, STORED.body) == ("text/xml", b"<Response></Response>")


def test_a_button_takes_the_control_lane_and_stop_too() -> None:
    twilio = FakeTwilio()
    pressed = taken(twilio.text("Approve", ButtonPayload=YES.encode(), OriginalRepliedMessageSid="MM9"))
    assert (pressed.lane, pressed.hint) == ("control", "")
    inbound = parse(pressed.raw, ACCOUNT, NOW)
    assert (inbound.kind, inbound.press, inbound.pressed_ref, inbound.text) == ("press", YES, "MM9", "")
    assert taken(twilio.text("/stop")).lane == "control"
    assert taken(twilio.text("/stop", Forwarded="true")).lane == "turn"
    strange = parse(taken(twilio.text("Approve", ButtonPayload="ap:01J9:y")).raw, ACCOUNT, NOW)
    assert (strange.kind, strange.text) == ("text", "Approve")


def test_a_person_without_a_phone_number_keeps_an_identity() -> None:
    hidden = taken(FakeTwilio().text("x", From="", ExternalUserId="whatsapp:ID.7"))
    assert (hidden.sender, hidden.conversation) == ("whatsapp:ID.7", "whatsapp:ID.7")


@pytest.mark.parametrize(
    ("more", "kind", "note"),
    [
        ({"Latitude": "1", "Longitude": "2", "Body": ""}, "unsupported", "a location"),
        ({"Body": " "}, "unsupported", "a message without text"),
        (
            {"NumMedia": "1", "MediaUrl0": "u", "MediaContentType0": "image/webp", "Body": ""},
            "unsupported",
            "a sticker",
        ),
        ({"NumMedia": "1", "MediaUrl0": "u", "MediaContentType0": "text/vcard", "Body": ""}, "file", ""),
        ({"NumMedia": "2", "MediaUrl0": "u", "MediaContentType0": "audio/ogg", "MediaUrl1": "v"}, "file", ""),
        ({"NumMedia": "1", "MediaUrl0": "u", "MediaContentType0": "audio/ogg; codecs=opus", "Body": ""}, "voice", ""),
        ({"NumMedia": "٣", "Body": "x"}, "text", ""),
        ({"Body": "/remind me"}, "command", ""),
        ({"Body": "/remind me", "Forwarded": "true"}, "text", ""),
        ({"MessageType": "reaction", "Body": "👍"}, "reaction", ""),
    ],
)
def test_what_a_webhook_is(more: dict[str, str], kind: str, note: str) -> None:
    inbound = parse(FakeTwilio().text("", **more), ACCOUNT, NOW)
    assert (inbound.kind, inbound.note) == (kind, note)
    if kind == "voice":
        assert inbound.files == (FileRef("u", "voice.ogg", "audio/ogg", 0, spoken=True),)


@pytest.mark.skipif(not SHAPES.exists(), reason="no ../shared/specs/twilio")
def test_every_published_shape_goes_through() -> None:
    kinds = {}
    for name, shape in json.loads(SHAPES.read_text()).items():
        if isinstance(shape, dict):
            raw = urlencode(shape).encode()
            inbound = parse(raw, ACCOUNT, NOW)
            assert peek(raw, ACCOUNT).sender == inbound.sender == "whatsapp:+15555550100"
            kinds[name] = inbound.kind
    assert kinds == {"text": "text", "button_reply": "text", "voice_note": "voice"}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["MessageSid", "From", "Body", "NumMedia", "MediaUrl0", "ButtonPayload", "Latitude"]),
            st.text(max_size=9),
        )
    )
)
@settings(max_examples=300, deadline=None)
def test_any_form_is_sorted_without_an_exception_and_parsed_or_a_value_error(pairs: list[tuple[str, str]]) -> None:
    raw = urlencode(pairs, errors="replace").encode()
    delivery = peek(raw, ACCOUNT)
    try:
        inbound = parse(raw, ACCOUNT, NOW)
    except ValueError:
        assert delivery.sender == ""
    else:
        assert inbound.sender == delivery.sender


def status(**found: str) -> Report | Answer | Refused:
    body = urlencode({"AccountSid": ACCOUNT, "MessageSid": "SM1", **found}).encode()
    return report(FakeTwilio.signed(body, path="/whatsapp/status"), ACCESS)


def test_delivery_reports_are_checked_and_read() -> None:
    closed = status(MessageStatus="undelivered", ErrorCode="63016")
    assert isinstance(closed, Report)
    assert (closed.ref, closed.failed, closed.closed) == ("SM1", True, True)
    assert status(MessageStatus="sent", ErrorCode="٣") == reported("SM1", "sent")
    forged = FakeTwilio.signed(b"MessageSid=SM1&MessageStatus=read", path="/whatsapp/status", token="wrong")
    assert isinstance(report(forged, ACCESS), Refused)


def test_reports_may_repeat_and_overtake() -> None:
    for order in permutations(["queued", "sent", "delivered", "sent"]):
        known = "accepted"
        for told in order:
            known = newer(known, told)
        assert known == "delivered"
    assert newer("undelivered", "delivered") == "undelivered"
    assert newer("delivered", "failed") == "delivered"
    assert newer("sent", "nonsense") == "sent"


def test_the_window_is_open_for_24_hours_and_not_a_second_more() -> None:
    assert is_open(NOW - timedelta(hours=24), NOW)
    assert not is_open(NOW - timedelta(hours=24, seconds=1), NOW)
    assert not is_open(None, NOW)


@pytest.mark.parametrize(
    ("said", "label"),
    [("1", "Approve"), (" 2. ", "Edit"), ("approve", "Approve"), ("Approve ", "Approve"), ("REJECT!", "Reject"), ("4", None),
     ("aprove?", None), ("yes please but tomorrow", None), ("1a", None), ("0", None), ("١", None), ("👍", None), ("", None)],
)  # fmt: skip
def test_an_answer_by_number_or_label_and_nothing_vaguer(said: str, label: str | None) -> None:
    found = chosen(said, [Button(label, "d") for label in ("Approve", "Edit", "Reject")])
    assert (found.label if found else None) == label


def test_the_token_shows_nowhere_and_no_sdk_is_imported() -> None:
    assert AUTH_TOKEN not in repr(ACCESS)
    probe = "import sys, channels.whatsapp_receive; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split()
    assert not {"twilio", "requests", "aiohttp", "starlette", "sqlalchemy"} & set(loaded)
