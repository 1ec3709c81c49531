"""A scripted model without latency, as OpenAI's chat completions: whatever is said becomes one note."""

from __future__ import annotations

import json
from typing import Any

from bot.bench.loopback import Loopback


class ModelApi:
    """`base_url` is for STEWARD_MODELS__BASE_URL; `calls` counts what was asked."""

    def __init__(self) -> None:
        self.calls = 0
        self._server = Loopback(self._answer)

    @property
    def base_url(self) -> str:
        return f"{self._server.url}/v1"

    async def __aenter__(self) -> ModelApi:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()

    async def _answer(self, path: str, asked: dict[str, Any]) -> tuple[int, Any]:
        self.calls += 1
        task = {"id": "1", "agent": "notes", "goal": f"note: {_words(asked)}", "arguments": [], "after": []}
        called = {"name": _tool(asked), "arguments": json.dumps({"tasks": [task]})}
        calls = [{"id": "call_1", "type": "function", "function": called}]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "tool_calls"}
        usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
        whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": asked.get("model", "bench")}
        return 200, {**whole, "choices": [choice], "usage": usage}


def _words(asked: dict[str, Any]) -> str:
    """The principal's words: the planner sends them as JSON in the first user message."""
    content = next((m["content"] for m in asked.get("messages", ()) if m["role"] == "user"), "")
    text = content if isinstance(content, str) else content[0]["text"]
    try:
        return str(json.loads(text)["words"])
    except (ValueError, KeyError, TypeError):
        return str(text)


def _tool(asked: dict[str, Any]) -> str:
    tools = asked.get("tools") or [{"function": {"name": "plan"}}]
    return str(tools[0]["function"]["name"])
