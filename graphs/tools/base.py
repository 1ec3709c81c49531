"""A tool is a value: one operation on the outside or on memory, with an effect class. Safety is wrapped around it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from knowledge.words import Field

EffectClass = Literal["read", "draft", "write", "send", "delete", "pay", "fetch"]
Role = Literal["target", "content", "benign"]  # what an argument decides: who/where, what is said, or nothing critical

Arguments = Mapping[str, Any]
"""JSON values only: strings, integers, booleans, lists, objects, null; no floats, no datetimes (ISO 8601 with offset)."""

Receipt = Mapping[str, Any]
"""What the outside system answered, JSON: enough to find the thing again and to undo it."""


class ToolTrouble(Exception):
    """The tool could not do it, for sure: nothing was changed. The message is a sentence for the principal."""


class ToolLater(ToolTrouble):
    """Not now (locked, rate-limited, unreachable): nothing was changed, and the same call may be repeated."""


class OutcomeUnknown(Exception):
    """The call went out and no answer came: it may or may not have happened. Never repeated blindly."""


@dataclass(frozen=True, slots=True)
class Undo:
    """The compensating call: another tool with exact arguments."""

    tool: str
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Tool:
    """One operation.

    `run(arguments, key)` carries it out under the idempotency key and returns the receipt; when it is `repeatable`,
    running it again with the same key changes nothing and returns the same receipt. Otherwise `find(arguments, key)`
    looks the outcome up before a retry: a receipt, or None when it surely did not happen; without `find` an unknown
    outcome is parked and asked about.
    `render` says on a card what would happen (Markdown, exact, made by code); `report` says afterwards what did.
    `undo` gives the compensating call or None; `undo_note` says on the card whether and until when it can be undone.
    `revise(arguments, words, now, zone)` applies the principal's change ("make it 3pm"): new arguments, a question as
    string, or None when the words are no change to this tool.
    `form` are the arguments that a form may change one by one, without values.
    `own` marks Steward's own notes and reminders, which the principal's direct words may write unasked.
    `recipients` are the arguments that name who will be able to read what goes out.
    Of reading tools: `foreign` says that what it returns was written by others (mail, web, files); `names` are the
    arguments that name the thing looked for, `issued` the fields of what comes back that no stranger's text can fill (ids).
    """

    name: str
    effect: EffectClass
    purpose: str
    run: Callable[[Arguments, str], Awaitable[Receipt]]
    render: Callable[[Arguments], str]
    report: Callable[[Arguments, Receipt], str]
    roles: Mapping[str, Role] = field(default_factory=dict)
    repeatable: bool = True
    find: Callable[[Arguments, str], Awaitable[Receipt | None]] | None = None
    undo: Callable[[Arguments, Receipt], Undo | None] | None = None
    undo_note: Callable[[Arguments], str | None] = lambda _arguments: None
    revise: Callable[[Arguments, str, datetime, ZoneInfo], Arguments | str | None] | None = None
    form: tuple[Field, ...] = ()
    own: bool = False
    recipients: frozenset[str] = frozenset()
    foreign: bool = False
    names: frozenset[str] = frozenset()
    issued: frozenset[str] = frozenset()
