"""Rego source as tokens with their lines: all that the lint needs to know of the language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["name", "number", "string", "sign", "unknown"]

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+|\#[^\n]*)
      | (?P<string>"(?:\\.|[^"\\\n])*"|`[^`]*`)
      | (?P<number>-?\d[\w.]*)
      | (?P<name>[A-Za-z_]\w*)
      | (?P<sign>:=|==|!=|<=|>=|[-+*/%|&<>=(){}\[\],;:.])
      | (?P<unknown>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """`depth` counts the brackets around it, `first` says that nothing stands before it on its line."""

    kind: Kind
    text: str
    line: int
    depth: int
    first: bool
    glued: bool  # nothing, not even a space, between it and the token before


def tokens(source: str) -> Iterator[Token]:
    """Everything but space and comments, in order."""
    line, depth, first, glued = 1, 0, True, False
    for found in _TOKEN.finditer(source):
        kind, text = found.lastgroup, found.group()
        if kind == "space":
            first, glued = first or "\n" in text, False
        else:
            depth -= text in ")}]" and kind == "sign"
            yield Token(kind, text, line, depth, first, glued)  # type: ignore[arg-type]
            depth += text in "({[" and kind == "sign"
            first, glued = False, True
        line += text.count("\n")


def rules(every: list[Token]) -> list[list[Token]]:
    """The tokens cut into rules: each begins with a name at the margin that is not `else` (nor a closing bracket)."""
    found: list[list[Token]] = []
    for token in every:
        begins = token.first and token.depth == 0 and token.kind != "sign" and token.text != "else"
        if begins or not found:
            found.append([])
        found[-1].append(token)
    return found
