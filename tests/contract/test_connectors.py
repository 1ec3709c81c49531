"""What every store-like connector promises: once per key, nothing half written, no change behind another's back."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphs.connectors.base import locked
from graphs.connectors.ics import IcsCalendar
from graphs.tools.base import Arguments, Receipt, Tool, ToolLater, ToolTrouble
from tests.contract.connector_rigs import RIGS, ZONE, Rig

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=RIGS)
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    return Rig(request.param, tmp_path)


async def undo(rig: Rig, tool: Tool, arguments: Arguments, receipt: Receipt) -> tuple[Tool, Arguments]:
    """Run the compensating call; returns it, so that it can be run again."""
    assert tool.undo is not None
    back = tool.undo(arguments, receipt)
    assert back is not None
    await rig.run(back.tool, back.arguments, "undo")
    return rig.tools[back.tool], back.arguments


async def test_what_is_created_can_be_read(rig: Rig) -> None:
    await rig.create()
    assert await rig.titles() == ["Lunch with Ada"]


async def test_the_same_key_again_changes_nothing_and_answers_alike(rig: Rig) -> None:
    _, arguments, receipt = await rig.create()
    before = rig.snapshot()
    _, _, again = await rig.create()
    assert again == receipt
    assert rig.snapshot() == before
    assert len(rig.files()) == 1
    assert json.loads(json.dumps([receipt, arguments])) == [receipt, arguments]


async def test_two_keys_make_two_things_even_with_one_title(rig: Rig) -> None:
    await rig.create("k1")
    await rig.create("k2")
    assert await rig.titles() == ["Lunch with Ada", "Lunch with Ada"]


async def test_a_change_is_done_once_and_answers_alike(rig: Rig) -> None:
    _, _, receipt = await rig.create()
    tool, arguments = await rig.changing(receipt)
    first = await tool.run(arguments, "c")
    after = rig.snapshot()
    assert await tool.run(arguments, "c") == first
    assert rig.snapshot() == after


async def test_undo_of_a_change_brings_every_byte_back(rig: Rig) -> None:
    _, _, receipt = await rig.create()
    before = rig.snapshot()
    tool, arguments = await rig.changing(receipt)
    back, with_arguments = await undo(rig, tool, arguments, await tool.run(arguments, "c"))
    assert rig.snapshot() == before
    await back.run(with_arguments, "undo")
    assert rig.snapshot() == before


async def test_undo_of_a_creation_leaves_nothing_and_may_be_repeated(rig: Rig) -> None:
    tool, arguments, receipt = await rig.create()
    back, with_arguments = await undo(rig, tool, arguments, receipt)
    assert await rig.titles() == []
    await back.run(with_arguments, "undo")
    assert await rig.titles() == []


async def test_a_deletion_can_be_undone_byte_for_byte(rig: Rig) -> None:
    _, _, receipt = await rig.create()
    before = rig.snapshot()
    tool, arguments = await rig.deleting(receipt)
    done = await tool.run(arguments, "d")
    assert await rig.titles() == []
    assert await tool.run(arguments, "d") == done
    await undo(rig, tool, arguments, done)
    assert rig.snapshot() == before


async def test_what_another_program_changed_is_neither_deleted_nor_undone(rig: Rig) -> None:
    made, with_arguments, receipt = await rig.create()
    delete, arguments = await rig.deleting(receipt)
    rig.meddle()
    theirs = rig.snapshot()
    with pytest.raises(ToolTrouble, match="changed"):
        await delete.run(arguments, "d")
    with pytest.raises(ToolTrouble, match="changed"):
        await undo(rig, made, with_arguments, receipt)
    assert rig.snapshot() == theirs


async def test_a_change_of_what_has_gone_says_so(rig: Rig) -> None:
    _, _, receipt = await rig.create()
    tool, arguments = await rig.changing(receipt)
    rig.vanish()
    with pytest.raises(ToolTrouble, match=r"no longer|any more"):
        await tool.run(arguments, "c")
    assert rig.files() == []


async def test_something_else_in_its_place_is_left_untouched(rig: Rig) -> None:
    rig.damage()
    there = rig.path.read_bytes()
    with pytest.raises(ToolTrouble) as told:
        await rig.create()
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 200
    assert rig.path.read_bytes() == there


async def test_no_temporary_file_stays(rig: Rig) -> None:
    _, _, receipt = await rig.create()
    tool, arguments = await rig.changing(receipt)
    await tool.run(arguments, "c")
    assert rig.temporary() == []


async def test_reading_makes_no_file(rig: Rig) -> None:
    assert await rig.titles() == []
    assert list(rig.home.iterdir()) == []


async def test_every_card_and_receipt_is_a_sentence(rig: Rig) -> None:
    tool, arguments, receipt = await rig.create(title="Lunch *with* [Ada](http://x) _and_ `Bob`")
    for text in (tool.render(arguments), tool.report(arguments, receipt)):
        assert r"\*with\*" in text
        assert "](http" not in text.replace(r"\]", "")
    assert tool.undo_note(arguments)


# ── the world takes something away ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def open_home() -> Iterator[Path]:
    """A folder that a process without rights can reach (pytest's own are closed to others)."""
    home = Path(tempfile.mkdtemp(prefix="steward-"))
    home.chmod(0o755)
    yield home
    home.chmod(0o755)
    shutil.rmtree(home)


def child(store: str, path: Path, key: str, *rest: str) -> dict[str, str]:
    command = [sys.executable, "-m", "tests.contract.connector_child", store, str(path), key, *rest]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return answer


async def test_a_read_only_folder_is_told_in_a_sentence(rig: Rig, open_home: Path) -> None:
    rig = Rig(rig.store, open_home)
    await rig.create()
    folder = rig.path if rig.holds_notes else rig.home
    folder.chmod(0o555)
    before = rig.snapshot()
    answer = child(rig.store, rig.path, "k9", "readonly")
    assert "read-only" in answer["trouble"]
    folder.chmod(0o755)
    assert rig.snapshot() == before
    assert rig.temporary() == []


async def test_without_room_nothing_is_half_written(rig: Rig) -> None:
    """The kernel refuses the bytes in the middle of the file (RLIMIT_FSIZE)."""
    await rig.create()
    before = rig.snapshot()
    answer = child(rig.store, rig.path, "k9", "small", "4000")
    assert "nothing was written" in answer["trouble"] or "not written" in answer["trouble"]
    assert rig.snapshot() == before
    assert rig.temporary() == []


SMALL_DISK = """
mount -t tmpfs -o size=32k none "$1" && mkdir "$1/notes" && head -c 24000 /dev/zero > "$1/filler" || exit 77
disk=$1; shift; "$@"; code=$?; ls -A "$disk" "$disk/notes" >&2; exit $code
"""


def child_on_a_full_disk(store: str, disk: Path) -> tuple[dict[str, str], str]:
    """What a write says on a nearly full disk of its own (32 KB, tmpfs in a mount namespace), and what lies there after."""
    disk.mkdir()
    path = disk / ("notes" if store != "ics" else "calendar.ics")
    alone = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", SMALL_DISK, "sh", str(disk)]
    command = [*alone, sys.executable, "-m", "tests.contract.connector_child", store, str(path), "k9"]
    if shutil.which("unshare") is None:
        pytest.skip("no `unshare` here, so there is no small disk to fill")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    if not done.stdout:
        pytest.skip(f"this machine gives no small disk to fill: {done.stderr.strip()[-200:]}")
    return json.loads(done.stdout), done.stderr


def killed_child(rig: Rig, key: str, pause: float) -> int:
    """How many writes a process answered before it was killed."""
    command = [sys.executable, "-m", "tests.contract.connector_child", rig.store, str(rig.path), key, "many", "2000"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        answers = [json.loads(line) for line in [first, *process.stdout] if line.endswith(b"\n")]
    return len([answer for answer in answers if "ok" in answer])


def children_together(rig: Rig, number: int, each: int) -> list[dict[str, str]]:
    head = [sys.executable, "-m", "tests.contract.connector_child", rig.store, str(rig.path)]
    commands = [[*head, f"w{n}-", "many", str(each)] for n in range(number)]
    running = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for command in commands]
    return [json.loads(line) for process in running for line in process.communicate(timeout=180)[0].splitlines()]


async def test_a_full_disk_is_told_and_leaves_nothing(rig: Rig) -> None:
    answer, left = child_on_a_full_disk(rig.store, rig.home / "disk")
    assert "disk is full" in answer["trouble"]
    assert ".tmp" not in left
    assert ".md" not in left
    assert ".age" not in left
    assert "\ncalendar.ics" not in left


async def test_killed_in_the_middle_the_store_is_whole(rig: Rig) -> None:
    """kill -9 at some instant of many writes: what was answered is there, the rest is there whole or not at all."""
    answered = 0
    for pause in (0.02, 0.05, 0.11):
        answered += killed_child(rig, f"p{pause}-", pause)
        assert len(await rig.titles()) >= answered > 0


async def test_many_processes_at_once_lose_nothing(rig: Rig) -> None:
    said = children_together(rig, 4, each=6)
    assert [answer for answer in said if "ok" not in answer] == []
    assert len(set(await rig.titles())) == 24
    assert len(rig.files()) == (24 if rig.holds_notes else 1)


async def test_a_held_lock_is_later_and_changes_nothing(tmp_path: Path) -> None:
    rig = Rig("ics", tmp_path)
    await rig.create()
    before = rig.snapshot()
    event = IcsCalendar(rig.path, ZONE, wait_s=0.05)
    with locked(rig.path.resolve(), 0), pytest.raises(ToolLater, match="in use"):
        event.restore("someone", before="", state="x")
    assert rig.snapshot() == before


@pytest.mark.skipif(os.name != "posix", reason="signals and rights as POSIX knows them")
async def test_old_leftovers_of_a_killed_process_are_swept(tmp_path: Path) -> None:
    rig = Rig("vault", tmp_path)
    rig.path.mkdir()
    old, fresh = rig.path / ".steward-old.tmp", rig.path / ".steward-fresh.tmp"
    old.write_bytes(b"half")
    fresh.write_bytes(b"half")
    os.utime(old, (1, 1))
    await rig.create()
    assert rig.temporary() == [fresh]
