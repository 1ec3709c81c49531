"""Notes as sealed files: nothing of them on the disk, what lies there in clear is sealed, and all of it comes back."""

from __future__ import annotations

import os
from pathlib import Path

import pyrage
import pytest

from graphs.connectors.vault import MarkdownVault
from graphs.tools.base import ToolTrouble
from knowledge import cipher
from knowledge.needle import Needle
from knowledge.notes import NoteFolder, NoteSeal
from knowledge.sealed import SealTrouble

SEAL, OTHER = (NoteSeal(str(pyrage.x25519.Identity.generate())) for _ in range(2))
TEXTS = {
    "2026-11-20-zirconium.md": b"---\ntitle: zirconium\n---\nThe plant is Lindqvist's.\n",
    "clients/lindqvist.md": b"Lindqvist pays late\r\nand never says why\n",
    ".trash/0a1b2c3d-2026-11-19-old.md": b"what Lindqvist threw away\n",
}


@pytest.fixture
def plain(tmp_path: Path) -> NoteFolder:
    for name, text in TEXTS.items():
        path = tmp_path / "notes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return NoteFolder(tmp_path / "notes")


def files(folder: NoteFolder) -> dict[str, bytes]:
    found = [p for p in folder.root.rglob("*") if p.is_file() and p.name != ".notes.lock"]
    return {p.relative_to(folder.root).as_posix(): p.read_bytes() for p in found}


def words_in(folder: NoteFolder) -> list[str]:
    """Paths that hold one of the words in their name or in a byte."""
    words = (b"lindqvist", b"zirconium", b"client", b".md")
    found = []
    for path in folder.root.rglob("*"):
        name = path.relative_to(folder.root).as_posix()
        held = name.encode().lower() + (path.read_bytes().lower() if path.is_file() else b"")
        found += [name] if any(word in held for word in words) else []
    return found


def test_switching_on_seals_what_is_there_and_switching_off_gives_it_back_byte_for_byte(plain: NoteFolder) -> None:
    assert words_in(plain)
    folder = NoteFolder(plain.root, SEAL)
    assert folder.settle() == len(TEXTS)
    assert words_in(folder) == []
    assert set(folder.scan()) == {name for name in TEXTS if not name.startswith(".")}
    assert {stamp for stamp, _ in folder.scan().values()} == {1_700_000_000 * 10**9}, "a note keeps its date"
    assert {name: folder.read(name) for name in TEXTS} == TEXTS
    assert folder.settle() == 0
    again = NoteFolder(plain.root, None, SEAL)
    assert again.settle() == len(TEXTS)
    assert files(again) == TEXTS


def test_killed_between_the_new_file_and_the_old_it_goes_on_and_doubles_nothing(plain: NoteFolder) -> None:
    folder = NoteFolder(plain.root, SEAL)
    folder.settle()
    for name, text in TEXTS.items():  # as if it had been killed before the old one went
        (folder.root / name).parent.mkdir(exist_ok=True)
        (folder.root / name).write_bytes(text)
    (folder.root / ".steward-half.tmp").write_bytes(b"half of Lindqvist")
    assert folder.settle() == len(TEXTS)
    assert words_in(folder) == []
    assert len(folder.scan()) == 2


def test_what_a_hand_puts_there_is_sealed_and_never_takes_another_note_s_place(plain: NoteFolder) -> None:
    folder = NoteFolder(plain.root, SEAL)
    folder.settle()
    (folder.root / "2026-11-20-zirconium.md").write_bytes(b"another one by hand")
    assert folder.settle() == 1
    beside = [name for name in folder.scan() if name.startswith("2026-11-20-zirconium-")]
    assert [folder.read(name) for name in beside] == [b"another one by hand"]
    assert folder.read("2026-11-20-zirconium.md") == TEXTS["2026-11-20-zirconium.md"]
    assert words_in(folder) == []


