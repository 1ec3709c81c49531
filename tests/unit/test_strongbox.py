"""Secrets stay in memory: never serialised, never printed, never logged, and gone from the next call once revoked."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import stat
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from urllib.parse import quote

import pytest

from knowledge import strongbox
from knowledge.strongbox import RedactingFormatter, Sealed, SecretMissing, Strongbox

CANARY = "canary+7/31337=token"


def box() -> Strongbox:
    return Strongbox({"telegram.token": CANARY, "empty": ""})


def test_no_way_of_writing_objects_down_writes_a_strongbox_down() -> None:
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="never serialised"):
            pickle.dumps(box(), protocol)
    for write in (copy.copy, copy.deepcopy, json.dumps, JsonPlusSerializer(pickle_fallback=True).dumps_typed):
        with pytest.raises(TypeError):
            write(box())
    assert CANARY not in f"{box()!r} {box()} {box().names()}"
    assert not hasattr(box(), "__dict__")


def test_a_revoked_secret_is_gone_on_the_next_call_and_still_kept_out_of_logs() -> None:
    held = box()
    fetch = held.capability("telegram.token")
    assert fetch() == CANARY
    assert held.revoke("telegram.token")
    with pytest.raises(SecretMissing, match="STEWARD_TELEGRAM__TOKEN"):
        fetch()
    assert not held.revoke("telegram.token")
    assert held.names() == []
    assert CANARY not in held.redact(f"got {CANARY}")


def test_a_short_lived_token_runs_out_at_its_time() -> None:
    held = Strongbox()
    held.put("google.access", "short-lived", until=100.0)
    assert held.get("google.access", now=99.9) == "short-lived"
    with pytest.raises(SecretMissing):
        held.get("google.access", now=100.0)


@pytest.mark.parametrize(
    "form", [CANARY, quote(CANARY, safe=""), b64encode(CANARY.encode()).decode().rstrip("="), json.dumps({"a": CANARY})]
)
def test_a_secret_is_taken_out_of_text_in_every_common_form(form: str) -> None:
    assert box().redact(f"GET /x?token={form}&y=1").count("***") == 1


def test_logging_redacts_messages_arguments_and_tracebacks() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter(logging.Formatter("%(levelname)s %(message)s"), box()))
    log = logging.Logger("test")
    log.addHandler(handler)
    log.warning("token is %s", CANARY)
    try:
        raise ValueError(f"401 for {CANARY}")
    except ValueError:
        log.exception("failed")
    written = stream.getvalue()
    assert CANARY not in written
    assert written.startswith("WARNING token is ***\nERROR failed\nTraceback")
    assert "ValueError: 401 for ***" in written


def test_ordinary_words_are_not_blackened_by_a_short_secret() -> None:
    assert Strongbox({"pin": "1234"}).redact("at 12345 o'clock") == "at 12345 o'clock"


def test_the_first_source_that_knows_a_name_counts(tmp_path: Path) -> None:
    (tmp_path / "steward.slack.bot_token").write_text("from-systemd\n")
    sources = [
        strongbox.from_mapping({"STEWARD_TELEGRAM__TOKEN": "from-environment"}),
        strongbox.from_credentials(str(tmp_path)),
        strongbox.from_credentials(None),
    ]
    held = Strongbox.of(["telegram.token", "slack.bot_token", "whatsapp.auth_token"], sources)
    assert (held.get("telegram.token"), held.get("slack.bot_token")) == ("from-environment", "from-systemd")
    with pytest.raises(SecretMissing):
        held.get("whatsapp.auth_token")


@pytest.mark.integration  # scrypt takes its seconds
def test_a_sealed_file_opens_with_its_passphrase_only_and_holds_nothing_in_clear(tmp_path: Path) -> None:
    path = tmp_path / "secrets.age"
    strongbox.seal(path, {"telegram.token": CANARY}, "correct horse")
    assert CANARY.encode() not in path.read_bytes()
    assert b"telegram" not in path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert strongbox.from_sealed(path, "correct horse")("telegram.token") == CANARY
    with pytest.raises(Sealed, match="passphrase"):
        strongbox.from_sealed(path, "wrong horse")
    body = bytearray(path.read_bytes())
    body[-1] ^= 1
    path.write_bytes(body)
    with pytest.raises(Sealed):
        strongbox.from_sealed(path, "correct horse")
    assert list(tmp_path.iterdir()) == [path]


KEYRING = """
class Backend: pass
def of(name): return type("Backend", (Backend,), {"__module__": name})()
def get_keyring():
    found = of(NAMES[0])
    found.backends = [of(name) for name in NAMES[1:]]
    return found
def get_password(service, name):
    if name == "locked":
        from keyring.errors import KeyringError
        raise KeyringError("locked")
    return f"{service}/{name}"
"""


def with_keyring(folder: Path, backends: list[str], program: str) -> subprocess.CompletedProcess[str]:
    """A process with a package `keyring` of which the test decides whose it is."""
    (folder / "keyring").mkdir()
    (folder / "keyring" / "__init__.py").write_text(f"NAMES = {backends!r}\n{KEYRING}")
    (folder / "keyring" / "errors.py").write_text("class KeyringError(Exception): pass\n")
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r}); {program}"],
        capture_output=True, text=True, check=True, timeout=180,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("backends", "used"),
    [
        (["keyring.backends.fail"], False),
        (["keyrings.alt.file"], False),
        (["keyring.backends.chainer", "desk", "keyrings.alt.file"], False),
        (["keyring.backends.chainer", "desk"], True),
        (["desk"], True),
    ],
)
def test_only_a_real_keyring_is_used(backends: list[str], used: bool, tmp_path: Path) -> None:
    program = "from knowledge.strongbox import from_keyring as f; s = f(); print(s and s('a'))"
    assert with_keyring(tmp_path, backends, program).stdout.strip() == ("steward/a" if used else "None")


def test_a_locked_keyring_is_a_line_in_the_log_and_no_crash(tmp_path: Path) -> None:
    program = "from knowledge.strongbox import from_keyring as f; print(f()('locked'))"
    done = with_keyring(tmp_path, ["desk"], program)
    assert done.stdout.strip() == "None"
    assert "does not give locked" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_core_dumps_are_off() -> None:
    program = (
        "import ctypes, resource\nfrom knowledge.strongbox import no_core_dumps\nno_core_dumps()\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE)[0], ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=180)
    assert done.stdout.split() == ["0", "0"]
