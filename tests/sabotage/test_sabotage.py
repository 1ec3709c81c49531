"""Every channel case is shown by a test that can fail: the damage is done to a copy, and the test must turn red there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.fakes.telegram_spec import SPECS
from tests.sabotage import Damage, all_channels, console, slack, telegram, whatsapp

ROOT = Path(__file__).resolve().parents[2]
CASES = SPECS.parent / "cases" / "channels.md"
ROOMS = {
    "all": all_channels.DAMAGES, "telegram": telegram.DAMAGES, "slack": slack.DAMAGES, "whatsapp": whatsapp.DAMAGES,
    "console": console.DAMAGES,
}  # fmt: skip
DAMAGES: list[Damage] = [damage for room in ROOMS.values() for damage in room]
SAMPLE = DAMAGES if os.environ.get("STEWARD_SOAK") else DAMAGES[::40]
COMPLETE = ("all", "telegram", "slack", "whatsapp", "console")
"""Rooms of which every case has its damage."""
PATIENCE_S, LIMIT_S = 300.0, 3600.0
"""For one damaged test, and for all of them together."""
_BEGAN = time.monotonic()


def cases(room: str) -> set[str]:
    """The names of a room's cases, counted from the list."""
    rooms = {"All channels": "all"}
    found: set[str] = set()
    checklist, _, tricky = CASES.read_text().partition("## Tricky")
    here, number = "", 0
    for line in checklist.splitlines():
        if line.startswith("- [ ]"):
            number += 1
            found.add(f"{here} {number}")
        elif line.strip() and not line.startswith("#"):
            here, number = rooms.get(line.strip(), line.strip().lower()), 0
    for line in tricky.splitlines():
        if heading := re.fullmatch(r"\*\*(\w+)\*\*", line):
            here = heading[1].lower()
        elif item := re.match(r"(\d+)\. ", line):
            found.add(f"{here} tricky {item[1]}")
    return {case for case in found if case.split()[0] == room}


@pytest.mark.skipif(not CASES.exists(), reason="no ../shared/cases: whether every case has its damage goes unchecked")
@pytest.mark.parametrize("room", COMPLETE)
def test_every_case_has_a_damage(room: str) -> None:
    known = {damage.case for damage in ROOMS[room]}
    assert known == cases(room), f"without a row: {cases(room) - known}; of no case: {known - cases(room)}"


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_the_damaged_words_stand_once_and_the_test_exists(damage: Damage) -> None:
    assert (ROOT / damage.file).read_text().count(damage.before) == 1, f"{damage.file}: {damage.before!r}"
    file, _, function = damage.test.partition("::")
    assert re.search(rf"def {function.partition('[')[0]}\(", (ROOT / file).read_text()), damage.test


def _copy(folder: Path) -> Path:
    """The whole tree by hard links beside the same shared folder; a changed file is written anew, so ours stay."""
    there = folder / "copy"
    there.mkdir(parents=True)
    for part in ROOT.iterdir():
        if part.is_dir() and not part.name.startswith("."):
            shutil.copytree(
                part, there / part.name, copy_function=os.link, ignore=shutil.ignore_patterns("__pycache__")
            )
        elif part.is_file():
            os.link(part, there / part.name)
    if CASES.exists():
        (folder / "shared").symlink_to(SPECS.parent)
    return there


def _run(tree: Path, tests: Sequence[str], patience_s: float) -> tuple[int, str]:
    """Exit code (0 green, 1 red) and the end of what pytest said; the processes that a test starts are the tree's too.

    Out of patience it is interrupted, so that its fixtures end what they started; that counts as neither green nor red.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("STEWARD_", "PYTEST_"))}
    running = subprocess.Popen(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--no-header", *tests],
        cwd=tree, env=kept | {"PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        said, _ = running.communicate(timeout=patience_s)
    except subprocess.TimeoutExpired:
        running.send_signal(signal.SIGINT)
        try:
            said, _ = running.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            running.kill()
            said, _ = running.communicate()
        return -1, f"not done within {patience_s:.0f} s\n{said[-3000:]}"
    return running.returncode, said[-3000:]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to damage; with several workers of pytest each has its own."""
    return _copy(tmp_path_factory.mktemp("sabotage"))


@pytest.fixture(autouse=True)
def _in_time() -> None:
    """The whole run has an end, also where each row takes all of its patience."""
    assert time.monotonic() - _BEGAN < LIMIT_S, (
        f"the run took more than {LIMIT_S / 60:.0f} minutes; the rest was not done"
    )


@pytest.mark.integration
@pytest.mark.parametrize("file", sorted({damage.test.partition("::")[0] for damage in SAMPLE}))
def test_the_tests_of_a_file_pass_while_nothing_is_damaged(file: str, tree: Path) -> None:
    named = sorted({damage.test for damage in SAMPLE if damage.test.startswith(f"{file}::")})
    code, said = _run(tree, named, patience_s=180.0 + 60.0 * len(named))
    assert code == 0, f"without any damage pytest ended with {code}:\n{said}"


def _away(file: Path) -> None:
    """The file, and what Python compiled of it, so that nothing of the one damage is left for the next."""
    file.unlink(missing_ok=True)
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*"):
        compiled.unlink()


@pytest.mark.integration
@pytest.mark.parametrize("damage", SAMPLE, ids=lambda damage: damage.name)
def test_the_damage_turns_its_test_red(damage: Damage, tree: Path) -> None:
    file = tree / damage.file
    whole = file.read_text()
    try:
        _away(file)
        file.write_text(whole.replace(damage.before, damage.after))
        code, said = _run(tree, [damage.test], patience_s=PATIENCE_S)
    finally:
        _away(file)
        os.link(ROOT / damage.file, file)
    assert code == 1, f"with the damage the test ended with {code}:\n{said}"
