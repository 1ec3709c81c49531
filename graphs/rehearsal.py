"""A dry run: what would be sent, changed or deleted, as a difference, and what policy would say; nothing is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphs.judging import Judged
from graphs.policy.sentences import sentences
from graphs.tools.base import Tool
from graphs.tools.wording import plain
from knowledge.ids import canonical

NOTHING = "**Dry run**: nothing would be sent, changed or deleted."
_WORDS = {"allow": "This would be done unasked", "ask": "This would ask you first", "deny": "This would be refused"}
_LINES = 40


def staged(judged: Sequence[Judged], tools: Mapping[str, Tool]) -> str:
    """The answer to a dry run, in Steward's Markdown."""
    if not judged:
        return NOTHING
    blocks = ["**Dry run**: this is what would happen. Nothing was done."]
    for number, one in enumerate(judged, 1):
        tool = tools.get(one.wish.tool)
        head = tool.render(one.wish.arguments).splitlines()[0] if tool else plain(one.wish.tool, 60)
        because = sentences().get(one.verdict.rule, "").rstrip(".")
        lines = [f"{number}. {head}", "```diff", *difference(tool, one.wish.arguments), "```"]
        lines.append(f"{_WORDS[one.verdict.word]} (`{one.verdict.rule}`{': ' + because if because else ''}).")
        undo = tool.undo_note(one.wish.arguments) if tool else None
        blocks.append("\n".join([*lines, f"Undo: {undo}" if undo else "It could not be undone."]))
    return "\n\n".join(blocks)


def difference(tool: Tool | None, arguments: Mapping[str, Any]) -> list[str]:
    """`-` what would go, `+` what would come; arguments that weigh nothing are left out. At most forty lines."""
    lines = list(_difference(tool, arguments))
    return lines if len(lines) <= _LINES else [*lines[:_LINES], f"… and {len(lines) - _LINES} more lines"]


def _difference(tool: Tool | None, arguments: Mapping[str, Any]) -> Iterator[str]:
    was = arguments.get("was")
    if isinstance(was, Mapping):
        for name, old in was.items():
            if (new := arguments.get(name)) != old:
                yield from _lines("-", name, old)
                yield from _lines("+", name, new)
        return
    sign = "-" if tool is not None and tool.effect == "delete" else "+"
    for name, value in arguments.items():
        if (
            tool is None
            or tool.roles.get(name, "content") != "benign"
            or (sign == "-" and name in ("title", "summary"))
        ):
            yield from _lines(sign, name, value)


def _lines(sign: str, name: str, value: Any) -> Iterator[str]:
    if value in (None, "", [], {}):
        return
    text = value if isinstance(value, str) else canonical(value)
    first, *rest = [plain(line, 200).replace("`", "'") for line in text.split("\n")]
    yield f"{sign} {plain(name, 40)}: {first}"
    yield from (f"{sign}   {line}" for line in rest)
