"""A real Steward as processes with canary secrets and a canary mail: nothing of them where it must not be.

Without a database key the mail's words are in the database alone, never in a log, a prompt or a pause; with one, and the
notes sealed, neither the mail's words nor those of a note are in any file or its name, and a wrong key opens nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from knowledge import cipher, sealed
from tests.fakes.openai_api import OpenAIFake
from tests.fakes.slack_api import CLIENT_ID, CLIENT_SECRET, FakeSlack
from tests.fakes.steward_process import ROOT, StewardProcess, TelegramProcess, steward_process, telegram_process
from tests.fakes.telegram_api import TOKEN
from tests.fakes.waiting import read_all

pytestmark = pytest.mark.integration
KEY = bytes(range(32)).hex()
SECRETS = {
    "STEWARD_TELEGRAM__SECRET": "CANARYtelegramsecret",
    "STEWARD_SLACK__SIGNING_SECRET": "CANARYslacksigning",
    "STEWARD_WHATSAPP__AUTH_TOKEN": "CANARYwhatsappauth",
    "STEWARD_QDRANT__API_KEY": "CANARYqdrantkey",
    "STEWARD_MODELS__API_KEY": "sk-CANARYmodelkey000000",
}
REFRESH = "xoxe-1-CANARYslackrefresh"
FORWARDED = {"type": "hidden_user", "sender_user_name": "Eve", "date": 1_790_000_000}
MAIL = """From: Ingrid <ingrid@example.org>
To: me@example.org
Subject: Quaysidewarehouse
Date: Thu, 19 Nov 2026 09:00:00 +0000
Message-ID: <canary-1@example.org>

The Lindqvistmerger closes on Tuesday at the zirconiumplant. Bring the blueledger.
"""
WORDS = ("quaysidewarehouse", "lindqvistmerger", "zirconiumplant", "blueledger", "ambersignal")
NOTED = ("cobaltcellar", "russetvalise", "tealcorridor")


def forms(secret: str) -> set[bytes]:
    """The ways in which a secret gets into a file."""
    plain = secret.encode()
    return {
        plain,
        quote(secret, safe="").encode(),
        b64encode(plain).rstrip(b"="),
        urlsafe_b64encode(plain).rstrip(b"="),
    }


def written(folder: Path) -> dict[str, bytes]:
    """Every file below `folder`: its name, and what it is called and holds in small letters."""
    files = {path.relative_to(folder).as_posix(): held for path, held in read_all(folder).items()}
    return {name: name.lower().encode() + b"\n" + held.lower() for name, held in files.items()}


def holders(files: dict[str, bytes], *needles: bytes) -> list[str]:
    """Those of `written` that hold one of the needles, whatever its case."""
    return [name for name, held in files.items() if any(n.lower() in held for n in needles)]


def beside(steward: StewardProcess, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "bot.cli", *arguments],
        cwd=ROOT, env={**steward.environment, **more}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def talk(steward: StewardProcess, telegram: TelegramProcess, mail: Path) -> str:
    """A mail is taken in and asked about, a stranger's words are forwarded, an event waits for its approval."""
    said = beside(steward, "ingest", str(mail))
    assert said.returncode == 0, said.stderr
    telegram.do("text", text="What does Ingrid say about the Lindqvistmerger?")
    steward.until(lambda: telegram.sent("zirconiumplant"), "the mail was not found")
    telegram.do("text", text="Lindqvistmerger, the place, please")  # no pattern claims that: the model plans it
    steward.until(lambda: len(telegram.sent("zirconiumplant")) > 1, "the mail was not found by the model's plan")
    telegram.do("text", text="the ambersignal is set", forward_origin=FORWARDED)
    note(steward, telegram)
    telegram.do("text", text="lunch with Ada on 27 November at 12:30")
    steward.until(lambda: telegram.sent("Lunch with Ada"), "no card")
    steward.settled(telegram)
    why = beside(steward, "audit", "why", "t1")
    return said.stdout + said.stderr + why.stderr


def note(steward: StewardProcess, telegram: TelegramProcess) -> None:
    """A note is written, added to, found, deleted and brought back; another is put into the folder by hand."""
    telegram.do("text", text="note: the cobaltcellar has a second door")
    steward.until(lambda: telegram.sent("Noted"), "no note")
    telegram.do("text", text="add to my note cobaltcellar: the russetvalise stands behind it")
    steward.until(lambda: telegram.sent("Added to"), "nothing was added")
    (steward.home / "notes" / "tealcorridor.md").write_text("The tealcorridor is locked at nine.")
    telegram.do("text", text="When is the tealcorridor locked?")
    steward.until(lambda: telegram.sent("at nine"), "what a hand put there was not found")
    assert "russetvalise" in beside(steward, "notes", "show", "cobaltcellar").stdout
    telegram.do("text", text="delete the note cobaltcellar")
    steward.until(lambda: telegram.sent("Delete note"), "no card about the note")


