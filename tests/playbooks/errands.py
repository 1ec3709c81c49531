"""A tiny agent and its tools for playbooks: effects on an outside that can fail, vanish, or be looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task, Wish
from graphs.tools.base import Arguments, Receipt, Tool, ToolLater, ToolTrouble, Undo
from graphs.tools.wording import escaped, plain


@dataclass
class Outside:
    """The system the errands go to, in order. `next` are raised by the next runs before their effect, `after` after it."""

    done: list[str] = field(default_factory=list)
    next: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)


def _claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    """`errands: post a; post b; park c` → one wish each."""
    head, _, rest = words.partition(":")
    return {"list": rest.strip()} if head.strip().lower() == "errands" else None


async def _work(task: Task, desk: Desk) -> Draft:
    wishes = []
    for errand in filter(None, (part.strip() for part in str(task.arguments.get("list", "")).split(";"))):
        verb, _, what = errand.partition(" ")
        said = (desk.words_value,)
        if verb == "tell":
            to, _, text = what.partition(" ")
            wishes.append(Wish("errands.mail", {"to": to, "what": text}, origins={"to": said, "what": said}))
            continue
        wishes.append(Wish(f"errands.{verb}", {"what": what}, origins={"what": said}))
    return Draft(wishes=tuple(wishes))


AGENT = Agent(
    Manifest(
        "errands", "runs errands for tests", frozenset({"errands.post", "errands.park", "errands.find", "errands.mail"})
    ),
    _claim,
    _work,
)


def tools(outside: Outside) -> dict[str, Tool]:
    """`mail` has a target, `post` is idempotent by key, `park` cannot be looked up, `find` can. All ask; `post` has an undo
    and an edit."""

    async def run(arguments: Arguments, key: str) -> Receipt:
        if outside.next:
            raise outside.next.pop(0)
        outside.done.append(f"{arguments['what']}")
        if outside.after:
            raise outside.after.pop(0)
        return {"key": key}

    async def take_back(arguments: Arguments, key: str) -> Receipt:
        outside.done.append(f"not {arguments['what']}")
        return {"key": key}

    async def find(arguments: Arguments, key: str) -> Receipt | None:
        return {"key": key} if arguments["what"] in outside.done else None

    def revise(arguments: Arguments, words: str, _now: datetime, _zone: ZoneInfo) -> Arguments | str | None:
        return {**arguments, "what": words.removeprefix("make it ").strip()} if words.startswith("make it ") else None

    def tool(name: str, **more: Any) -> Tool:
        return Tool(
            f"errands.{name}", "send", name, run, lambda a: f"**{name.capitalize()}** {escaped(plain(a['what']))}",
            lambda a, _r: f"Did {name} {a['what']}.", {"what": "content"}, revise=revise, **more,
        )  # fmt: skip

    unpost = Tool(
        "errands.unpost",
        "send",
        "unpost",
        take_back,
        lambda a: f"unpost {a['what']}",
        lambda a, _r: f"Took back {a['what']}.",
    )
    post = tool("post", undo=lambda a, _r: Undo("errands.unpost", dict(a)), undo_note=lambda _a: "Can be taken back.")
    mail = Tool(
        "errands.mail", "send", "mail", run, lambda a: f"**Mail** {escaped(plain(a['to']))}: {escaped(plain(a['what']))}",
        lambda a, _r: f"Mailed {a['to']}.", {"to": "target", "what": "content"},
    )  # fmt: skip
    found = [mail, post, unpost, tool("park", repeatable=False), tool("find", repeatable=False, find=find)]
    return {each.name: each for each in found}


__all__ = ["AGENT", "Outside", "ToolLater", "ToolTrouble", "tools"]
