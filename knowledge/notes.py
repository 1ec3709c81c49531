"""How notes lie on the disk: Markdown files in clear, or each an age file of its own under a name that says nothing.

The one door to them: whoever reads or writes a note's file asks here where it lies and what its bytes are.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from knowledge import sealed
from knowledge.needle import Needle
from knowledge.sealed import SealTrouble

log = logging.getLogger(__name__)

TRASH = ".trash"
NOTE, SEALED = ".md", ".age"
_AGE = b"age-encryption.org/v1\n"
_LEFTOVERS = ".steward-*.tmp"  # of a process that was killed in the middle of a write
_WAIT_S = 5.0


class NoteSeal:
    """The notes' age identity, kept in `keys/notes.key`, which the database key opens and nothing else."""

    def __init__(self, identity: str) -> None:
        import pyrage

        self._age = pyrage
        self._identity = pyrage.x25519.Identity.from_str(identity)
        self._names = hmac.digest(identity.encode(), b"steward: names of notes", "sha256")

    @classmethod
    def of_home(cls, home: Path, *, make: bool = False) -> NoteSeal | None:
        """That of the home; None when there is none. Raises `SealTrouble` when it does not open."""
        path = home / "keys" / "notes.key"
        if not path.exists():
            if not make:
                return None
            if not sealed.fits(path):
                raise SealTrouble("Notes are sealed with the database key. Set the right STEWARD_DATABASE__KEY first.")
            import pyrage

            sealed.create(path, str(pyrage.x25519.Identity.generate()).encode())
        return cls(sealed.opened(path, path.read_bytes()).decode())

    def place(self, name: str) -> str:
        """Where the note lies: the same name, the same place, and nobody without the key can tell which it is."""
        return hmac.digest(self._names, name.encode("utf-8", "surrogatepass"), "sha256").hex()[:40] + SEALED

    def pack(self, name: str, data: bytes) -> bytes:
        head = name.encode("utf-8", "surrogatepass")
        packed: bytes = self._age.encrypt(b"%d\n%s%s" % (len(head), head, data), [self._identity.to_public()])
        return packed

    def unpack(self, stored: bytes) -> tuple[str, bytes]:
        """(the name that it was written under, its bytes). Raises `SealTrouble`."""
        try:
            size, _, rest = self._age.decrypt(stored, [self._identity]).partition(b"\n")
            return rest[: int(size)].decode("utf-8", "surrogatepass"), rest[int(size) :]
        except (self._age.DecryptError, ValueError) as error:
            raise SealTrouble("This file is no note of this home, or it was changed.") from error

    def __reduce__(self) -> str:
        raise TypeError("a seal is never serialised")