def test_what_is_not_a_note_of_this_home_is_left_alone(plain: NoteFolder) -> None:
    for name, body in (("theirs.age", OTHER.pack("x.md", b"x")), (".obsidian/own.md", b"own"), ("list.txt", b"t")):
        (plain.root / name).parent.mkdir(exist_ok=True)
        (plain.root / name).write_bytes(body)
    (plain.root / "link.md").symlink_to("/etc/hostname")
    folder = NoteFolder(plain.root, SEAL)
    assert folder.settle() == len(TEXTS)
    assert set(folder.scan()) == {name for name in TEXTS if not name.startswith(".")}
    assert {"theirs.age", ".obsidian/own.md", "list.txt", "link.md"} <= set(files(folder)) | {"link.md"}
    assert NoteFolder(plain.root, None, SEAL).settle() == len(TEXTS)
    assert (plain.root / "theirs.age").exists()


def test_a_note_deleted_in_clear_comes_back_sealed_and_the_other_way_round(tmp_path: Path) -> None:
    root = tmp_path / "notes"
    clear, closed = NoteFolder(root, None, SEAL), NoteFolder(root, SEAL)
    for first, then in ((clear, closed), (closed, clear)):
        first.settle()
        vault = MarkdownVault(first)
        note = vault.write(title="t", text="words", created="2026-11-20", source="s", tags=(), key="k")
        trash = vault.delete(note.name, note.hash, "d")
        then.settle()
        assert MarkdownVault(then).restore(note.name, trash, note.hash) == note
        assert MarkdownVault(then).read(note.name) == note


def test_a_file_that_was_changed_cut_or_swapped_is_refused_in_a_sentence(plain: NoteFolder) -> None:
    folder = NoteFolder(plain.root, SEAL)
    folder.settle()
    name, other = (n for n in TEXTS if not n.startswith("."))
    path, good = folder.path(name), folder.path(name).read_bytes()
    for bad in (good[:-1], good[:-1] + bytes([good[-1] ^ 1]), b"", folder.path(other).read_bytes()):
        path.write_bytes(bad)
        with pytest.raises(ToolTrouble, match="can't be read") as told:
            MarkdownVault(folder).read(name)
        assert "Lindqvist" not in str(told.value)
        assert [note.name for note in MarkdownVault(folder).notes()] == [other]


def test_another_home_s_key_opens_no_note_and_finds_none(plain: NoteFolder) -> None:
    NoteFolder(plain.root, SEAL).settle()
    assert NoteFolder(plain.root, OTHER).scan() == {}
    assert NoteFolder(plain.root, None, OTHER).settle() == 0
    assert words_in(plain) == []


@pytest.mark.parametrize("sealed", [False, True])
def test_what_is_forgotten_goes_from_the_notes_and_from_the_trash(plain: NoteFolder, sealed: bool) -> None:
    folder = NoteFolder(plain.root, SEAL) if sealed else plain
    folder.settle()
    vault = MarkdownVault(folder)
    kept = vault.write(title="kept", text="nothing of it", created="2026-11-20", source="s", tags=(), key="k")
    for name in ("clients/lindqvist.md", "2026-11-20-zirconium.md"):
        note = vault.read(name)
        assert note is not None
        vault.delete(name, note.hash, name)
    folder.remove(["clients/lindqvist.md"])
    assert len(folder._thrown_away()) == 2
    folder.drop_trash(Needle("Lindqvist"))
    assert folder._thrown_away() == []
    assert list(folder.scan()) == [kept.name]


def test_the_identity_is_sealed_by_the_database_key_and_made_only_where_it_fits(tmp_path: Path) -> None:
    pytest.importorskip("sqlcipher3", reason="the extra `encryption` is not installed")
    with pytest.raises(SealTrouble, match="STEWARD_DATABASE__KEY"):
        NoteFolder.of(tmp_path / "notes", tmp_path, sealed=True)
    assert not (tmp_path / "keys").exists()
    key = bytes(range(32)).hex()
    cipher.unlock(tmp_path, key)
    try:
        folder = NoteFolder.of(tmp_path / "notes", tmp_path, sealed=True)
        stored = (tmp_path / "keys" / "notes.key").read_bytes()
        assert b"AGE-SECRET" not in stored
        assert folder.path("a.md") == NoteFolder.of(tmp_path / "notes", tmp_path, sealed=True).path("a.md")
        for wrong, sentence in (("ab" * 32, "does not open notes.key"), ("", "notes.key is sealed")):
            cipher.unlock(tmp_path, wrong)
            with pytest.raises(SealTrouble, match=sentence):
                NoteFolder.of(tmp_path / "notes", tmp_path, sealed=True)
    finally:
        cipher.unlock(tmp_path, "")
