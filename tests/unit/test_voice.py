"""Hearing without a chat: what the child decodes, what each transcriber says, and what hostile sound comes to."""

from __future__ import annotations

import asyncio
import io
import struct
import sys
import types
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.cli.doctor import _voice
from bot.settings import Settings, VoiceSettings
from bot.voice import child, nursery
from bot.voice.aloud import say, wish
from bot.voice.base import RATE, NotSound, Sound, VoiceTrouble
from bot.voice.transcribers import ServerTranscriber, SphinxTranscriber, WhisperTranscriber, transcriber_of
from graphs.decisions import Decision, read_spoken
from tests.fakes import whisper_model
from tests.fakes.loopback import Loopback, Request, Response
from tests.fakes.sound import CODECS, encoded, note, speech, tone, vowels
from tests.fakes.transcriber_api import Fail, FakeTranscriber

pytest.importorskip("av", reason="the extra `voice` is not installed: no voice note is tested")


@pytest.fixture
async def server() -> AsyncIterator[FakeTranscriber]:
    async with FakeTranscriber(key="sk-voice") as fake:
        yield fake


@pytest.mark.parametrize("form", sorted(CODECS))
def test_every_container_of_the_chats_becomes_the_same_kind_of_sound(form: str) -> None:
    pcm = child.decode(note(1.0, form))
    assert 0.9 < len(pcm) / (2 * RATE) < 1.2
    loudest = max(abs(value) for (value,) in struct.iter_unpack("<h", pcm))
    assert 5_000 < loudest < 12_000


def test_a_wav_is_read_and_what_is_decoded_is_a_wav_again() -> None:
    sound = Sound(child.decode(tone(0.5)))
    with wave.open(io.BytesIO(sound.wav)) as opened:
        assert (opened.getframerate(), opened.getnchannels(), opened.getnframes()) == (RATE, 1, 8_000)
    assert sound.seconds == 0.5


@pytest.mark.parametrize(
    "data", [b"", b"#EXTM3U\n", b"ffconcat version 1.0\nfile /etc/passwd", b"<smil>", b"RIFF0000AVI ", b"MZ"]
)
def test_what_is_no_sound_is_told_apart_before_any_decoder_sees_it(data: bytes) -> None:
    assert child.container(data) == ""
    with pytest.raises(child.Unable, match="no sound"):
        child.decode(data)


@pytest.mark.integration
async def test_a_playlist_in_disguise_makes_the_decoder_open_nothing() -> None:
    asked: list[str] = []

    async def serve(request: Request) -> Response:
        asked.append(request.path)
        return Response(200, note(), "audio/ogg")

    async with Loopback(serve) as web:
        playlist = f"#EXTM3U\n#EXTINF:1,\n{web.url}/secret.ogg\n".encode()
        for disguise in (b"", b"ID3\x03\x00\x00\x00\x00\x00\x00", b"fLaC", b"\xff\xf1", b"OggS", b"#!AMR\n"):
            with pytest.raises(VoiceTrouble):
                await nursery.run("decode", disguise + playlist)
    assert asked == []


@pytest.mark.integration
@pytest.mark.parametrize("form", ["ogg", "mp4", "mp3"])
async def test_damaged_sound_is_a_sentence_or_sound_and_never_a_broken_worker(form: str) -> None:
    whole = note(1.0, form)
    for n in range(6):
        broken = bytearray(whole)
        for at in range(n * 7 + 30, len(broken), 61 + 13 * n):
            broken[at] ^= 0xA5
        try:
            sound = await nursery.run("decode", bytes(broken))
        except VoiceTrouble:
            continue
        assert len(sound) < 2 * len(child.decode(whole))


@pytest.mark.integration
async def test_a_child_that_dies_or_hangs_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nursery, "_START", "import os; os.abort()")
    with pytest.raises(VoiceTrouble, match="memory and time"):
        await nursery.run("decode", note())
    monkeypatch.setattr(nursery, "_START", "import time; sys.stdin.buffer.read(); time.sleep(60)")
    with pytest.raises(VoiceTrouble, match="too long"):
        await nursery.run("decode", note(), seconds=0.5)
    monkeypatch.setattr(nursery, "_START", "sys.stdout.buffer.write(b'x' * 30_000_000)")
    with pytest.raises(VoiceTrouble, match="more sound"):
        await nursery.run("decode", note())


