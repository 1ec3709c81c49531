"""What a policy may not contain, found before it is loaded: each finding has file and line and says what to write instead.

The engine lets some mistakes pass in silence, and a silent mistake in a policy allows: a builtin it does not have, or a
mistyped `input.` path, is undefined, which `not` turns into true; `opa.runtime` shows the process environment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from graphs.policy.schema import SCHEMA, Shape, step_into
from graphs.policy.tokens import Token, rules, tokens

BUILTINS: Final = frozenset(
    {
        "abs", "array.concat", "concat", "contains", "count", "endswith", "indexof", "intersection", "is_array",
        "is_boolean", "is_number", "is_object", "is_string", "lower", "max", "min", "object.get", "object.keys", "round",
        "sort", "split", "startswith", "substring", "sum", "trim", "union", "upper",
    }
)  # fmt: skip
"""Pure, always ending, quick and present in the engine. `contains` is also a keyword of rule heads."""

_KEYWORDS = frozenset({"if", "in", "every", "some", "contains", "not", "else", "true", "false", "null", "default", "_"})
_NARROWING = frozenset({"deny", "ask"})
_PACKAGE_ROOT = ["steward", "packages"]
REASON = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Finding:
    """A reason not to load: `file:line: sentence`."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule while it is looked at: `known` maps its variables to the shape of what they hold, None when unsure."""

    tokens: list[Token]
    heads: frozenset[str]
    known: Mapping[str, Shape | None]
    package: str


def lint(
    file: str, source: str, *, narrowing: bool = False, has: Callable[[str], bool] = lambda _name: True
) -> list[Finding]:
    """Every finding in one file. `narrowing` holds it to what an installed package may do; `has` asks the engine."""
    every = list(tokens(source))
    parts = rules(every)
    package = _package(every)
    found: list[tuple[int, str]] = [(t.line, f"I can't read {t.text!r} here") for t in every if t.kind == "unknown"]
    if not package:
        found.append((1, "begin with `package steward` (an installed policy: `package steward.packages.name`)"))
    bodies = [part for part in parts if part[0].text not in ("package", "import")]
    found += [(part[0].line, "a file has one package") for part in parts[1:] if part[0].text == "package"]
    for part in parts:
        if part[0].text == "import" and "".join(t.text for t in part[1:]) != "rego.v1":
            found.append((part[0].line, "only `import rego.v1` may be imported"))
    heads = frozenset(_head(body) for body in bodies)
    if narrowing:
        found += _only_narrows(bodies, package)
    for body in bodies:
        rule = _Rule(body, heads, _variables(body), package)
        found += [*_names(rule, has), *_negations(rule)]
    return [Finding(file, line, text) for line, text in sorted(set(found))]


def _package(every: list[Token]) -> str:
    """The dotted name of the package, empty when the file does not begin with one."""
    if not every or every[0].text != "package":
        return ""
    return "".join(t.text for t in every[1:] if t.line == every[0].line)


def _head(body: list[Token]) -> str:
    return body[1].text if body[0].text == "default" and len(body) > 1 else body[0].text


def _only_narrows(bodies: list[list[Token]], package: str) -> Iterator[tuple[int, str]]:
    if package.split(".")[:2] != _PACKAGE_ROOT or package.count(".") != 2:
        yield 1, "an installed policy is `package steward.packages.name`"
    for body in bodies:
        head, line = _head(body), body[0].line
        if head in ("allow", "decision"):
            yield line, f"an installed policy can only narrow: `{head}` is Steward's own; use `ask` or `deny`"
        elif head in _NARROWING:
            if len(body) < 3 or body[1].text != "contains" or body[2].kind != "string":
                yield line, f'write `{head} contains "a-short-reason" if …`'
            elif not REASON.fullmatch(body[2].text[1:-1]):
                yield line, "a reason is small letters, digits and hyphens: it is shown to the principal"


def _variables(body: list[Token]) -> dict[str, Shape | None]:
    """The variables of a rule and what they hold: `some x in`, `every x in`, `x :=`, and a function's parameters."""
    known: dict[str, Shape | None] = {}
    if len(body) > 1 and body[1].text == "(" and body[1].glued:
        known |= {t.text: None for t in _within(body, 1) if t.kind == "name"}
    for n, token in enumerate(body):
        if token.text in ("some", "every"):
            end = next((m for m in range(n, len(body)) if body[m].text == "in"), None)
            if end is None:
                known |= {t.text: None for t in body[n + 1 : n + 2]}
                continue
            names = [t.text for t in body[n + 1 : end] if t.kind == "name"]
            shape = _shape_at(body, end + 1, known)
            known |= dict.fromkeys(names)
            if names and isinstance(shape, list):
                known[names[-1]] = shape[0]
        elif token.text == ":=" and n and body[n - 1].kind == "name" and body[n - 1].depth > 0:
            known[body[n - 1].text] = _shape_at(body, n + 1, known)
    return known


