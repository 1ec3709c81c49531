"""Files, folders and mailboxes into memory: what was taken in, what was there already, and what was skipped and why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from knowledge.documents.letter import subject_line
from knowledge.documents.load import load
from knowledge.documents.loaded import NotReadable, Part
from knowledge.documents.pieces import cut, cut_turns, normalise
from knowledge.documents.store import NewDocument
from knowledge.memory import Memory
from knowledge.words import Integrity

AT_ONCE = 16  # documents a transaction: a crash costs at most these, and they come again


@dataclass(slots=True)
class Summary:
    """`remembered` counts documents (again, when unchanged); `skipped` names files with the sentence that tells why."""

    remembered: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)


async def ingest(
    memory: Memory,
    paths: Iterable[Path],
    *,
    now: int,
    integrity: Integrity = "untrusted",
    readers: Sequence[str] = ("principal",),
    progress: Callable[[Path], None] = lambda _: None,
) -> Summary:
    """Take files and folders in. May be broken off and run again: what is known already is not taken in twice."""
    summary = Summary()
    for path in files(paths):
        progress(path)
        try:
            parts = await load(path)
        except NotReadable as reason:
            summary.skipped.append((str(path), str(reason)))
            continue
        new = documents(path, parts, now, integrity, readers)
        for start in range(0, len(new), AT_ONCE):
            await memory.remember_all(new[start : start + AT_ONCE])
        summary.remembered += len(new)
    return summary


def files(paths: Iterable[Path]) -> Iterable[Path]:
    """Files under the paths, hidden ones left out, in order; a Maildir stays one thing."""
    for path in paths:
        if not path.is_dir() or (path / "cur").is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(f for f in folders if not f.startswith("."))
            yield from (Path(folder) / name for name in sorted(names) if not name.startswith("."))


def documents(
    path: Path,
    parts: Iterable[Part],
    now: int,
    integrity: Integrity = "untrusted",
    readers: Sequence[str] = ("principal",),
) -> list[NewDocument]:
    """A file's parts as documents. Of a large file this takes seconds: away from the event loop."""
    return [document(path, part, now=now, integrity=integrity, readers=readers) for part in parts]


def document(path: Path, part: Part, *, now: int, integrity: Integrity, readers: Sequence[str]) -> NewDocument:
    """A part as a document. Undated ones are dated by their file, else by `now` (ms, UTC)."""
    title = normalise(part.title)[:300]
    pieces = cut_turns(list(part.turns), title) if part.turns else cut(normalise(part.text), title)
    try:
        at = part.at if part.at is not None else int(path.stat().st_mtime * 1000)
    except OSError:
        at = now
    source = "mail" if "from" in part.meta else "file"
    if source == "mail":
        heads = (subject_line(title), normalise(part.meta.get("answers", "")))
        pieces = [replace(p, context="\n".join(filter(None, heads))) for p in pieces]
    name = part.key or str(path)
    return NewDocument(
        source, name, title, tuple(pieces), at, integrity, tuple(readers), {"file": str(path), **part.meta}
    )
