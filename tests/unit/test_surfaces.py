"""Nothing listens beyond loopback in clear, and no two surfaces share a secret: Steward says so and does not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import HttpSettings, Settings, SlackSettings, TelegramSettings, WhatsAppSettings
from bot.surfaces import SurfaceTrouble, check_surfaces, is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.10", "10.0.0.1", "steward.example.org", "[::]", ""])
def test_beyond_loopback_in_clear_is_refused_with_a_sentence(tmp_path: Path, host: str) -> None:
    assert not is_loopback(host)
    with pytest.raises(SurfaceTrouble, match=r"STEWARD_HTTP__TLS_CERT.*STEWARD_HTTP__TRUSTED_PROXY"):
        check_surfaces(Settings(home=tmp_path, http=HttpSettings(host=host)))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_loopback_is_fine(tmp_path: Path, host: str) -> None:
    check_surfaces(Settings(home=tmp_path, http=HttpSettings(host=host)))


def test_tls_or_a_proxy_of_the_operator_s_makes_it_fine(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    with pytest.raises(SurfaceTrouble, match="both"):
        check_surfaces(Settings(home=tmp_path, http=HttpSettings(host="0.0.0.0", tls_cert=str(cert))))
    with pytest.raises(SurfaceTrouble, match="no file"):
        check_surfaces(Settings(home=tmp_path, http=HttpSettings(host="0.0.0.0", tls_cert=str(cert), tls_key=str(key))))
    cert.touch()
    key.touch()
    check_surfaces(Settings(home=tmp_path, http=HttpSettings(host="0.0.0.0", tls_cert=str(cert), tls_key=str(key))))
    check_surfaces(Settings(home=tmp_path, http=HttpSettings(host="0.0.0.0", trusted_proxy=True)))


def test_no_two_surfaces_share_a_secret(tmp_path: Path) -> None:
    telegram = TelegramSettings(token="1:a", secret="same-word")  # type: ignore[arg-type]
    slack = SlackSettings(bot_token="xoxb-1", signing_secret="same-word")  # type: ignore[arg-type]
    with pytest.raises(SurfaceTrouble, match="STEWARD_TELEGRAM__SECRET and STEWARD_SLACK__SIGNING_SECRET") as refused:
        check_surfaces(Settings(home=tmp_path, telegram=telegram, slack=slack))
    assert "same-word" not in str(refused.value)
    other = WhatsAppSettings(auth_token="another")  # type: ignore[arg-type]
    check_surfaces(Settings(home=tmp_path, telegram=telegram, whatsapp=other))


def test_steward_run_does_not_start_and_says_why(tmp_path: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("STEWARD_")}
    switches = {"STEWARD_HOME": str(tmp_path), "STEWARD_HTTP__HOST": "0.0.0.0", "STEWARD_HTTP__PORT": "18437"}
    command = [sys.executable, "-P", "-m", "bot.cli", "run", "--role", "receiver"]
    ran = subprocess.run(command, env={**kept, **switches}, capture_output=True, text=True, timeout=180, check=False)
    assert ran.returncode == 1
    assert "I don't listen on 0.0.0.0 without encryption" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (tmp_path / "steward.db").exists()
