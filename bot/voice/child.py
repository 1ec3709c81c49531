"""The child that touches sound: `decode`, `sphinx`, `whisper` or `opus`; bytes on stdin, a line of JSON and bytes on stdout.

Strangers make voice notes, and decoders are C: this process has no environment, no socket and little memory, and may
die; the parent says a sentence then. Only here are PyAV, pocketsphinx and faster-whisper imported.
"""

from __future__ import annotations

import io
import json
import resource
import sys
from collections.abc import Callable
from typing import Any

from bot.voice.base import LONGEST_S, RATE

MEMORY = 1024 * 2**20  # bytes of address space
SECONDS = {"decode": 30, "opus": 30, "sphinx": 300, "whisper": 3600}  # of computing
_TOO_LONG = f"It is longer than {LONGEST_S // 60} minutes; send it in shorter pieces."


class Unable(Exception):
    """What is said to the principal instead of a result; `code` tells the parent what kind it is."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


def main(what: str, *options: str) -> None:
    """Do `what` once. A model of the operator's may need more memory than a hostile file may take."""
    if what != "whisper":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS[what], SECONDS[what]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sound, said = sys.stdin.buffer.read(), sys.stdout.buffer
    try:
        result = WORK[what](sound, *options)
        said.write(b"{}\n" + result)
    except Unable as unable:
        said.write(json.dumps({"sentence": str(unable), "code": unable.code}).encode() + b"\n")
    except MemoryError:
        said.write(json.dumps({"sentence": "It needs more memory than a voice note may take."}).encode() + b"\n")
    except Exception as error:  # noqa: BLE001 - whatever a hostile file does to a decoder is one sentence
        sentence = f"It is damaged or no sound that I can read ({type(error).__name__})."
        said.write(json.dumps({"sentence": sentence, "code": "damaged"}).encode() + b"\n")
    said.flush()


def container(head: bytes) -> str:
    """The container format that these first bytes begin, by FFmpeg's name for it; empty for none that is read here.

    Never left to FFmpeg's own guess, which knows playlists: those would make it open addresses and files of their choice.
    """
    if head[4:8] == b"ftyp":
        return "mov"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:3] == b"ID3" or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2):
        return "mp3"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return "aac"
    known = {b"OggS": "ogg", b"\x1aE\xdf\xa3": "matroska", b"fLaC": "flac", b"#!AM": "amr"}
    return known.get(head[:4], "")


def decode(data: bytes) -> bytes:
    """The first sound stream as s16le, mono, at RATE."""
    form = container(data)
    if not form:
        raise Unable("It is no sound that I can read.", "not-sound")
    import av
    from av.audio.resampler import AudioResampler

    pcm, most = bytearray(), LONGEST_S * RATE * 2
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    options = {"protocol_whitelist": "none"}
    with av.open(io.BytesIO(data), mode="r", format=form, options=options) as opened:
        if not opened.streams.audio:
            raise Unable("There is no sound in it.", "not-sound")
        stream = opened.streams.audio[0]
        stream.codec_context.thread_count = 1
        for frame in opened.decode(stream):
            for piece in resampler.resample(frame):
                pcm += memoryview(piece.planes[0])[: piece.samples * 2]
            if len(pcm) > most:
                raise Unable(_TOO_LONG, "too-long")
    for piece in resampler.resample(None):
        pcm += memoryview(piece.planes[0])[: piece.samples * 2]
    return bytes(pcm)


def sphinx(pcm: bytes) -> bytes:
    """What pocketsphinx hears with its own small English model, stretch of speech by stretch."""
    from pocketsphinx import Decoder, Segmenter

    decoder = Decoder(samprate=RATE, loglevel="FATAL")
    heard: list[str] = []
    for stretch in Segmenter(sample_rate=RATE).segment(io.BytesIO(pcm)):
        decoder.start_utt()
        decoder.process_raw(stretch.pcm, full_utt=True)
        decoder.end_utt()
        guess = decoder.hyp()
        heard += [guess.hypstr] if guess is not None and guess.hypstr else []
    return " ".join(heard).encode()


def whisper(pcm: bytes, model: str, language: str = "") -> bytes:
    """What faster-whisper hears with the model in the folder `model`. Nothing is downloaded."""
    import os

    os.environ["HF_HUB_OFFLINE"] = "1"
    import numpy as np
    from faster_whisper import WhisperModel

    samples = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768
    threads = min(4, os.cpu_count() or 1)
    try:
        loaded = WhisperModel(model, device="auto", compute_type="auto", cpu_threads=threads, local_files_only=True)
    except Exception as error:
        raise Unable(f"The model in {model} can't be loaded ({type(error).__name__}); see docs/voice.md.") from error
    segments, _ = loaded.transcribe(samples, language=language or None, vad_filter=True)
    return " ".join(segment.text.strip() for segment in segments).encode()


def opus(wav: bytes) -> bytes:
    """A WAV file as OGG/Opus, the form of a voice note on every platform."""
    import av
    from av.audio.resampler import AudioResampler

    out = io.BytesIO()
    with (
        av.open(io.BytesIO(wav), mode="r", format="wav") as spoken,
        av.open(out, mode="w", format="ogg") as written,
    ):
        stream = written.add_stream("libopus", rate=48_000, layout="mono")
        stream.bit_rate = 24_000
        resampler = AudioResampler(format="s16", layout="mono", rate=48_000)
        for frame in (*spoken.decode(audio=0), None):
            for piece in resampler.resample(frame):
                written.mux(stream.encode(piece))
        written.mux(stream.encode(None))
    return out.getvalue()


WORK: dict[str, Callable[..., Any]] = {"decode": decode, "sphinx": sphinx, "whisper": whisper, "opus": opus}
