"""The notes: a folder of Markdown files, one file a note, none ever lost or half written; in clear any editor opens them."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from pathlib import PurePosixPath

from graphs.connectors.base import locked, make_folder, move_file, read_bytes, sweep, trouble_of, write_file
from graphs.tools.base import ToolTrouble
from graphs.tools.note_text import clean, dump, parse
from graphs.tools.values import Note
from knowledge.notes import TRASH, NoteFolder
from knowledge.sealed import SealTrouble

MAX_NOTE = 2_000_000  # bytes; larger files in the folder are not notes
_SLUG_BYTES = 100


class MarkdownVault:
    """The vault in `folder`, made on the first write. `wait_s` bounds waiting for another Steward."""

    def __init__(self, folder: NoteFolder, wait_s: float = 5.0) -> None:
        self._folder, self._root = folder, folder.root
        self._wait_s = wait_s
        self._swept = False

    def write(self, *, title: str, text: str, created: str, source: str, tags: Sequence[str], key: str) -> Note:
        """A new note under `key`; the same key again finds the same file and gives the same answer."""
        self._prepare()
        note = Note("", clean(title), clean(text), created, "", key, clean(source), tuple(clean(t) for t in tags))
        data = dump(note)
        names = _names(created[:10], title, key)
        for name in names:
            if self._is(name, key):
                return parse(name, data)
        for name in names:
            try:
                self._put(name, data, new=True)
            except FileExistsError:
                if not self._is(name, key):
                    continue
            return parse(name, data)
        raise ToolTrouble(f"There is already another note called {names[-1]}, so nothing was written.")

    def append(self, name: str, text: str, expected: str) -> tuple[Note, str]:
        """The note with `text` as its last lines, and the block that was added. A hand edit since then is kept.

        Run again, it finds the block at the end of the note whose hash was `expected`, and adds nothing.
        """
        text = clean(text)
        with locked(self._root / "notes", self._wait_s):
            data = self._data(name)
            block = ("" if data.endswith(b"\n") or not data else "\n") + text + "\n"
            if _hash(data) != expected and (done := _added_before(data, text, expected)):
                return parse(name, data), done
            data += block.encode()
            self._put(name, data)
        return parse(name, data), block

    def cut(self, name: str, block: str, expected: str) -> Note:
        """Undo of `append`: the note without `block` at its end; refused when it changed since."""
        tail = block.encode()
        with locked(self._root / "notes", self._wait_s):
            data = self._data(name)
            if _hash(data) != expected or not data.endswith(tail):
                if _hash(data + tail) == expected:
                    return parse(name, data)
                raise ToolTrouble(f"{name} was changed since, so I left it as it is.")
            data = data[: -len(tail)]
            self._put(name, data)
        return parse(name, data)

    def delete(self, name: str, expected: str, key: str) -> str:
        """The note moves into the vault's own trash; returns its name there. Refused when it changed since."""
        trash = f"{_short(key)}-{PurePosixPath(name).name}"
        with locked(self._root / "notes", self._wait_s):
            data = self._bytes(name)
            if data is None and self._folder.path(f"{TRASH}/{trash}").exists():
                return trash
            if data is None:
                raise ToolTrouble(f"There is no note {name} any more.")
            if _hash(data) != expected:
                raise ToolTrouble(f"{name} was changed since, so I did not delete it.")
            self._move(name, f"{TRASH}/{trash}")
        return trash

    def restore(self, name: str, trash: str, expected: str) -> Note:
        """Undo of `delete`: the note back where it was, unless something else is there now."""
        hidden = f"{TRASH}/{PurePosixPath(trash).name}"
        with locked(self._root / "notes", self._wait_s):
            data = self._bytes(name)
            if data is not None and _hash(data) == expected:
                return parse(name, data)
            if data is not None:
                raise ToolTrouble(f"There is a new {name} by now, so I left it and kept the old one in the trash.")
            if (kept := self._unpacked(hidden)) is None:
                raise ToolTrouble(f"{name} is no longer in the trash, so I can't bring it back.")
            self._move(hidden, name)
        return parse(name, kept)

    def read(self, name: str) -> Note | None:
        data = self._bytes(name)
        return None if data is None else parse(name, data)

    def notes(self) -> list[Note]:
        """Every note, newest first; hidden folders, links and files that are too large to be notes are left out."""
        found = []
        self._settle()
        for name, (_, size) in self._folder.scan().items():
            try:
                data = self._bytes(name) if size <= MAX_NOTE else None
            except ToolTrouble:
                continue
            if data is not None:
                found.append(parse(name, data))
        return sorted(found, key=lambda note: (note.created, note.name), reverse=True)

    def _prepare(self) -> None:
        make_folder(self._root)
        if not self._swept:
            sweep(self._root)
            self._swept = True

    def _settle(self) -> None:
        try:
            self._folder.settle()
        except OSError as error:
            raise trouble_of(error, self._root) from error

    def _check(self, name: str) -> None:
        """Refuses names that lead out of the vault or into its hidden folders."""
        parts = PurePosixPath(name).parts
        odd = not parts or name.startswith("/") or "\x00" in name or any(part.startswith(".") for part in parts)
        if odd or not name.endswith(".md"):
            raise ToolTrouble(f"“{clean(name)[:80]}” is not the name of a note.")
        path = self._folder.path(name)
        if path.parent.resolve() != self._root.resolve() and self._root.resolve() not in path.parent.resolve().parents:
            raise ToolTrouble(f"“{clean(name)[:80]}” lies outside the notes, so I left it alone.")

    def _bytes(self, name: str) -> bytes | None:
        self._check(name)
        return self._unpacked(name)

    def _unpacked(self, name: str) -> bytes | None:
        stored = read_bytes(self._folder.path(name))
        try:
            return None if stored is None else self._folder.unpack(name, stored)
        except SealTrouble as trouble:
            raise ToolTrouble(f"{PurePosixPath(name).name} can't be read: {trouble}") from trouble

    def _put(self, name: str, data: bytes, *, new: bool = False) -> None:
        write_file(self._folder.path(name), self._folder.pack(name, data), new=new)

    def _move(self, name: str, goal: str) -> None:
        path = self._folder.path(goal)
        make_folder(path.parent)
        if self._folder.seal is None:
            return move_file(self._folder.path(name), path)
        try:
            self._folder.move(name, goal)
        except OSError as error:
            raise trouble_of(error, self._folder.path(name)) from error

    def _data(self, name: str) -> bytes:
        data = self._bytes(name)
        if data is None:
            raise ToolTrouble(f"There is no note {PurePosixPath(name).name} any more.")
        return data

    def _is(self, name: str, key: str) -> bool:
        data = self._bytes(name)
        return data is not None and parse(name, data).id == key


def _added_before(data: bytes, text: str, expected: str) -> str:
    """The block with `text` that an earlier run of the same call added, "" when none did."""
    for block in (text + "\n", "\n" + text + "\n"):
        tail = block.encode()
        if data.endswith(tail) and _hash(data[: -len(tail)]) == expected:
            return block
    return ""


def _names(day: str, title: str, key: str) -> tuple[str, str]:
    """The file's name, and the one to take when another note has that name already."""
    stem = f"{day}-{_slug(title)}"
    return f"{stem}.md", f"{stem}-{_short(key)}.md"


def _slug(title: str) -> str:
    """Letters, marks and digits of any script in lower case, the rest dashes; never empty, at most 100 bytes."""
    folded = unicodedata.normalize("NFKC", title).casefold()
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in folded)
    slug = ""
    for word in kept.split():
        longer = f"{slug}-{word}" if slug else word
        if len(longer.encode("utf-8", "ignore")) > _SLUG_BYTES:
            break
        slug = longer
    return slug or _cut(kept.strip()) or "note"


def _cut(word: str) -> str:
    return word.encode("utf-8", "ignore")[:_SLUG_BYTES].decode("utf-8", "ignore").split(" ")[0]


def _short(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
