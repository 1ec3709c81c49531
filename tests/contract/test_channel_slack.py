"""Slack against its fake: Socket Mode, forms, whispers, response URLs, private files, doctor, manifest."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import channels
from channels.base import Answer, Delivery, FileRef, Refusal, TryLater
from channels.slack import SlackSpeaker
from channels.slack_access import SlackAccess
from channels.slack_doctor import SCOPES
from channels.slack_payload import decode, understand
from channels.slack_receive import SlackReceiver, sort
from knowledge.words import Button, Field, Outbound, Press
from tests.fakes import slack_spec
from tests.fakes.loopback import Loopback, Request, Response
from tests.fakes.slack_api import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, FakeSlack
from tests.fakes.telegram_spec import SPECS
from tests.fakes.waiting import until

EDIT = Press("edit", "card", 3, 0, "nonce")
CARD = Outbound(
    "Send **this**?", buttons=((Button("Approve", "y:card:3:0:nonce", "success"), Button("Edit", EDIT.encode())),)
)


@pytest.fixture
async def slack() -> AsyncIterator[FakeSlack]:
    async with FakeSlack() as fake:
        yield fake
        assert fake.violations() == []


@pytest.fixture
async def speaker(slack: FakeSlack) -> AsyncIterator[SlackSpeaker]:
    made = SlackSpeaker(access(slack), bot_user="UBOT")
    yield made
    await made.close()


@pytest.fixture
async def receiver(slack: FakeSlack) -> AsyncIterator[SlackReceiver]:
    made = SlackReceiver(access(slack))
    yield made
    await made.close()


def access(slack: FakeSlack) -> SlackAccess:
    return SlackAccess(BOT_TOKEN, SIGNING_SECRET, APP_TOKEN, "T1", slack.api_base)


@asynccontextmanager
async def listening(
    receiver: SlackReceiver, accept: Callable[[list[Delivery]], Awaitable[None]], slack: FakeSlack
) -> AsyncIterator[None]:
    """The receiver on its socket, once it is open."""
    task = asyncio.create_task(receiver.run(accept))
    try:
        await until(lambda: len(slack.sockets) == 1)
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def delivered(body: bytes, slack: FakeSlack) -> Delivery:
    seen = sort(body, access(slack))
    assert isinstance(seen, Delivery)
    return seen


async def test_socket_mode_stores_before_it_acknowledges_and_survives_a_disconnect(
    slack: FakeSlack, receiver: SlackReceiver
) -> None:
    stored: list[Delivery] = []
    acknowledged_before: list[int] = []

    async def accept(deliveries: list[Delivery]) -> None:
        acknowledged_before.append(len(slack.acknowledged))
        stored.extend(deliveries)

    async with listening(receiver, accept, slack):
        message = json.loads(slack.people.text("hi ☕"))
        await slack.push("events_api", message, "e1")
        await until(lambda: len(slack.acknowledged) == 1)
        await slack.disconnect()
        await until(lambda: len(slack.sockets) == 2)
        await slack.push("events_api", message, "e2")
        await slack.push("slash_commands", decode(slack.people.command("status")), "e3")
        await slack.push("events_api", json.loads(slack.people.event({"type": "channel_rename"})), "e4")
        await until(lambda: len(slack.acknowledged) == 4)
        await until(lambda: len(slack.pongs) == 2)
    assert slack.pongs == [b"still there?"] * 2
    assert [a["envelope_id"] for a in slack.acknowledged] == ["e1", "e2", "e3", "e4"]
    assert acknowledged_before == [0, 1, 2]
    assert stored[0].dedupe_key == stored[1].dedupe_key
    assert (stored[0].hint, len(stored)) == ("hi ☕", 3)


async def test_what_is_not_stored_is_not_acknowledged(
    slack: FakeSlack, receiver: SlackReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    async def accept(deliveries: list[Delivery]) -> None:
        raise OSError("disk full")

    async with listening(receiver, accept, slack):
        await slack.push("events_api", json.loads(slack.people.text("keep me")), "e1")
        await until(lambda: "disk full" in caplog.text)
    assert slack.acknowledged == []


async def test_a_switched_off_socket_is_told_and_not_hammered(
    slack: FakeSlack, receiver: SlackReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    async def accept(deliveries: list[Delivery]) -> None:
        raise AssertionError("nothing to store")

    async with listening(receiver, accept, slack):
        await slack.disconnect("link_disabled")
        await until(lambda: "Switch it on" in caplog.text)
        await asyncio.sleep(0.1)
    assert len(slack.calls("apps.connections.open")) == 1


async def test_an_empty_form_is_answered_in_the_acknowledgement(slack: FakeSlack, receiver: SlackReceiver) -> None:
    async def accept(deliveries: list[Delivery]) -> None:
        raise AssertionError("nothing to store")

    async with listening(receiver, accept, slack):
        await slack.push("interactive", decode(slack.people.submit({"private_metadata": "{}"}, None)), "e1")
        await until(lambda: bool(slack.acknowledged))
    assert slack.acknowledged[0]["payload"]["response_action"] == "errors"


async def test_the_edit_button_opens_its_form_at_once_and_other_buttons_open_none(
    slack: FakeSlack, speaker: SlackSpeaker, receiver: SlackReceiver
) -> None:
    receipt = await speaker.send(CARD, "D42")
    await receiver.confirm_press(delivered(slack.people.press("Approve"), slack))
    pressed = delivered(slack.people.press("Edit"), slack)
    await receiver.confirm_press(pressed)
    await receiver.confirm_press(pressed)  # a double click: the trigger is spent, nothing breaks
    await until(lambda: len(slack.calls("views.open")) == 2)
    (view,) = slack.views
    submitted = delivered(slack.people.submit(view, "make it shorter"), slack)
    inbound = speaker.parse(submitted.raw, "T1")
    assert (inbound.press, inbound.text, inbound.pressed_ref) == (EDIT, "make it shorter", receipt.ref)
    assert speaker.parse(pressed.raw, "T1").note == "a form was opened"


LUNCH = (
    Field("summary", "What", value="Lunch & <b>Ada</b>"), Field("start", "Begins", "time", value="2026-11-27T12:30:00+01:00"),
    Field("end", "Ends", "time", value="2026-11-27T13:30:00+01:00"), Field("location", "Where", optional=True),
)  # fmt: skip
NOON = 1_795_779_000
"""12:30 of that day in Zurich."""


async def opened(
    slack: FakeSlack, speaker: SlackSpeaker, receiver: SlackReceiver, fields: tuple[Field, ...] = LUNCH
) -> dict[str, Any]:
    await speaker.send(CARD, "D42")
    await receiver.confirm_press(delivered(slack.people.press("Edit"), slack), fields)
    await until(lambda: bool(slack.views))
    return slack.views[-1]


async def test_the_form_holds_todays_values_and_gives_back_what_was_changed(
    slack: FakeSlack, speaker: SlackSpeaker, receiver: SlackReceiver
) -> None:
    view = await opened(slack, speaker, receiver)
    held = {b["label"]["text"]: b["element"] for b in view["blocks"] if b["type"] == "input"}
    assert held["What"]["initial_value"] == "Lunch & <b>Ada</b>"
    assert (held["Begins"]["initial_date_time"], held["Ends"]["initial_date_time"]) == (NOON, NOON + 3600)
    assert "initial_value" not in held["Where"]
    sent = delivered(slack.people.submit(view, None, summary="Dinner", end=NOON + 7200, location="Luigi's"), slack)
    inbound = speaker.parse(sent.raw, "T1")
    assert dict(inbound.fields) == {"summary": "Dinner", "end": "2026-11-27T13:30:00+00:00", "location": "Luigi's"}
    assert (inbound.kind, inbound.press, inbound.text) == ("press", EDIT, "")


@pytest.mark.parametrize(
    ("words", "changed", "wrong"),
    [
        (None, {}, {"steward-edit": "Say how it should be, or leave it."}),
        ("  ", {"summary": "Lunch & <b>Ada</b> "}, {"steward-edit": "Say how it should be, or leave it."}),
        ("make it 3pm", {"summary": "   "}, {"field-summary": "This can't be empty."}),
        (None, {"summary": None}, {"field-summary": "This can't be empty."}),
        (None, {"end": NOON}, {"field-end": "It must end after it begins."}),
        (None, {"start": NOON + 9000}, {"field-end": "It must end after it begins."}),
    ],
)
async def test_a_form_that_cannot_be_taken_says_so_at_the_field_itself(
    slack: FakeSlack, speaker: SlackSpeaker, receiver: SlackReceiver, words: str | None, changed: Any, wrong: Any
) -> None:
    view = await opened(slack, speaker, receiver)
    answer = sort(slack.people.submit(view, words, **changed), access(slack))
    assert isinstance(answer, Answer)
    assert json.loads(answer.body) == {"response_action": "errors", "errors": wrong}
    blocks = {block.get("block_id") for block in view["blocks"]}
    assert set(wrong) <= blocks, "Slack refuses errors at blocks that are not there"


async def test_a_text_longer_than_a_form_takes_is_told_and_not_cut(
    slack: FakeSlack, speaker: SlackSpeaker, receiver: SlackReceiver
) -> None:
    long = (Field("title", "Title", value="Plan"), Field("text", "Text", "text", value="x" * 3001))
    view = await opened(slack, speaker, receiver, long)
    assert "3,001 characters, more than a form takes. Reply to the card" in str(view["blocks"])
    assert "xxx" not in str(view["blocks"][1:])
    inbound = speaker.parse(delivered(slack.people.submit(view, None, title="Budget"), slack).raw, "T1")
    assert dict(inbound.fields) == {"title": "Budget"}
    slack.views.clear()
    fits = await opened(slack, speaker, receiver, (Field("text", "Text", "text", value="x" * 3000),))
    assert len(fits["blocks"][1]["element"]["initial_value"]) == 3000


@pytest.mark.parametrize("time", [True, -1, 0, 10**14, "noon", None, [], 2.5])
async def test_no_value_of_a_form_raises(
    slack: FakeSlack, speaker: SlackSpeaker, receiver: SlackReceiver, time: object
) -> None:
    view = await opened(slack, speaker, receiver)
    sent = sort(slack.people.submit(view, "x", end=time), access(slack))
    if isinstance(sent, Delivery):
        assert "end" not in dict(speaker.parse(sent.raw, "T1").fields)


async def test_a_form_that_comes_too_late_is_told_and_a_second_click_is_not(
    slack: FakeSlack, speaker: SlackSpeaker, receiver: SlackReceiver
) -> None:
    await speaker.send(CARD, "D42")
    slack.fail("views.open", "expired_trigger_id")
    await receiver.confirm_press(delivered(slack.people.press("Edit"), slack))
    await until(lambda: bool(slack.ephemeral))
    assert "Press Edit again" in slack.ephemeral[0]["text"]
    slack.fail("views.open", "exchanged_trigger_id")
    await receiver.confirm_press(delivered(slack.people.press("Edit"), slack))
    await until(lambda: len(slack.calls("views.open")) == 2)
    await asyncio.sleep(0.1)
    assert len(slack.ephemeral) == 1


async def test_prompts_are_offered_in_a_fresh_thread(slack: FakeSlack, receiver: SlackReceiver) -> None:
    await receiver.show_typing(delivered(slack.people.starts_thread(), slack))
    await until(lambda: bool(slack.calls("assistant.threads.setSuggestedPrompts")))
    assert slack.calls("assistant.threads.setStatus") == []


async def test_an_event_cut_off_before_its_acknowledgement_comes_again_under_the_same_key(
    slack: FakeSlack, receiver: SlackReceiver
) -> None:
    stored: list[str] = []

    async def accept(deliveries: list[Delivery]) -> None:
        stored.extend(d.dedupe_key for d in deliveries)
        if len(stored) == 1:
            await slack.disconnect()
            await slack.sockets[-1].close()

    async with listening(receiver, accept, slack):
        message = json.loads(slack.people.text("hi"))
        await slack.push("events_api", message, "e1")
        await until(lambda: len(slack.sockets) == 2)
        await slack.push("events_api", message, "e2")
        await until(lambda: len(slack.acknowledged) >= 1)
    assert stored == [stored[0]] * 2


async def test_an_answer_to_a_command_in_a_channel_is_for_one_pair_of_eyes(
    slack: FakeSlack, speaker: SlackSpeaker
) -> None:
    receipt = await speaker.send(Outbound("secret"), "C1/U42")
    assert (slack.ephemeral[0]["user"], slack.ephemeral[0]["channel"], slack.sent()) == ("U42", "C1", [])
    assert await speaker.find(Outbound("secret"), "C1/U42", "") == "unknown"
    await speaker.send(Outbound("newer", edit_of=receipt.ref), "C1/U42")
    assert len(slack.ephemeral) == 2
    slack.absent.add("C9")
    await speaker.send(Outbound("elsewhere"), "C9/U42")
    assert [m["text"] for m in slack.sent()] == ["elsewhere"]


async def test_in_a_channel_everything_is_for_one_pair_of_eyes_and_stays_in_its_thread(
    slack: FakeSlack, speaker: SlackSpeaker, receiver: SlackReceiver
) -> None:
    mention = delivered(slack.people.text("<@UBOT> lunch", channel="C1", raw=True, thread_ts="5.0"), slack)
    await speaker.send(CARD, mention.conversation)
    (card,) = slack.ephemeral
    assert (card["channel"], card["user"], card["thread_ts"]) == ("C1", "U42", "5.0")
    edit = card["blocks"][1]["elements"][1]
    pressed = delivered(slack.people.interaction(edit, "C1", "9.0", {"thread_ts": "5.0"}, "U42"), slack)
    await receiver.confirm_press(pressed)
    await until(lambda: bool(slack.views))
    sent = delivered(slack.people.submit(slack.views[0], "make it shorter"), slack)
    assert {mention.conversation, pressed.conversation, sent.conversation} == {"C1:5.0/U42"}
    for delivery in (pressed, sent):
        await speaker.send(Outbound("because"), speaker.parse(delivery.raw, "T1").conversation)
    await receiver.show_typing(mention)
    await until(lambda: bool(slack.calls("assistant.threads.setStatus")))
    assert slack.calls("assistant.threads.setStatus")[0]["params"]["thread_ts"] == "5.0"
    assert slack.sent() == [], "nobody else reads a word"


async def test_a_notice_reaches_a_card_whose_response_url_is_dead(slack: FakeSlack, speaker: SlackSpeaker) -> None:
    await speaker.send(CARD, "D42")
    slack.dead_urls = True
    pressed = delivered(slack.people.press("Approve"), slack)
    receipt = await speaker.send(Outbound("Already <!channel> decided", toast_for=pressed.press_id), "D42")
    assert receipt.ref
    assert slack.ephemeral[0]["text"] == "Already &lt;!channel&gt; decided"


async def test_response_urls_of_strange_hosts_are_never_called(slack: FakeSlack, speaker: SlackSpeaker) -> None:
    called: list[Request] = []

    async def strange(request: Request) -> Response:
        called.append(request)
        return Response()

    async with Loopback(strange) as elsewhere:
        for url in (f"{elsewhere.url}/x", "http://hooks.slack.com/x", slack.api_base.replace("http", "https")):
            await speaker.send(Outbound("x", toast_for=f"D42 - U42 {url}"), "D42")
    assert called == []
    assert len(slack.ephemeral) == 3


async def test_a_thread_is_answered_in_the_thread_and_found_there(slack: FakeSlack, speaker: SlackSpeaker) -> None:
    slack.fail("chat.postMessage", drop=True, when="after")
    with pytest.raises(Exception, match="no clear answer"):
        await speaker.send(CARD, "C1:5.0")
    assert slack.sent()[0]["thread_ts"] == "5.0"
    found = await speaker.find(CARD, "C1:5.0", "")
    assert not isinstance(found, str)
    assert await speaker.find(Outbound("other"), "C1:5.0", "") == "absent"


async def test_blocks_that_slack_refuses_are_sent_once_more_as_plain_text(
    slack: FakeSlack, speaker: SlackSpeaker
) -> None:
    slack.fail("chat.postMessage", "invalid_blocks")
    await speaker.send(CARD, "D42")
    text = slack.sent()[0]["blocks"][0]["text"]
    assert (text["type"], text["text"]) == ("plain_text", "Send this?")
    assert slack.sent()[0]["blocks"][1]["elements"][0]["value"] == "y:card:3:0:nonce"


async def test_slow_down_on_the_update_of_a_card_is_obeyed(slack: FakeSlack, speaker: SlackSpeaker) -> None:
    receipt = await speaker.send(CARD, "D42")
    slack.fail("chat.update", retry_after=30)
    with pytest.raises(TryLater) as pause:
        await speaker.send(Outbound("Approved", edit_of=receipt.ref), "D42")
    assert pause.value.retry_after == 30
    with pytest.raises(TryLater):
        await speaker.send(Outbound("another"), "D42")


async def test_files_come_from_slack_alone_and_a_sign_in_page_is_no_file(
    slack: FakeSlack, speaker: SlackSpeaker
) -> None:
    slack.files["a.txt"] = b"we met"
    assert b"".join([c async for c in speaker.fetch(FileRef("F1", "a", "text/plain", 0))]) == b"we met"
    with pytest.raises(Refusal, match="outside Slack"):
        _ = [c async for c in speaker.fetch(FileRef("https://evil.example/a", "a", "text/plain", 0))]
    other = SlackSpeaker(SlackAccess("xoxb-2-OTHER", api_base=slack.api_base))
    with pytest.raises(Refusal, match="files:read"):
        _ = [c async for c in other.fetch(FileRef(slack.people.url + "/files/a.txt", "a", "text/plain", 0))]


async def test_doctor_names_missing_scopes_and_a_wrong_token(slack: FakeSlack, speaker: SlackSpeaker) -> None:
    slack.scopes = "chat:write"
    missing = [f for f in await speaker.probe() if not f.ok]
    assert "files:read" in missing[0].next_step
    wrong = SlackSpeaker(SlackAccess("xoxb-9-WRONG", api_base=slack.api_base))
    (finding,) = await wrong.probe()
    assert not finding.ok
    await wrong.close()


async def test_doctor_tries_the_way_in_and_the_clock(slack: FakeSlack) -> None:
    async def web(request: Request) -> Response:
        return Response(200 if request.path == "/slack/events" else 404)

    async def wrong(public_url: str = "", later: float = 0.0, **more: str) -> list[str]:
        given = {
            "bot_token": BOT_TOKEN,
            "signing_secret": SIGNING_SECRET,
            "team": "T1",
            "api_base": slack.api_base,
        } | more
        made = SlackSpeaker(
            SlackAccess(**given), public_url=public_url, now=lambda: datetime.now(UTC) + timedelta(seconds=later)
        )
        found = [f.next_step for f in await made.probe() if not f.ok]
        await made.close()
        return found

    async with Loopback(web) as steward:
        assert await wrong(steward.url) == []
        assert "web server" in (await wrong(f"{steward.url}/elsewhere"))[0]
    assert "steward run" in (await wrong(steward.url))[0], "nobody listens there any more"
    assert await wrong(app_token=APP_TOKEN) == []
    assert "connections:write" in (await wrong(app_token="xapp-9-WRONG"))[0]
    slack.fail("apps.connections.open", "socket_mode_not_enabled")
    assert "Socket Mode" in (await wrong(app_token=APP_TOKEN))[0]
    assert "Basic Information" in (await wrong(signing_secret="short"))[0]
    assert "STEWARD_SLACK__TEAM=T1" in (await wrong(team="T9"))[0]
    assert "NTP" in (await wrong(later=400.0))[0]


async def test_typing_shows_in_threads(slack: FakeSlack, receiver: SlackReceiver) -> None:
    await receiver.show_typing(delivered(slack.people.text("x", thread_ts="5.0"), slack))
    await until(lambda: bool(slack.calls("assistant.threads.setStatus")))
    assert slack.calls()[0]["params"]["thread_ts"] == "5.0"


async def test_the_receivers_own_voice(slack: FakeSlack, receiver: SlackReceiver) -> None:
    await receiver.tell("D42", "The worker keeps crashing.")
    assert slack.sent()[0]["text"] == "The worker keeps crashing."
    slack.fail("chat.postMessage", "channel_not_found")
    with pytest.raises(ConnectionError):
        await receiver.tell("D9", "x")


def _manifest() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    found: dict[str, Any] = yaml.safe_load((Path(channels.__file__).parent / "slack_manifest.yaml").read_text())
    return found


@pytest.mark.parametrize("schema", ["manifest.schema.1.0.0.json", "manifest.schema.2.0.0.json"])
@pytest.mark.skipif(not slack_spec.present(), reason="no ../shared/specs/slack: the manifest goes unchecked")
def test_the_manifest_validates_against_the_published_schemas(schema: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    manifest = _manifest()
    if "2.0.0" in schema:
        manifest = manifest | {"_metadata": {"major_version": 2, "minor_version": 0}}
    jsonschema.validate(manifest, json.loads((SPECS / "slack" / "manifest" / schema).read_text()))


def test_the_manifest_has_exactly_the_scopes_that_are_used_and_each_event_is_understood() -> None:
    manifest = _manifest()
    assert tuple(sorted(manifest["oauth_config"]["scopes"]["bot"])) == tuple(sorted(SCOPES))
    events = manifest["settings"]["event_subscriptions"]["bot_events"]
    for name in events:
        event = {"type": name.split(".")[0], "user": "U1", "channel": "D1", "ts": "1.0"}
        payload = {"type": "event_callback", "event": event}
        assert understand(payload, b"").kind, name
    if slack_spec.present():
        assert _used(events) == set(SCOPES)


_EVENT_SCOPES = {  # from the pages of the events; the published schema of events does not tell
    "app_home_opened": set(), "app_mention": {"app_mentions:read"}, "assistant_thread_started": {"assistant:write"},
    "message.im": {"im:history"}, "reaction_added": {"reactions:read"},
}  # fmt: skip


def _used(events: list[str]) -> set[str]:
    """The scopes that the calls in the code, the events and the slash command need. Where a method takes one of several
    (direct, group and channel conversations), the one for direct ones is ours."""
    sources = [path.read_text() for path in Path(channels.__file__).parent.glob("slack*.py")]
    methods = {found for text in sources for found in re.findall(r'"([a-z]+(?:\.[a-zA-Z]+)+)"', text)}
    methods = {method for method in methods if method.split(".")[0] in _FAMILIES and not method.endswith(".com")}
    assert len(methods) > 12
    used = {"commands"}.union(*(_EVENT_SCOPES[event] for event in events))
    for method in methods - {"apps.connections.open"}:  # that one is called with the app's own token
        wanted = slack_spec.scopes(method)
        used |= {scope for scope in wanted if scope.startswith("im:")} or wanted
    return used


_FAMILIES = ("apps", "assistant", "auth", "chat", "conversations", "files", "reactions", "users", "views")
