"""From the files of a voice note to its transcript: fetched within limits, decoded, transcribed, with what it came from."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.voice import nursery
from bot.voice.base import LARGEST, NotSound, Sound, Transcriber, VoiceTrouble
from channels.base import ChannelError, FileRef, Inbound, SpeakingChannel, TryLater
from knowledge import doing

_TRIES = 3
_LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A transcript. `files` describe what was listened to: name, kind, bytes, seconds, SHA-256; the sound itself is gone.

    `unread` counts files of the same message that are no sound.
    """

    text: str
    files: tuple[Mapping[str, Any], ...]
    by: str
    unread: int = 0


def may_be_sound(file: FileRef) -> bool:
    """Sound by its kind, or of a kind that the platform does not tell (Slack's files of shared channels)."""
    return not file.mime or file.mime.startswith("audio/") or file.spoken


class Ears:
    """Listens to what channels deliver. Sound is held in memory while it is heard and never written anywhere."""

    def __init__(self, speakers: Mapping[str, SpeakingChannel], transcriber: Transcriber) -> None:
        self.speakers, self.transcriber = speakers, transcriber

    async def hear(self, inbound: Inbound) -> Heard:
        """What is said in a message. Raises VoiceTrouble with a sentence, NotSound when its files are something else."""
        if lacks := self.transcriber.lacks():
            raise VoiceTrouble(f"I can't listen to voice notes here. {lacks} Please type it meanwhile.")
        sounds = [file for file in inbound.files if may_be_sound(file)]
        texts, files = [], []
        for file in sounds:
            try:
                doing.begin("Fetching your voice note")
                data = await self._fetch(self.speakers[inbound.channel], file)
                sound = Sound(await nursery.run("decode", data))
                doing.begin(f"Listening to your voice note of {math.ceil(sound.seconds)} seconds")
                text = " ".join((await self.transcriber.transcribe(sound)).replace("\x00", "").split())
            except NotSound as trouble:
                raise NotSound(f"I could not listen to your voice note. {trouble}") from None
            except VoiceTrouble as trouble:
                raise VoiceTrouble(f"I could not listen to your voice note. {trouble}") from None
            texts += [text] if text else []
            files.append({
                "name": file.name, "kind": file.mime, "bytes": len(data), "seconds": round(sound.seconds, 1),
                "sha256": hashlib.sha256(data).hexdigest(),
            })  # fmt: skip
        if not texts:
            raise VoiceTrouble("I heard no words in your voice note. Please say it again, or type it.")
        return Heard("\n".join(texts), tuple(files), self.transcriber.name, len(inbound.files) - len(sounds))

    async def _fetch(self, speaker: SpeakingChannel, file: FileRef) -> bytes:
        most = min(LARGEST, speaker.limits.file_bytes)
        if file.size > most:
            raise VoiceTrouble(f"It has {_mb(file.size)} MB; I take at most {_mb(most)} MB here.")
        for attempt in range(_TRIES):
            data = bytearray()
            try:
                async for piece in speaker.fetch(file):
                    data += piece
                    if len(data) > most:
                        raise VoiceTrouble(f"It has more than {_mb(most)} MB.")
                return bytes(data)
            except TryLater as later:
                if attempt + 1 == _TRIES:
                    raise VoiceTrouble(f"It could not be downloaded: {later} Please send it again.") from None
                await asyncio.sleep(min(_LONGEST_PAUSE_S, later.retry_after or 0.5 * 2**attempt))
            except ChannelError as trouble:
                raise VoiceTrouble(f"It could not be downloaded: {trouble}") from None
        raise AssertionError("the last try has returned or raised")


def _mb(size: int) -> str:
    """Megabytes, never rounded down to the limit that is exceeded."""
    return f"{math.ceil(size / 100_000) / 10:g}"
