"""The chat as it is used: a real process on a real terminal, with keys typed and the screen read."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_ESCAPES = re.compile(r"\x1b\[[0-9;?>=]*[a-zA-Z]|\x1b[()][A-Z0-9]|\x1b\][^\x07]*\x07|\x1b[=>]|\x07")

pytestmark = pytest.mark.integration


def environment(home: Path, **more: str) -> dict[str, str]:
    kept = {n: v for n, v in os.environ.items() if not n.startswith("STEWARD_")}
    return {**kept, "STEWARD_HOME": str(home), "TZ": "Europe/Zurich", "TERM": "xterm-256color", **more}


class Terminal:
    """`steward` on a pseudo-terminal of 90 columns."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home, self.text, self._seen = home, "", 0
        self._master, slave = pty.openpty()
        import fcntl
        import struct
        import termios

        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bot.cli"],
            cwd=ROOT,
            env=environment(home, NO_COLOR="1", **more),
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            # without a controlling terminal Ctrl-C would be a letter while the chat prints, and no signal
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 (no threads here)
        )
        os.close(slave)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def say(self, line: str) -> None:
        self.type(line)
        time.sleep(0.2)
        self.type("\r")

    def sees(self, wanted: str, timeout_s: float = 120.0) -> None:
        """Wait until `wanted` is on the screen, after what was seen before."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            at = self._words().find(wanted, self._seen)
            if at >= 0:
                self._seen = at + len(wanted)
                return
            if not self._read(0.1) and self.process.poll() is not None:
                break
        raise AssertionError(f"{wanted!r} never came:\n{self._words()[self._seen :][-3000:]}")

    def seen(self) -> str:
        """Everything on the screen since the last `sees`."""
        self._read(0.5)
        return self._words()[self._seen :]

    def _words(self) -> str:
        return re.sub(r"\s+", " ", _ESCAPES.sub("", self.text)).replace("\u00a0", " ")

    def _read(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], timeout_s)
        if not ready:
            return False
        try:
            new = os.read(self._master, 65536).decode("utf-8", "replace")
            if "\x1b[6n" in new:  # where is the cursor?
                self.type("\x1b[1;1R")
            self.text += new
        except OSError:
            return False
        return True

    def leaves(self) -> int:
        deadline = time.monotonic() + 120
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.1)
        return self.process.wait(1)

    def leaves_by_keys(self, key: str = "\x03") -> int:
        """Ctrl-C or Ctrl-D, as often as a person presses it: one that falls into a moment of printing may be lost."""
        for _ in range(8):
            self.type(key)
            self._read(0.7)
            if self.process.poll() is not None:
                break
        return self.leaves()

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._master)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path / "home")
    yield terminal
    terminal.close()


def events(home: Path) -> int:
    file = home / "calendar.ics"
    return file.read_text().count("BEGIN:VEVENT") if file.exists() else 0


def test_a_newcomer_notes_asks_approves_by_key_and_takes_back(terminal: Terminal) -> None:
    home = terminal.home
    terminal.sees("Nothing leaves the house without your approval")
    terminal.say("note: the accountant prefers mornings")
    terminal.sees("Noted")
    terminal.say("lunch with Ada tomorrow at 12:30")
    terminal.sees("Approval 2")
    terminal.sees("a approve")
    terminal.type("add Ada to the list")
    terminal.sees("add Ada to the list")
    terminal.type("\x15a")  # Ctrl-U takes the line away
    terminal.sees("Enter approve — Approval 2")
    assert events(home) == 0, "a letter alone decides nothing"
    terminal.type("\r")
    terminal.sees("Approved")
    terminal.sees("Created “Lunch with Ada”")
    assert events(home) == 1
    terminal.say("u")
    terminal.sees("Undone.")
    assert events(home) == 0
    assert terminal.leaves_by_keys("\x04") == 0
    assert "Until soon." in terminal.seen()
    history = home / "console-history"
    assert history.stat().st_mode & 0o777 == 0o600
    assert "lunch with Ada" in history.read_text()
    assert "+a\n" not in history.read_text()


def test_a_card_left_open_is_shown_again_and_waits_for_the_next_time(terminal: Terminal) -> None:
    terminal.sees("›")
    terminal.say("lunch with Ada tomorrow at 12:30")
    terminal.sees("Approval 1")
    assert terminal.leaves_by_keys() == 0
    again = Terminal(terminal.home)
    try:
        again.sees("1 open approval")
        again.sees("waiting for your decision")
        again.sees("Lunch with Ada")
        again.sees("›")
        again.type("\x1ba")  # Alt-a, at once
        again.sees("Created “Lunch with Ada”")
        assert again.leaves_by_keys("\x04") == 0
    finally:
        again.close()
    assert events(terminal.home) == 1


def test_a_reminder_is_shown_above_what_is_being_typed(terminal: Terminal) -> None:
    terminal.sees("›")
    terminal.say("remind me in 6 seconds to breathe")
    terminal.sees("I'll remind you")
    terminal.type("note: half a sen")
    terminal.sees("⏰")
    terminal.sees("breathe")
    terminal.say("tence")
    terminal.sees("Noted: “half a sentence”")


def test_a_running_turn_is_stopped_and_the_chat_goes_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls and never answers: a model that hangs
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        models = {"FAST": "openai:silent", "BASE_URL": url, "API_KEY": "none", "TIMEOUT_S": "60"}
        terminal = Terminal(tmp_path / "home", **{f"STEWARD_MODELS__{name}": value for name, value in models.items()})
        try:
            terminal.sees("›")
            terminal.say("please sort out the thing with the garage")
            terminal.sees("Thinking")
            terminal.type("\x03")
            terminal.sees("Stopped (1)")
            terminal.say("/whoami")
            terminal.sees("You are my principal")
            assert terminal.leaves_by_keys("\x04") == 0
        finally:
            terminal.close()


def test_pasted_lines_are_one_message(terminal: Terminal) -> None:
    terminal.sees("›")
    terminal.type("\x1b[200~note: first line\nsecond line\x1b[201~")
    time.sleep(0.3)
    terminal.type("\r")
    terminal.sees("Noted")
    (note,) = (terminal.home / "notes").glob("*.md")
    assert "first line\nsecond line" in note.read_text()


def piped(home: Path, *arguments: str, given: str = "") -> list[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "bot.cli", "chat", *arguments],
        cwd=ROOT,
        env=environment(home),
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_in_pipes_no_card_is_approved_by_default(tmp_path: Path) -> None:
    lines = piped(tmp_path, given="lunch with Ada tomorrow at 12:30\n\n\n")
    assert any("/approve 1" in line for line in lines)
    assert not any("\x1b" in line for line in lines)
    assert events(tmp_path) == 0
    piped(tmp_path, given="/approve 1\n")
    assert events(tmp_path) == 1


def test_a_scripted_session_goes_from_text_to_draft_edit_approval_and_reply(tmp_path: Path) -> None:
    lines = piped(tmp_path, given="lunch with Ada tomorrow at 12:30\nno, make it 3pm\n/approve 1\n")
    said = "\n".join(lines)
    places = [said.index(words) for words in ("12:30", "/approve 1", "15:00", "Created “Lunch with Ada”")]
    assert places == sorted(places)
    assert events(tmp_path) == 1
    assert "T150000" in (tmp_path / "calendar.ics").read_text()


def test_in_pipes_with_json_every_message_is_an_object_and_a_press_is_one(tmp_path: Path) -> None:
    (card,) = (
        json.loads(line) for line in piped(tmp_path, "--json", given='{"text": "lunch with Ada tomorrow at 12:30"}\n')
    )
    assert card["card"] == "c1"
    press = next(b["press"] for b in card["buttons"] if b["label"] == "Approve")
    said = [json.loads(line) for line in piped(tmp_path, "--json", given=json.dumps({"press": press}) + "\n{oops\n")]
    assert any(one.get("error") for one in said)
    assert any("Created" in one.get("text", "") for one in said)
    assert events(tmp_path) == 1
