"""Bad input against the real command line: each gets one clear sentence, and nothing is lost or half written."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.steward_process import ROOT, steward_process, telegram_process

pytestmark = pytest.mark.integration


def steward(
    home: Path, *words: str, lines: bytes = b"", limit: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    """`python -m bot.cli …` on `home`, with `lines` typed into a pipe; never a traceback."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STEWARD_")}
    environment = {
        **kept,
        "STEWARD_HOME": str(home),
        "STEWARD_ZONE": "Europe/Zurich",
        "STEWARD_EMBEDDINGS__PATH": "/nowhere",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bot.cli", *words], cwd=ROOT, env=environment, input=lines, capture_output=True,
        timeout=120, preexec_fn=limit,
    )  # fmt: skip
    told = subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    )
    assert "Traceback" not in told.stdout + told.stderr, told.stderr[-2000:]
    return told


def once(home: Path, words: str) -> str:
    """The answer to one thing said."""
    return steward(home, "chat", "--once", words).stdout.strip()


def notes(home: Path) -> list[str]:
    folder = home / "notes"
    return [path.read_text() for path in sorted(folder.glob("*.md"))] if folder.is_dir() else []


def one_sentence(text: str) -> bool:
    """Short, and ends as sentences end."""
    return 0 < len(text) < 600 and text.count("\n") <= 8


def test_words_that_are_no_words(tmp_path: Path) -> None:
    home = tmp_path / "home"
    long = "lorem ipsum dolor " * 1112
    for words in (
        "",
        "   ",
        "\U0001f389\U0001f44d\U0001f389",
        "/xyzzy",
        long[:20_000],
        "lunch with Ada on 31 February at 12:30",
    ):
        answer = once(home, words)
        assert one_sentence(answer), f"{words[:30]!r}: {answer!r}"
    assert "/status" in once(home, "/statsu")
    assert not notes(home)
    assert not (home / "calendar.ics").exists()


def test_nul_bytes_broken_utf_8_and_a_very_long_note_through_a_pipe(tmp_path: Path) -> None:
    home = tmp_path / "home"
    words = " ".join(f"word{n}" for n in range(2_500))
    lines = b"note: before\x00after\n\xff\xfe\x00\n\x00\x00\nnote: " + words.encode() + b"\n"
    told = steward(home, "chat", lines=lines)
    assert told.stdout.count("Noted") == 2
    assert told.returncode == 0
    found = notes(home)
    assert len(found) == 2
    assert any(words in " ".join(note.split()) for note in found)
    assert not any("\x00" in note for note in found)


def test_a_calendar_file_that_is_no_calendar(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    mine = b"this is my shopping list\n\xff\x00"
    (home / "calendar.ics").write_bytes(mine)
    assert one_sentence(once(home, "what is on my calendar tomorrow?"))
    told = steward(home, "chat", lines=b"lunch with Ada on 27 November at 12:30\nyes\n").stdout
    assert "calendar" in told.lower()
    assert "Created" not in told
    assert (home / "calendar.ics").read_bytes() == mine


def test_a_second_instance_on_the_same_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with telegram_process(tmp_path) as telegram, steward_process(home, telegram.url) as first:
        first.until(first.workers, "a worker")
        second = steward(home, "run")
        assert second.returncode == 1
        assert "already runs on this home" in second.stderr
        assert "Noted" in once(home, "note: said beside it")
        telegram.do("text", text="note: said on the chat")
        first.settled(telegram)
        assert len(telegram.sent("said on the chat")) == 1
        assert len(notes(home)) == 2


def test_a_file_of_five_megabytes_on_the_chat(tmp_path: Path) -> None:
    with telegram_process(tmp_path) as telegram, steward_process(tmp_path / "home", telegram.url) as running:
        telegram.do("document", name="big.txt", content="x" * 5_000_000)
        telegram.do("document", name="\u202egnp.exe", content="MZ", mime="application/octet-stream")
        running.settled(telegram)
        assert len(telegram.sent("big.txt", "MB")) == 1
        answers = [
            text for text in telegram.sent() if not text.startswith("⏳")
        ]  # a busy machine may say it takes long
        assert len(answers) == 2, answers


def test_a_home_that_is_a_file_and_one_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    told = steward(tmp_path / "file", "chat", "--once", "note: hello")
    assert told.returncode == 1
    assert one_sentence(told.stderr.strip())
    assert (tmp_path / "file").read_text() == "mine"
    told = steward(Path("/proc/nobody/home"), "chat", "--once", "note: hello")
    assert told.returncode == 1
    assert one_sentence(told.stderr.strip())


def test_a_read_only_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert "Noted" in once(home, "note: before")
    with mounted(tmp_path, f"mount --bind {home} {home} && mount -o remount,ro,bind {home}", home):
        told = steward(home, "chat", "--once", "note: after")
        assert told.returncode == 1
        assert "cannot write to its home" in told.stderr
    assert len(notes(home)) == 1
    assert "Noted" in once(home, "note: after")


def test_a_full_disk(tmp_path: Path) -> None:
    """The note is either whole or not there, the answer never claims more, and afterwards all goes on."""
    home = tmp_path / "home"
    home.mkdir()
    with mounted(tmp_path, f"mount -t tmpfs -o size=80m tmpfs {home}", home):
        assert "Noted" in once(home, "note: before")
        filler = home / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4_096)
            except OSError:
                pass
        told = steward(home, "chat", "--once", "note: while it is full")
        said = told.stdout + told.stderr
        assert told.returncode == 1, said
        assert "disk is full" in said.lower(), said
        whole = [note for note in notes(home) if "while it is full" in note]
        assert bool(whole) == ("Noted" in told.stdout)
        filler.unlink()
        assert "Noted" in once(home, "note: afterwards")
        assert sum("before" in note for note in notes(home)) == 1
        assert sum("afterwards" in note for note in notes(home)) == 1
        assert sum("while it is full" in note for note in notes(home)) <= 1
        assert steward(home, "audit", "verify").returncode == 0


def test_no_file_may_grow(tmp_path: Path) -> None:
    """As a full disk, but by the process's own limit: runs where nothing can be mounted."""
    home = tmp_path / "home"
    assert "Noted" in once(home, "note: before")
    told = steward(
        home, "chat", "--once", "note: after", limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
    )
    assert told.returncode == 1
    assert one_sentence((told.stdout + told.stderr).strip()), told.stdout + told.stderr
    assert len(notes(home)) == 1
    assert "Noted" in once(home, "note: after")


class mounted:
    """Inside, `command` has been run; afterwards `where` is unmounted. Skips loudly where nothing can be mounted."""

    def __init__(self, folder: Path, command: str, where: Path) -> None:
        self.command, self.where = command, where

    def __enter__(self) -> None:
        done = subprocess.run(["sh", "-c", self.command], capture_output=True, text=True, timeout=20)
        if done.returncode:
            pytest.skip(f"nothing can be mounted here: {done.stderr.strip()[:100]}")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self.where)], check=False, capture_output=True, timeout=20)
