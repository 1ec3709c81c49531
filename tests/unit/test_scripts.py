"""`./steward` and `./check`: a newcomer gets one clear sentence or a working program, never half of one."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.waiting import PATIENCE_S

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ["steward", "check", "scripts/venv.sh"]
TOOLS = ["sh", "dirname", "readlink", "cmp", "cat", "date", "sleep", "tail", "cp", "rm", "mkdir", "ln", "find", "grep"]

STUB_CLI = 'import os, sys\nprint("cli", os.getcwd(), sys.argv[1:])\n'
STUB_PREPARE = 'import sys\nprint("No weights today.", file=sys.stderr)\nsys.exit(3)\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The scripts in a folder whose name has a space, with a stub of the program and nothing to install."""
    folder = tmp_path / "a clone"
    for name in SCRIPTS:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    for package in ("bot", "channels", "graphs", "knowledge", "knowledge/embedding"):
        (folder / package).mkdir()
        (folder / package / "__init__.py").touch()
    (folder / "bot/cli.py").write_text(STUB_CLI)
    (folder / "knowledge/embedding/prepare.py").write_text(STUB_PREPARE)
    (folder / "requirements.lock").write_text("# nothing\n")
    return folder


def path_with(folder: Path, **programs: str) -> dict[str, str]:
    """An environment whose PATH holds the tools of a bare Debian and these programs only."""
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(shutil.which(tool) or pytest.skip(f"no {tool} here"))
    for name, body in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    return {"PATH": str(folder)}


def start(
    clone: Path, *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    command = [str(clone / "steward"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=cwd, timeout=120)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("shell", ["sh", "dash"])
def test_scripts_are_plain_posix_shell(script: str, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    assert subprocess.run([shell, "-n", str(ROOT / script)], capture_output=True, text=True, check=False).stderr == ""
    assert os.access(ROOT / script, os.X_OK)


def test_ci_runs_check_and_nothing_else() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    assert lines[0] == "#!/usr/bin/env bash"
    assert lines[-1] == 'exec ./check "$@"'
    assert os.access(ROOT / ".ci/run", os.X_OK)


def test_without_python_it_names_the_package(clone: Path, tmp_path: Path) -> None:
    done = start(clone, env=path_with(tmp_path / "bin"))
    assert done.returncode == 1
    assert "no python3 here" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_with_an_old_python_it_names_the_package(clone: Path, tmp_path: Path) -> None:
    done = start(clone, env=path_with(tmp_path / "bin", python3="exit 1"))
    assert done.returncode == 1
    assert "3.11 or newer" in done.stderr
    assert "python3.11-venv" in done.stderr


def test_without_the_venv_package_it_names_it(clone: Path, tmp_path: Path) -> None:
    python = f'case "$*" in *ensurepip*) exit 1 ;; *realpath*) echo "$0" ;; *) exec {sys.executable} "$@" ;; esac'
    done = start(clone, env=path_with(tmp_path / "bin", python3=python))
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_a_failed_step_says_which_and_where_the_log_is(clone: Path, tmp_path: Path) -> None:
    cases = '*--clear*) echo disk full; exit 1 ;; *realpath*) echo "$0" ;;'
    python = f'case "$*" in {cases} *) exec {sys.executable} "$@" ;; esac'
    done = start(clone, env=path_with(tmp_path / "bin", python3=python))
    assert done.returncode == 1
    assert "the environment could not be made" in done.stderr
    assert "disk full" in done.stderr
    assert not (clone / ".venv/set-up/requirements.lock").exists()


def test_check_refuses_an_unknown_option() -> None:
    done = subprocess.run([str(ROOT / "check"), "--slow"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_locks_pin_everything_by_hash_and_name_no_place() -> None:
    for name in (
        "requirements.lock",
        "requirements-dev.lock",
        "knowledge/embedding/prepare.lock",
        "tests/evals/agentdojo/suites.lock",
    ):
        lines = (ROOT / name).read_text().splitlines()
        names = [line for line in lines if line and not line.startswith((" ", "#"))]
        assert names
        assert all("==" in line and line.endswith("\\") for line in names)
        assert not [line for line in lines if "://" in line or line.startswith("-")]
        assert not [line for line in names if line.startswith(("torch", "nvidia", "sentence-transformers"))]


@pytest.mark.integration
def test_the_life_of_a_clone(clone: Path, tmp_path: Path) -> None:
    first = start(clone, "chat", "--once", "a b", cwd=tmp_path)
    assert first.stdout == f"cli {tmp_path} ['chat', '--once', 'a b']\n", first.stderr
    assert "Setting Steward up" in first.stderr
    assert "No weights today. Search goes by words alone" in first.stderr

    (tmp_path / "bot").mkdir()
    (tmp_path / "bot/__init__.py").write_text("raise SystemExit('a stranger was imported')")
    (tmp_path / "link").symlink_to(clone / "steward")
    command = [str(tmp_path / "link"), "x"]
    again = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert again.stdout == f"cli {tmp_path} ['x']\n"
    assert again.stderr == ""

    (clone / "requirements.lock").write_text("# still nothing\n")
    assert "Updating" in start(clone).stderr
    assert start(clone).stderr == ""

    moved = clone.rename(tmp_path / "moved")
    assert start(moved).stdout.startswith("cli ")


@pytest.mark.integration
def test_an_interrupted_set_up_is_done_again_and_two_first_starts_make_one(clone: Path) -> None:
    killed = subprocess.Popen([str(clone / "steward")], stderr=subprocess.DEVNULL, start_new_session=True)
    ends = time.monotonic() + PATIENCE_S
    while not (clone / ".venv/bin/python").exists():
        assert time.monotonic() < ends, "no environment was begun"
        time.sleep(0.02)
    os.killpg(killed.pid, 9)
    killed.wait()
    assert not (clone / ".venv/set-up/requirements.lock").exists()

    folder = os.open(clone, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)  # a third start is at it: so both are surely there at the same time
    starts = [
        subprocess.Popen([str(clone / "steward"), str(n)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for n in range(2)
    ]
    waits = [process.stderr.readline() for process in starts if process.stderr is not None]
    os.close(folder)
    said = [process.communicate(timeout=120) for process in starts]
    assert ["waiting for it" in line for line in waits] == [True, True]
    assert [process.returncode for process in starts] == [0, 0]
    assert [out.startswith("cli") for out, _ in said] == [True, True]
    assert sum("Making .venv" in err for _, err in said) == 1
