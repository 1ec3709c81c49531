"""What only WhatsApp has: answers by number, cards that cannot be taken down, the window of 24 hours, two ids of a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from channels.base import Answer, Delivery, Refused, Report
from channels.whatsapp_access import STATUS, STORED
from channels.whatsapp_receive import hooks
from graphs.state import ms
from knowledge.store import cards, people
from knowledge.store.cards import Decider
from knowledge.store.intake import ON_ITS_WAY
from tests.contract.channel_rigs import WhatsAppRig
from tests.fakes.twilio_api import PERSON, FakeTwilio
from tests.playbooks.chats import Chat, opened
from tests.playbooks.kit import NOW
from tests.playbooks.recorder import Recorder

LUNCH = "lunch with Ada on 27 November at 12:30"
COFFEE = "coffee with Bob on 28 November at 10:00"


@pytest.fixture
async def chat(tmp_path: Path, empty_database: Path) -> AsyncIterator[Chat]:
    async with opened("whatsapp", tmp_path / "home", empty_database) as made:
        yield made


def rig(chat: Chat) -> WhatsAppRig:
    assert isinstance(chat.rig, WhatsAppRig)
    return chat.rig


def twilio(chat: Chat) -> FakeTwilio:
    return rig(chat).fake


async def open_proposals(chat: Chat) -> int:
    return await chat.book.count("proposal WHERE state='open'")


async def told(chat: Chat, sid: str, status: str, error: int = 0) -> None:
    """Twilio's status callback, through the hook and the receiver's store."""
    request = twilio(chat).signed(twilio(chat).report(sid, status, error), STATUS)
    report = hooks(rig(chat).access)[STATUS](request)
    assert isinstance(report, Report)
    outcome = "closed" if report.closed else "failed" if report.failed else ON_ITS_WAY
    chat.book.intake.report(report.channel, report.ref, status, error, outcome, report.over, ms(chat.book.clock()))
    await chat.book.settle()


async def test_a_bare_number_with_none_one_and_two_open_approvals(chat: Chat) -> None:
    await chat.types("1")
    assert "did not understand" in twilio(chat).sent()[-1]["body"]
    await chat.types(LUNCH)
    for vague in ("👍", "aprove?", "1a", "17", "one"):
        await chat.types(vague)
    assert await open_proposals(chat) == 1
    await chat.types(COFFEE)
    await chat.types("1")
    assert "Which one do you mean?" in twilio(chat).sent()[-1]["body"]
    assert await open_proposals(chat) == 2
    first = next(m for m in reversed(twilio(chat).sent()) if "Lunch with Ada" in m["body"] and m["actions"])
    delivery = rig(chat)._stored(twilio(chat).text("2", OriginalRepliedMessageSid=first["sid"]))
    await chat.book.deliver(delivery)
    assert await open_proposals(chat) == 1
    await chat.types("Approve ")
    assert await open_proposals(chat) == 0
    assert chat.events() == 1
    assert "COFFEE" in chat.book.calendar.upper()


async def test_yes_please_but_tomorrow_is_no_approval(chat: Chat) -> None:
    await chat.types(LUNCH)
    await chat.types("yes please but tomorrow")
    assert await open_proposals(chat) == 1
    assert chat.events() == 0


async def test_a_button_reply_is_known_by_its_payload_whatever_its_words(chat: Chat) -> None:
    await chat.types(LUNCH)
    card = next(m for m in twilio(chat).sent() if m["actions"])
    payload = {"ButtonPayload": card["actions"][0]["id"], "MessageType": "button", "OriginalRepliedMessageSid": "MM9"}
    await chat.book.deliver(rig(chat)._stored(twilio(chat).text("no, certainly not", **payload)))
    assert chat.events() == 1


async def test_an_old_button_of_an_approval_decided_elsewhere_says_so_and_does_nothing(chat: Chat) -> None:
    await chat.types(LUNCH)
    steward = chat.book.steward
    async with steward.crew.db.write() as tx:
        card = (await cards.open_cards(tx))[0]
        await steward.house.decide(tx, card.id, 0, "rejected", Decider("principal", "slack:U1"), ms(NOW))
    await chat.book.settle()
    chat.expect("❌ Rejected")
    await chat.presses("Approve")
    chat.expect("Already rejected", "on slack")
    assert chat.events() == 0


async def test_the_same_message_at_the_primary_and_the_fallback_address_is_one(chat: Chat) -> None:
    body = twilio(chat).text("note: only once")
    again = rig(chat)._stored(body + b"&ErrorCode=11200&ErrorUrl=https%3A%2F%2Fsteward.example")
    await chat.book.deliver(rig(chat)._stored(body), again)
    await chat.book.deliver(again)
    assert await chat.book.count("delivery") == 1
    assert len(twilio(chat).sent()) == 1


async def test_a_reminder_due_25_hours_after_the_last_word_knocks_and_follows_the_reply(chat: Chat) -> None:
    remembered = chat.book.steward.crew.db

    async def last_inbound(conversation: str) -> object:
        async with remembered.read() as tx:
            from datetime import UTC, datetime

            from knowledge.store import inbox

            at = await inbox.last_at(tx, "whatsapp", conversation)
        return None if at is None else datetime.fromtimestamp(at / 1000, UTC)

    rig(chat).speaking._last_inbound = last_inbound  # type: ignore[assignment]
    rig(chat).speaking._now = chat.book.clock
    await rig(chat).speaking.start()
    await chat.types("remind me to water the plants tomorrow at 10:30")
    before = len(twilio(chat).sent())
    chat.book.clock.now += timedelta(hours=25, seconds=1)
    await chat.book.settle()
    knocks = twilio(chat).sent()[before:]
    assert [m["body"] for m in knocks] == ["Steward has something for you. Reply with any word to see it."]
    await chat.types("yes?")
    assert "water the plants" in " ".join(m["body"] for m in twilio(chat).sent()[before + 1 :])


async def test_63016_by_callback_goes_once_more_as_the_template(chat: Chat) -> None:
    await rig(chat).speaking.start()
    await chat.types("note: one")
    sid = str(twilio(chat).sent()[0]["sid"])
    for status in ("delivered", "sent"):
        await told(chat, sid, status)
    assert await chat.book.rows("SELECT status FROM report") == [{"status": "delivered"}]
    await chat.types("note: two")
    sid = str(twilio(chat).sent()[1]["sid"])
    for status in ("undelivered", "undelivered", "failed", "sent"):
        await told(chat, sid, status, 63016)
    templates = [m for m in twilio(chat).sent() if "something for you" in m["body"]]
    assert len(templates) == 1
    assert await chat.book.count("message WHERE state='held'") == 1
    await chat.types("/whoami")
    assert len([m for m in twilio(chat).sent() if "Two" in m["body"] or "two" in m["body"]]) == 2


@pytest.mark.parametrize("code", [63003, 21610])
async def test_a_permanent_error_is_a_failure_and_never_repeated(chat: Chat, code: int) -> None:
    twilio(chat).fail(400, code)
    await chat.types("note: lost")
    assert await chat.book.count("message WHERE state='failed'") == 1
    assert await chat.book.count("failure WHERE state='open'") == 1
    assert len(twilio(chat).calls("Messages.json")) <= 2


async def test_a_failed_delivery_is_told_on_another_chat(chat: Chat) -> None:
    other = Recorder("telegram", chat.book.clock)
    chat.book.steward.outbox.speakers["telegram"] = other  # type: ignore[index]
    object.__setattr__(
        chat.book.steward.crew, "reach", chat.book.steward.crew.reach.__class__(("whatsapp", "telegram"))
    )
    chat.book.steward.worker._reach = chat.book.steward.crew.reach
    async with chat.book.steward.crew.db.write() as tx:
        await people.set_standing(tx, "telegram", "42", "principal", ms(NOW), conversation="42")
    await chat.types("note: one")
    await told(chat, str(twilio(chat).sent()[0]["sid"]), "undelivered", 63024)
    assert "could not deliver it (63024)" in other.posted[other.said[-1][1]].text


async def test_a_person_without_a_number_is_a_stranger_unless_linked(chat: Chat) -> None:
    hidden = {"From": "", "ExternalUserId": "whatsapp:ID.7"}
    await chat.book.deliver(rig(chat)._stored(twilio(chat).text("note: who?", **hidden)))
    assert await chat.book.count("ledger WHERE what='stranger.held'") == 1
    assert not [m for m in twilio(chat).sent() if m["to"] == "whatsapp:ID.7"]
    await chat.book.deliver(rig(chat)._stored(twilio(chat).text("note: both", ExternalUserId="whatsapp:ID.7")))
    await chat.book.deliver(rig(chat)._stored(twilio(chat).text("note: mine", **hidden)))
    assert twilio(chat).sent()[-1]["to"] == "whatsapp:ID.7"
    assert twilio(chat).sent()[-2]["to"] == PERSON


def test_the_webhook_answers_empty_twiml_and_reports_are_checked() -> None:
    fake = FakeTwilio()
    made = WhatsAppRig(fake)
    body = fake.text("hello")
    assert (STORED.status, STORED.body, STORED.kind) == (200, b"<Response></Response>", "text/xml")
    assert isinstance(hooks(made.access)["/whatsapp/webhook"](fake.signed(body)), Delivery)
    report = hooks(made.access)[STATUS]
    assert isinstance(report(fake.signed(fake.report("SM1", "sent"), STATUS, token="wrong")), Refused)
    assert isinstance(report(fake.signed(fake.report("SM1", "sent"), STATUS)), Report)
    assert report(fake.signed(fake.report("", ""), STATUS)) == Answer(200, b"<Response></Response>", "text/xml")
    made.close()


async def test_the_number_of_edit_asks_for_the_change_and_is_none_itself(chat: Chat) -> None:
    await chat.types("tea with Cleo on 29 November at 16:00")
    await chat.types("3")
    assert "What should change" in twilio(chat).sent()[-1]["body"]
    await chat.types("make it 5pm")
    chat.expect("17:00", "version 2")
