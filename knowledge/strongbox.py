"""Where secrets are while Steward runs: in this process's memory, by name, and nowhere that can be written down by mistake.

Connectors get a name, or a function that fetches at each call, so that a revoked secret is gone from the next call on.
A strongbox can't be pickled, copied or printed, and it takes its own values out of any text that is about to be logged.
Python can't wipe memory: who reads the memory of this process reads the secrets; core dumps are switched off.
"""

from __future__ import annotations

import base64
import importlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from knowledge.sealed import replace

Source = Callable[[str], str | None]
"""name (`telegram.token`) → the secret, or None where this source does not know it."""

SHORTEST = 6  # characters; redacting shorter ones would blacken ordinary words
HIDDEN = "***"
_NO_KEYRING = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")

log = logging.getLogger(__name__)


class SecretMissing(Exception):
    """A secret is not there, or no longer."""

    def __init__(self, name: str) -> None:
        variable = "STEWARD_" + name.upper().replace(".", "__")
        super().__init__(f"There is no {name} (any more). Set {variable}, then run `steward doctor`.")


class Sealed(Exception):
    """The sealed file does not open: the passphrase is wrong, or the file was changed."""


class Strongbox:
    """Secrets by name."""

    __slots__ = ("_held", "_pattern")

    def __init__(self, held: Mapping[str, str] | None = None) -> None:
        self._held: dict[str, tuple[str, float | None]] = {n: (v, None) for n, v in (held or {}).items() if v}
        self._pattern: re.Pattern[str] | None = None
        self._learn()

    @classmethod
    def of(cls, names: Iterable[str], sources: Iterable[Source]) -> Strongbox:
        """Ask the sources in order for each name; the first that knows it counts."""
        box, asked = cls(), list(sources)
        for name in names:
            value = next((v for source in asked if (v := source(name))), None)
            if value:
                box.put(name, value)
        return box

    def put(self, name: str, value: str, *, until: float | None = None) -> None:
        """Keep a secret; a short-lived token is gone at `until` (seconds since 1970). The one before is still redacted."""
        before = self._held.get(name, ("", None))
        if before == (value, until):
            return
        if before[0] and before[0] != value:
            self._held[f"{name} (former {len(self._held)})"] = (before[0], 0.0)
        self._held[name] = (value, until)
        self._learn()

    def get(self, name: str, now: float | None = None) -> str:
        """The secret. Raises `SecretMissing` when it is not there, was revoked, or has run out at `now`."""
        value, until = self._held.get(name, ("", None))
        if not value or (until is not None and now is not None and now >= until):
            raise SecretMissing(name)
        return value

    def capability(self, name: str) -> Callable[[], str]:
        """What a connector is given instead of the secret: it fetches at each call."""
        return lambda: self.get(name)

    def revoke(self, name: str) -> bool:
        """Forget a secret, effective on the next call; it is still taken out of logs. Whether it was there."""
        value, _ = self._held.get(name, ("", None))
        if value:
            self._held[name] = ("", None)
            self._held[f"{name} (revoked {len(self._held)})"] = (value, 0.0)
        return bool(value)

    def names(self) -> list[str]:
        """What is held, for `doctor`."""
        return sorted(n for n, (value, until) in self._held.items() if value and until != 0.0)

    def redact(self, text: str) -> str:
        """`text` without any secret that was ever in here, also where it was percent- or base64-encoded."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def _learn(self) -> None:
        forms = {form for value, _ in self._held.values() if len(value) >= SHORTEST for form in _forms(value)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __repr__(self) -> str:
        return f"Strongbox({len(self.names())} secrets)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a strongbox is never serialised")

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        self.__reduce__()

    def __copy__(self) -> NoReturn:
        self.__reduce__()

    def __deepcopy__(self, _memo: Any) -> NoReturn:
        self.__reduce__()


def _forms(value: str) -> set[str]:
    """The ways in which a secret gets into a text."""
    encoded = base64.b64encode(value.encode()).decode().rstrip("=")
    url = base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")
    return {value, quote(value, safe=""), json.dumps(value)[1:-1], encoded, url}


class RedactingFormatter(logging.Formatter):
    """Any formatter, with the strongbox's secrets taken out of what it made, tracebacks included."""

    def __init__(self, inner: logging.Formatter, box: Strongbox) -> None:
        super().__init__()
        self._inner, self._box = inner, box

    def format(self, record: logging.LogRecord) -> str:
        return self._box.redact(self._inner.format(record))


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def from_mapping(values: Mapping[str, str], prefix: str = "STEWARD_") -> Source:
    """The environment, as the settings have read it: `telegram.token` is `STEWARD_TELEGRAM__TOKEN`."""
    return lambda name: values.get(prefix + name.upper().replace(".", "__"))


def from_credentials(folder: str | None) -> Source:
    """systemd's `LoadCredentialEncrypted=steward.telegram.token:…`: a file for each in `$CREDENTIALS_DIRECTORY`."""

    def read(name: str) -> str | None:
        if not folder:
            return None
        try:
            return Path(folder, f"steward.{name}").read_text("utf-8").rstrip("\n")
        except (FileNotFoundError, NotADirectoryError):
            return None

    return read


def from_keyring(service: str = "steward") -> Source | None:
    """The desktop's keyring, where the package `keyring` is installed and has a real backend; else None."""
    try:
        keyring: Any = importlib.import_module("keyring")
        errors: Any = importlib.import_module("keyring.errors")
    except ImportError:
        return None
    found = keyring.get_keyring()
    for backend in (found, *getattr(found, "backends", ())):  # one may be a chain of others
        if type(backend).__module__.startswith(_NO_KEYRING):
            return None  # a headless machine, or one that would write in clear

    def read(name: str) -> str | None:
        try:
            held: str | None = keyring.get_password(service, name)
        except errors.KeyringError as error:  # locked, or nobody there to ask
            log.warning("The desktop's keyring does not give %s (%s). Unlock it.", name, type(error).__name__)
            return None
        return held

    return read


def to_keyring(name: str, value: str, service: str = "steward") -> None:
    """Keep a secret where `from_keyring` finds it."""
    keyring: Any = importlib.import_module("keyring")
    keyring.set_password(service, name, value)


def from_sealed(path: Path, passphrase: str) -> Source:
    """A file made by `seal`. Raises `Sealed` at once when it does not open."""
    import pyrage

    try:
        body = json.loads(pyrage.passphrase.decrypt(path.read_bytes(), passphrase))
    except (pyrage.DecryptError, ValueError) as error:
        raise Sealed(Sealed.__doc__) from error
    held = {str(name): str(value) for name, value in body.items()}
    return held.get


def seal(path: Path, secrets: Mapping[str, str], passphrase: str) -> None:
    """Write secrets into one file that only the passphrase opens (age, scrypt), readable by its owner alone."""
    import pyrage

    body = pyrage.passphrase.encrypt(json.dumps(dict(secrets)).encode(), passphrase)
    replace(path, body)


def no_core_dumps() -> None:
    """No memory image of this process on disk, and no tracing by others of the same user, where the system knows how."""
    import ctypes
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    except (AttributeError, OSError):  # not Linux
        return
