"""Saving a page of the web: fetched, made Markdown, kept as a note that names its source."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from graphs.tools.base import Arguments, Receipt, Tool, Undo
from graphs.tools.values import Vault
from graphs.tools.wording import escaped, plain, quoted


class Page(Protocol):
    @property
    def url(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def text(self) -> str: ...


class Pages(Protocol):
    """Who fetches pages. Raises ToolTrouble, ToolLater."""

    async def read(self, url: str) -> Page: ...


def clip_tools(pages: Pages, vault: Vault, clock: Callable[[], datetime]) -> list[Tool]:
    """web.clip (fetch; argument: url): the page as a note; the same call again finds the same note."""

    async def run(arguments: Arguments, key: str) -> Receipt:
        page = await pages.read(str(arguments["url"]))
        text, created = f"{page.text}\n\nSource: {page.url}", clock().isoformat(timespec="seconds")
        note = await asyncio.to_thread(
            vault.write, title=page.title, text=text, created=created, source=page.url, tags=("clip",), key=key
        )
        return {"note": note.name, "hash": note.hash, "title": note.title, "characters": len(page.text)}

    return [
        Tool(
            name="web.clip",
            effect="fetch",
            purpose="save a page of the web as a note",
            run=run,
            render=lambda a: (
                f"**Fetch and save** {escaped(plain(a['url'], 300))}\nThe other side learns that somebody asked."
            ),
            report=lambda _a, r: (
                f"Saved {quoted(r['title'])} ({r['characters']:,} characters, notes/{escaped(r['note'])})."
            ),
            roles={"url": "target"},
            undo=lambda _a, r: Undo("notes.delete", {"name": r["note"], "expected": r["hash"], "title": r["title"]}),
            undo_note=lambda _a: "the note can be deleted; that the page was asked for can't be taken back",
        )
    ]
