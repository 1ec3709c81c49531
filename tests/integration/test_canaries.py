"""Secrets that Steward was started with are in none of its files and in nothing it prints; its home is its owner's."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
CANARIES = {
    "STEWARD_TELEGRAM__TOKEN": "123456789:CANARY-telegram-tokenAAAAAAAAAAAAAAA",
    "STEWARD_TELEGRAM__SECRET": "CANARYtelegramsecret",
    "STEWARD_SLACK__BOT_TOKEN": "xoxb-CANARY-slack-bot",
    "STEWARD_SLACK__SIGNING_SECRET": "CANARYslacksigning",
    "STEWARD_WHATSAPP__AUTH_TOKEN": "CANARYwhatsappauth",
    "STEWARD_MODELS__API_KEY": "sk-CANARYmodelkey000000",
}


def steward(home: Path, *arguments: str) -> str:
    """Everything a run prints, at the most talkative log level."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    environment = {**kept, **CANARIES, "STEWARD_HOME": str(home), "HOME": str(home.parent), "STEWARD_LOG": "debug"}
    environment["STEWARD_TELEGRAM__API_BASE"] = environment["STEWARD_SLACK__API_BASE"] = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bot.cli", *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=180,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr[-2000:]
    return done.stdout + done.stderr


def test_no_secret_is_in_any_file_or_output(tmp_path: Path) -> None:
    home = tmp_path / "home"
    said = [
        steward(home, "chat", "--once", "note: the canary sings at dawn"),
        steward(home, "chat", "--once", "remind me tomorrow at 9 to feed the canary"),
        steward(home, "chat", "--once", "/why"),
        steward(home, "doctor"),
    ]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()]
    written = {path: path.read_bytes() for path in files}
    assert any(b"canary sings at dawn" in body for body in written.values()), "the run did write"
    for name, secret in CANARIES.items():
        for form in (secret, b64encode(secret.encode()).decode().rstrip("=")):
            holders = [str(p.relative_to(tmp_path)) for p, body in written.items() if form.encode() in body]
            assert not holders, f"{name} lies in {holders}"
            assert not any(form in text for text in said), f"{name} was printed"


def test_nobody_else_may_enter_the_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    steward(home, "chat", "--once", "note: private")
    assert stat.S_IMODE(home.stat().st_mode) & 0o077 == 0
