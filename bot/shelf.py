"""Files into memory: which ones are taken, what came of each, and why the others were left out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, Literal
from unicodedata import category

from bot.librarian import TEXT_ENDINGS, Librarian
from knowledge.documents import store
from knowledge.documents.encoding import plain_text
from knowledge.documents.load import PARSED
from knowledge.documents.loaded import NotReadable
from knowledge.documents.pieces import cut, normalise
from knowledge.documents.store import NewDocument
from knowledge.documents.transcripts import is_named, is_whatsapp
from knowledge.facts import store as facts
from knowledge.facts.assertion import ENDING, LONGEST, NotAsserted, claims
from knowledge.ids import random_id
from knowledge.ingest import AT_ONCE, documents
from knowledge.memory import BULK
from knowledge.ocr import look
from knowledge.ocr.base import is_picture

LARGEST = 20_000_000  # bytes of a text file


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of a file. `why` tells why it was skipped, or what of it was not read; `passages` counts its passages."""

    path: str
    state: Literal["new", "changed", "unchanged", "skipped"]
    why: str = ""
    passages: int = 0


def as_json(taken: Taken) -> Mapping[str, Any]:
    return asdict(taken)


def printable(name: str) -> str:
    """A name as it can be shown and stored: file systems allow any bytes, terminals obey some."""
    return "".join("�" if category(sign) in ("Cc", "Cs") else sign for sign in name)


class IngestTrouble(Exception):
    """A path that cannot be taken in: one sentence."""


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """Every file below the paths, sorted, hidden ones and links to folders left out. Raises IngestTrouble."""
    for path in paths:
        whole = path.expanduser().absolute()
        if whole.is_file() or (whole / "cur").is_dir():
            yield whole
        elif whole.is_dir():
            yield from _below(whole)
        else:
            raise IngestTrouble(f"There is no file or folder {path}.")


def _below(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        mailboxes = [name for name in folders if Path(here, name, "cur").is_dir()]
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in mailboxes)
        yield from (Path(here, name) for name in sorted(mailboxes))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(here, name)


async def take(librarian: Librarian, path: Path, *, later: bool = False) -> Taken:
    """Remember what is in a file. The same content again changes nothing; a new version replaces the former.

    Plain texts are read here; whatever needs a parser is read by a child process with limits. A file of signed assertions
    becomes facts and no document.

    A long file, or one of many (`later`), is found by its words at once, and by meaning when its vectors have been made.
    """
    if (shown := printable(str(path))) != str(path):
        return Taken(shown, "skipped", "its name has signs that are no text: rename it")
    if path.name.lower().endswith(ENDING):
        return await _assert(librarian, path)
    read = await asyncio.to_thread(_read, path, librarian.notes.root)
    if isinstance(read, Taken):
        return read
    now = librarian.memory._now()
    if read is not None:
        text, dated = read
        pieces = tuple(await asyncio.to_thread(cut, normalise(text), normalise(path.name)))
        return await _remember(librarian, path, [NewDocument("file", str(path), path.name, pieces, dated)], later)
    try:
        parts = await look.read(path, librarian.pictures)
    except NotReadable as reason:
        return Taken(str(path), "skipped", str(reason))
    new = await asyncio.to_thread(documents, path, parts, now)
    taken = await _remember(librarian, path, new, later)
    return replace(taken, why=" ".join(dict.fromkeys(part.lacks for part in parts if part.lacks)))


async def _remember(librarian: Librarian, path: Path, new: Sequence[NewDocument], later: bool) -> Taken:
    """`new` in batches, each one commit; what the file came to as a whole."""
    later = later or sum(len(one.pieces) for one in new) > BULK
    states: set[str] = set()
    passages = 0
    for start in range(0, len(new), AT_ONCE):
        some = new[start : start + AT_ONCE]
        async with librarian.db.read() as tx:
            former = [await store.current(tx, one.source, one.external_id) for one in some]
        ids = await librarian.memory.remember_all(some, later=later)
        for old, id, one in zip(former, ids, some, strict=True):
            passages += len(one.pieces)
            states.add("new" if old is None else "unchanged" if old[0] == id else "changed")
    state = next((s for s in ("changed", "new", "unchanged") if s in states), "unchanged")
    if states == {"new", "unchanged"}:
        state = "changed"
    return Taken(str(path), state, passages=passages)  # type: ignore[arg-type]


async def _assert(librarian: Librarian, path: Path) -> Taken:
    """Tell what another system asserts under its signature; what is not genuine is put aside and named."""
    try:
        claimed = claims(await asyncio.to_thread(_head, path))
    except (NotAsserted, OSError) as trouble:
        why = trouble.strerror if isinstance(trouble, OSError) else trouble
        return Taken(str(path), "skipped", str(why))
    now = librarian.memory._now()
    async with librarian.db.write() as tx:
        told = [await facts.tell(tx, c, now=now, new_id=random_id, issuers=librarian.issuers) for c in claimed]
    effects = [one.effect for one in told]
    if broken := sum(e == "quarantined" for e in effects):
        return Taken(
            str(path), "skipped", f"{broken} of {len(told)} assertions are not signed as an issuer of the settings signs;"
            " they are put aside, the others are taken in",
        )  # fmt: skip
    return Taken(str(path), "unchanged" if set(effects) <= {"same", "refused"} else "new", passages=len(told))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LONGEST + 1)


async def rebuild(librarian: Librarian) -> int:
    """Make the index anew; its number of points."""
    return await librarian.memory.rebuild()


def _read(path: Path, vault: Path) -> tuple[str, int] | Taken | None:
    """The text of a plain file and when it was last changed (ms), why it is left out, or None: a parser has to read it."""

    def skipped(why: str) -> Taken:
        return Taken(str(path), "skipped", why)

    if path.is_relative_to(vault.absolute()):
        return skipped("it is one of your notes, which are remembered anyway")
    try:
        what = path.stat()
    except OSError as error:
        return skipped(f"it cannot be read ({(error.strerror or 'unknown reason').lower()})")
    if not (S_ISREG(what.st_mode) or S_ISDIR(what.st_mode)):
        return skipped("it is no file but a pipe, a socket or a device")
    if path.suffix.lower() in PARSED or is_picture(path.name) or path.is_dir():
        return None
    if not path.name.lower().endswith(TEXT_ENDINGS):
        return skipped(f"files ending in {path.suffix or 'nothing'} are not read yet")
    if what.st_size > LARGEST:
        return skipped(f"it has {what.st_size / 1e6:.0f} MB, the limit is {LARGEST / 1e6:.0f}")
    try:
        data = path.read_bytes()
    except OSError as error:
        return skipped(f"it cannot be read ({(error.strerror or 'unknown reason').lower()})")
    text = plain_text(data)
    if text is None:
        return skipped("it is not a text in UTF-8, UTF-16 or Windows' Western European encoding")
    if not text.strip():
        return skipped("it is empty")
    if path.suffix.lower() == ".txt" and (is_whatsapp(text) or is_named(text)):
        return None
    return text, int(what.st_mtime * 1000)