class NoteFolder:
    """The folder `root`, nothing of which is created before the first write. With `seal` notes are kept sealed.

    `opens` opens what was sealed when the switch was on before; `settle` brings the folder into the form it should have.
    """

    def __init__(self, root: Path, seal: NoteSeal | None = None, opens: NoteSeal | None = None) -> None:
        self.root, self.seal, self._opens = root, seal, seal or opens
        self._known: dict[str, str] = {}  # file → name, which never changes

    @classmethod
    def of(cls, root: Path, home: Path, *, sealed: bool) -> NoteFolder:
        """As the settings say. Raises `SealTrouble` when the identity can't be had."""
        found = NoteSeal.of_home(home, make=sealed)
        return cls(root, found if sealed else None, found)

    def path(self, name: str) -> Path:
        """Where the note `name` (`x.md`, `folder/x.md`, `.trash/…`) lies."""
        if self.seal is None:
            return self.root / name
        hidden = TRASH if PurePosixPath(name).parts[:1] == (TRASH,) else ""
        return self.root / hidden / self.seal.place(name)

    def pack(self, name: str, data: bytes) -> bytes:
        """The bytes of the file that holds `data` under `name`."""
        return data if self.seal is None else self.seal.pack(name, data)

    def unpack(self, name: str, stored: bytes) -> bytes:
        """What `pack` was given. Raises `SealTrouble`, also when another note's file was put in its place."""
        if self.seal is None:
            return stored
        found, data = self.seal.unpack(stored)
        if found != name:
            raise SealTrouble("This file is another note's.")
        return data

    def read(self, name: str) -> bytes:
        """Raises OSError, `SealTrouble`."""
        return self.unpack(name, self.path(name).read_bytes())

    def move(self, name: str, goal: str) -> None:
        """What is sealed as `name` is sealed as `goal` instead; may be run again. Raises OSError, `SealTrouble`."""
        path = self.path(name)
        stat, data = path.stat(), self.read(name)
        self._put(self.path(goal), self.pack(goal, data), stat)
        path.unlink()

    def scan(self) -> dict[str, tuple[int, int]]:
        """name → (mtime in ns, size of its file) of every note; hidden folders and links are left out."""
        found: dict[str, tuple[int, int]] = {}
        for path in self._visible():
            with suppress(OSError):
                name, stat = self._name(path), path.stat()
                if name:
                    found[name] = (stat.st_mtime_ns, stat.st_size)
        return dict(sorted(found.items()))

    def remove(self, names: Sequence[str]) -> None:
        """Notes and their copies in the trash go for good; one that is gone already is no error."""
        for name in names:
            path = self.path(name)
            if path.resolve().is_relative_to(self.root.resolve()):
                path.unlink(missing_ok=True)
        last = {PurePosixPath(name).name for name in names}
        for path, name, _ in self._thrown_away():
            if any(one in name for one in last):
                path.unlink(missing_ok=True)

    def drop_trash(self, needle: Needle) -> None:
        """Delete what was thrown away before and whose name or text holds the words."""
        for path, name, data in self._thrown_away():
            if needle.within(name) or needle.within(data.decode("utf-8", "surrogateescape")):
                path.unlink(missing_ok=True)

    def waiting(self) -> int:
        """How many files `settle` would bring into the other form."""
        return len(list(self._unsettled()))

    def settle(self) -> int:
        """Seal what lies in clear (also what a hand or another program put here), or open what was sealed before; how
        many files. Each is whole in its new form before the old one goes, so that it may be killed and run again."""
        if not (waiting := list(self._unsettled())) and not (self.seal and self._leftovers()):
            return 0
        with self._alone() as alone:
            if not alone:
                return 0
            if self.seal:
                for leftover in self._leftovers():
                    leftover.unlink(missing_ok=True)
            done = sum(self._seal(path) if self.seal else self._open(path) for path in waiting)
        if done:
            log.info("%d notes were %s", done, "sealed" if self.seal else "opened")
        return done

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _visible(self) -> Iterator[Path]:
        for path in sorted(self.root.rglob("*" + (SEALED if self.seal else NOTE))):
            hidden = any(part.startswith(".") for part in path.relative_to(self.root).parts)
            if not hidden and path.is_file() and not path.is_symlink():
                yield path

    def _name(self, path: Path) -> str:
        """The note's name, "" for a file that is none of this home's."""
        inside = path.relative_to(self.root).as_posix()
        if self.seal is None:
            return inside
        if inside not in self._known:
            try:
                name = self.seal.unpack(path.read_bytes())[0]
            except SealTrouble:
                name = ""
            if not name or self.path(name) != path:
                return ""
            self._known[inside] = name
        return self._known[inside]

    def _thrown_away(self) -> list[tuple[Path, str, bytes]]:
        """(file, its name there and as a note, its bytes) of everything in the trash."""
        found = []
        trash = self.root / TRASH
        for path in sorted(trash.rglob("*")) if trash.is_dir() else []:
            if path.is_symlink() or not path.is_file():
                continue
            name, data = path.name, b""
            with suppress(OSError):
                data = path.read_bytes()
            if self._opens and data.startswith(_AGE):
                with suppress(SealTrouble):
                    name, data = self._opens.unpack(data)
            found.append((path, name, data))
        return found

    def _unsettled(self) -> Iterator[Path]:
        """Files that lie in the form that the folder should not have."""
        if self._opens is None or not self.root.is_dir():
            return
        ending = NOTE if self.seal else SEALED
        for path in sorted(self.root.rglob("*" + ending)):
            parts = path.relative_to(self.root).parts
            mine = parts[0] == TRASH or not any(part.startswith(".") for part in parts)
            if mine and path.is_file() and not path.is_symlink():
                yield path

    def _leftovers(self) -> list[Path]:
        """Halves of notes in clear that somebody was killed over."""
        found = [path for folder in (self.root, self.root / TRASH) for path in folder.glob(_LEFTOVERS)]
        return [path for path in found if not _begins(path, _AGE)]

    def _seal(self, path: Path) -> bool:
        assert self.seal is not None
        try:
            stat, data = path.stat(), path.read_bytes()
        except OSError as error:
            log.warning("%s was not sealed: %s", path.name, error.strerror)
            return False
        name = path.relative_to(self.root).as_posix()
        for wanted in (name, _beside(name, data)):
            goal = self.path(wanted)
            known = self._held(goal)
            if known is None:
                self._put(goal, self.seal.pack(wanted, data), stat)
            elif known != data:
                continue
            path.unlink()
            _drop_empty(path.parent, self.root)
            return True
        return False

    def _open(self, path: Path) -> bool:
        assert self._opens is not None
        try:
            stat = path.stat()
            name, data = self._opens.unpack(path.read_bytes())
        except (SealTrouble, OSError):
            return False  # somebody else's file
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            return False
        for wanted in (name, _beside(name, data)):
            goal = self.root / wanted
            if not goal.exists():
                goal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._put(goal, data, stat)
            elif goal.read_bytes() != data:
                continue
            path.unlink()
            return True
        return False

    def _held(self, goal: Path) -> bytes | None:
        """What lies there sealed already."""
        assert self.seal is not None
        try:
            return self.seal.unpack(goal.read_bytes())[1]
        except FileNotFoundError:
            return None
        except SealTrouble:
            return b""

    def _put(self, goal: Path, stored: bytes, stat: os.stat_result) -> None:
        sealed.replace(goal, stored)
        os.utime(goal, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # a note is dated by it

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Alone among Stewards with this folder; False when another holds it for too long."""
        lock = os.open(self.root / ".notes.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            ends, got = time.monotonic() + _WAIT_S, False
            while not got and time.monotonic() < ends:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    got = True
                except BlockingIOError:
                    time.sleep(0.02)
            yield got
        finally:
            os.close(lock)


def _begins(path: Path, mark: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(mark)) == mark
    except OSError:
        return True


def _beside(name: str, data: bytes) -> str:
    """A name beside one that another note has."""
    path = PurePosixPath(name)
    return path.with_name(f"{path.stem}-{hashlib.sha256(data).hexdigest()[:8]}{path.suffix}").as_posix()


def _drop_empty(folder: Path, root: Path) -> None:
    """Folders that are empty now go, since their names are words too."""
    while folder != root and folder.name != TRASH:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