@pytest.mark.integration
async def test_the_child_has_no_secret_in_its_environment_and_cannot_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_VOICE__API_KEY", "sk-secret")
    monkeypatch.setattr(
        nursery, "_START",
        "import os; sys.stdin.buffer.read(); print('{}'); print(sorted(os.environ), end='')",
    )  # fmt: skip
    assert b"STEWARD" not in await nursery.run("decode", b"")


@pytest.mark.integration
async def test_pocketsphinx_hears_nothing_in_a_tone() -> None:
    pytest.importorskip("pocketsphinx", reason="the extra `voice` is not installed")
    heard = await SphinxTranscriber().transcribe(Sound(await nursery.run("decode", note(2.0))))
    assert isinstance(heard, str)
    assert len(heard.split()) < 3


@pytest.mark.integration
async def test_pocketsphinx_hears_a_spoken_word() -> None:
    pytest.importorskip("pocketsphinx", reason="the extra `voice` is not installed")
    opus = encoded(speech("remind me to call the dentist tomorrow morning"), "ogg")
    heard = await SphinxTranscriber().transcribe(Sound(await nursery.run("decode", opus)))
    assert {"tomorrow", "morning"} & set(heard.split())


async def test_a_server_gets_the_sound_as_wav_with_key_model_and_language(server: FakeTranscriber) -> None:
    server.say("Guten Tag")
    told = ServerTranscriber(server.url, "sk-voice", "whisper-large", "de")
    assert await told.transcribe(Sound(bytes(3200))) == "Guten Tag"
    assert server.forms == [{"model": "whisper-large", "response_format": "json", "language": "de"}]
    assert (len(server.notes[0]), told.lacks()) == (3244, "")


@pytest.mark.parametrize("written", ["", "/", "/v1", "/v1/", "/v1/audio/transcriptions"])
async def test_a_server_may_be_written_as_host_or_base_or_whole_address(server: FakeTranscriber, written: str) -> None:
    url = server.url.removesuffix("/v1") + written
    assert await ServerTranscriber(url, "sk-voice").transcribe(Sound(bytes(320))) == "hello"


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (Fail(500), "answered 500"),
        (Fail(0), "did not answer"),
        (Fail(200, b"[]"), "no transcript"),
        (Fail(200, b'{"text": 7}'), "no transcript"),
        (Fail(200, b"x" * 300_000), "more than a voice note"),
        (Fail(302, headers={"location": "http://127.0.0.1:9/"}), "answered 302"),
    ],
)
async def test_whatever_a_server_does_is_one_sentence_without_the_key(
    server: FakeTranscriber, step: Fail, told: str
) -> None:
    server.say(step)
    with pytest.raises(VoiceTrouble, match=told) as trouble:
        await ServerTranscriber(server.url, "sk-voice").transcribe(Sound(bytes(320)))
    assert "sk-voice" not in str(trouble.value)


async def test_a_wrong_key_says_which_switch(server: FakeTranscriber) -> None:
    with pytest.raises(VoiceTrouble, match="STEWARD_VOICE__API_KEY"):
        await ServerTranscriber(server.url, "sk-other").transcribe(Sound(bytes(320)))


@pytest.fixture(scope="session")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> WhisperTranscriber:
    """faster-whisper itself, with a whole model that says the same whatever it hears."""
    pytest.importorskip("faster_whisper", reason="the extra `whisper` is not installed: no model of it is run")
    return WhisperTranscriber(str(whisper_model.make(tmp_path_factory.mktemp("whisper") / "tiny")), "en")


@pytest.mark.integration
async def test_faster_whisper_runs_a_model_of_yours_in_the_child_and_downloads_nothing(
    whisper: WhisperTranscriber,
) -> None:
    assert whisper.lacks() == ""
    assert await whisper.transcribe(Sound(vowels(3.0))) == whisper_model.WORDS


@pytest.mark.integration
async def test_faster_whisper_hears_no_words_where_nobody_speaks(whisper: WhisperTranscriber) -> None:
    assert await whisper.transcribe(Sound(tone(2.0)[44:])) == ""


