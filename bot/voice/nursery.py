"""Runs the child that touches sound, within limits of time and of what it may say."""

from __future__ import annotations

import json

from bot.voice.base import LONGEST_S, RATE, NotSound, VoiceTrouble
from knowledge.confined import SaidTooMuch, confined

PATIENCE = {"decode": 60.0, "opus": 60.0, "sphinx": 600.0, "whisper": 1800.0}  # seconds by the wall clock
_ANSWER = LONGEST_S * RATE * 2 + 2**20  # bytes a child may say
_START = "from bot.voice.child import main; main(*sys.argv[1:])"


async def run(what: str, data: bytes, *options: str, seconds: float = 0.0) -> bytes:
    """What the child makes of `data`. Raises NotSound or VoiceTrouble with its sentence; gives up after `seconds`."""
    try:
        said = await confined(_START, what, *options, data=data, most=_ANSWER, seconds=seconds or PATIENCE[what])
    except TimeoutError as error:
        raise VoiceTrouble("It took too long to read; it was given up.") from error
    except SaidTooMuch as error:
        raise VoiceTrouble("It holds more sound than a voice note may.") from error
    head, line, result = said.partition(b"\n")
    try:
        verdict = json.loads(head) if line else None
    except ValueError:
        verdict = None
    if not isinstance(verdict, dict):
        raise VoiceTrouble("It could not be read within the memory and time that a voice note may take.")
    if "sentence" in verdict:
        kind = NotSound if verdict.get("code") == "not-sound" else VoiceTrouble
        raise kind(str(verdict["sentence"]))
    return result
