"""The demo is no film: played ten times faster, the calendar file holds the event and then holds it no more."""

from __future__ import annotations

import io
import os
import tempfile

import pytest
from rich.console import Console

from bot.cli.play import Play, demo, event_lines
from bot.stage import NAME

pytestmark = pytest.mark.integration


async def test_a_morning_at_high_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="own-") as folder:  # a short path, and nobody else's stage in it
        monkeypatch.setattr(tempfile, "tempdir", folder)
        await _a_morning()
        assert not [name for name in os.listdir(folder) if name.startswith(NAME)], "the throw-away home is gone"


async def _a_morning() -> None:
    out = io.StringIO()
    play = Play(500, Console(file=out, width=80, highlight=False))
    assert await play.run() == 0, out.getvalue()
    approved, undone = play.calendars
    assert "SUMMARY:Meeting with Dr Weber" in approved
    assert approved.count("BEGIN:VEVENT") == 5
    starts = [line for line in event_lines(approved, "Weber") if line.startswith("DTSTART")]
    assert starts
    assert starts != [line for line in event_lines(approved, "Basel") if line.startswith("DTSTART")], (
        "not on the conflict"
    )
    assert "Weber" not in undone
    assert undone.count("BEGIN:VEVENT") == 4
    said = " ".join(out.getvalue().split())
    for wanted in ("Team breakfast", "is taken", "Call with Basel", "Undone.", "Source: notes/", "The ledger holds"):
        assert wanted in said


def test_a_speed_that_is_none_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo(0) == 2
    assert "above 0" in capsys.readouterr().out