@pytest.fixture
def house() -> Iterator[Path]:
    """Home, logs and temporary files; its path is short, since sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="house-") as folder:
        yield Path(folder)


@pytest.mark.parametrize("key", ["", KEY], ids=["in clear", "encrypted"])
async def test_no_canary_where_it_must_not_be(tmp_path: Path, house: Path, key: str) -> None:
    mail = tmp_path / "outside" / "mail.eml"
    mail.parent.mkdir()
    mail.write_text(MAIL)
    home, world = house / "home", tmp_path / "world"
    async with OpenAIFake() as model, FakeSlack() as slack:
        slack.rotate(REFRESH)
        with telegram_process(world) as telegram:
            switches = {
                **SECRETS, "STEWARD_MODELS__FAST": "openai:gpt-test", "STEWARD_MODELS__BASE_URL": model.base_url,
                "STEWARD_DATABASE__KEY": key, "STEWARD_NOTES__SEALED": str(bool(key)).lower(), "STEWARD_LOG": "debug",
                "TMPDIR": str(house), **(_rotating(slack) if key else {}),
            }  # fmt: skip
            home.mkdir(parents=True)
            with steward_process(home, telegram.url, more=switches) as steward:
                printed = await asyncio.to_thread(talk, steward, telegram, mail)
                await asyncio.to_thread(_secrets_are_nowhere, house, printed, slack)
                _words_are_where_they_may(home, encrypted=bool(key))
                assert await asyncio.to_thread(steward.stop) == 0  # the fakes live in this loop
            _secrets_are_nowhere(house, printed, slack)
            _words_are_where_they_may(home, encrypted=bool(key))
            if key:
                _a_wrong_key_opens_nothing(steward, home)
        prompts = json.dumps(model.calls).lower()
        assert model.calls, "the model was asked"
        assert not any(secret.lower() in prompts for secret in (*SECRETS.values(), TOKEN, KEY))
        assert "zirconiumplant" not in prompts, "the planner reads the principal's words, never the mail's"


def _rotating(slack: FakeSlack) -> dict[str, str]:
    """Slack with short-lived tokens: the worker fetches one when it wakes."""
    return {
        "STEWARD_SLACK__REFRESH_TOKEN": REFRESH, "STEWARD_SLACK__CLIENT_ID": CLIENT_ID,
        "STEWARD_SLACK__CLIENT_SECRET": CLIENT_SECRET, "STEWARD_SLACK__API_BASE": slack.api_base,
    }  # fmt: skip


def _secrets_are_nowhere(house: Path, printed: str, slack: FakeSlack) -> None:
    fetched = [token for grant in slack.rotated for token in grant]
    files = written(house)
    for secret in (*SECRETS.values(), TOKEN, KEY, REFRESH, CLIENT_SECRET, *fetched):
        assert holders(files, *forms(secret)) == [], secret
        assert secret not in printed


def _words_are_where_they_may(home: Path, *, encrypted: bool) -> None:
    files = written(home.parent)
    found = set(holders(files, *(word.encode() for word in WORDS)))
    noted = set(holders(files, *(word.encode() for word in NOTED)))
    database = {"home/steward.db", "home/steward.db-wal"}
    if encrypted:
        assert found | noted == set()
        assert not any(p.read_bytes().startswith(b"SQLite format") for p in home.rglob("*.db*"))
        assert {p.suffix for p in (home / "notes").iterdir() if not p.name.startswith(".")} == {".age"}
        assert all(sealed.is_sealed(p.read_bytes()) for p in (home / "keys").iterdir())
        assert {p.name for p in (home / "keys").iterdir()} == {"ledger.key", "notes.key", "slack.token"}
    else:
        assert found & database, "the run did write"
        assert found <= database
        assert noted <= database | {p.relative_to(home.parent).as_posix() for p in (home / "notes").rglob("*")}


def _a_wrong_key_opens_nothing(steward: StewardProcess, home: Path) -> None:
    for path in home.glob("*.db"):
        with closing(sqlite3.connect(path)) as plain, pytest.raises(sqlite3.DatabaseError, match="not a database"):
            plain.execute("SELECT * FROM sqlite_master")
        with pytest.raises(cipher.WrongKey):
            cipher.connect(path, key=os.urandom(32))
    for command in (
        ("status",),
        ("run",),
        ("audit", "verify"),
        ("chat", "--once", "hello"),
        ("search", "Lindqvist"),
        ("notes", "list"),
    ):
        tried = beside(steward, *command, STEWARD_DATABASE__KEY="ab" * 32)
        assert tried.returncode == 1, (command, tried.stdout)
        assert tried.stderr.strip().endswith("Set STEWARD_DATABASE__KEY to the key that it was made with."), (
            tried.stderr
        )
        assert not any(word in (tried.stdout + tried.stderr).lower() for word in WORDS)
