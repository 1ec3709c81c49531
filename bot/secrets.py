"""Where the settings' secrets come from beside the environment and steward.toml, and the strongbox that logs are read by."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from knowledge.strongbox import Sealed, Source, Strongbox, from_credentials, from_keyring, from_sealed

SEALED = "secrets.age"
PASSPHRASE = "STEWARD_PASSPHRASE"


class SecretsSource(PydanticBaseSettingsSource):
    """systemd's credentials, the sealed file of the home, the desktop's keyring: the first that knows a name counts."""

    def __init__(self, settings_cls: type[BaseSettings], home: Path) -> None:
        super().__init__(settings_cls)
        self._home = home

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return None, field_name, False  # all of them at once, below

    def __call__(self) -> dict[str, Any]:
        """Raises `Sealed` where the sealed file does not open."""
        found: dict[str, Any] = {}
        held = sources(self._home)
        for name in names(self.settings_cls) if held else ():
            section, _, key = name.partition(".")
            if (value := next((v for source in held if (v := source(name))), None)) is not None:
                found.setdefault(section, {})[key] = value
        return found


def names(settings: type[BaseSettings]) -> Iterator[str]:
    """Every switch that is a secret, as `telegram.token`."""
    for section, field in settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from (f"{section}.{name}" for name, f in kind.model_fields.items() if f.annotation is SecretStr)


def sources(home: Path) -> list[Source]:
    """Those that this machine has, in order."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    found: list[Source] = [from_credentials(folder)] if folder else []
    if (home / SEALED).is_file():
        found.append(_sealed(home / SEALED, os.environ.get(PASSPHRASE) or from_credentials(folder)("passphrase")))
    if (keyring := from_keyring()) is not None:
        found.append(keyring)
    return found


def _sealed(path: Path, passphrase: str | None) -> Source:
    if not passphrase:
        raise Sealed(f"{path} is sealed. Give its passphrase in {PASSPHRASE} or as a systemd credential.")
    return _opened(path, path.stat().st_mtime_ns, passphrase)


@cache
def _opened(path: Path, _written: int, passphrase: str) -> Source:
    """Opened once a process: the passphrase is made slow to try (a second of computing)."""
    return from_sealed(path, passphrase)


def held(settings: BaseSettings) -> dict[str, str]:
    """Every secret that is set, by name."""
    found = {}
    for name in names(type(settings)):
        section, _, key = name.partition(".")
        if value := getattr(getattr(settings, section), key).get_secret_value():
            found[name] = value
    return found


_box = Strongbox()


def strongbox(settings: BaseSettings) -> Strongbox:
    """The one of this process, of what no log may say: every secret of the settings, the passphrase that opened them, and
    the short-lived tokens that are fetched later."""
    for name, value in {**held(settings), "passphrase": os.environ.get(PASSPHRASE, "")}.items():
        _box.put(name, value)
    return _box


def in_toml(body: Mapping[str, Any], settings: type[BaseSettings]) -> dict[str, str]:
    """The secrets that stand in a steward.toml."""
    found = {}
    for name in names(settings):
        section, _, key = name.partition(".")
        part = body.get(section)
        if isinstance(part, Mapping) and part.get(key):
            found[name] = str(part[key])
    return found
