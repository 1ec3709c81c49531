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


_VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480))  # Hz of their formants


@cache
def vowels(seconds: float, rate: int = 16_000) -> bytes:
    """Samples (s16le) of a voice that says vowels: no words, but speech to a detector of voices, as a tone is not."""
    count, each, phase = int(seconds * rate), int(0.22 * rate), 0.0
    source = []
    for n in range(count):
        before, phase = phase, phase + (120 + 20 * math.sin(2 * math.pi * 2.5 * n / rate)) / rate
        source.append(float(math.floor(phase) > math.floor(before)))
    spoken: list[float] = []
    for first in range(0, count, each):
        part = source[first : first + each]
        for formant, width in zip(_VOWELS[(first // each) % len(_VOWELS)], (60, 90, 120), strict=True):
            radius = math.exp(-math.pi * width / rate)
            one, two = 2 * radius * math.cos(2 * math.pi * formant / rate), -radius * radius
            filtered = [0.0, 0.0]
            for sample in part:
                filtered.append(sample + one * filtered[-1] + two * filtered[-2])
            part = filtered[2:]
        spoken += [sample * math.sqrt(math.sin(math.pi * n / len(part))) for n, sample in enumerate(part)]
    loudest = max(map(abs, spoken))
    return struct.pack(f"<{count}h", *(int(16_000 * sample / loudest) for sample in spoken))


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
