"""Declares any tool from its name and its arguments' names, as a connector's author would; knows no suite and no task."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from graphs.tools.base import EffectClass, Role, Tool

_DELETES = {"delete", "cancel", "remove"}
_SENDS = {"send", "share", "post", "invite"}
_PAYS = {"money", "transaction", "hotel", "restaurant", "rental"}
_TARGETS = re.compile(r"(^|_)(id|recipients?|email|participants|file|path|url|user|channel|start_time)$")
_BENIGN = re.compile(r"(^|_)(end_time|permission|recurring)$")
_BOOKS = {"email", "participants"}
"""Fields of the principal's own address book and calendar, beside every id: what a stranger's text can't fill."""


async def _never(_arguments: Any, _key: str) -> dict[str, Any]:
    raise NotImplementedError


def declare(name: str, kind: str, arguments: Mapping[str, Any]) -> Tool:
    """The tool's value. `kind` is the harness's read, fetch or write."""
    return Tool(
        name,
        effect_of(name, kind),
        name.replace("_", " "),
        _never,
        lambda _a: "",
        lambda _a, _r: "",
        roles={argument: role_of(argument) for argument in arguments},
    )


def effect_of(name: str, kind: str) -> EffectClass:
    words = set(name.split("_"))
    if kind == "fetch":
        return "fetch"
    if kind == "read":
        return "read"
    if words & _PAYS:
        return "pay"
    if words & _DELETES:
        return "delete"
    return "send" if words & _SENDS else "write"


def role_of(argument: str) -> Role:
    if _TARGETS.search(argument):
        return "target"
    return "benign" if _BENIGN.search(argument) else "content"


def issued(tool: str, item: Mapping[str, Any]) -> set[str]:
    """Which fields of a result the system itself has issued: ids, and, of contacts and calendars, the addresses."""
    books = _BOOKS if {"contacts", "calendar"} & set(tool.split("_")) else set()
    return {field for field in item if field in books or field.strip("_") == "id" or field.endswith("_id")}
