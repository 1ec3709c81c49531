"""A transcription server on loopback, with OpenAI's interface: it says what it is told to, in order.

`fake.say("note: milk", Fail(503), "")` queues what the next notes hold; with nothing queued it hears `by_default`. It
refuses what the real one refuses: another path (404), no key when one is set (401), a form without a model or a sound
that is no WAV (400). `notes` are the sounds it was given, `forms` what came with them.
"""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import Drop, Loopback, Request, Response


@dataclass(frozen=True)
class Fail:
    """An HTTP error, or a 200 whose body is `body`; status 0 cuts the connection."""

    status: int
    body: bytes = b'{"error": {"message": "scripted failure"}}'
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class FakeTranscriber:
    by_default: str = "hello"
    key: str = ""
    notes: list[bytes] = field(default_factory=list)
    forms: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    _next: list[str | Fail] = field(default_factory=list)

    async def __aenter__(self) -> FakeTranscriber:
        self._server = await Loopback(self._answer).__aenter__()
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._server.__aexit__(*problem)

    @property
    def url(self) -> str:
        return f"{self._server.url}/v1"

    def say(self, *heard: str | Fail) -> None:
        self._next += heard

    async def _answer(self, request: Request) -> Response:
        if (request.method, request.path) != ("POST", "/v1/audio/transcriptions"):
            return Response.of({"error": {"message": f"Invalid URL ({request.method} {request.path})"}}, 404)
        self.headers.append(request.headers)
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return Response.of({"error": {"message": "Incorrect API key provided"}}, 401)
        form = request.params()
        sound = form.pop("file", None)
        if not form.get("model") or not isinstance(sound, tuple) or not _is_wav(sound[1]):
            return Response.of({"error": {"message": "Invalid file format."}}, 400)
        self.notes.append(sound[1])
        self.forms.append(form)
        step = self._next.pop(0) if self._next else self.by_default
        if isinstance(step, str):
            return Response.of({"text": step})
        if step.status == 0:
            raise Drop
        return Response(step.status, step.body, headers=step.headers)


def _is_wav(sound: bytes) -> bool:
    try:
        with wave.open(io.BytesIO(sound)) as opened:
            return (opened.getnchannels(), opened.getframerate(), opened.getsampwidth()) == (1, 16_000, 2)
    except (wave.Error, EOFError):
        return False
