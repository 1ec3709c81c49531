"""Behind `steward policy check` and `steward policy test`: what is wrong with policy files, and whether their cases hold."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphs.policy.engine import Verdict
from graphs.policy.lint import Finding
from graphs.policy.rego import SHIPPED, PolicyTrouble, RegoPolicy, Source
from graphs.policy.schema import NOBODY, SCHEMA, Shape, fits

_ARGUMENT: Mapping[str, Any] = {
    "name": "argument", "role": "content", "integrity": "untrusted", "sources": [], "readers": ["principal"],
    "endorsed": False,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """One line of a case file: this question, that verdict."""

    says: str
    word: str
    rule: str
    asked: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Red:
    """A case that did not hold."""

    case: Case
    got: Verdict

    def __str__(self) -> str:
        want = f"{self.case.word} ({self.case.rule})"
        return f"{self.case.says}: wanted {want}, got {self.got.word} ({self.got.rule})"


@dataclass(frozen=True, slots=True)
class Tested:
    """How many cases ran, and those that did not hold."""

    ran: int
    red: tuple[Red, ...]


def check(paths: Sequence[Path] = ()) -> list[Finding]:
    """Everything wrong with these policy files; none: the shipped one. A file of `steward.packages.…` must only narrow."""
    found: list[Finding] = []
    for path in paths or [SHIPPED]:
        try:
            source = Source.read(path)
        except (OSError, UnicodeDecodeError) as error:
            found.append(Finding(path.name, 1, f"can't be read: {error}"))
            continue
        try:
            if is_package(source.text):
                RegoPolicy(Source.read(SHIPPED), [Source(source.file, source.text, narrowing=True)])
            else:
                RegoPolicy(source)
        except PolicyTrouble as trouble:
            found += trouble.findings
    return found


def test(paths: Sequence[Path] = ()) -> Tested:  # noqa: PT028 (no test of pytest's)
    """Run the case files (`.toml`) against the policy files among `paths`; what is not given is the shipped one.

    Raises `PolicyTrouble` when a policy can't be loaded and ValueError when a case file is not one.
    """
    policies = [Source.read(p) for p in paths if p.suffix == ".rego"]
    core = next((s for s in policies if not is_package(s.text)), Source.read(SHIPPED))
    packages = [Source(s.file, s.text, narrowing=True) for s in policies if is_package(s.text)]
    files = [p for p in paths if p.suffix == ".toml"] or [SHIPPED.with_suffix(".toml")]
    return run(RegoPolicy(core, packages), [case for file in files for case in read_cases(file)])


def run(policy: RegoPolicy, cases: Sequence[Case]) -> Tested:
    red = []
    for case in cases:
        got = policy.judge_document(case.asked)
        if (got.word, got.rule) != (case.word, case.rule):
            red.append(Red(case, got))
    return Tested(len(cases), tuple(red))


def read_cases(file: Path) -> list[Case]:
    """The cases of a file, each question complete. Raises ValueError with the case and the path that is wrong."""
    body = tomllib.loads(file.read_text("utf-8"))
    plain = laid_over(NOBODY, body.get("plain", {}))
    cases = []
    for n, one in enumerate(body.get("case", []), 1):
        asked = laid_over(plain, one.get("input", {}))
        asked["arguments"] = [laid_over(_ARGUMENT, argument) for argument in asked["arguments"]]
        if wrong := fits(asked, SCHEMA):
            raise ValueError(f"{file.name}, case {n}: {wrong}")
        cases.append(Case(one["says"], one["word"], one["rule"], asked))
    return cases


def laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` on top of `below`, table by table; lists are replaced whole."""
    out = deepcopy(dict(below))
    for name, value in above.items():
        old = out.get(name)
        out[name] = (
            laid_over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else deepcopy(value)
        )
    return out


def is_package(source: str) -> bool:
    """Whether the file says that it is an installed package's policy."""
    return any(line.strip().startswith("package steward.packages.") for line in source.splitlines())


def paths_of(shape: Shape, at: str = "input") -> list[str]:
    """Every path that a rule may name, for `steward policy check --paths` and the documentation."""
    if isinstance(shape, Mapping):
        return [path for name, inner in shape.items() for path in paths_of(inner, f"{at}.{name}")]
    if isinstance(shape, list):
        return paths_of(shape[0], f"{at}[_]")
    return [f"{at}: {shape.__name__}"]
