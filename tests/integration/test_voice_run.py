"""Voice notes against the real process on Telegram: heard, shown, done; a hostile one ends in a sentence and no more."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.sound import note
from tests.fakes.steward_process import NEXT_YEAR, ROOT, StewardProcess
from tests.fakes.telegram_api import TOKEN, FakeTelegram
from tests.fakes.transcriber_api import FakeTranscriber
from tests.fakes.waiting import read_all

pytest.importorskip("av", reason="the extra `voice` is not installed: no voice note is tested")
pytestmark = pytest.mark.integration

KEY = "sk-voice-SECRET"


async def test_a_voice_note_is_heard_shown_and_done_and_a_hostile_one_takes_nothing_down(tmp_path: Path) -> None:
    async with FakeTelegram() as telegram, FakeTranscriber(key=KEY) as transcriber:
        switches = {
            "STEWARD_VOICE__TRANSCRIBER": transcriber.url,
            "STEWARD_VOICE__API_KEY": KEY,
            "STEWARD_LOG": "debug",
        }
        steward = StewardProcess(tmp_path / "home", telegram.url, more=switches).start()

        async def until(what: Callable[[], object]) -> None:
            await asyncio.to_thread(steward.until, what, str(telegram.sent()))

        def shown(words: str) -> Callable[[], bool]:
            return lambda: any(words in str(message["text"]) for message in telegram.sent())

        def speaks(sound: bytes) -> None:
            telegram.people.document("v", sound.decode("utf-8", "surrogateescape"), "audio/ogg", kind="voice")

        try:
            transcriber.say(
                "Note: the accountant prefers mornings.",
                f"lunch with Ada on 27 November {NEXT_YEAR} at 12:30",
                "Approve.",
            )
            speaks(note())
            await until(shown("Noted"))
            (worker,) = steward.workers()
            speaks(b"OggS\x00\x02" + bytes(range(256)) * 40)
            await until(shown("I could not listen to your voice note"))
            speaks(note())
            await until(shown("Create event"))
            speaks(note())
            await until(shown("A spoken word decides nothing"))
            await until(lambda: sum("Lunch with Ada" in str(m["text"]) for m in telegram.sent()) > 1)
            assert steward.events() == []
            telegram.people.press("Approve")
            await until(lambda: steward.events() == ["Lunch with Ada"])
            texts = [str(message["text"]) for message in telegram.sent()]
            assert texts.index("🎙 “Note: the accountant prefers mornings.”") < min(
                n for n, text in enumerate(texts) if text.startswith("Noted")
            )
            assert steward.workers() == [worker]
            assert telegram.violations() == []
        finally:
            await asyncio.to_thread(steward.stop)
        written = steward.output.read_text(errors="replace")
        assert KEY not in written
        assert TOKEN not in written
        stored = b"".join(read_all(steward.home).values())
        assert KEY.encode() not in stored
        assert note()[500:560] not in stored


def test_the_doctor_names_what_voice_notes_lack(tmp_path: Path) -> None:
    asked = {"STEWARD_HOME": str(tmp_path), "STEWARD_VOICE__TRANSCRIBER": "http://127.0.0.1:9/v1", "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bot.cli", "doctor"],
        cwd=ROOT,
        env=asked,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert "Voice notes are not heard" in done.stdout
    assert "did not answer" in " ".join(done.stdout.split())
