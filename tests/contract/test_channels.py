"""What every channel must do, the same tests for each: say, edit, press, fail, look up, refuse, parse."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from channels.base import Answer, Delivery, RawRequest, Refusal, Refused, TryLater, Unknown
from channels.render import read, visible
from knowledge.words import Button, Outbound, Press
from tests.contract.channel_rigs import RIGS, Rig
from tests.fakes.waiting import quickest

YES = Press("approve", "c7gqk2m9xa", 1, 0, "nonce12345")
CARD = Outbound(
    "Cancel **Lunch**?", buttons=((Button("Approve", YES.encode(), "success"), Button("Later", YES.encode())),)
)
FAMILY = "👨‍👩‍👧‍👦"
HOSTILE = [
    "<b>x & y",
    "**antique_identifier** <b>x & y",
    "*   **主体内容**：…",
    "_*[]()~`>#+-=|{}.!\\",
    "```\nnever closed",
    "a\x00b",
    "\x00",
    "\ud83d",
    "<!channel> <@U1> @here",
    "👍 " + FAMILY,
    "\u202eright to left\u202c",
    "&amp;lt;",
    "]]>",
    "| a |\n|---|\n",
    "[x](javascript:1)",
    "> " * 50,
    "# ",
    "```" * 7,
    "{{1}}",
    "مرحبا **עולם**",
]


@pytest.fixture(params=sorted(RIGS))
async def rig(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Rig]:
    """A channel with its fake. Afterwards: no call broke the published API, and no secret is in any log."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "telegram", "slack_sdk", "slack_bolt", "twilio"):
        caplog.set_level(logging.DEBUG, name)
    async with RIGS[request.param]() as made:
        yield made
        assert made.violations() == []
        written = "\n".join(record.getMessage() for record in caplog.get_records("call"))
        assert [secret for secret in made.secrets if secret in written] == []


async def said(rig: Rig, message: Outbound) -> list[str]:
    """Send all parts; the refs."""
    return [(await rig.speaking.send(part, rig.conversation)).ref for part in rig.speaking.fit(message)]


async def test_a_message_is_shown_and_its_receipt_finds_it_again(rig: Rig) -> None:
    (ref,) = await said(rig, Outbound("Hello *there*"))
    assert visible(read(rig.shown()[-1])) == "Hello there"
    assert ref == rig.last_ref()


async def test_an_edit_replaces_the_message_and_repeating_it_is_harmless(rig: Rig) -> None:
    if not rig.speaking.limits.can_edit:
        pytest.skip("the platform has no edits")
    (ref,) = await said(rig, CARD)
    for _ in range(2):
        assert await said(rig, Outbound("Approved", edit_of=ref)) == [ref]
    assert rig.shown() == ["Approved"]
    assert rig.labels() == []


async def test_editing_a_message_that_is_gone_posts_a_new_one(rig: Rig) -> None:
    if not rig.speaking.limits.can_edit:
        pytest.skip("the platform has no edits")
    (ref,) = await said(rig, Outbound("Approved", edit_of="999999"))
    assert (rig.shown(), ref) == (["Approved"], rig.last_ref())


async def test_an_edit_of_progress_whose_message_is_gone_posts_nothing(rig: Rig) -> None:
    (ref,) = await said(rig, Outbound("40 of 90", edit_of="999999", progress=True))
    assert (rig.shown(), ref) == ([], "999999")


@pytest.mark.parametrize(
    "text", ["😀" * 2049, "!" * 4097, "x" * 9000, "```\n" + "code()\n" * 1400 + "```", FAMILY * 1200, "字" * 20_000]
)
async def test_long_text_arrives_in_full_and_in_order(rig: Rig, text: str) -> None:
    await said(rig, Outbound(text))
    assert "".join("".join(rig.shown()).split()) == "".join(visible(read(text)).split())


@pytest.mark.parametrize("text", HOSTILE)
async def test_whatever_a_model_writes_is_delivered(rig: Rig, text: str) -> None:
    await said(rig, Outbound(text))
    assert len(rig.shown()) == 1


async def test_a_button_comes_back_as_the_press_it_was(rig: Rig) -> None:
    (ref,) = await said(rig, CARD)
    assert rig.labels() == ["Approve", "Later"]
    delivery = rig.pressed("Approve")
    inbound = rig.speaking.parse(delivery.raw, delivery.account)
    assert (inbound.kind, inbound.press, inbound.pressed_ref) == ("press", YES, ref)
    assert (delivery.lane, delivery.press_id) == ("control", inbound.press_id)


async def test_a_toast_answers_the_press_and_answering_twice_is_harmless(rig: Rig) -> None:
    await said(rig, CARD)
    delivery = rig.pressed("Later")
    (toast,) = rig.speaking.fit(Outbound("Already **decided**", toast_for=delivery.press_id))
    first = await rig.speaking.send(toast, rig.conversation)
    await rig.speaking.send(toast, rig.conversation)
    assert first.ref
    assert rig.toasts() == ["Already decided"]


