"""Which files are taken into memory, what came of each, and why the others were left out."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot import shelf
from bot.bench.figures import Figure, as_object, median, p95, rows
from bot.home import Home
from bot.librarian import Librarian
from knowledge.database import Database
from knowledge.memory import Memory
from knowledge.notes import NoteFolder
from tests.fakes.embedder import WordEmbedder
from tests.fakes.pictures import ToldReader, picture

pytestmark = pytest.mark.slow

NO_TEXT = "it is not a text in UTF-8, UTF-16 or Windows' Western European encoding"


@pytest.fixture
async def librarian(tmp_path: Path, empty_database: Path) -> AsyncIterator[Librarian]:
    home = Home(tmp_path / "home")
    home.prepare()
    shutil.copy(empty_database, home.database)
    db = Database(home.database)
    embedder = WordEmbedder()
    memory = Memory(db, home.index, embedder, now=lambda: int(datetime(2026, 11, 20, tzinfo=UTC).timestamp() * 1000))
    await memory.open()
    folder = tmp_path / "home"
    yield Librarian(memory, db, NoteFolder(folder / "notes"), folder / "calendar.ics", home, embedder, ZoneInfo("UTC"))
    await memory.close()
    await db.close()


async def test_a_file_is_new_then_unchanged_then_changed(librarian: Librarian, tmp_path: Path) -> None:
    path = tmp_path / "plumber.md"
    path.write_text("The plumber comes on Tuesdays.")
    assert (await shelf.take(librarian, path)).state == "new"
    taken = await shelf.take(librarian, path)
    assert (taken.state, taken.passages) == ("unchanged", 1)
    path.write_text("The plumber comes on Fridays.")
    assert (await shelf.take(librarian, path)).state == "changed"
    hits = await librarian.memory.search("when does the plumber come")
    assert [hit.text for hit in hits] == ["The plumber comes on Fridays."]
    assert (hits[0].name, hits[0].integrity) == (str(path), "untrusted")


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.exe", b"MZ", "files ending in .exe are not read yet"),
        ("LICENSE", b"words", "files ending in nothing are not read yet"),
        ("a.txt", b"", "it is empty"),
        ("a.txt", b" \n\t ", "it is empty"),
        ("a.txt", b"\xff\xd8\xff not text", NO_TEXT),
        ("a.txt", b"nul \x00 byte", NO_TEXT),
        ("a.txt", b"caf\xe9 \x07", NO_TEXT),
        ("a.txt", "Слово не по-русски".encode("koi8-r"), NO_TEXT),
    ],
)
async def test_what_is_no_text_is_skipped_with_its_reason(
    librarian: Librarian, tmp_path: Path, name: str, data: bytes, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    taken = await shelf.take(librarian, path)
    assert (taken.state, taken.why) == ("skipped", why)


async def test_a_text_in_windows_western_european_encoding_is_read(librarian: Librarian, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Name;Größe\nDer Gärtner wohnt in Zürich;12 €".encode("cp1252"))
    assert (await shelf.take(librarian, path)).state == "new"
    assert "Größe" in (await librarian.memory.search("Gärtner"))[0].text


async def test_texts_with_a_byte_order_mark_are_read(librarian: Librarian, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Grüße vom Gärtner".encode("utf-16"))
    await shelf.take(librarian, path)
    assert [hit.text for hit in await librarian.memory.search("Gärtner")] == ["Grüße vom Gärtner"]


async def test_a_picture_is_taken_in_by_its_words_and_the_same_one_again_changes_nothing(
    librarian: Librarian, tmp_path: Path
) -> None:
    path = tmp_path / "plate.png"
    path.write_bytes(picture("Boiler KX"))
    librarian.pictures = ToldReader(["Boiler KX"], lack="Nobody reads.")
    taken = await shelf.take(librarian, path)
    assert (taken.state, taken.why) == ("new", "Its words could not be read. Nobody reads. It is kept by its name.")
    librarian.pictures = ToldReader(["Boiler KX"])
    assert (await shelf.take(librarian, path)).state == "changed"
    assert (await shelf.take(librarian, path)).state == "unchanged"
    (hit,) = await librarian.memory.search("boiler")
    assert (hit.text, hit.name, hit.source, hit.integrity) == ("Boiler KX", str(path), "file", "untrusted")


@pytest.mark.parametrize("name", [b"\xff\xfe.txt", b"a\x1b[31m.txt", b"\xff.png"])
async def test_a_name_that_is_no_text_is_skipped_and_shown_without_its_signs(
    librarian: Librarian, tmp_path: Path, name: bytes
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    await asyncio.to_thread(path.write_text, "words")
    taken = await shelf.take(librarian, path)
    assert (taken.state, taken.why) == ("skipped", "its name has signs that are no text: rename it")
    assert taken.path.isprintable()
    screenshot = tmp_path / "Screenshot at 10.00\u202fAM.txt"
    await asyncio.to_thread(screenshot.write_text, "words")
    assert (await shelf.take(librarian, screenshot)).state == "new"
    assert taken.path.encode().endswith(name[-4:])


@pytest.mark.parametrize("name", ["pipe.txt", "pipe.pdf", "pipe.png"])
async def test_a_pipe_is_not_waited_for(librarian: Librarian, tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    async with asyncio.timeout(40):
        taken = await shelf.take(librarian, tmp_path / name)
    assert (taken.state, taken.why) == ("skipped", "it is no file but a pipe, a socket or a device")


async def test_notes_of_the_vault_are_left_to_the_vault(librarian: Librarian) -> None:
    librarian.notes.root.mkdir()
    path = librarian.notes.root / "a.md"
    path.write_text("a note")
    assert "one of your notes" in (await shelf.take(librarian, path)).why


def test_folders_are_walked_without_hidden_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", ".hidden.txt", ".git/x.txt", "sub/c.txt"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert [path.name for path in shelf.files([tmp_path / "docs"])] == ["a.txt", "b.txt", "c.txt"]
    with pytest.raises(shelf.IngestTrouble, match="no file or folder"):
        list(shelf.files([tmp_path / "gone"]))


def test_figures_are_judged_only_where_something_is_wanted_and_measured() -> None:
    figures = [Figure("a", "A", 59.9, "ms", 60), Figure("b", "B", 61, "ms", 60), Figure("c", "C", None, "ms", 60),
               Figure("d", "D", ["slack"], "", 0), Figure("e", "E", [], "", 0), Figure("f", "F", 3)]  # fmt: skip
    assert [f.ok for f in figures] == [True, False, None, False, True, None]
    assert [row[1:] for row in rows(figures)][:3] == [
        ("59.9 ms", "≤ 60 ms", "pass"), ("61 ms", "≤ 60 ms", "MISS"), ("not measured", "≤ 60 ms", ""),
    ]  # fmt: skip
    assert as_object(figures)["wanted"]["b"] == {"most": 60, "ok": False}
    assert (median([]), p95([]), median([3, 1, 2]), p95(list(range(100)))) == (None, None, 2, 95)
