"""The bench runs whole on a tiny scale and tells every figure; no speed is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bot.bench.processes import environment
from knowledge.bench_recall import KEYS

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]


def bench(*words: str) -> dict[str, object]:
    command = [sys.executable, "-P", "-m", "bot.cli", "bench", *words, "--json"]
    ran = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=500)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, object] = json.loads(ran.stdout)
    return found


def test_the_bench_of_a_turn_tells_every_figure() -> None:
    found = bench("turn", "--turns", "4", "--warmup", "1", "--chunks", "50", "--grow", "5", "--idle", "0.3")
    numbers = (
        "turn_ms", "bare_turn_ms", "trust_ms", "turn_p95_ms", "model_turn_ms", "commits_per_turn", "echo_ms", "ratio_to_echo",
        "typing_ms", "ready_s", "wake_s", "idle_pss_mb", "idle_cpu_percent", "awake_pss_mb", "grown_pss_mb", "help_s",
    )  # fmt: skip
    assert {name: type(found[name]) for name in numbers} == dict.fromkeys(numbers, float)
    assert (found["lost"], found["unexpected"], found["model_calls_per_turn"], found["cut"]) == (0, 0, 1.0, False)
    assert found["unused_imported"] == []
    wanted = found["wanted"]
    assert isinstance(wanted, dict)
    assert wanted["turn_ms"]["most"] == 60


def test_the_program_without_policy_runs_on_nothing_but_a_home_of_the_bench(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "bot.bench.bare", "run"]
    loopback = "http://127.0.0.1:9"
    for base, mark in (("https://api.telegram.org", True), (loopback, False), ("", False)):
        if mark:
            (tmp_path / ".bench").touch()
        else:
            (tmp_path / ".bench").unlink(missing_ok=True)
        env = environment(STEWARD_HOME=str(tmp_path), STEWARD_TELEGRAM__API_BASE=base, STEWARD_TELEGRAM__TOKEN="1:x")
        ran = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "throw-away home of the bench" in ran.stderr
    named = [
        file for package in ("bot", "channels", "graphs", "knowledge") for file in (ROOT / package).rglob("*.py")
        if "bench.bare" in file.read_text() and file.parent.name != "bench"
    ]  # fmt: skip
    assert named == []


def test_a_bench_that_takes_too_long_tells_what_it_has() -> None:
    found = bench("turn", "--turns", "5000", "--chunks", "0", "--limit", "10")
    assert found["cut"] is True


def test_the_bench_of_acknowledging_loses_nothing_and_tells_the_bare_handler_beside() -> None:
    found = bench("ack", "--seconds", "3", "--rate", "20")
    assert (found["lost"], found["twice"], found["unacknowledged"], found["over_3s"]) == (0, 0, 0, 0)
    assert isinstance(found["sent"], int)
    assert found["sent"] >= 40
    assert {type(found[name]) for name in ("ack_p99_ms", "bare_p99_ms", "busy_percent")} == {float}


def test_the_bench_of_recall_has_the_agreed_keys(tmp_path: Path) -> None:
    said = ("The boiler is on the third floor.", "Lunch is at one.", "Bring the blue file.")
    turns = [{"id": f"t{n}", "speaker": "Ada", "when": f"2026-11-20T09:{n:02}", "text": t} for n, t in enumerate(said)]
    line = {"id": "m1", "turns": turns, "questions": [{"text": "where is the boiler", "gold": ["t0"], "category": "1"}]}
    file = tmp_path / "set.jsonl"
    file.write_text(json.dumps(line))
    found = bench("recall", str(file))
    assert set(KEYS) <= set(found)
    assert found["hit@5"] == 100
