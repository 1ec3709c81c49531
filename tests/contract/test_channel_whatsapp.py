"""WhatsApp against a fake Twilio: quick replies, numbers, numbered parts, the window, media, typing, templates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from channels.base import Delivery, FileRef, Refusal, TryLater, Unknown
from channels.whatsapp import WhatsAppSpeaker
from channels.whatsapp_access import WhatsAppAccess
from channels.whatsapp_receive import WhatsAppReceiver, peek
from channels.whatsapp_wire import KNOCK, KNOCK_BODY, WindowClosed
from knowledge.words import Button, Outbound, Press
from tests.fakes import twilio_spec
from tests.fakes.twilio_api import ACCOUNT, AUTH_TOKEN, NUMBER, PERSON, PUBLIC, FakeTwilio
from tests.fakes.waiting import until

BUTTONS = tuple(
    Button(label, Press("approve", "card", 1, n, "nonce").encode())
    for n, label in enumerate(("Approve", "Edit", "Reject", "Later"))
)
CARD = Outbound("Send the *letter*?", buttons=(BUTTONS,))


@pytest.fixture
async def twilio() -> AsyncIterator[FakeTwilio]:
    async with FakeTwilio() as fake:
        yield fake
        assert fake.violations() == []


@pytest.fixture
def speaker(twilio: FakeTwilio) -> WhatsAppSpeaker:
    return WhatsAppSpeaker(access(twilio))


def access(twilio: FakeTwilio) -> WhatsAppAccess:
    return WhatsAppAccess(ACCOUNT, AUTH_TOKEN, NUMBER, PUBLIC, twilio.url)


def test_an_invented_field_would_be_noticed() -> None:
    if not twilio_spec.present():
        pytest.skip("no ../shared/specs/twilio: Twilio's calls go unchecked in this run")
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert twilio_spec.problems("POST", path, {}, {"To": "x", "Body": "y"}, False) == []
    assert twilio_spec.problems("POST", path, {}, {"To": "x", "Boby": "y"}, False) == [f"{path}: unknown field Boby"]
    assert twilio_spec.problems("POST", "/nowhere", {}, {}, False)


async def test_a_card_has_three_quick_replies_and_every_choice_by_number(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker
) -> None:
    for part in speaker.fit(CARD):
        await speaker.send(part, PERSON)
    (message,) = twilio.sent()
    assert [action["title"] for action in message["actions"]] == ["Approve", "Edit", "Reject"]
    assert message["body"].startswith("Steward asks: Send the _letter_")
    assert "1 Approve · 2 Edit · 3 Reject · 4 Later." in message["body"]
    assert twilio.calls("Messages.json")[0]["params"]["StatusCallback"] == f"{PUBLIC}/whatsapp/status"


async def test_a_template_is_made_once_and_used_again_also_after_a_restart(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker
) -> None:
    await speaker.send(CARD, PERSON)
    await speaker.send(Outbound("Another?", buttons=(BUTTONS,)), PERSON)
    await WhatsAppSpeaker(access(twilio)).send(CARD, PERSON)
    assert len(twilio.contents) == 1
    assert len(twilio.sent()) == 3


async def test_a_long_card_is_text_first_and_a_question_with_the_buttons(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker
) -> None:
    for part in speaker.fit(Outbound("Plan:\n\n" + "- step\n" * 400, buttons=(BUTTONS,))):
        await speaker.send(part, PERSON)
    assert [bool(m["actions"]) for m in twilio.sent()] == [False, False, True]
    assert [m["body"][:5] for m in twilio.sent()[:2]] == ["(1/2)", "(2/2)"]


@pytest.mark.parametrize("text", ["x" * 1600, "x" * 1601, "😀" * 800, "😀" * 801, "- [a](https://e.org/x)\n" * 90])
async def test_parts_fit_sixteen_hundred(twilio: FakeTwilio, speaker: WhatsAppSpeaker, text: str) -> None:
    parts = speaker.fit(Outbound(text))
    for part in parts:
        await speaker.send(part, PERSON)
    assert all(len(m["body"].encode("utf-16-le")) <= 3200 for m in twilio.sent())
    assert (len(parts) == 1) == (text in ("x" * 1600, "😀" * 800))


async def test_slow_down_on_the_second_of_three_parts_keeps_the_order(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker
) -> None:
    first, second, third = speaker.fit(Outbound("word " * 800))
    await speaker.send(first, PERSON)
    twilio.fail(429, 20429)
    for part in (second, third):
        with pytest.raises(TryLater):
            await speaker.send(part, PERSON)
    assert len(twilio.sent()) == 1


async def test_outside_the_window_only_the_approved_template_goes_out(twilio: FakeTwilio) -> None:
    last = datetime.now(UTC) - timedelta(hours=24, seconds=1)

    async def last_inbound(_: str) -> datetime | None:
        return last

    speaker = WhatsAppSpeaker(access(twilio), last_inbound=last_inbound)
    await speaker.start()
    await speaker.start()
    assert twilio.approvals == [{"name": KNOCK, "category": "UTILITY"}]
    for _ in range(2):
        with pytest.raises(WindowClosed, match="another linked channel"):
            await speaker.send(Outbound("Good morning"), PERSON)
    await speaker.send(Outbound("", knock=True), PERSON)
    assert [m["body"] for m in twilio.sent()] == [KNOCK_BODY]
    assert "ContentSid" in twilio.calls("Messages.json")[0]["params"]
    last = datetime.now(UTC)
    await speaker.send(Outbound("Good morning"), PERSON)
    assert twilio.sent()[-1]["body"] == "Good morning"


async def test_twilio_may_refuse_for_the_window_too(twilio: FakeTwilio, speaker: WhatsAppSpeaker) -> None:
    twilio.fail(400, 63016)
    with pytest.raises(WindowClosed):
        await speaker.send(Outbound("x"), PERSON)
    twilio.fail(400, 63003)
    with pytest.raises(Refusal, match="63003"):
        await speaker.send(Outbound("x"), PERSON)


async def test_the_look_up_takes_no_earlier_message_of_the_same_words_for_a_lost_one(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker
) -> None:
    first = await speaker.send(Outbound("Done."), PERSON)
    twilio.fail(drop=True)
    with pytest.raises(Unknown):
        await speaker.send(Outbound("Done."), PERSON)
    assert await speaker.find(Outbound("Done."), PERSON, first.ref) == "absent"
    twilio.fail(drop=True, when="after")
    with pytest.raises(Unknown):
        await speaker.send(Outbound("Done."), PERSON)
    found = await speaker.find(Outbound("Done."), PERSON, first.ref)
    assert not isinstance(found, str)
    assert found.ref == twilio.sent()[-1]["sid"]


async def test_progress_is_not_repeated_and_an_edit_is_a_message(twilio: FakeTwilio, speaker: WhatsAppSpeaker) -> None:
    receipt = await speaker.send(Outbound("Working…", progress=True), PERSON)
    assert (
        await speaker.send(Outbound("Still working…", progress=True, edit_of=receipt.ref), PERSON)
    ).ref == receipt.ref
    await speaker.send(Outbound("Done.", edit_of=receipt.ref), PERSON)
    assert [m["body"] for m in twilio.sent()] == ["Working…", "Done."]


async def test_media_may_be_late_and_its_store_never_sees_the_token(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker
) -> None:
    twilio.media_is_late = 2
    (file,) = speaker.parse(twilio.media("ME1", b"opus"), ACCOUNT).files
    assert b"".join([c async for c in speaker.fetch(file)]) == b"opus"
    assert ["authorization" in headers for headers in twilio.store_saw] == [False]
    for url in ("https://evil.example/x", twilio.url.replace("http", "https") + "/x", "file:///etc/passwd"):
        with pytest.raises(Refusal, match="outside Twilio"):
            _ = [c async for c in speaker.fetch(FileRef(url, "a", "audio/ogg", 0))]
    twilio.redirect = "ftp://elsewhere/x"
    with pytest.raises(Refusal, match="safe address"):
        _ = [c async for c in speaker.fetch(file)]


async def test_media_that_never_comes_is_for_later(twilio: FakeTwilio, speaker: WhatsAppSpeaker) -> None:
    twilio.media_is_late = 99
    (file,) = speaker.parse(twilio.media("ME1", b"opus"), ACCOUNT).files
    with pytest.raises(TryLater):
        _ = [c async for c in speaker.fetch(file)]


async def test_typing_names_the_message_it_answers(twilio: FakeTwilio) -> None:
    receiver = WhatsAppReceiver(access(twilio))
    delivery: Delivery = peek(twilio.text("hi"), ACCOUNT)
    await receiver.show_typing(delivery)
    await until(lambda: twilio.typing)
    assert twilio.typing == [delivery.dedupe_key]
    await receiver.tell(PERSON, "The worker keeps crashing.")
    wrong = WhatsAppReceiver(WhatsAppAccess(ACCOUNT, "wrong", NUMBER, PUBLIC, twilio.url))
    with pytest.raises(ConnectionError):
        await wrong.tell(PERSON, "x")
    await wrong.close()
    await receiver.close()
    assert twilio.sent()[0]["body"] == "The worker keeps crashing."


async def test_doctor_names_a_wrong_token_and_a_missing_address(twilio: FakeTwilio) -> None:
    wrong = WhatsAppSpeaker(WhatsAppAccess(ACCOUNT, "wrong", NUMBER, PUBLIC, twilio.url))
    assert [f.ok for f in await wrong.probe()] == [False]
    homeless = WhatsAppSpeaker(WhatsAppAccess(ACCOUNT, AUTH_TOKEN, NUMBER, "", twilio.url))
    assert ["STEWARD_PUBLIC_URL" in f.next_step for f in await homeless.probe() if not f.ok] == [True, False]


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        ({"callback_url": f"{PUBLIC}/whatsapp/webhook", "callback_method": "POST"}, ""),
        ({"callback_url": f"{PUBLIC}/whatsapp/webhook", "callback_method": None}, ""),
        ({"callback_url": f"{PUBLIC}/whatsapp/webhook", "callback_method": "PUT"}, f"now it is PUT {PUBLIC}"),
        ({"callback_url": "https://elsewhere.example/x"}, "now it is POST https://elsewhere.example/x"),
        ({"callback_url": ""}, "now there is none"),
        (None, "now there is none"),
    ],
)
async def test_doctor_asks_twilio_where_it_posts_what_comes_in(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker, hook: dict[str, str] | None, told: str
) -> None:
    other = {"sender_id": "whatsapp:+1999", "webhook": {"callback_url": "https://x"}, "status": "ONLINE"}
    twilio.senders = [other, {"sender_id": NUMBER, "webhook": hook, "status": "ONLINE"}]
    (finding,) = [f for f in await speaker.probe() if f.what.startswith("Twilio posts what comes in")]
    assert finding.ok == (not told)
    assert told in finding.next_step
    assert not told or f"POST {PUBLIC}/whatsapp/webhook" in finding.next_step


async def test_doctor_tells_of_a_sender_that_is_offline_and_why(twilio: FakeTwilio, speaker: WhatsAppSpeaker) -> None:
    twilio.senders = [
        {"sender_id": NUMBER, "status": "OFFLINE", "offline_reasons": [{"message": "Name not approved."}]}
    ]
    (finding,) = [f for f in await speaker.probe() if "OFFLINE" in f.what]
    assert (finding.ok, "Name not approved." in finding.next_step) == (False, True)


async def test_doctor_says_what_to_look_at_where_twilio_keeps_no_record(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker
) -> None:
    (sandbox,) = [f for f in await speaker.probe() if "sandbox" in f.what]
    twilio.senders_are_told = False
    (silent,) = [f for f in await speaker.probe() if "does not say" in f.what]
    for finding in (sandbox, silent):
        assert finding.ok
        assert f"must be POST {PUBLIC}/whatsapp/webhook" in finding.next_step


@pytest.mark.parametrize(("status", "well"), [("approved", True), ("received", True), ("rejected", False)])
async def test_doctor_says_what_whatsapp_thinks_of_the_template(
    twilio: FakeTwilio, speaker: WhatsAppSpeaker, status: str, well: bool
) -> None:
    assert [f.ok for f in await speaker.probe() if "template" in f.what] == [False]
    await speaker.start()
    twilio.approval = status
    (finding,) = [f for f in await speaker.probe() if "template" in f.what]
    assert finding.ok == well
    assert well or "submit it again" in finding.next_step
