"""The transcribers there are: a server with OpenAI's interface, faster-whisper with a model of yours, or pocketsphinx."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bot.settings import VoiceSettings
from bot.voice import nursery
from bot.voice.base import Sound, Transcriber, VoiceTrouble
from knowledge.egress import EgressRefused, Rules, guarded_client

EXTRA = "pip install 'steward[voice]'"
_PATH = "/audio/transcriptions"
_SERVER_S = 120.0
_WORDS = 200_000  # bytes of a server's answer


class ServerTranscriber:
    """Any server that answers `POST …/v1/audio/transcriptions`. The sound goes there, and nowhere else; no redirect."""

    def __init__(self, url: str, key: str = "", model: str = "whisper-1", language: str = "") -> None:
        base = url.rstrip("/")
        self._url = base if base.endswith(_PATH) else f"{base}{'' if urlsplit(base).path else '/v1'}{_PATH}"
        self._key, self._form = (
            key,
            {"model": model, "response_format": "json"} | ({"language": language} if language else {}),
        )
        self.name = f"server:{urlsplit(self._url).netloc.rpartition('@')[2]}"

    async def transcribe(self, sound: Sound) -> str:
        files = {"file": ("voice.wav", sound.wav, "audio/wav")}
        headers = {"authorization": f"Bearer {self._key}"} if self._key else {}
        where = self.name.removeprefix("server:")
        client = guarded_client(Rules.of(settings=[self._url]), timeout=_SERVER_S)
        try:
            async with (
                client,
                client.stream("POST", self._url, data=self._form, files=files, headers=headers) as answer,
            ):
                status, said = answer.status_code, await _bounded(answer)
        except EgressRefused as refused:
            raise VoiceTrouble(f"The transcriber cannot be asked: {refused}") from None
        except httpx.HTTPError as trouble:
            raise VoiceTrouble(f"The transcriber at {where} did not answer ({type(trouble).__name__}).") from None
        if status in (401, 403):
            raise VoiceTrouble(f"The transcriber at {where} refused the key; set STEWARD_VOICE__API_KEY.")
        if status != 200:
            raise VoiceTrouble(f"The transcriber at {where} answered {status}.")
        return _text(said, where)

    def lacks(self) -> str:
        parts = urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return f"“{self._url}” is no address: write it like http://127.0.0.1:8000/v1."
        return _missing("av", EXTRA)


async def _bounded(answer: httpx.Response) -> bytes:
    said = bytearray()
    async for piece in answer.aiter_bytes():
        said += piece
        if len(said) > _WORDS:
            raise VoiceTrouble("The transcriber said more than a voice note can hold.")
    return bytes(said)


def _text(said: bytes, where: str) -> str:
    try:
        text = httpx.Response(200, content=said).json()["text"]
    except (ValueError, LookupError, TypeError):
        text = None
    if not isinstance(text, str):
        raise VoiceTrouble(f"The transcriber at {where} answered something that is no transcript.")
    return text


class WhisperTranscriber:
    """faster-whisper with the model in the folder `model`; it is loaded for each note and gone afterwards."""

    def __init__(self, model: str, language: str = "") -> None:
        self._model, self._language = Path(model).expanduser(), language
        self.name = f"whisper:{self._model.name}"

    async def transcribe(self, sound: Sound) -> str:
        said = await nursery.run("whisper", sound.pcm, str(self._model), self._language)
        return said.decode("utf-8", "replace")

    def lacks(self) -> str:
        if step := _missing("av", EXTRA) or _missing("faster_whisper", "pip install 'steward[whisper]'"):
            return step
        absent = [name for name in ("model.bin", "tokenizer.json") if not (self._model / name).is_file()]
        if absent:  # without its tokenizer faster-whisper would download one
            return f"{self._model} holds no whole faster-whisper model ({' and '.join(absent)}); see docs/voice.md."
        return ""


class SphinxTranscriber:
    """pocketsphinx with the model in its own package: English only, no download, and often wrong."""

    name = "pocketsphinx"

    async def transcribe(self, sound: Sound) -> str:
        return (await nursery.run("sphinx", sound.pcm)).decode("utf-8", "replace")

    def lacks(self) -> str:
        return _missing("av", EXTRA) or _missing("pocketsphinx", EXTRA)


class NoTranscriber:
    """Why nobody listens, in one sentence."""

    name = "none"

    def __init__(self, why: str) -> None:
        self._why = why

    async def transcribe(self, sound: Sound) -> str:
        raise VoiceTrouble(self._why)

    def lacks(self) -> str:
        return self._why


def transcriber_of(settings: VoiceSettings) -> Transcriber:
    """The transcriber that `STEWARD_VOICE__TRANSCRIBER` names: a URL, `whisper:FOLDER`, `pocketsphinx`, `off`, or empty:
    pocketsphinx where it is installed."""
    chosen, language = settings.transcriber.strip(), settings.language
    if chosen.startswith(("http://", "https://")):
        return ServerTranscriber(chosen, settings.api_key.get_secret_value(), settings.model, language)
    if chosen.startswith("whisper:"):
        return WhisperTranscriber(chosen.removeprefix("whisper:"), language)
    if chosen in ("", "pocketsphinx"):
        return SphinxTranscriber()
    if chosen == "off":
        return NoTranscriber("Voice notes are switched off (STEWARD_VOICE__TRANSCRIBER).")
    return NoTranscriber(
        f"STEWARD_VOICE__TRANSCRIBER is “{chosen[:60]}”; it should be a URL, whisper:FOLDER, pocketsphinx or off."
    )


def _missing(module: str, step: str) -> str:
    return "" if find_spec(module) is not None else f"{module} is missing: {step}."
