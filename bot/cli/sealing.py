"""`steward secrets`: which are held and from where, and the sealed file that takes them out of steward.toml."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from typing import Any

from bot import secrets
from bot.channels import configured
from bot.cli import show
from bot.cli.serve import CliTrouble
from bot.home import Home
from bot.settings import Settings, default_home
from bot.toml_file import read_toml, write_toml
from knowledge.strongbox import from_sealed, seal


def list_all(*, as_json: bool) -> int:
    """The names of the secrets that are set and where each comes from; never a value."""
    settings = Settings()
    toml = secrets.in_toml(read_toml(default_home() / "steward.toml"), Settings)
    found = [{"name": name, "from": _origin(name, toml)} for name in secrets.held(settings)]
    if as_json:
        show.as_json(found)
    else:
        show.table(("Secret", "From"), [(one["name"], one["from"]) for one in found], "No secret is set.")
    return 0


def _origin(name: str, toml: Mapping[str, str]) -> str:
    if os.environ.get("STEWARD_" + name.upper().replace(".", "__")):
        return "the environment"
    if (folder := os.environ.get("CREDENTIALS_DIRECTORY")) and os.path.exists(os.path.join(folder, f"steward.{name}")):
        return "a systemd credential"
    if name in toml:
        return "steward.toml, in clear: `steward secrets seal` seals it"
    return f"{secrets.SEALED} or the desktop's keyring"


def revoke(name: str) -> int:
    """Forget the short-lived tokens of a channel, for every process from its next call on. Raises CliTrouble."""
    access = configured(Settings()).get(name, {})
    token = access.get("rotating")
    if token is None:
        raise CliTrouble(
            f"{name} has no short-lived token. Take its secret out of the settings and start Steward again."
        )
    asyncio.run(token.revoke())
    print(f"The tokens of {name} are forgotten: from the next call on nothing is sent there with them. Whoever copied them "
          "before can still use them: revoke the app's installation there, too.")  # fmt: skip
    return 0


def seal_toml() -> int:
    """Move the secrets of steward.toml into the sealed file; with nothing there, make it anew under another passphrase."""
    home = Home(default_home())
    home.prepare()
    toml, sealed = home.path / "steward.toml", home.path / secrets.SEALED
    body = read_toml(toml)
    fresh = secrets.in_toml(body, Settings)
    known = _known(sealed.exists())
    if sealed.exists():
        fresh = {**_opened(sealed, known), **fresh}
    if not fresh:
        raise CliTrouble("There is no secret in steward.toml to seal.")
    seal(sealed, fresh, known)
    if from_sealed(sealed, known)(next(iter(fresh))) is None:  # proved before the clear ones go
        raise CliTrouble(f"{sealed} does not hold what was put into it; steward.toml was left as it is.")
    if toml.exists():
        write_toml(toml, _without(body, set(fresh)))
    print(f"{len(fresh)} secrets are in {sealed}. Steward opens it with {secrets.PASSPHRASE} or a systemd credential.")
    return 0


def _opened(sealed: Any, passphrase: str) -> dict[str, str]:
    source = from_sealed(sealed, passphrase)
    return {name: value for name in secrets.names(Settings) if (value := source(name))}


def _known(exists: bool) -> str:
    """The passphrase: from the environment, else asked for (twice when it is new)."""
    if given := os.environ.get(secrets.PASSPHRASE):
        return given
    if not sys.stdin.isatty():
        raise CliTrouble(f"Give the passphrase in {secrets.PASSPHRASE}, or run this at a terminal.")
    from getpass import getpass

    first = getpass("Passphrase: ")
    if not exists and getpass("Once more: ") != first:
        raise CliTrouble("The two are not the same; nothing was changed.")
    if len(first) < 8:
        raise CliTrouble("A passphrase has at least eight characters; nothing was changed.")
    return first


def _without(body: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """The settings without these secrets."""
    left: dict[str, Any] = {}
    for section, part in body.items():
        if not isinstance(part, Mapping):
            left[section] = part
        elif kept := {key: value for key, value in part.items() if f"{section}.{key}" not in names}:
            left[section] = kept
    return left
