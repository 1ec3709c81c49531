"""A canary goes through the running Steward on every path there is, is forgotten, and is in no byte of any file after."""

from __future__ import annotations

import base64
import os
import random
import sqlite3
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from knowledge.embedding.base import from_blob
from knowledge.embedding.onnx import model_folder
from knowledge.index.bm25 import stem, token_id
from tests.fakes.steward_process import (
    NEXT_YEAR,
    ROOT,
    StewardProcess,
    TelegramProcess,
    steward_process,
    telegram_process,
)
from tests.fakes.waiting import read_all

pytestmark = pytest.mark.integration

CANARY = "Xylokanthor"
SENTENCE = f"The {CANARY} sleeps under the stairs of the old mill."
ROUNDS = 40 if os.environ.get("STEWARD_SOAK") else 3


def forms() -> dict[str, list[bytes]]:
    """Every form in which the words could lie in a file."""
    words = {CANARY, CANARY.lower(), CANARY.upper()}
    token = token_id(stem(CANARY.lower()))
    return {
        "text": [w.encode() for w in words],
        "wide": [w.encode(code) for w in words for code in ("utf-16-le", "utf-16-be")],
        "base64": [base64.b64encode(b"x" * n + w.encode())[4:12] for n in range(3) for w in words],
        "token": [struct.pack("<I", token), struct.pack(">I", token)],
    }


def vectors(home: Path) -> list[bytes]:
    """The beginnings of the vectors of all passages with the canary, as SQL and as the index hold numbers."""
    with closing(sqlite3.connect(f"file:{home / 'steward.db'}?mode=ro", uri=True)) as db:
        found = [v for (v,) in db.execute("SELECT vector FROM chunk WHERE text LIKE ?", (f"%{CANARY}%",)) if v]
    return [form for v in found for form in (v[:16], from_blob(v)[:4].tobytes())]


def holders(home: Path, wanted: dict[str, list[bytes]]) -> list[str]:
    """form: file, for every file under the home that holds a form, and for compressed rows that unpack to one."""
    found = []
    for path, body in read_all(home).items():
        found += [f"{name}: {path.relative_to(home)}" for name, some in wanted.items() if any(f in body for f in some)]
        found += [f"name: {path.name}"] if CANARY.lower() in path.name.lower() else []
    with closing(sqlite3.connect(f"file:{home / 'steward.db'}?mode=ro", uri=True)) as db:
        for (body,) in db.execute("SELECT body FROM record"):
            found += ["compressed: record"] if CANARY.lower().encode() in zlib.decompress(body).lower() else []
    return found


@pytest.fixture(scope="module")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelegramProcess]:
    with telegram_process(tmp_path_factory.mktemp("telegram")) as running:
        yield running


def with_model() -> dict[str, str]:
    folder = model_folder()
    return {"STEWARD_EMBEDDINGS__PATH": str(folder)} if folder is not None else {}


def steward(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STEWARD_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "bot.cli", *arguments], cwd=ROOT, text=True, capture_output=True, timeout=240,
        env={**kept, "STEWARD_HOME": str(home), "STEWARD_ZONE": "Europe/Zurich", **with_model()}, check=False,
    )  # fmt: skip


def say(telegram: TelegramProcess, running: StewardProcess, text: str) -> None:
    telegram.do("text", text=text)
    running.settled(telegram)


def fill(telegram: TelegramProcess, running: StewardProcess, folder: Path) -> None:
    """The canary as a note, a reminder, an event, an open approval, a question, a file; and things that have to stay."""
    say(telegram, running, f"note: {SENTENCE}")
    say(telegram, running, "note: the dentist is on the second floor")
    say(telegram, running, f"remind me tomorrow at 9 to feed {CANARY}")
    say(telegram, running, f"lunch with {CANARY} on {NEXT_YEAR}-03-05 at 12:30")
    telegram.do("press", label="Approve", message=telegram.ref("Approval", CANARY))
    running.settled(telegram)
    say(telegram, running, f"lunch with Ada on {NEXT_YEAR}-03-06 at 12:30")
    telegram.do("press", label="Approve", message=telegram.ref("Approval", "Ada"))
    running.settled(telegram)
    say(telegram, running, f"dinner with {CANARY.upper()} on {NEXT_YEAR}-03-08 at 19:00")
    say(telegram, running, f"where does the {CANARY.lower()} sleep?")
    file = folder / "mill.txt"
    file.write_text(f"Chapter one. {SENTENCE}\n\nChapter two. The miller kept bees.\n")
    assert steward(running.home, "ingest", str(file)).returncode == 0
    file.unlink()