def _within(body: list[Token], opening: int) -> Iterator[Token]:
    """The tokens inside the bracket that opens at `opening`."""
    for token in body[opening + 1 :]:
        if token.depth <= body[opening].depth:
            return
        yield token


def _shape_at(body: list[Token], at: int, known: Mapping[str, Shape | None]) -> Shape | None:
    """The shape of the reference that begins at `at` and ends its line, None when it is anything else."""
    if at >= len(body) or body[at].kind != "name":
        return None
    shape: Shape | None = SCHEMA if body[at].text == "input" else known.get(body[at].text)
    for name, _line, _end in _path(body, at):
        shape = step_into(shape, name) if name else None
    return shape


def _path(body: list[Token], at: int) -> Iterator[tuple[str, int, int]]:
    """The steps after the name at `at`: (name, line, index of the last token); an empty name is a computed step."""
    n = at + 1
    while n + 1 < len(body) and body[n].glued and body[n].text in (".", "["):
        if body[n].text == ".":
            yield body[n + 1].text, body[n + 1].line, n + 1
            n += 2
        else:
            inside = list(_within(body, n))
            literal = len(inside) == 1 and inside[0].kind == "string"
            end = n + len(inside) + 1
            yield (inside[0].text[1:-1] if literal else ""), body[n].line, end
            n = end + 1


def _names(rule: _Rule, has: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    """Unknown functions, unknown paths, unknown names."""
    body = rule.tokens
    for n, token in enumerate(body):
        follows_dot = n > 0 and body[n - 1].text == "." and token.glued
        if token.kind != "name" or follows_dot:
            continue
        if token.text == "with":
            yield token.line, "`with` replaces what is judged; it has no place in a policy"
            continue
        steps = list(_path(body, n))
        after = steps[-1][2] + 1 if steps else n + 1
        if after < len(body) and body[after].text == "(" and body[after].glued:
            yield from _call(rule, token, ".".join([token.text, *(name for name, _, _ in steps)]), has)
        elif token.text == "input":
            yield from _steps(SCHEMA, "input", steps, token.line)
        elif token.text == "data":
            path = ".".join(["data", *(name for name, _, _ in steps)])
            if not path.startswith(f"data.{rule.package}."):
                yield token.line, f"`{path}` is not of this policy"
        elif token.text in rule.known:
            if steps:
                yield from _steps(rule.known[token.text], token.text, steps, token.line)
        elif token.text not in _KEYWORDS and token.text not in rule.heads:
            yield token.line, f"`{token.text}` is not defined"


def _call(rule: _Rule, token: Token, name: str, has: Callable[[str], bool]) -> Iterator[tuple[int, str]]:
    if name in rule.heads:
        return
    if name not in BUILTINS:
        yield token.line, f"`{name}` is not among the functions a policy may use ({', '.join(sorted(BUILTINS))})"
    elif not has(name):
        yield token.line, f"`{name}` is missing in this engine and would be undefined"


def _steps(shape: Shape | None, said: str, steps: list[tuple[str, int, int]], line: int) -> Iterator[tuple[int, str]]:
    if not steps and said == "input":
        yield line, "name the part of `input` that is meant"
    for name, where, _end in steps:
        if shape is None:
            yield where, f"`{said}.{name}` can't be checked: take `{said}` from `some {said} in input.…`"
            return
        if isinstance(shape, list):
            yield where, f"`{said}` is a list: go through it with `some x in {said}` or `every x in {said}`"
            return
        shape = step_into(shape, name)
        if shape is None:
            yield (
                where,
                f"`{said}.{name}` does not exist in what policy is told" if name else f"`{said}[…]` is computed",
            )
            return
        said = f"{said}.{name}"


def _negations(rule: _Rule) -> Iterator[tuple[int, str]]:
    """`not` stands only over plain comparisons and names: what is undefined under it would count as true."""
    for n, token in enumerate(rule.tokens):
        if token.text == "not" and token.kind == "name" and any(_may_fail(t) for t in _negated(rule.tokens, n)):
            yield token.line, "`not` over a call or a computed step is true when that fails; name it as a rule first"


def _negated(body: list[Token], at: int) -> Iterator[Token]:
    """What stands under the `not` at `at`: to the end of the line on which it begins, bracket or `;`."""
    following = body[at + 1 :]
    for inner in following:
        if inner.depth < body[at].depth or (inner.depth == body[at].depth and inner.text == ";"):
            return
        if inner.depth == body[at].depth and inner.line != following[0].line:
            return
        yield inner


def _may_fail(token: Token) -> bool:
    return token.kind == "sign" and (token.text == "(" or (token.text in "[{" and token.glued))
