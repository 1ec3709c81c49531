"""The words of hearing: sound that has been decoded, what turns it into text, and the one sentence when that fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

RATE = 16_000
"""Samples a second of decoded sound; one channel, 16 bits each."""

LONGEST_S = 600
"""Seconds of speech in one voice note."""

LARGEST = 25_000_000
"""Bytes of one voice note, whatever the platform would give."""


class VoiceTrouble(Exception):
    """Why a voice note did not become words, or words no voice: one plain sentence for the principal."""


class NotSound(VoiceTrouble):
    """These bytes are no sound at all: another reader may know what they are."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded sound: `pcm` is s16le, mono, at `RATE`."""

    pcm: bytes

    @property
    def seconds(self) -> float:
        return len(self.pcm) / (2 * RATE)

    @property
    def wav(self) -> bytes:
        """The same as a WAV file, which every transcriber reads."""
        size = len(self.pcm)
        head = b"RIFF" + (36 + size).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
        form = (1).to_bytes(2, "little") * 2 + RATE.to_bytes(4, "little") + (2 * RATE).to_bytes(4, "little")
        return (
            head
            + form
            + (2).to_bytes(2, "little")
            + (16).to_bytes(2, "little")
            + b"data"
            + size.to_bytes(4, "little")
            + self.pcm
        )


class Transcriber(Protocol):
    """Turns sound into text. `name` is a source in the labels of every transcript."""

    name: str

    async def transcribe(self, sound: Sound) -> str: ...  # raises VoiceTrouble; empty when nothing was said
    def lacks(self) -> str: ...  # what has to be done before it can work, one sentence; empty when nothing
