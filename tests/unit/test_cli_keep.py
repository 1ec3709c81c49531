"""Backups and policy from the shell: keys shown once, everything else a sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.cli import keep, policy
from bot.cli.serve import CliTrouble


@pytest.fixture
def home(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "a.md").write_text("a note")
    shutil.copy(empty_database, folder / "steward.db")
    monkeypatch.setenv("STEWARD_HOME", str(folder))
    return folder


def test_a_backup_is_made_proved_and_restored_with_the_key_that_was_shown_once(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CliTrouble, match="backup --new"):
        keep.backup(str(tmp_path / "x.age"), "")
    keep.new_key()
    key = tmp_path / "key"
    key.write_text(capsys.readouterr().out)
    assert "AGE-SECRET-KEY-" not in "".join(p.read_text(errors="replace") for p in home.rglob("*") if p.is_file())
    assert keep.backup(str(tmp_path / "x.age"), "") == 0
    assert keep.restore(str(tmp_path / "x.age"), key, only_check=True) == 0
    with pytest.raises(CliTrouble, match="not empty"):
        keep.restore(str(tmp_path / "x.age"), key, only_check=False)
    monkeypatch.setenv("STEWARD_HOME", str(tmp_path / "other"))
    assert keep.restore(str(tmp_path / "x.age"), key, only_check=False) == 0
    assert (tmp_path / "other" / "notes" / "a.md").read_text() == "a note"
    with pytest.raises(CliTrouble, match="cannot be read"):
        keep.restore(str(tmp_path / "x.age"), tmp_path / "gone", only_check=True)


def test_the_shipped_policy_is_sound_and_a_broken_one_is_named(tmp_path: Path) -> None:
    assert policy.check([], as_json=False) == policy.test([], as_json=False) == 0
    broken = tmp_path / "mine.rego"
    broken.write_text("package steward.packages.mine\nallow {\n")
    assert policy.check([broken], as_json=False) == 1
    with pytest.raises(CliTrouble):
        policy.test([tmp_path / "gone.toml"], as_json=False)
