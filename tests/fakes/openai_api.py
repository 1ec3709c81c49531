"""A model that says what it is told to, over HTTP: OpenAI's chat completions, and Anthropic's and Ollama's as well.

In a test: `async with OpenAIFake() as fake`, point STEWARD_MODELS__BASE_URL at `fake.base_url`, and queue what it
answers next with `fake.say(plan(...), Fail(500), Garbage("<html>"), Slow(2, plan(...)))`. With nothing queued
`by_default` answers: words that begin with "note" become a note, all others a question to memory. `fake.calls` holds
the request bodies. It refuses what the real one refuses: a missing key (401), a body that is no JSON (400), an unknown
path (404).

Alone, as a model without latency: `python -m tests.fakes.openai_api --port 8123`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.loopback import Drop, Loopback, Request, Response

Json = dict[str, Any]


@dataclass(frozen=True)
class Fail:
    """An HTTP error, with a body as the vendors write it."""

    status: int
    message: str = "scripted failure"


@dataclass(frozen=True)
class Garbage:
    """A 200 whose body is not what was promised."""

    body: str


@dataclass(frozen=True)
class Slow:
    """The same, later."""

    seconds: float
    step: Step


@dataclass(frozen=True)
class Cut:
    """The connection is closed without an answer."""


@dataclass(frozen=True)
class Prose:
    """Words in place of the form that was asked for."""

    text: str


Step = Json | Fail | Garbage | Slow | Cut | Prose


def task(agent: str, goal: str, *after: str, id: str = "1", **arguments: str) -> Json:
    """A task as a strict model writes it."""
    pairs = [{"name": name, "value": value} for name, value in arguments.items()]
    return {"id": id, "agent": agent, "goal": goal, "arguments": pairs, "after": list(after)}


def plan(*tasks: Json) -> Json:
    return {"tasks": list(tasks)}


def by_default(words: str) -> Step:
    if found := re.match(r"note\b[\s:,]*(?P<text>.*)", words, re.I | re.S):
        return plan(task("notes", f"note: {found['text']}"))
    return plan(task("ask", words))


def words_of(body: Json) -> str:
    """The principal's words in a request: the planner sends them as JSON in the first user message."""
    content = next(m["content"] for m in body["messages"] if m["role"] == "user")
    text = content if isinstance(content, str) else content[0]["text"]
    try:
        return str(json.loads(text)["words"])
    except (ValueError, KeyError, TypeError):
        return str(text)


@dataclass
class OpenAIFake:
    """`port` 0 takes a free one. `calls` and `headers` tell of every request that reached the model, in order."""

    port: int = 0
    default: Callable[[str], Step] = by_default
    calls: list[Json] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    _next: list[Step] = field(default_factory=list)
    _server: Loopback | None = None

    async def __aenter__(self) -> OpenAIFake:
        self._server = await Loopback(self._answer, self.port).__aenter__()
        return self

    async def __aexit__(self, *problem: object) -> None:
        assert self._server
        await self._server.__aexit__(*problem)

    @property
    def url(self) -> str:
        """What Anthropic's and Ollama's clients want as their address."""
        assert self._server
        return self._server.url

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def say(self, *steps: Step) -> None:
        self._next += steps

    async def _answer(self, request: Request) -> Response:
        dialect = DIALECTS.get(request.path)
        if request.method != "POST" or dialect is None:
            return _error(404, f"Invalid URL ({request.method} {request.path})")
        if dialect.wants_key and not {"authorization", "x-api-key"} & request.headers.keys():
            return _error(401, "You didn't provide an API key.")
        try:
            body = json.loads(request.body)
            words = words_of(body)
        except (ValueError, KeyError, TypeError, StopIteration):
            return _error(400, "We could not parse the JSON body of your request.")
        self.calls.append(body)
        self.headers.append(request.headers)
        step = self._next.pop(0) if self._next else self.default(words)
        return await _played(step, body, dialect)


async def _played(step: Step, body: Json, dialect: Dialect) -> Response:
    while isinstance(step, Slow):
        await asyncio.sleep(step.seconds)
        step = step.step
    match step:
        case Fail(status, message):
            return _error(status, message)
        case Garbage(text):
            return Response(200, text.encode(), "text/html")
        case Cut():
            raise Drop
        case Prose(text):
            return dialect.words(body, text)
    return dialect.form(body, step)


def _error(status: int, message: str) -> Response:
    return Response.of({"error": {"message": message, "type": "scripted", "param": None, "code": None}}, status)


@dataclass(frozen=True)
class Dialect:
    """How one vendor words an answer in the asked form, and one in plain words."""

    wants_key: bool
    form: Callable[[Json, Json], Response]
    words: Callable[[Json, str], Response]


def _openai_form(body: Json, value: Json) -> Response:
    if not body.get("tools"):
        return _openai_words(body, json.dumps(value))
    called = {"name": body["tools"][0]["function"]["name"], "arguments": json.dumps(value)}
    calls = [{"id": "call_1", "type": "function", "function": called}]
    return _openai(body, {"role": "assistant", "content": None, "tool_calls": calls}, "tool_calls")


def _openai_words(body: Json, text: str) -> Response:
    return _openai(body, {"role": "assistant", "content": text}, "stop")


def _openai(body: Json, message: Json, reason: str) -> Response:
    usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"]}
    return Response.of({**whole, "choices": [choice], "usage": usage})


def _anthropic_form(body: Json, value: Json) -> Response:
    used = {"type": "tool_use", "id": "toolu_1", "name": body["tools"][0]["name"], "input": value}
    return _anthropic(body, used, "tool_use")


def _anthropic_words(body: Json, text: str) -> Response:
    return _anthropic(body, {"type": "text", "text": text}, "end_turn")


def _anthropic(body: Json, block: Json, reason: str) -> Response:
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": [block]}
    usage = {"input_tokens": 100, "output_tokens": 20}
    return Response.of({**whole, "stop_reason": reason, "stop_sequence": None, "usage": usage})


def _ollama_words(body: Json, text: str) -> Response:
    """One line of the stream that its client always asks for."""
    message = {"role": "assistant", "content": text}
    line = {"model": body["model"], "created_at": "2026-11-23T09:00:00Z", "message": message, "done": True}
    counts = {"done_reason": "stop", "prompt_eval_count": 100, "eval_count": 20}
    return Response(200, json.dumps({**line, **counts}).encode() + b"\n", "application/x-ndjson")


DIALECTS = {
    "/v1/chat/completions": Dialect(True, _openai_form, _openai_words),
    "/v1/messages": Dialect(True, _anthropic_form, _anthropic_words),
    "/api/chat": Dialect(False, lambda body, value: _ollama_words(body, json.dumps(value)), _ollama_words),
}


async def _serve(port: int, delay: float) -> None:
    async with OpenAIFake(port, lambda words: Slow(delay, by_default(words)) if delay else by_default(words)) as fake:
        print(f"listening on {fake.base_url}", flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="tests.fakes.openai_api", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before every answer")
    given = parser.parse_args(arguments)
    try:
        asyncio.run(_serve(given.port, given.delay))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main(sys.argv[1:])