@pytest.mark.integration
async def test_a_model_that_is_damaged_is_one_sentence(whisper: WhisperTranscriber, tmp_path: Path) -> None:
    for name in ("model.bin", "tokenizer.json"):
        (tmp_path / name).write_bytes(b"no model")
    with pytest.raises(VoiceTrouble, match="can't be loaded"):
        await WhisperTranscriber(str(tmp_path)).transcribe(Sound(vowels(3.0)))


def test_a_model_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", _installed("faster_whisper"))
    told = WhisperTranscriber(str(tmp_path))
    assert str(tmp_path) in told.lacks()
    (tmp_path / "model.bin").touch()
    assert "tokenizer.json" in told.lacks()  # else faster-whisper would fetch one
    (tmp_path / "tokenizer.json").touch()
    assert told.lacks() == ""


def _installed(name: str) -> types.ModuleType:
    from importlib.machinery import ModuleSpec

    module = types.ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    return module


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("", "pocketsphinx"), ("pocketsphinx", "pocketsphinx"), ("whisper:/models/small", "whisper:small"),
        ("http://127.0.0.1:8000", "server:127.0.0.1:8000"), ("off", "none"), ("parrot", "none"),
    ],
)  # fmt: skip
def test_the_switch_names_the_transcriber(written: str, name: str) -> None:
    assert transcriber_of(VoiceSettings(transcriber=written)).name == name


@pytest.mark.parametrize(
    ("switches", "ok", "told"),
    [
        ({"transcriber": "off"}, True, "switched off"),
        ({"transcriber": "whisper:/no/model"}, False, "not heard"),
        ({"transcriber": "SERVER"}, False, "STEWARD_VOICE__API_KEY"),
        ({"transcriber": "SERVER", "api_key": "sk-voice"}, True, "heard by server:"),
        ({"transcriber": "http://127.0.0.1:9/v1"}, False, "did not answer"),
        ({"transcriber": "parrot"}, False, "should be a URL"),
    ],
)
async def test_the_doctor_says_what_voice_notes_lack(
    server: FakeTranscriber, switches: dict[str, Any], ok: bool, told: str
) -> None:
    switches = {k: server.url if v == "SERVER" else v for k, v in switches.items()}
    found = await _voice(Settings(voice=VoiceSettings(**switches)))
    assert (found.ok, told in f"{found.what} {found.next_step}") == (ok, True), found


@pytest.mark.parametrize(
    ("words", "decision"),
    [
        ("Yes.", Decision("approve")),
        ("Approve number two.", Decision("approve", (2,))),
        ("yes, approve the last request", Decision("approve")),
        ("please reject three", Decision("reject", (3,))),
        ("no, make it 3pm", Decision("edit", words="make it 3pm")),
        ("summarize my unread messages", None),
        ("no meetings tomorrow", None),
        ("approve of what she said in the long meeting that we had about the garden", None),
    ],
)
def test_spoken_words_choose_a_card_more_generously_than_typed_ones(words: str, decision: Decision | None) -> None:
    assert read_spoken(words) == decision


async def test_two_notes_are_decoded_side_by_side() -> None:
    sounds = await asyncio.gather(nursery.run("decode", note()), nursery.run("decode", note(2.0)))
    assert [len(sound) for sound in sounds] == [32_000, 64_000]


async def test_not_sound_is_told_apart_from_damaged_sound() -> None:
    with pytest.raises(NotSound):
        await nursery.run("decode", b"a letter")


@pytest.mark.parametrize(
    ("words", "wished"),
    [
        ("answer by voice: what is on today?", ("what is on today?", True)),
        ("Please reply aloud, please: what is on today?", ("what is on today?", True)),
        ("what is on today? Answer by voice.", ("what is on today?", True)),
        ("note: milk, and answer me by voice please", ("note: milk", True)),
        ("note: they never answer by voice mail", ("note: they never answer by voice mail", False)),
        ("answer by voice", ("answer by voice", False)),
    ],
)
def test_answer_by_voice_is_heard_and_taken_off(words: str, wished: tuple[str, bool]) -> None:
    assert wish(words) == wished


@pytest.mark.integration
async def test_what_is_said_aloud_can_be_heard() -> None:
    pytest.importorskip("pocketsphinx", reason="the extra `voice` is not installed")
    speech("")  # skips where espeak-ng is not installed
    note = await say("remind me to call the dentist tomorrow morning")
    assert note.startswith(b"OggS")
    assert 1.0 < Sound(await nursery.run("decode", note)).seconds < 8.0
