"""`steward notes`: read them at the terminal, and write them out as plain files, also where they are kept sealed."""

from __future__ import annotations

from pathlib import Path

from bot.cli import show
from bot.cli.serve import CliTrouble
from bot.settings import Settings
from graphs.tools.note_text import parse
from graphs.tools.notes import matching
from graphs.tools.values import Note
from knowledge.notes import NoteFolder
from knowledge.sealed import SealTrouble


def list_all(*, as_json: bool) -> int:
    """Every note, newest first."""
    found = _notes(_folder())
    if as_json:
        show.as_json([{"name": n.name, "title": n.title, "created": n.created} for n in found])
    else:
        show.table(
            ("Created", "Title", "Name"), [(n.created[:10], n.title, n.name) for n in found], "There is no note."
        )
    return 0


def show_one(words: str, *, as_json: bool) -> int:
    """The note of this name, or the one that holds all of these words. Raises CliTrouble."""
    found = matching(_notes(_folder()), words)
    if not found:
        raise CliTrouble(f"No note holds “{words}”. `steward notes list` shows them all.")
    if len(found) > 1:
        names = ", ".join(note.name for note in found[:5])
        raise CliTrouble(f"{len(found)} notes hold “{words}”: {names}. Say which by its name.")
    if as_json:
        show.as_json(found[0].to_json())
    else:
        print(f"{found[0].title}\n\n{found[0].text}")
    return 0


def export(to: Path) -> int:
    """Every note as a Markdown file in `to`, which must be empty or absent. Raises CliTrouble."""
    folder, goal = _folder(), to.expanduser()
    if goal.exists() and (not goal.is_dir() or any(goal.iterdir())):
        raise CliTrouble(f"{to} is not an empty folder. Name another one.")
    count = 0
    for name in folder.scan():
        path = goal / name
        if not path.resolve().is_relative_to(goal.resolve()):
            continue
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(_read(folder, name))
        path.chmod(0o600)
        count += 1
    print(f"{count} note{'' if count == 1 else 's'} {'is' if count == 1 else 'are'} in {to}, in clear.")
    return 0


def _folder() -> NoteFolder:
    settings = Settings()
    return NoteFolder.of(settings.notes_path, settings.home, sealed=settings.notes.sealed)


def _notes(folder: NoteFolder) -> list[Note]:
    found = [parse(name, _read(folder, name)) for name in folder.scan()]
    return sorted(found, key=lambda note: (note.created, note.name), reverse=True)


def _read(folder: NoteFolder, name: str) -> bytes:
    try:
        return folder.read(name)
    except SealTrouble as trouble:
        raise CliTrouble(f"{name} can't be read: {trouble}") from trouble
