"""The vault: any title makes a safe name, any text comes back as it was, and hand edits win."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.connectors.vault import MarkdownVault
from graphs.tools.base import ToolTrouble
from graphs.tools.note_text import clean, dump, parse
from graphs.tools.values import Note
from knowledge.notes import NoteFolder

CREATED = "2026-11-20T10:00:00+01:00"


def written(vault: MarkdownVault, title: str, text: str = "words", key: str = "k") -> Note:
    return vault.write(title=title, text=text, created=CREATED, source="test", tags=("home", "two words"), key=key)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("The accountant prefers mornings", "2026-11-20-the-accountant-prefers-mornings.md"),
        ("Über Größe & Maß", "2026-11-20-über-grösse-mass.md"),
        ("会议记录", "2026-11-20-会议记录.md"),
        ("हिन्दी", "2026-11-20-हिन्दी.md"),
        ("😀", "2026-11-20-note.md"),
        ("../../etc/passwd", "2026-11-20-etc-passwd.md"),
        ("/", "2026-11-20-note.md"),
        ("con", "2026-11-20-con.md"),
        ("a\x00b\nc", "2026-11-20-a-b-c.md"),
        (".hidden", "2026-11-20-hidden.md"),
        ("ﬁne ①", "2026-11-20-fine-1.md"),
        ("x" * 500, f"2026-11-20-{'x' * 100}.md"),
        ("\u202eevil\u202c", "2026-11-20-evil.md"),
    ],
)
def test_a_title_becomes_a_name_that_any_disk_takes(tmp_path: Path, title: str, name: str) -> None:
    assert written(MarkdownVault(NoteFolder(tmp_path)), title).name == name
    assert (tmp_path / name).is_file()


@given(st.text(max_size=400), st.text(max_size=2000))
def test_any_title_and_text_are_written_and_read_back(
    tmp_path_factory: pytest.TempPathFactory, title: str, text: str
) -> None:
    vault = MarkdownVault(NoteFolder(tmp_path_factory.mktemp("vault")))
    note = written(vault, title, text)
    found = vault.read(note.name)
    assert found == note
    assert found.text == clean(text).strip("\n")
    assert len(note.name.encode()) < 200
    assert vault.notes() == [note]


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.lists(st.text("abc -ü", min_size=1), max_size=3),
)
def test_front_matter_comes_back(title: str, tags: list[str]) -> None:
    note = Note("n.md", clean(title), "text", CREATED, "", "key:1", "principal/console", tuple(clean(t) for t in tags))
    found = parse("n.md", dump(note))
    assert (found.id, found.created, found.source, found.text) == ("key:1", CREATED, "principal/console", "text")
    assert found.title == (" ".join(note.title.split()) or "n")
    assert found.tags == tuple(" ".join(t.split()) for t in note.tags if t.split())


@pytest.mark.parametrize(
    ("content", "title", "text", "tags"),
    [
        ("# Ada\n\nlikes tea\n", "Ada", "# Ada\n\nlikes tea", ()),
        ("just words", "by-hand", "just words", ()),
        ("---\ntitle: 'Ada'\ntags:\n  - a\n  - b\ndate: 2026-01-02\n---\nbody", "Ada", "body", ("a", "b")),
        ("---\nnever closed\n", "by-hand", "---\nnever closed", ()),
        ("---\r\ntitle: Ada\r\n---\r\nbody\r\n", "Ada", "body\r", ()),
        ("", "by-hand", "", ()),
        ('---\ntitle: "broken\n---\nx', '"broken', "x", ()),
    ],
)
def test_notes_by_other_hands_are_read_too(
    tmp_path: Path, content: str, title: str, text: str, tags: tuple[str, ...]
) -> None:
    (tmp_path / "by-hand.md").write_bytes(content.encode())
    note = MarkdownVault(NoteFolder(tmp_path)).read("by-hand.md")
    assert note is not None
    assert (note.title, note.text, note.tags) == (title, text, tags)


@pytest.mark.parametrize(
    "name", ["../x.md", "/etc/x.md", "a/../../x.md", ".trash/x.md", "x.txt", "", "a\x00.md", "link/x.md"]
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    vault_path, outside = tmp_path / "vault", tmp_path / "outside"
    outside.mkdir()
    (outside / "x.md").write_text("secret")
    vault_path.mkdir()
    (vault_path / "link").symlink_to(outside)
    with pytest.raises(ToolTrouble):
        MarkdownVault(NoteFolder(vault_path)).read(name)
    with pytest.raises(ToolTrouble):
        MarkdownVault(NoteFolder(vault_path)).delete(name, "", "k")
    assert (outside / "x.md").read_text() == "secret"


def test_a_link_in_the_vault_is_neither_read_nor_listed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("secret")
    vault = MarkdownVault(NoteFolder(tmp_path / "vault"))
    written(vault, "x")
    (tmp_path / "vault" / "link.md").symlink_to(secret)
    assert [note.title for note in vault.notes()] == ["x"]
    with pytest.raises(ToolTrouble, match="link"):
        vault.read("link.md")


def test_adding_below_a_hand_edit_loses_neither(tmp_path: Path) -> None:
    vault = MarkdownVault(NoteFolder(tmp_path))
    note = written(vault, "Ada", "likes tea")
    path = tmp_path / note.name
    path.write_text(path.read_text() + "by hand, without a newline")
    added, block = vault.append(note.name, "born in May", note.hash)
    assert added.text == "likes tea\nby hand, without a newline\nborn in May"
    assert vault.cut(note.name, block, added.hash).text == "likes tea\nby hand, without a newline"


def test_the_same_line_can_be_added_twice_on_purpose(tmp_path: Path) -> None:
    vault = MarkdownVault(NoteFolder(tmp_path))
    note = written(vault, "Shopping", "milk")
    once, _ = vault.append(note.name, "milk", note.hash)
    twice, _ = vault.append(note.name, "milk", once.hash)
    assert twice.text == "milk\nmilk\nmilk"


def test_a_note_comes_back_only_to_a_free_name(tmp_path: Path) -> None:
    vault = MarkdownVault(NoteFolder(tmp_path))
    note = written(vault, "Ada")
    trash = vault.delete(note.name, note.hash, "d")
    other = written(vault, "Ada", "another Ada", key="k2")
    assert other.name == note.name
    with pytest.raises(ToolTrouble, match="new"):
        vault.restore(note.name, trash, note.hash)
    assert vault.read(note.name) == other
    assert (tmp_path / ".trash" / trash).is_file()


def test_the_trash_is_no_place_for_notes(tmp_path: Path) -> None:
    vault = MarkdownVault(NoteFolder(tmp_path))
    note = written(vault, "Ada")
    vault.delete(note.name, note.hash, "d")
    assert vault.notes() == []


def test_files_too_large_for_a_note_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "huge.md").write_bytes(b"x" * 5_000_000)
    assert MarkdownVault(NoteFolder(tmp_path)).notes() == []


def test_a_vault_whose_place_is_taken_by_a_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("a file")
    with pytest.raises(ToolTrouble, match="is a file"):
        written(MarkdownVault(NoteFolder(tmp_path / "notes")), "x")
