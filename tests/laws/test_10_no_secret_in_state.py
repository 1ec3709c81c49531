"""Law 10. No secret in state: tokens never reach a file of the home, a checkpoint, the ledger or a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.steward_process import NEXT_YEAR, steward_process, telegram_process
from tests.fakes.telegram_api import TOKEN
from tests.fakes.waiting import read_all

pytestmark = pytest.mark.slow

CANARIES = {
    "STEWARD_TELEGRAM__SECRET": "canary-telegram-secret-8812",
    "STEWARD_MODELS__API_KEY": "sk-canary-model-key-00112233445566",
    "STEWARD_QDRANT__API_KEY": "canary-qdrant-key-4471",
    "STEWARD_EMBEDDINGS__API_KEY": "canary-embeddings-key-9934",
}


@pytest.mark.integration
def test_canary_tokens_are_found_nowhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    more = {**CANARIES, "STEWARD_LOG": "debug"}
    with telegram_process(tmp_path / "outside") as telegram, steward_process(home, telegram.url, more=more) as steward:
        telegram.do("text", text="note: hello")
        telegram.do("fail", method="sendMessage", times=2, status=500)
        telegram.do("text", text=f"lunch with Ada on {NEXT_YEAR}-01-05 at 12:30")
        telegram.do("text", text="/status")
        telegram.do("text", text="/failures")
        telegram.do("text", text="/xyzzy")
        steward.settled(telegram)
        telegram.do("press", label="Approve")
        steward.settled(telegram)
        telegram.do("fail", method="getUpdates", times=2, status=500)
        telegram.do("text", text="note: after trouble")
        steward.until(lambda: telegram.sent("after trouble"), "an answer after the trouble")
        steward.settled(telegram)
        looked = _look(home, steward.output)
        said = "\n".join(telegram.sent())
        assert steward.stop() == 0
        looked += _look(home, steward.output)
    assert looked > 10
    for secret in (TOKEN, *CANARIES.values()):
        assert secret not in said


def _look(home: Path, log: Path) -> int:
    """How many files were searched; fails at the first that holds a secret."""
    found = read_all(home) | {log: log.read_bytes()}
    for path, body in found.items():
        for secret in (TOKEN, TOKEN.partition(":")[2], *CANARIES.values()):
            assert secret.encode() not in body, f"{path.name} holds a secret"
    return len(found)
