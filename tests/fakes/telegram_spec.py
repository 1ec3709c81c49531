"""Checks a call against the published Bot API (specs/telegram/api.json), where that file is present."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

SPECS = Path(os.environ.get("STEWARD_SPECS") or Path(__file__).resolve().parents[2].parent / "shared" / "specs")


@cache
def api() -> dict[str, Any] | None:
    """The published description, or None where it is absent."""
    path = SPECS / "telegram" / "api.json"
    found: dict[str, Any] | None = json.loads(path.read_text()) if path.exists() else None
    return found


def problems(method: str, params: dict[str, Any]) -> list[str]:
    """What the published API says is wrong with a call; empty also where there is nothing to check against."""
    spec = api()
    if spec is None:
        return []
    if method not in spec["methods"]:
        return [f"{method}: no such method"]
    return _fields(method, spec["methods"][method].get("fields", []), params)


def _fields(where: str, fields: list[dict[str, Any]], given: dict[str, Any]) -> list[str]:
    known = {field["name"]: field for field in fields}
    found = [f"{where}: unknown argument {name}" for name in given if name not in known]
    found += [f"{where}: {name} is missing" for name, f in known.items() if f["required"] and name not in given]
    for name, value in given.items():
        if name in known and not any(_fits(kind, value) for kind in known[name]["types"]):
            found.append(f"{where}: {name} is not {' or '.join(known[name]['types'])}: {str(value)[:80]}")
    return found


def _fits(kind: str, value: Any) -> bool:
    """Whether a value, perhaps as the string of a form, is of the published type."""
    if kind.startswith("Array of "):
        values = _decoded(value)
        return isinstance(values, list) and all(_fits(kind.removeprefix("Array of "), v) for v in values)
    if kind == "String":
        return isinstance(value, str)
    if kind == "InputFile":
        return isinstance(value, tuple)
    if kind in ("Integer", "Float", "Boolean"):
        decoded = _decoded(value)
        if kind == "Boolean":
            return isinstance(decoded, bool)
        return isinstance(decoded, int if kind == "Integer" else (int, float)) and not isinstance(decoded, bool)
    decoded = _decoded(value)
    spec = api()
    assert spec is not None
    description = spec["types"].get(kind, {})
    if subtypes := description.get("subtypes"):
        return any(_fits(subtype, decoded) for subtype in subtypes)
    return isinstance(decoded, dict) and not _fields(kind, description.get("fields", []), decoded)


def _decoded(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
