"""Files into memory: which ones are taken, what came of each, and why the others were left out."""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from bot.librarian import TEXT_ENDINGS, Librarian
from knowledge.documents import store

LARGEST = 20_000_000  # bytes of a text file
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file. `why` is set for skipped ones, `passages` counts what memory holds of it now."""

    path: str
    state: Literal["new", "changed", "unchanged", "skipped"]
    why: str = ""
    passages: int = 0


def as_json(taken: Taken) -> Mapping[str, Any]:
    return asdict(taken)


class IngestTrouble(Exception):
    """A path that cannot be taken in: one sentence."""


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file below the paths, sorted, hidden ones and links to folders left out. Raises IngestTrouble."""
    for path in paths:
        whole = path.expanduser().absolute()
        if whole.is_file():
            yield whole
        elif whole.is_dir():
            yield from _below(whole)
        else:
            raise IngestTrouble(f"There is no file or folder {path}.")


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(here, name)


async def take(librarian: Librarian, path: Path) -> Taken:
    """Remember one file, in one commit. The same content again changes nothing; a new version replaces the former."""
    read = await asyncio.to_thread(_read, path, librarian.vault)
    if isinstance(read, Taken):
        return read
    text, dated = read
    name = str(path)
    async with librarian.db.read() as tx:
        former = await store.current(tx, "file", name)
    document = await librarian.memory.remember(
        source="file", external_id=name, title=path.name, text=text, dated_at=dated
    )
    async with librarian.db.read() as tx:
        passages = len(await store.neighbours(tx, document, 0, 1_000_000))
    state: Literal["new", "changed", "unchanged"] = "new"
    if former is not None:
        state = "unchanged" if former[0] == document else "changed"
    return Taken(name, state, passages=passages)


async def rebuild(librarian: Librarian) -> int:
    """Make the index anew; its number of points."""
    return await librarian.memory.rebuild()


def _read(path: Path, vault: Path) -> tuple[str, int] | Taken:
    """The file's text and when it was last changed (ms), or why it is left out."""

    def skipped(why: str) -> Taken:
        return Taken(str(path), "skipped", why)

    if path.is_relative_to(vault.absolute()):
        return skipped("it is one of your notes, which are remembered anyway")
    if not path.name.lower().endswith(TEXT_ENDINGS):
        return skipped(f"files ending in {path.suffix or 'nothing'} are not read yet")
    try:
        stat = path.stat()
        if stat.st_size > LARGEST:
            return skipped(f"it has {stat.st_size / 1e6:.0f} MB, the limit is {LARGEST / 1e6:.0f}")
        data = path.read_bytes()
    except OSError as error:
        return skipped(f"it cannot be read ({(error.strerror or 'unknown reason').lower()})")
    text = _decoded(data)
    if text is None:
        return skipped("it is not a text in UTF-8 or UTF-16")
    if not text.strip():
        return skipped("it is empty")
    return text, int(stat.st_mtime * 1000)


def _decoded(data: bytes) -> str | None:
    """The text, by its byte order mark or as UTF-8; None when it is neither or holds bytes that no text holds."""
    coding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(coding)
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else text
