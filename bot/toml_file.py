"""steward.toml: read, changed and written whole, for this user alone. Comments of a hand-written file are not kept."""

from __future__ import annotations

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.home import HomeTrouble

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def read_toml(path: Path) -> dict[str, Any]:
    """Its tables, {} when there is no file. Raises HomeTrouble."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HomeTrouble(f"{path} is not TOML: {error}. Correct it, or move it away.") from error


def merged(old: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`old` with the values of `change`, table by table."""
    new = dict(old)
    for key, value in change.items():
        both = isinstance(value, Mapping) and isinstance(new.get(key), Mapping)
        new[key] = merged(new[key], value) if both else value
    return new


def write_toml(path: Path, tables: Mapping[str, Any]) -> None:
    """Replace the file at once, mode 0600: it may hold tokens."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(prefix=".steward-toml-", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write("\n".join(_lines(tables, ())) + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _lines(table: Mapping[str, Any], name: tuple[str, ...]) -> list[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    out = [f"[{'.'.join(map(_key, name))}]"] if name and plain else []
    out += [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, value in table.items():
        if isinstance(value, Mapping):
            out += [*([""] if out else []), *_lines(value, (*name, key))]
    return out


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
