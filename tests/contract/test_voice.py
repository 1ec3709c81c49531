"""Voice notes over Telegram, Slack and WhatsApp: the same tests for each, with the real adapters, decoder and server call."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.voice import child, ears
from channels.base import Delivery, Refusal, TryLater, Unknown
from channels.whatsapp import WhatsAppSpeaker
from knowledge.words import Outbound
from tests.contract.channel_rigs import SlackRig, TelegramRig, WhatsAppRig
from tests.contract.console_rig import ConsoleRig
from tests.contract.voice_house import CHATS, House, house, spoken
from tests.fakes.sound import note, silence, tone
from tests.fakes.transcriber_api import Fail
from tests.fakes.twilio_api import ACCOUNT, PERSON, FakeTwilio

pytest.importorskip("av", reason="the extra `voice` is not installed: no voice note is tested")

pytestmark = pytest.mark.integration  # each note is decoded in a process of its own

LUNCH = "lunch with Ada on 27 November at 12:30"


@pytest.fixture(params=CHATS)
async def home(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path) -> AsyncIterator[House]:
    async with house(request.param, tmp_path / "home", empty_database) as opened:
        yield opened


@pytest.fixture
async def telegram(tmp_path: Path, empty_database: Path) -> AsyncIterator[House]:
    async with house("telegram", tmp_path / "home", empty_database) as opened:
        yield opened


@pytest.fixture
async def slack(tmp_path: Path, empty_database: Path) -> AsyncIterator[House]:
    async with house("slack", tmp_path / "home", empty_database) as opened:
        yield opened


@pytest.fixture
async def whatsapp(tmp_path: Path, empty_database: Path) -> AsyncIterator[House]:
    async with house("whatsapp", tmp_path / "home", empty_database) as opened:
        yield opened


def only_sentence(home: House) -> str:
    """What Steward said: one message of one or two sentences, and no transcript."""
    assert len(home.said) == 1, home.said
    assert home.said[0].startswith("I "), home.said
    assert "\n" not in home.said[0].strip()
    assert len(home.said[0]) < 260
    return home.said[0]


async def downloads(home: House) -> int:
    """How often the platform was asked for a file."""
    rig = home.rig
    assert not isinstance(rig, ConsoleRig)
    if isinstance(rig, TelegramRig):
        return len(rig.fake.calls("getFile"))
    return len(rig.fake.store_saw) if isinstance(rig, WhatsAppRig) else len(rig.fake.fetched)


# ── all channels 14: a voice note gives a transcript shown to the user and is then treated as text ──────────────


async def test_a_voice_note_gives_a_transcript_shown_to_the_user_and_is_then_treated_as_text(home: House) -> None:
    home.transcriber.say("Note: the accountant prefers mornings.")
    await home.hears(spoken(home.rig))
    assert "“Note: the accountant prefers mornings.”" in home.said[0]
    assert "Noted" in home.said[1]
    (kept,) = home.book.notes.values()
    assert "the accountant prefers mornings" in kept
    assert len(home.transcriber.notes) == 1


async def test_a_voice_note_and_its_transcript_are_values_with_labels_and_the_sound_is_kept_nowhere(
    home: House,
) -> None:
    sound = note(form="mp4" if isinstance(home.rig, SlackRig) else "ogg")
    await home.hears(spoken(home.rig, sound))
    file, transcript = await home.values()
    assert {"bytes": len(sound), "seconds": 1.0}.items() <= {**json.loads(file[1]), "seconds": 1.0}.items()
    assert (transcript[1], transcript[3]) == ("hello", "principal")
    assert json.loads(transcript[4]) == [file[0]]
    assert "transcriber:server:" in transcript[2]
    stored = b"".join(p.read_bytes() for p in home.book.steward.home.path.rglob("*") if p.is_file())
    assert sound[200:260] not in stored


async def test_a_spoken_approval_decides_nothing_but_chooses_the_card_and_asks_for_the_button(home: House) -> None:
    await home.hears(home.rig.typed(LUNCH))
    before = len(home.said)
    for words in ("Yes.", "Approve", "approve number one please", "Go ahead!", "No.", "Reject it", "later"):
        home.transcriber.say(words)
        await home.hears(spoken(home.rig))
        shown = home.said[before:]
        assert words.rstrip(".!") in shown[0]
        assert "A spoken word decides nothing" in shown[1]
        assert "Lunch with Ada" in "\n".join(shown[2:])
        before = len(home.said)
    assert await home.book.count("proposal WHERE state='open'") == 1
    assert await home.book.count("effect") == 0
    await home.hears(home.rig.pressed("Approve"))
    assert home.book.calendar.count("BEGIN:VEVENT") == 1


async def test_a_spoken_number_presses_no_button(home: House) -> None:
    await home.hears(home.rig.typed(LUNCH))
    for words in ("1", "one", "Approve 1"):
        home.transcriber.say(words)
        await home.hears(spoken(home.rig))
    assert await home.book.count("proposal WHERE state='open'") == 1
    assert await home.book.count("effect") == 0


async def test_a_spoken_change_makes_a_new_version_that_still_asks(home: House) -> None:
    await home.hears(home.rig.typed(LUNCH))
    home.transcriber.say("No, make it 3pm.")
    await home.hears(spoken(home.rig))
    assert "15:00" in "\n".join(home.said[-2:])
    assert await home.book.count("proposal WHERE state='open' AND version=2") == 1
    assert await home.book.count("effect") == 0


@pytest.mark.parametrize("home", ["telegram", "whatsapp"], indirect=True)  # Slack does not forward files
async def test_a_forwarded_voice_note_gives_no_orders(home: House) -> None:
    forwarded: dict[str, dict[str, Any]] = {
        "telegram": {"forward_origin": {"type": "hidden_user", "sender_user_name": "Eve", "date": 1_700_000_000}},
        "whatsapp": {"Forwarded": "true"},
    }
    home.transcriber.say(LUNCH)
    await home.hears(spoken(home.rig, **forwarded[home.rig.speaking.name]))
    assert LUNCH in home.said[0]
    assert {row[3] for row in await home.values()} == {"untrusted"}
    assert await home.book.count("proposal WHERE tool LIKE 'calendar%'") == 0


@pytest.mark.parametrize("home", ["telegram", "slack"], indirect=True)  # Twilio does not say how large a file is
async def test_a_voice_note_too_large_gives_one_plain_sentence_and_is_not_fetched(home: House) -> None:
    limit = min(home.rig.speaking.limits.file_bytes, ears.LARGEST)
    await home.hears(spoken(home.rig, size=limit + 1))
    assert f"It has {limit / 1e6 + 0.1:g} MB; I take at most {limit / 1e6:g} MB" in only_sentence(home)
    assert await downloads(home) == 0


async def test_a_voice_note_that_turns_out_too_large_gives_one_plain_sentence(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ears, "LARGEST", 5_000)
    more = {"size": 0} if isinstance(home.rig, TelegramRig | SlackRig) else {}
    await home.hears(spoken(home.rig, **more))
    assert "0.1 MB" in only_sentence(home)
    assert home.transcriber.notes == []


async def test_a_voice_note_too_long_gives_one_plain_sentence(home: House) -> None:
    await home.hears(spoken(home.rig, silence(601)))
    assert "longer than 10 minutes" in only_sentence(home)
    assert home.transcriber.notes == []


@pytest.mark.parametrize("content", [b"%PDF-1.7 a letter", b"OggS" + bytes(400), b"", b"#EXTM3U\nhttp://127.0.0.1:9/x"])
async def test_a_voice_note_of_a_wrong_type_gives_one_plain_sentence(home: House, content: bytes) -> None:
    await home.hears(spoken(home.rig, content))
    assert "no sound that I can read" in only_sentence(home)
    assert home.transcriber.notes == []


async def test_a_voice_note_whose_download_failed_gives_one_plain_sentence(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = spoken(home.rig)
    await _lose_files(home, monkeypatch)
    await home.hears(delivery)
    assert "It could not be downloaded" in only_sentence(home)


async def _lose_files(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = home.rig
    monkeypatch.setattr(ears, "_LONGEST_PAUSE_S", 0.01)
    if isinstance(rig, ConsoleRig):
        (rig.folder / "note.ogg").unlink()
    elif isinstance(rig, TelegramRig):
        rig.fake.people.files.clear()
    elif isinstance(rig, SlackRig):
        rig.fake.broken_files = True
    else:
        monkeypatch.setattr("channels.whatsapp._NEW_MEDIA_WAIT", 0.01)
        rig.fake.media_is_late = 1000


@pytest.mark.parametrize("heard", ["", "  \n "])
async def test_an_empty_transcript_gives_one_plain_sentence(home: House, heard: str) -> None:
    home.transcriber.say(heard)
    await home.hears(spoken(home.rig))
    assert "no words" in only_sentence(home)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Fail(503), "answered 503"),
        (Fail(401), "refused the key"),
        (Fail(0), "did not answer"),
        (Fail(200, b"<html>"), "no transcript"),
        (Fail(307, headers={"location": "http://127.0.0.1:9/stolen"}), "answered 307"),
    ],
)
async def test_a_transcriber_that_fails_gives_one_plain_sentence(telegram: House, answer: Fail, told: str) -> None:
    telegram.transcriber.say(answer)
    await telegram.hears(spoken(telegram.rig))
    assert told in only_sentence(telegram)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [("off", "switched off"), ("whisper:/no/such/model", "I can't listen"), ("parrot", "should be a URL")],
)
async def test_without_a_transcriber_one_plain_sentence_says_what_is_missing(
    tmp_path: Path, empty_database: Path, chosen: str, told: str
) -> None:
    async with house("telegram", tmp_path / "home", empty_database, transcriber=chosen) as home:
        await home.hears(spoken(home.rig))
        assert told in only_sentence(home)
        assert await downloads(home) == 0


async def test_what_was_heard_once_is_not_heard_again(telegram: House) -> None:
    """The turn waits for a card and goes on after it: the transcript is read back, the server is asked once."""
    telegram.transcriber.say(LUNCH)
    await telegram.hears(spoken(telegram.rig))
    await telegram.hears(telegram.rig.pressed("Approve"))
    assert telegram.book.calendar.count("BEGIN:VEVENT") == 1
    assert len(telegram.transcriber.notes) == 1


async def test_a_strangers_voice_note_is_neither_downloaded_nor_heard(telegram: House) -> None:
    assert isinstance(telegram.rig, TelegramRig)
    await telegram.hears(spoken(telegram.rig, chat=666))
    assert (await downloads(telegram), telegram.transcriber.notes) == (0, [])


# ── telegram tricky 6 ───────────────────────────────────────────────────────────────────────────────────────────


async def test_telegram_voice_of_20_000_001_bytes_is_refused_before_get_file(telegram: House) -> None:
    await telegram.hears(spoken(telegram.rig, size=20_000_001))
    assert "20.1 MB" in only_sentence(telegram)
    assert await downloads(telegram) == 0


@pytest.mark.parametrize("missing", ["file_size", "mime_type", "duration"])
async def test_telegram_voice_without_size_or_mime_type_or_with_duration_0_is_heard(
    telegram: House, missing: str
) -> None:
    assert isinstance(telegram.rig, TelegramRig)
    spoken(telegram.rig)
    update = telegram.rig.fake.updates()[-1]
    update["message"]["voice"][missing] = 0
    if missing != "duration":
        del update["message"]["voice"][missing]
    await telegram.hears(telegram.rig._last())
    assert "“hello”" in telegram.said[0]


async def test_telegram_oga_as_a_file_is_heard_but_is_not_the_principals_word(telegram: House) -> None:
    telegram.transcriber.say("note: milk")
    await telegram.hears(spoken(telegram.rig, kind="document"))
    assert "“note: milk”" in telegram.said[0]
    assert {row[3] for row in await telegram.values()} == {"untrusted"}


# ── slack tricky 4 ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_slack_file_share_with_empty_text_and_a_clip_as_video_mp4_is_a_voice_note(slack: House) -> None:
    await slack.hears(spoken(slack.rig))
    assert "“hello”" in slack.said[0]


async def test_slack_clip_that_asks_for_check_file_info_is_asked_for_and_heard(slack: House) -> None:
    await slack.hears(_stub(slack, note(form="mp4")))
    assert "“hello”" in slack.said[0]


async def test_slack_file_that_asks_for_check_file_info_and_is_no_sound_goes_to_the_files(slack: House) -> None:
    await slack.hears(_stub(slack, b"the accountant prefers mornings"))
    assert "voice note" not in slack.said[0]
    assert "I can't read files like “file”" in slack.said[0]


def _stub(slack: House, content: bytes) -> Delivery:
    """A file of a shared channel: Slack tells its id, and that it wants to be asked."""
    assert isinstance(slack.rig, SlackRig)
    slack.rig.fake.files["F1"] = content
    event = {"type": "message", "subtype": "file_share", "channel": "D42", "channel_type": "im", "user": "U42"}
    file = {"id": "F1", "file_access": "check_file_info"}
    body = slack.rig.fake.people.event(event | {"text": "", "ts": "1700000100.000100", "files": [file]})
    return slack.rig._stored(body)


async def test_slack_download_answering_200_text_html_gives_one_plain_sentence(slack: House) -> None:
    assert isinstance(slack.rig, SlackRig)
    delivery = spoken(slack.rig)
    slack.rig.fake.broken_files = True
    await slack.hears(delivery)
    assert "files:read" in only_sentence(slack)


# ── whatsapp tricky 7 ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mime", ["audio/ogg", "audio/ogg; codecs=opus"])
async def test_whatsapp_voice_note_with_empty_body_is_heard(whatsapp: House, mime: str) -> None:
    await whatsapp.hears(spoken(whatsapp.rig, mime=mime))
    assert "“hello”" in whatsapp.said[0]
    assert {row[3] for row in await whatsapp.values()} == {"principal"}


async def test_whatsapp_two_voice_notes_in_one_message_are_both_heard_in_order(whatsapp: House) -> None:
    assert isinstance(whatsapp.rig, WhatsAppRig)
    whatsapp.transcriber.say("note: buy milk", "and bread")
    fake = whatsapp.rig.fake
    fake.media("one.ogg", note())
    second = fake.media("two.ogg", note(2.0), **_both(fake.url))
    await whatsapp.hears(whatsapp.rig._stored(second))
    assert "buy milk" in whatsapp.said[0]
    assert "and bread" in whatsapp.said[0]
    assert [len(sound) for sound in whatsapp.transcriber.notes] == [32_044, 64_044]


def _both(url: str) -> dict[str, str]:
    address = f"{url}/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media"
    return {
        "NumMedia": "2", "MediaUrl0": f"{address}/one.ogg", "MediaContentType0": "audio/ogg",
        "MediaUrl1": f"{address}/two.ogg", "MediaContentType1": "audio/ogg",
    }  # fmt: skip


async def test_whatsapp_media_that_is_404_at_first_is_fetched_a_moment_later(whatsapp: House) -> None:
    assert isinstance(whatsapp.rig, WhatsAppRig)
    whatsapp.rig.fake.media_is_late = 1
    await whatsapp.hears(spoken(whatsapp.rig))
    assert "“hello”" in whatsapp.said[0]


async def test_whatsapp_307_to_another_host_is_followed_without_the_credentials(whatsapp: House) -> None:
    assert isinstance(whatsapp.rig, WhatsAppRig)
    await whatsapp.hears(spoken(whatsapp.rig))
    assert "“hello”" in whatsapp.said[0]
    assert [headers.get("authorization") for headers in whatsapp.rig.fake.store_saw] == [None]


async def test_whatsapp_307_into_the_house_is_not_followed(whatsapp: House) -> None:
    assert isinstance(whatsapp.rig, WhatsAppRig)
    async with FakeTwilio() as elsewhere:
        elsewhere.stored["note.ogg"] = note()
        whatsapp.rig.fake.redirect = f"{elsewhere.url}/store/note.ogg"
        await whatsapp.hears(spoken(whatsapp.rig))
        assert "It could not be downloaded" in only_sentence(whatsapp)
        assert elsewhere.store_saw == []


# ── spoken answers ──────────────────────────────────────────────────────────────────────────────────────────────

NOTE = "note: the accountant prefers mornings"
COMPLETE = "files.completeUploadExternal"


@pytest.fixture
def espeak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called espeak-ng that says a tone, and keeps what it was told to say."""
    folder, told = tmp_path / "bin", tmp_path / "said.txt"
    folder.mkdir()
    (tmp_path / "tone.wav").write_bytes(tone(1.0))
    program = folder / "espeak-ng"
    program.write_text(f'#!/bin/sh\necho "$@" > {told}.options\ncat > {told}\ncat {tmp_path}/tone.wav\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return told


@pytest.mark.parametrize("home", ["telegram", "slack", "whatsapp"], indirect=True)
async def test_an_answer_that_is_wanted_by_voice_comes_as_text_and_as_a_voice_note(home: House, espeak: Path) -> None:
    assert not isinstance(home.rig, ConsoleRig)
    await home.hears(home.rig.typed(f"Answer by voice: {NOTE}"))
    (text,) = home.said
    assert text.removeprefix("Steward asks: ").startswith("Noted: “the accountant prefers mornings”")
    assert b"accountant prefers mornings" in await asyncio.to_thread(espeak.read_bytes)
    (sound,) = home.rig.voiced()
    assert sound.startswith(b"OggS")
    assert 0.9 < len(child.decode(sound)) / 32_000 < 1.2
    stored = await home.book.rows("SELECT body, state FROM message WHERE key LIKE '%/aloud'")
    assert stored[0]["state"] == "sent"
    assert len(stored[0]["body"]) < 300
    everything = b"".join(p.read_bytes() for p in home.book.steward.home.path.rglob("*") if p.is_file())
    assert sound[60:120] not in everything


async def test_where_no_voice_note_can_be_sent_one_sentence_says_so(
    tmp_path: Path, empty_database: Path, espeak: Path
) -> None:
    async with house("console", tmp_path / "home", empty_database) as home:
        await home.hears(home.rig.typed(f"{NOTE}, answer by voice"))
        assert home.said[0].startswith("Noted")
        assert home.said[1] == "I can't send voice notes on this chat. The answer is above."


async def test_whatsapp_without_a_public_address_says_in_one_sentence_what_is_missing(
    whatsapp: House, espeak: Path
) -> None:
    assert isinstance(whatsapp.rig, WhatsAppRig)
    bare = WhatsAppSpeaker(replace(whatsapp.rig.access, public_url=""))
    whatsapp.rig.speaking.limits = bare.limits
    await whatsapp.hears(whatsapp.rig.typed(f"answer by voice: {NOTE}"))
    assert whatsapp.said[1].endswith("before STEWARD_PUBLIC_URL says where Twilio can fetch them. The answer is above.")
    with pytest.raises(Refusal, match="STEWARD_PUBLIC_URL"):
        await bare.send(Outbound("x", aloud=True, sound=b"OggS"), PERSON)
    assert whatsapp.rig.voiced() == []


async def test_a_voice_note_that_bounced_on_whatsapp_is_found_and_not_said_twice(whatsapp: House, espeak: Path) -> None:
    """Twilio took it and gave no answer: it is looked up by its file."""
    assert isinstance(whatsapp.rig, WhatsAppRig)
    rig, spoken_answer = whatsapp.rig, Outbound("Noted", aloud=True, sound=b"OggS")
    assert await rig.speaking.find(spoken_answer, PERSON, rig.last_ref()) == "absent"
    rig.fake.fail(drop=True, when="after")
    with pytest.raises(Unknown):
        await rig.speaking.send(spoken_answer, PERSON)
    found = await rig.speaking.find(spoken_answer, PERSON, "")
    assert not isinstance(found, str)
    assert found.ref == rig.last_ref()


async def test_a_voice_note_on_slack_stays_in_its_thread_is_seen_by_nobody_else_and_is_found_again(
    slack: House, espeak: Path
) -> None:
    assert isinstance(slack.rig, SlackRig)
    rig, spoken_answer = slack.rig, Outbound("Noted", aloud=True, sound=b"OggS and more")
    assert await rig.speaking.find(spoken_answer, "C1:5.0", "") == "absent"
    rig.fake.fail("files.completeUploadExternal", drop=True, when="after")
    with pytest.raises(Unknown):
        await rig.speaking.send(spoken_answer, "C1:5.0")
    assert not isinstance(await rig.speaking.find(spoken_answer, "C1:5.0", ""), str)
    await rig.speaking.send(spoken_answer, "C1/U42")
    shared = [(c["params"]["channel_id"], c["params"].get("thread_ts")) for c in rig.fake.calls(COMPLETE)]
    assert shared == [("C1", "5.0"), ("D42", None)]
    (file, _) = rig.fake.uploads.values()
    assert "authorization" not in file["headers"]


@pytest.mark.parametrize("step", ["files.getUploadURLExternal", "upload", "files.completeUploadExternal"])
async def test_an_upload_to_slack_that_fails_before_it_is_seen_is_tried_again_whole(
    slack: House, espeak: Path, step: str
) -> None:
    assert isinstance(slack.rig, SlackRig)
    rig, spoken_answer = slack.rig, Outbound("Noted", aloud=True, sound=b"OggS and more")
    if step == "upload":
        rig.fake.broken_files = True
    else:
        rig.fake.fail(step, retry_after=1)
    with pytest.raises(TryLater):
        await rig.speaking.send(spoken_answer, "D42")
    assert rig.voiced() == []


async def test_an_upload_goes_to_slacks_own_hosts_alone_and_a_missing_scope_is_named(
    slack: House, espeak: Path
) -> None:
    assert isinstance(slack.rig, SlackRig)
    rig, spoken_answer = slack.rig, Outbound("Noted", aloud=True, sound=b"OggS")
    rig.fake.upload_host = "http://127.0.0.1:9"
    with pytest.raises(Refusal, match="outside its own hosts"):
        await rig.speaking.send(spoken_answer, "D42")
    rig.fake.fail("files.getUploadURLExternal", "missing_scope")
    with pytest.raises(Refusal, match="files:write"):
        await rig.speaking.send(spoken_answer, "D42")


async def test_where_espeak_ng_is_absent_one_sentence_says_so(
    telegram: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    await telegram.hears(telegram.rig.typed(f"answer by voice: {NOTE}"))
    assert telegram.said[0].startswith("Noted")
    assert telegram.said[1].startswith("I can't speak: install espeak-ng")


async def test_a_voice_note_is_answered_by_one_where_the_switch_says_so(
    tmp_path: Path, empty_database: Path, espeak: Path
) -> None:
    async with house("telegram", tmp_path / "home", empty_database, answer="voice") as home:
        home.transcriber.say(NOTE)
        await home.hears(spoken(home.rig))
        await home.hears(home.rig.typed("note: typed words are answered in writing"))
        assert isinstance(home.rig, TelegramRig)
        assert len(home.rig.fake.calls("sendVoice")) == 1
