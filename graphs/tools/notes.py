"""The tools of notes: write, append, delete, each with its way back; and the reading ones."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.tools.base import Arguments, Receipt, Tool, ToolTrouble, Undo
from graphs.tools.reading import reading
from graphs.tools.values import Note, Vault
from graphs.tools.wording import block, escaped, plain, quoted
from knowledge.words import Field

_LONG = 2_500  # characters; above, a card shows the beginning and says how much follows


def note_tools(vault: Vault) -> list[Tool]:
    return [_write(vault), _append(vault), _cut(vault), _delete(vault), _restore(vault), *_reading(vault)]


def _write(vault: Vault) -> Tool:
    """Arguments: title, text, created (ISO), source, tags."""

    async def run(arguments: Arguments, key: str) -> Receipt:
        note = await asyncio.to_thread(
            vault.write,
            title=str(arguments["title"]),
            text=str(arguments["text"]),
            created=str(arguments["created"]),
            source=str(arguments.get("source", "")),
            tags=tuple(arguments.get("tags", ())),
            key=key,
        )
        return {"note": note.name, "hash": note.hash, "title": note.title}

    return Tool(
        name="notes.write",
        effect="write",
        purpose="write a note",
        run=run,
        render=lambda a: f"**Write note** {quoted(a['title'])}\n{_shown(a['text'])}",
        report=lambda a, r: f"Noted: {quoted(a['text'], 200)} ({_file(r['note'])}).",
        roles={"title": "content", "text": "content", "created": "benign", "source": "benign", "tags": "benign"},
        undo=lambda _a, r: Undo("notes.delete", {"name": r["note"], "expected": r["hash"], "title": r["title"]}),
        undo_note=lambda _a: "possible until the note is changed; it moves to the vault's trash",
        revise=_revise_text,
        form=(Field("title", "Title"), Field("text", "Text", "text")),
        own=True,
    )


def _append(vault: Vault) -> Tool:
    """Arguments: name, title, text, expected (hash of the note when the principal spoke)."""

    async def run(arguments: Arguments, key: str) -> Receipt:
        note, added = await asyncio.to_thread(vault.append, arguments["name"], arguments["text"], arguments["expected"])
        return {"note": note.name, "hash": note.hash, "added": added}

    return Tool(
        name="notes.append",
        effect="write",
        purpose="add to a note",
        run=run,
        render=lambda a: f"**Add to note** {quoted(a['title'])} ({_file(a['name'])})\n{_shown(a['text'])}",
        report=lambda a, r: f"Added to {quoted(a['title'])}: {quoted(a['text'], 200)} ({_file(r['note'])}).",
        roles={"name": "target", "title": "benign", "text": "content", "expected": "benign"},
        undo=lambda _a, r: Undo("notes.cut", {"name": r["note"], "block": r["added"], "expected": r["hash"]}),
        undo_note=lambda _a: "possible until the note is changed again",
        revise=_revise_text,
        form=(Field("text", "Text", "text"),),
        own=True,
    )


def _cut(vault: Vault) -> Tool:
    """Undo of notes.append. Arguments: name, block, expected (hash after the append)."""

    async def run(arguments: Arguments, _key: str) -> Receipt:
        note = await asyncio.to_thread(vault.cut, arguments["name"], arguments["block"], arguments["expected"])
        return {"note": note.name, "hash": note.hash}

    return Tool(
        name="notes.cut",
        effect="write",
        purpose="take the last addition out of a note",
        run=run,
        render=lambda a: f"**Take out of note** {_file(a['name'])}\n{_shown(a['block'])}",
        report=lambda _a, r: f"Took it out of {_file(r['note'])} again.",
        roles={"name": "target", "block": "content", "expected": "benign"},
        own=True,
    )


def _delete(vault: Vault) -> Tool:
    """Arguments: name, title, expected (hash of the note that was shown)."""

    async def run(arguments: Arguments, key: str) -> Receipt:
        trash = await asyncio.to_thread(vault.delete, arguments["name"], arguments["expected"], key)
        return {"note": arguments["name"], "trash": trash}

    def undo(arguments: Arguments, receipt: Receipt) -> Undo:
        kept = {"name": receipt["note"], "trash": receipt["trash"], "expected": arguments["expected"]}
        return Undo("notes.restore", {**kept, "title": arguments["title"]})

    return Tool(
        name="notes.delete",
        effect="delete",
        purpose="delete a note (it moves to the vault's trash)",
        run=run,
        render=lambda a: f"**Delete note** {quoted(a['title'])} ({_file(a['name'])})",
        report=lambda a, _r: f"Deleted the note {quoted(a['title'])}; it lies in the vault's trash.",
        roles={"name": "target", "title": "benign", "expected": "benign"},
        undo=undo,
        undo_note=lambda _a: "possible; the note is kept in the vault's trash",
    )


def _restore(vault: Vault) -> Tool:
    """Undo of notes.delete. Arguments: name, title, trash (its name there), expected (hash)."""

    async def run(arguments: Arguments, _key: str) -> Receipt:
        note = await asyncio.to_thread(vault.restore, arguments["name"], arguments["trash"], arguments["expected"])
        return {"note": note.name, "hash": note.hash}

    return Tool(
        name="notes.restore",
        effect="write",
        purpose="bring a deleted note back",
        run=run,
        render=lambda a: f"**Bring back note** {quoted(a['title'])} ({_file(a['name'])})",
        report=lambda a, r: f"The note {quoted(a['title'])} is back ({_file(r['note'])}).",
        roles={"name": "target", "trash": "benign", "title": "benign", "expected": "benign"},
        own=True,
    )


def _reading(vault: Vault) -> list[Tool]:
    async def list_notes(arguments: Arguments, _key: str) -> Receipt:
        notes = await asyncio.to_thread(vault.notes)
        return {"notes": [_brief(n) for n in notes[: int(arguments.get("limit", 20))]], "total": len(notes)}

    async def find(arguments: Arguments, _key: str) -> Receipt:
        notes = await asyncio.to_thread(vault.notes)
        return {"notes": [_brief(note) for note in matching(notes, str(arguments["words"]))]}

    async def read(arguments: Arguments, _key: str) -> Receipt:
        note = await asyncio.to_thread(vault.read, str(arguments["name"]))
        if note is None:
            raise ToolTrouble(f"There is no note {_file(arguments['name'])} any more.")
        return note.to_json()

    return [
        reading("notes.list", "list the notes, newest first", list_notes),
        reading(
            "notes.find", "find notes by words of their title or text", find, names=("words",), issued=("name", "hash")
        ),
        reading("notes.read", "read one note", read),
    ]


def matching(notes: list[Note], words: str) -> list[Note]:
    """The notes that hold all of `words`, those with the words in their title first; a file name matches itself."""
    exact = [note for note in notes if words.strip() in (note.name, note.name.removesuffix(".md"))]
    if exact:
        return exact
    wanted = _terms(words)
    titled = [n for n in notes if wanted <= _terms(f"{n.title} {n.name}")]
    return titled or [n for n in notes if wanted and wanted <= _terms(f"{n.title} {n.text}")]


def _terms(text: str) -> set[str]:
    return {_stem(word) for word in re.findall(r"\w+", text.casefold())}


def _stem(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _brief(note: Note) -> dict[str, Any]:
    first = next((line for line in note.text.split("\n") if line.strip()), "")
    return {"name": note.name, "title": note.title, "created": note.created, "hash": note.hash, "first": first[:200]}


def _file(name: str) -> str:
    """A note's file name in a sentence: whoever made the file may have named it."""
    return escaped(plain(str(name), 120))


def _shown(text: str) -> str:
    if len(text) <= _LONG:
        return block(text)
    return f"{block(text[:_LONG])}\n> … and {len(text) - _LONG} more characters"


def _revise_text(arguments: Arguments, words: str, _now: datetime, _zone: ZoneInfo) -> Arguments | str | None:
    """ "Title: …" renames a note that is not written yet; anything else is its new text."""
    words = words.strip()
    if "created" in arguments and (renamed := re.fullmatch(r"(?:call it|title:?|name it)\s+(.+)", words, re.I)):
        return {**arguments, "title": renamed[1].strip(" .“”\"'")}
    return {**arguments, "text": words} if words else None
