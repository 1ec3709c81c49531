"""`steward chat`: one process, at the terminal or through pipes."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from typing import Any

from bot.secrets import strongbox
from bot.settings import Settings
from knowledge.words import Outbound, Press


def chat(once: str | None, *, as_json: bool) -> int:
    """Exit code 0, or 1 when the one thing said could not be handled."""
    from bot.logs import set_up_logs

    settings = Settings()
    set_up_logs(settings.log, strongbox(settings))
    if once is not None:
        return asyncio.run(_once(settings, once, as_json=as_json))
    if sys.stdin.isatty() and sys.stdout.isatty() and not as_json:
        from bot.console import interactive

        return asyncio.run(interactive(settings))
    return asyncio.run(_lines(settings, as_json=as_json))


def as_object(message: Outbound, ref: str) -> dict[str, Any]:
    """A message as a program reads it: text, buttons with their data, the card it belongs to."""
    buttons = [{"label": b.label, "press": b.data} for row in message.buttons for b in row]
    return {"ref": ref, "text": message.text, "buttons": buttons, "card": message.card, "edits": message.edit_of}


def _printer(*, as_json: bool) -> Any:
    from channels.render import to_plain
    from channels.render_markdown import read

    async def show(message: Outbound, ref: str) -> None:
        if as_json:
            print(json.dumps(as_object(message, ref), ensure_ascii=False), flush=True)
            return
        if message.toast_for:
            print(message.text, flush=True)
            return
        print(to_plain(read(message.text)), flush=True)
        if message.card and message.buttons:
            number = message.card[1:]
            print(f"[decide: /approve {number} · /reject {number} · or say what to change]", flush=True)
        if answers := list(_answers(message)):
            print(f"[say: {' · '.join(answers)}]", flush=True)

    return show


def _answers(message: Outbound) -> Iterator[str]:
    """The quick answers to a question, in words: without a terminal they are typed."""
    for button in (b for row in message.buttons for b in row):
        press = Press.decode(button.data)
        if press is not None and press.verb == "choose":
            yield button.label


async def _once(settings: Settings, text: str, *, as_json: bool) -> int:
    from bot.chat import conversation

    async with conversation(settings, _printer(as_json=as_json)) as talk:
        state = await talk.settled(await talk.say(text))
    return 0 if state in ("done", "waiting") else 1


async def _lines(settings: Settings, *, as_json: bool) -> int:
    """Plain lines in and out: each is handled before the next is read. End of input leaves cards open."""
    from bot.chat import conversation

    async with conversation(settings, _printer(as_json=as_json)) as talk:
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            press = ""
            if as_json and text.startswith("{"):
                try:
                    body = json.loads(text)
                    text, press = str(body.get("text", "")), str(body.get("press", ""))
                except (ValueError, AttributeError):
                    print(json.dumps({"error": "not a JSON object"}), flush=True)
                    continue
            if text.strip() or press:
                await talk.settled(await talk.say(text, press))
    return 0
