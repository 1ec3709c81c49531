"""steward.toml is written for one reader, the doctor names the next step, and a token is checked before it is kept."""

from __future__ import annotations

import sqlite3
import tomllib
from pathlib import Path

import pytest

from bot.cli.doctor import findings
from bot.cli.setup import bot_name, init
from bot.home import HomeTrouble
from bot.toml_file import merged, read_toml, write_toml
from knowledge.database.migrate import ensure
from tests.fakes.telegram_api import TOKEN, FakeTelegram


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    tables = {"zone": "Europe/Zurich", "telegram": {"token": 'a"b\\c\né'}, "http": {"port": 8080}, "odd key": True}
    file = tmp_path / "home" / "steward.toml"
    write_toml(file, tables)
    assert read_toml(file) == tables
    assert file.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in file.parent.iterdir()] == ["steward.toml"]


def test_a_change_keeps_what_stood_there() -> None:
    old = {"zone": "UTC", "telegram": {"token": "1:a", "mode": "webhook"}}
    assert merged(old, {"telegram": {"token": "2:b"}}) == {
        "zone": "UTC",
        "telegram": {"token": "2:b", "mode": "webhook"},
    }


def test_a_broken_file_is_a_sentence_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "steward.toml"
    file.write_text("zone = ")
    with pytest.raises(HomeTrouble, match="is not TOML"):
        read_toml(file)
    assert file.read_text() == "zone = "


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("STEWARD_HOME", str(home))
    monkeypatch.delenv("STEWARD_TELEGRAM__TOKEN", raising=False)
    return home


def write(path: Path, text: str) -> None:
    """A file that everybody may read."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)


async def wrong(home: Path) -> dict[str, str]:
    """What the doctor finds wrong → the next step."""
    return {f.what: f.next_step for f in await findings() if not f.ok}


async def test_an_empty_home_is_well(home: Path) -> None:
    troubles = {what for what in await wrong(home) if "model for meaning" not in what}
    assert not troubles


async def test_a_home_that_is_a_file_is_all_the_doctor_says(home: Path) -> None:
    write(home, "")
    (only,) = await findings()
    assert not only.ok
    assert "not a folder" in only.what


async def test_a_changed_ledger_is_found(home: Path) -> None:
    ensure(home / "steward.db")
    with sqlite3.connect(home / "steward.db") as db:
        row = (1, 1, "principal", "command.help", "console:local", "t1", "", "0" * 64, "f" * 64)
        db.execute(
            "INSERT INTO ledger(seq, at, who, what, why, ref, seal, previous, hash) VALUES(?,?,?,?,?,?,?,?,?)", row
        )
    db.close()
    assert any("ledger does not hold" in what for what in await wrong(home))


async def test_a_token_that_others_can_read_is_found(home: Path) -> None:
    write(home / "steward.toml", 'zone = "UTC"\n')
    assert any(step.startswith("chmod 600") for step in (await wrong(home)).values())


async def test_an_unknown_zone_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_ZONE", "Mars/Base")
    assert any("Mars/Base" in what for what in await wrong(home))


async def test_every_finding_that_is_not_well_names_a_step(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_MODELS__FAST", "gpt")
    assert all(step for step in (await wrong(home)).values())


async def test_telegram_says_whether_it_knows_the_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeTelegram() as telegram:
        name, trouble = await bot_name(telegram.url, TOKEN)
        assert (name, trouble) == ("steward_test_bot", "")
        name, trouble = await bot_name(telegram.url, "1:wrong")
        assert not name
        assert "does not know this token" in trouble
        monkeypatch.setenv("STEWARD_TELEGRAM__TOKEN", "1:wrong")
        monkeypatch.setenv("STEWARD_TELEGRAM__API_BASE", telegram.url)
        assert any("bot token" in what for what in await wrong(home))
    name, trouble = await bot_name(telegram.url, TOKEN)
    assert not name
    assert "did not answer" in trouble
    assert TOKEN not in trouble


def test_without_a_terminal_init_says_what_to_set(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init() == 0
    said = capsys.readouterr().out
    assert "STEWARD_TELEGRAM__TOKEN" in said
    example = said.split("(mode 0600):")[1].split("Then")[0]
    assert set(tomllib.loads("\n".join(line.strip() for line in example.splitlines()))) == {"zone", "telegram"}
    assert not home.exists()
