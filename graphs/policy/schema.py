"""The input of a decision: a question as the document that rules see, and the paths that a rule may name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from graphs.policy.engine import Argument, Question

Shape = Mapping[str, Any] | list[Any] | type
"""A leaf type, a list of one shape, or names with their shapes."""

SCHEMA: Final[Mapping[str, Shape]] = {
    "words": str,  # principal | trusted | untrusted: of what started the turn
    "agent": {"name": str, "trust": str, "tools": [str], "paused": bool},
    "tool": {"name": str, "effect": str, "own": bool, "undoable": bool},
    "arguments": [
        {"name": str, "role": str, "integrity": str, "sources": [str], "readers": [str], "endorsed": bool},
    ],
    "recipients": [str],
    "step": {"planned": bool, "licence": int},
    "session": {"untrusted": bool, "private": bool, "probation": bool, "panic": bool, "unusual": [str]},
    "history": {"approved_in_row": int, "granted": bool},
    "time": {"hour": int, "weekday": int},  # local; weekday 1 is Monday; 0 and 0 when nobody said
}
"""Every path exists in every input, so that a mistyped one is a mistake and never silently undefined."""

NOBODY: Final[Mapping[str, Any]] = {
    "words": "untrusted",
    "agent": {"name": "", "trust": "installed", "tools": [], "paused": False},
    "tool": {"name": "", "effect": "", "own": False, "undoable": False},
    "arguments": [],
    "recipients": [],
    "step": {"planned": True, "licence": 0},
    "session": {"untrusted": False, "private": False, "probation": True, "panic": False, "unusual": []},
    "history": {"approved_in_row": 0, "granted": False},
    "time": {"hour": 0, "weekday": 0},
}
"""The document that says nothing in anybody's favour: what test cases and packages start from."""


def document(question: Question) -> dict[str, Any]:
    """The question in the shape of `SCHEMA`, JSON throughout; kept in the turn record, it can be judged again."""
    tool, agent, session = question.tool, question.agent, question.session
    at = question.at
    return {
        "words": question.words,
        "agent": {"name": agent.name, "trust": agent.trust, "tools": sorted(agent.tools), "paused": question.paused},
        "tool": {"name": tool.name, "effect": tool.effect, "own": tool.own, "undoable": tool.undo is not None},
        "arguments": [_argument(name, known) for name, known in _arguments(question).items()],
        "recipients": list(question.recipients),
        "step": {"planned": question.step.planned, "licence": question.step.licence},
        "session": {
            "untrusted": session.untrusted,
            "private": session.private,
            "probation": session.probation,
            "panic": session.panic,
            "unusual": list(session.unusual),
        },
        "history": {"approved_in_row": question.history.approved_in_row, "granted": question.history.granted},
        "time": {"hour": at.hour if at else 0, "weekday": at.isoweekday() if at else 0},
    }


def _arguments(question: Question) -> dict[str, Argument]:
    """What is known of each argument; where only the integrity is, the tool says the role."""
    roles = question.tool.roles
    bare = {name: Argument(roles.get(name, "content"), i) for name, i in question.integrity.items()}
    return {**bare, **question.arguments}


def _argument(name: str, known: Argument) -> dict[str, Any]:
    return {
        "name": name,
        "role": known.role,
        "integrity": known.integrity,
        "sources": list(known.sources),
        "readers": list(known.readers),
        "endorsed": known.endorsed,
    }


def step_into(shape: Shape | None, name: str) -> Shape | None:
    """The shape under `name`, None when there is no such thing."""
    return shape.get(name) if isinstance(shape, Mapping) else None


def fits(value: Any, shape: Shape, path: str = "input") -> str:
    """Empty when `value` has exactly this shape, else a sentence that names the first path that has not."""
    if isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            return f"{path} should hold names"
        if odd := sorted(set(value) ^ set(shape)):
            return f"{path}.{odd[0]} is {'unknown' if odd[0] in value else 'missing'}"
        return next((wrong for name in shape if (wrong := fits(value[name], shape[name], f"{path}.{name}"))), "")
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{path} should be a list"
        return next((wrong for n, one in enumerate(value) if (wrong := fits(one, shape[0], f"{path}[{n}]"))), "")
    return "" if type(value) is shape else f"{path} should be {shape.__name__}"
