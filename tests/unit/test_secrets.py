"""Secrets from sealed files, systemd credentials and the keyring; what is sealed leaves steward.toml; logs say none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import secrets
from bot.cli import sealing
from bot.cli.serve import CliTrouble
from bot.settings import Settings
from knowledge.strongbox import Sealed, seal

TOKEN, PASSPHRASE = "123456789:CANARY-telegram-tokenAAAAAAAAAAAAAAA", "correct horse battery"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    for name in [name for name in os.environ if name.startswith("STEWARD_")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.setenv("STEWARD_HOME", str(folder))
    return folder


def test_every_secret_switch_has_a_name() -> None:
    every = set(secrets.names(Settings))
    assert {"telegram.token", "slack.signing_secret", "models.api_key", "database.key", "whatsapp.auth_token"} <= every


def test_a_systemd_credential_is_read_and_the_environment_wins(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "steward.telegram.token").write_text("from the credential\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert Settings().telegram.token.get_secret_value() == "from the credential"
    assert Settings().telegram.mode == "polling"
    monkeypatch.setenv("STEWARD_TELEGRAM__TOKEN", "from the environment")
    assert Settings().telegram.token.get_secret_value() == "from the environment"


@pytest.mark.integration  # scrypt takes its seconds on purpose
def test_what_is_sealed_leaves_steward_toml_and_opens_with_the_passphrase_alone(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "steward.toml").write_text(f'zone = "Europe/Zurich"\n[telegram]\ntoken = "{TOKEN}"\nmode = "polling"\n')
    with pytest.raises(CliTrouble, match="passphrase"):
        sealing.seal_toml()
    monkeypatch.setenv("STEWARD_PASSPHRASE", PASSPHRASE)
    assert sealing.seal_toml() == 0
    assert all(TOKEN.encode() not in path.read_bytes() for path in home.rglob("*") if path.is_file())
    found = Settings()
    assert (found.telegram.token.get_secret_value(), found.zone) == (TOKEN, "Europe/Zurich")
    assert sealing.list_all(as_json=False) == 0
    told = capsys.readouterr().out
    assert "telegram.token" in told
    assert TOKEN not in told
    monkeypatch.setenv("STEWARD_PASSPHRASE", "wrong")
    with pytest.raises(Sealed, match="passphrase is wrong"):
        Settings()
    monkeypatch.delenv("STEWARD_PASSPHRASE")
    with pytest.raises(Sealed, match="STEWARD_PASSPHRASE"):
        Settings()


@pytest.mark.integration  # scrypt takes its seconds on purpose
def test_a_second_sealing_adds_and_never_loses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEWARD_PASSPHRASE", PASSPHRASE)
    seal(home / secrets.SEALED, {"telegram.token": TOKEN}, PASSPHRASE)
    (home / "steward.toml").write_text('[models]\napi_key = "sk-CANARYmodel000000"\n')
    assert sealing.seal_toml() == 0
    assert secrets.held(Settings()) == {"telegram.token": TOKEN, "models.api_key": "sk-CANARYmodel000000"}


@pytest.mark.parametrize("died", ["raise RuntimeError(told)", "logging.getLogger('x').error('%s', told)"])
def test_no_log_and_no_last_words_say_a_secret_however_it_looks(died: str, home: Path) -> None:
    secret = "plainword-without-any-pattern"
    program = (
        "import logging, sys\nfrom bot.logs import set_up_logs\nfrom bot.secrets import strongbox\n"
        "from bot.settings import Settings\nsettings = Settings()\nset_up_logs('debug', strongbox(settings))\n"
        f"told = 'key=' + settings.models.api_key.get_secret_value()\n{died}"
    )
    environment = {**os.environ, "STEWARD_MODELS__API_KEY": secret}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False, timeout=180
    )
    assert "key=***" in done.stderr
    assert secret not in done.stderr + done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
async def test_what_reads_foreign_files_leaves_no_core_dump_either() -> None:
    from knowledge.confined import confined

    limit, dumpable = "resource.getrlimit(resource.RLIMIT_CORE)[0]", "ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)"
    code = f"import ctypes, resource; print({limit}, {dumpable})"
    assert (await confined(code, most=100, seconds=20)).split() == [b"0", b"0"]
