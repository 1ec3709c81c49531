"""`kill -9` of the whole of Steward at every step of a turn: each moment is seen from outside, then everything is counted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.talk import Talk
from tests.fakes.steward_process import StewardProcess, TelegramProcess, steward_process, telegram_process

pytestmark = pytest.mark.integration

SOAK = bool(os.environ.get("STEWARD_SOAK"))

Seen = Callable[[StewardProcess, TelegramProcess], int]


def rows(query: str) -> Seen:
    return lambda steward, _telegram: steward.count(query)


def server(method: str) -> Seen:
    return lambda _steward, telegram: len(telegram.calls(method))


def files(steward: StewardProcess, _telegram: TelegramProcess) -> int:
    return len(steward.notes())


def events(steward: StewardProcess, _telegram: TelegramProcess) -> int:
    return len(steward.events())


# Each step: what is said, and what has grown when the moment has come.
STEPS: dict[str, tuple[str, Seen]] = {
    "1 note: delivery stored": ("note", rows("delivery")),
    "2 note: turn begun": ("note", rows("turn")),
    "3 note: effect in the outbox": ("note", rows("effect")),
    "4 note: file written": ("note", files),
    "5 note: effect done": ("note", rows("effect WHERE state='done'")),
    "6 note: answer in the outbox": ("note", rows("message")),
    "7 note: answer at the server": ("note", server("sendMessage")),
    "8 note: answer's receipt stored": ("note", rows("message WHERE state='sent'")),
    "9 card: card opened": ("lunch", rows("card")),
    "10 card: card at the server": ("lunch", server("sendMessage")),
    "11 card: copy known": ("lunch", rows("card_copy")),
    "12 card: turn parked": ("lunch", rows("turn WHERE state='waiting'")),
    "13 press: delivery stored": ("approve", rows("delivery")),
    "14 press: decided, effect in the outbox": ("approve", rows("proposal WHERE state='approved'")),
    "15 press: event in the file": ("approve", events),
    "16 press: effect done": ("approve", rows("effect WHERE state='done'")),
    "17 press: notice at the server": ("approve", server("answerCallbackQuery")),
    "18 press: card changed at the server": ("approve", server("editMessageText")),
    "19 press: answer in the outbox": ("approve", rows("message WHERE key LIKE '%/answer'")),
    "20 press: answer at the server": ("approve", server("sendMessage")),
    "21 undo: effect in the outbox": ("undo", rows("effect")),
    "22 undo: effect done": ("undo", rows("effect WHERE state='done'")),
    "23 undo: receipt at the server": ("undo", server("sendMessage")),
}  # fmt: skip
PAUSES = [name for name in STEPS if name.split()[0] in ("9", "12", "14", "16", "20")]
"""The steps at which the store for paused turns matters: all that Redis gets without STEWARD_SOAK."""


def test_killed_at_every_step_everything_happens_once(tmp_path: Path, checkpoints: dict[str, str]) -> None:
    chosen = list(STEPS) if SOAK or not checkpoints else PAUSES
    with (
        telegram_process(tmp_path) as telegram,
        steward_process(tmp_path / "home", telegram.url, more=checkpoints) as steward,
    ):
        talk = Talk(telegram, steward)
        talk.note()
        talk.lunch()
        steward.settled(telegram)
        for step in chosen:
            action, seen = STEPS[step]
            _make_ready(talk, action)
            before = seen(steward, telegram)
            _do(talk, action)
            steward.until(lambda seen=seen, before=before: seen(steward, telegram) > before, step, every=0)
            steward.kill()
            steward.start()
            steward.settled(telegram)
            try:
                talk.check()
            except AssertionError as error:
                raise AssertionError(f"after a kill at “{step}”: {error}") from None


def _make_ready(talk: Talk, action: str) -> None:
    """What the action needs: an open card, or a receipt that can be undone."""
    if action == "approve" and not talk.undecided():
        talk.lunch()
        talk.steward.settled(talk.telegram)
    if action == "undo" and not talk.undoable():
        talk.approve((talk.undecided() or [talk.lunch()])[0])
        talk.steward.settled(talk.telegram)


def _do(talk: Talk, action: str) -> None:
    if action == "note":
        talk.note()
    elif action == "lunch":
        talk.lunch()
    elif action == "approve":
        talk.approve(talk.undecided()[0])
    else:
        talk.undo(talk.undoable()[0])


@pytest.mark.parametrize("action", ["note", "approve"])
def test_killed_while_the_server_has_taken_an_answer_and_not_yet_said_so(tmp_path: Path, action: str) -> None:
    with telegram_process(tmp_path) as telegram, steward_process(tmp_path / "home", telegram.url) as steward:
        talk = Talk(telegram, steward)
        talk.lunch()
        steward.settled(telegram)
        telegram.do("delay", method="sendMessage", seconds=1.0)
        before = len(telegram.calls("sendMessage"))
        _do(talk, action)
        steward.until(lambda: len(telegram.calls("sendMessage")) > before, "the answer arrives", every=0)
        time.sleep(0.05)
        steward.kill()
        telegram.do("delay", method="sendMessage", seconds=0)
        steward.start()
        steward.settled(telegram)
        talk.check()
