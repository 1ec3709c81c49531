"""Answers that are spoken: whether the principal asked for it, and the words as a voice note by espeak-ng."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Awaitable, Callable

from bot.voice import nursery
from bot.voice.base import VoiceTrouble
from channels import render

Voice = Callable[[str], Awaitable[bytes]]
"""Steward's Markdown → OGG/Opus. Raises VoiceTrouble."""

PROGRAM = "espeak-ng"
LONGEST = 1_500
"""Characters of an answer that are spoken: some two minutes. The text above has them all."""

_SECONDS = 30.0
_BY_VOICE = r"(?:please\s+)?(?:answer|reply)(?:\s+me)?\s+(?:by\s+voice|aloud)(?:\s*,?\s*please)?"
_BEFORE = re.compile(rf"^\s*{_BY_VOICE}\s*[:,.–-]+\s*(?P<words>\S.*)$", re.IGNORECASE | re.DOTALL)
_AFTER = re.compile(rf"^(?P<words>.*(?:[,;.?!(–-]|\band\b))\s*{_BY_VOICE}\s*[.!)]*\s*$", re.IGNORECASE | re.DOTALL)


def wish(words: str) -> tuple[str, bool]:
    """The words without “answer by voice”, and whether they said so."""
    if found := _BEFORE.match(words) or _AFTER.match(words):
        return re.sub(r"[\s,;(–-]*(?:\band)?\s*$", "", found["words"]).rstrip(" ,"), True
    return words, False


def lacks() -> str:
    """What has to be done before answers can be spoken; empty when nothing."""
    return "" if shutil.which(PROGRAM) else "I can't speak: install espeak-ng (for example `apt install espeak-ng`)."


async def mute(_text: str) -> bytes:
    """The voice of who has none."""
    raise VoiceTrouble("I have no voice here.")


def voice_of(language: str) -> Voice:
    """espeak-ng in `language` (empty: English)."""

    async def voice(markdown: str) -> bytes:
        return await say(render.to_plain(render.read(markdown), links=False), language)

    return voice


async def say(text: str, language: str = "") -> bytes:
    """OGG/Opus in which `text` (plain, cut at LONGEST) is said. Raises VoiceTrouble with a sentence."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise VoiceTrouble(lacks())
    words = text if len(text) <= LONGEST else text[:LONGEST].rpartition(" ")[0]
    speaking = await asyncio.create_subprocess_exec(
        program, "--stdin", "--stdout", "-v", language or "en",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
    )  # fmt: skip
    try:
        wav, _ = await asyncio.wait_for(speaking.communicate(words.encode()), _SECONDS)
    except TimeoutError:
        speaking.kill()
        await speaking.communicate()
        raise VoiceTrouble("I could not speak: it took too long.") from None
    if speaking.returncode != 0 or not wav:
        raise VoiceTrouble(f"I could not speak: espeak-ng ended with {speaking.returncode}.")
    return await nursery.run("opus", wav)
