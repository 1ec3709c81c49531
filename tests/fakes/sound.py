"""Voice notes made on the spot: a tone, or speech where espeak-ng is installed, in any container the chats use."""

from __future__ import annotations

import io
import math
import shutil
import struct
import subprocess
import wave
from functools import cache

import pytest

CODECS = {"ogg": ("libopus", 48_000), "mp4": ("aac", 44_100), "mp3": ("libmp3lame", 44_100), "webm": ("libopus", 48_000),
          "flac": ("flac", 44_100), "adts": ("aac", 44_100)}  # fmt: skip


@cache
def note(seconds: float = 1.0, form: str = "ogg") -> bytes:
    """A tone of 440 Hz as a file in `form`. Skips the test where PyAV (extra `voice`) is not installed."""
    return encoded(tone(seconds), form)


def tone(seconds: float, rate: int = 16_000) -> bytes:
    """A WAV file of a tone."""
    samples = [int(8000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(int(seconds * rate))]
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setparams((1, 2, rate, len(samples), "NONE", ""))
        written.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return out.getvalue()


def encoded(wav: bytes, form: str) -> bytes:
    av = pytest.importorskip("av", reason="the extra `voice` is not installed")
    codec, rate = CODECS[form]
    out = io.BytesIO()
    with av.open(io.BytesIO(wav), mode="r") as spoken, av.open(out, mode="w", format=form) as written:
        stream = written.add_stream(codec, rate=rate, layout="mono")
        resampler = av.AudioResampler(format=stream.format.name, layout="mono", rate=rate, frame_size=stream.frame_size)
        for frame in (*spoken.decode(audio=0), None):
            for piece in resampler.resample(frame):
                written.mux(stream.encode(piece))
        written.mux(stream.encode(None))
    return out.getvalue()


def speech(words: str) -> bytes:
    """A WAV file in which espeak-ng says `words`. Skips the test where it is not installed."""
    program = shutil.which("espeak-ng")
    if program is None:
        pytest.skip("espeak-ng is not installed: nothing can be said that would have to be understood")
    done = subprocess.run([program, "--stdout", "-s", "110", words], capture_output=True, check=True, timeout=20)
    return done.stdout


@cache
def silence(seconds: int, form: str = "ogg") -> bytes:
    """So long, and nothing said."""
    out = io.BytesIO()
    with wave.open(out, "wb") as written:
        written.setparams((1, 2, 8_000, 0, "NONE", ""))
        written.writeframes(bytes(2 * 8_000 * seconds))
    return encoded(out.getvalue(), form)