def approve_forgetting(telegram: TelegramProcess, running: StewardProcess) -> None:
    before = len(telegram.sent("Approval", "Forget for good"))
    say(telegram, running, f"/forget {CANARY}")
    running.until(lambda: len(telegram.sent("Approval", "Forget for good")) > before, "no card")
    telegram.do("press", label="Approve", message=telegram.ref("Approval", "Forget for good"))


def confirmed(running: StewardProcess, times: int = 1) -> bool:
    return running.count("erasure WHERE files_at IS NOT NULL") == times and running.quiet()


def test_nothing_under_the_home_holds_what_was_forgotten_and_the_rest_answers(
    tmp_path: Path, telegram: TelegramProcess
) -> None:
    wanted = forms()
    home = tmp_path / "home"
    with steward_process(home, telegram.url, more=with_model()) as running:
        fill(telegram, running, tmp_path)
        wanted["vector"] = vectors(home)
        assert bool(wanted["vector"]) == (model_folder() is not None)
        seen = {one.split(":")[0] for one in holders(home, wanted)}
        went_in = {"text", "name", "token", "compressed", *(["vector"] if wanted["vector"] else [])}
        assert went_in <= seen, f"the canary went in as {seen} alone"
        approve_forgetting(telegram, running)
        running.until(lambda: confirmed(running), "no receipt")
        running.until(lambda: telegram.sent("Receipt", "gone for good"), "the receipt was not sent")
        assert holders(home, wanted) == []
        say(telegram, running, "which floor is the dentist on?")
        assert telegram.sent("second floor")
        say(telegram, running, "/search miller bees")
        assert "Ada" in "".join(running.events())
        assert CANARY not in running.tail()
        assert running.stop() == 0
    assert holders(home, wanted) == []
    key, copy = tmp_path / "key", tmp_path / "copy"
    key.write_text(steward(home, "backup", "--new").stdout)
    assert steward(home, "backup", str(tmp_path / "later.age")).returncode == 0
    assert steward(copy, "restore", str(tmp_path / "later.age"), "--identity", str(key)).returncode == 0
    assert holders(copy, wanted) == []
    assert steward(home, "search", CANARY, "-k", "3").stdout.lower().count(CANARY.lower()) == 0
    assert steward(home, "export", CANARY).returncode == 1
    assert steward(home, "audit", "verify").returncode == 0


def test_whenever_the_process_dies_forgetting_comes_to_its_end(tmp_path: Path, telegram: TelegramProcess) -> None:
    wanted = forms()
    rng = random.Random(5)
    home = tmp_path / "home"
    with steward_process(home, telegram.url) as running:
        say(telegram, running, "note: the dentist is on the second floor")
        for round in range(ROUNDS):
            say(telegram, running, f"note: {SENTENCE}")
            approve_forgetting(telegram, running)
            time.sleep(rng.uniform(0.0, 0.9))
            running.kill()
            running.start()
            running.until(lambda round=round: confirmed(running, round + 1), "no receipt after the crash")  # type: ignore[misc]
            running.settled(telegram)
            assert holders(home, wanted) == []
        assert running.stop() in (0, -15)  # the latter before it has set itself up to be asked
    assert holders(home, wanted) == []
    assert [note for note in running.notes() if "dentist" in note] == running.notes()


def test_the_shell_shows_what_would_go_asks_and_gives_the_receipt(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert steward(home, "chat", "--once", f"note: {SENTENCE}").returncode == 0
    told = steward(home, "export", CANARY)
    assert SENTENCE in told.stdout
    asked = steward(home, "forget", CANARY)
    assert (asked.returncode != 0, "notes/" in asked.stdout, "--yes" in asked.stderr) == (True, True, True)
    done = steward(home, "forget", CANARY, "--yes")
    assert (done.returncode, "gone for good" in done.stdout) == (0, True), done.stderr
    assert holders(home, forms()) == []
    assert steward(home, "forget", CANARY, "--yes").returncode == 1