async def test_a_toast_that_comes_too_late_says_so_by_an_empty_ref(rig: Rig) -> None:
    if not rig.speaking.limits.toast:
        pytest.skip("the platform has no notices: they are messages")
    receipt = await rig.speaking.send(Outbound("late", toast_for="1"), rig.conversation)
    assert receipt.ref == ""


async def test_slow_down_is_obeyed_and_nothing_overtakes(rig: Rig) -> None:
    rig.fails("slow")
    for _ in range(2):
        with pytest.raises(TryLater) as pause:
            await said(rig, Outbound("one"))
        assert pause.value.retry_after is not None
        assert 0 < pause.value.retry_after <= 7
    assert rig.shown() == []


async def test_a_lost_answer_is_unknown_and_the_look_up_finds_the_message(rig: Rig) -> None:
    before = rig.last_ref()
    rig.fails("lost")
    with pytest.raises(Unknown):
        await said(rig, CARD)
    rig.typed("hello?")
    found = await rig.speaking.find(CARD, rig.conversation, before)
    assert not isinstance(found, str)
    assert len(rig.shown()) == 1
    if rig.speaking.limits.can_edit:
        assert await said(rig, replace(CARD, edit_of=found.ref)) == [found.ref]


async def test_a_message_that_never_arrived_is_absent(rig: Rig) -> None:
    rig.typed("do it")
    before = rig.last_ref()
    rig.fails("cut")
    with pytest.raises(Unknown):
        await said(rig, CARD)
    rig.typed("and this")
    assert await rig.speaking.find(CARD, rig.conversation, before) == "absent"
    assert rig.shown() == []


async def test_a_blocked_conversation_is_a_refusal(rig: Rig) -> None:
    rig.fails("blocked")
    with pytest.raises(Refusal):
        await said(rig, Outbound("one"))
    with pytest.raises(Refusal):
        await rig.speaking.send(Outbound("one"), "no such conversation")


async def test_a_file_is_fetched_and_one_too_large_is_refused_unfetched(rig: Rig) -> None:
    delivery = rig.filed("minutes.txt", "we met")
    (file,) = rig.speaking.parse(delivery.raw, delivery.account).files
    assert file.mime == "text/plain"
    assert b"".join([chunk async for chunk in rig.speaking.fetch(file)]) == b"we met"
    with pytest.raises(Refusal):
        _ = [chunk async for chunk in rig.speaking.fetch(replace(file, size=rig.speaking.limits.file_bytes + 1))]


@pytest.mark.parametrize("text", ["hello", "/stop", "/STATUS now", "👍 yes", "a\nb", " spaces ", "é" * 500])
async def test_what_the_receiver_peeks_is_what_the_worker_parses(rig: Rig, text: str) -> None:
    delivery = rig.typed(text)
    inbound = rig.speaking.parse(delivery.raw, delivery.account)
    assert (delivery.conversation, delivery.sender) == (inbound.conversation, inbound.sender)
    assert delivery.hint == text
    assert (delivery.lane == "control") == (inbound.command == "stop")
    assert inbound.sent_at.utcoffset() == timedelta()


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b"\xff\xfe", b"{}" * 9, b'{"a":' * 5000, b"1", b"a=b&c", b"payload=%7B"]
)
async def test_an_unreadable_body_never_raises_but_in_parse_as_a_value_error(rig: Rig, body: bytes) -> None:
    received = rig.receive(rig.authentic(body))
    assert isinstance(received, (Answer, Delivery, Refused))
    if isinstance(received, Delivery):
        with pytest.raises(ValueError):
            rig.speaking.parse(received.raw, received.account)


@pytest.mark.parametrize("damage", ["missing", "wrong", "non-ascii", "empty", "surrogate"])
async def test_a_request_that_is_not_authentic_is_refused(rig: Rig, damage: str) -> None:
    good = rig.authentic(rig.message("hi"))
    assert isinstance(rig.receive(good), Delivery)
    wrong = {"missing": None, "wrong": "x" * 12, "non-ascii": "sécrèt", "empty": "", "surrogate": "\udcff"}[damage]
    proofs = [name for name in good.headers if name != "content-type"]
    for names in [*([name] for name in proofs), proofs]:
        kept = {k: v for k, v in good.headers.items() if k not in names}
        headers = kept if wrong is None else kept | dict.fromkeys(names, wrong)
        for body in (good.body, b"\xff\xfe{not json", b"x" * 1_000_000):
            refused = rig.receive(RawRequest("POST", good.path, good.query, headers, body))
            assert isinstance(refused, Refused)
            assert refused.status in (401, 403)


async def test_signs_of_life_never_raise_and_take_no_time(rig: Rig) -> None:
    delivery = rig.typed("hi")

    async def forty() -> float:
        started = time.perf_counter()
        for _ in range(40):
            await rig.receiving.show_typing(delivery)
            await rig.receiving.confirm_press(delivery)
        return time.perf_counter() - started

    assert await quickest(forty) < 0.2
    await asyncio.sleep(0.1)


async def test_doctor_finds_all_well(rig: Rig) -> None:
    await rig.speaking.start()
    findings = await rig.speaking.probe()
    assert findings
    assert [finding for finding in findings if not finding.ok] == []
