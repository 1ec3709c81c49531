"""Policy in Rego, evaluated in this process by regopy: built once, asked many times, and anything odd is deny."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from graphs.policy.engine import Question, Verdict, VerdictWord
from graphs.policy.lint import REASON, Finding, lint
from graphs.policy.quiet import caught
from graphs.policy.schema import document
from graphs.policy.tokens import rules, tokens
from knowledge.ids import canonical

SHIPPED = Path(__file__).with_name("steward.rego")
LIMIT_S = 0.1
"""Of this thread's computing time; a verdict that takes longer counts as deny."""

PATIENCE_S = 1.0
"""How long a turn waits at most for rules that are not the shipped ones, whatever the load of the machine."""

LATELY = 512
"""Verdicts remembered: the same small question comes again and again."""

_SEVERITY: dict[str, int] = {"deny": 0, "ask": 1, "allow": 2}
_ERROR = re.compile(r"\(error \d+:[^|]*\|(?P<at>\d+)\|\d+\s*\(errormsg \d+:(?P<text>[^)]*)\)")


class PolicyTrouble(Exception):
    """A policy can't be used; `findings` say where and why. Run `steward policy check` on it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("; ".join(str(finding) for finding in findings[:3]))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class Source:
    """One policy file as read."""

    file: str
    text: str
    narrowing: bool = False

    @classmethod
    def read(cls, path: Path, *, narrowing: bool = False) -> Source:
        return cls(path.name, path.read_text("utf-8"), narrowing)


def _told(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document as the shipped rules see it: where a value came from by name is for the record, no rule looks at it.

    So one evaluation serves all notes of an afternoon; each costs 0.6 ms, and the engine (1.5) loses 20 KB in it.
    """
    arguments = [{k: v for k, v in argument.items() if k != "sources"} for argument in asked.get("arguments", ())]
    return {**asked, "arguments": arguments}


class RegoPolicy:
    """The shipped rules (or the principal's own copy of them), narrowed by the policies of installed packages."""

    def __init__(self, core: Source, packages: Sequence[Source] = ()) -> None:
        """Check and build. Raises `PolicyTrouble`."""
        self.version = version_of([core, *packages])
        self._lock = Lock()
        self._stuck: Thread | None = None
        self._pristine = not packages and core.text == SHIPPED.read_text("utf-8")
        self._lately: dict[str, Verdict] = {}  # rules see nothing but the document: equal documents, equal verdicts
        self._core = _Built(core, ["decision"])
        self._packages = [_Built(p, narrowing_heads(p)) for p in packages]
        self._order = {name: n for n, name in enumerate(reason_names(core.text))}

    @classmethod
    def shipped(cls, packages: Sequence[Path] = (), *, core: Path | None = None) -> RegoPolicy:
        """The rules beside this file, or those in `core`."""
        return cls(Source.read(core or SHIPPED), [Source.read(p, narrowing=True) for p in packages])

    def judge(self, question: Question) -> Verdict:
        return self.judge_document(document(question))

    def judge_document(self, asked: Mapping[str, Any]) -> Verdict:
        """The verdict on a document of `SCHEMA`'s shape: what the turn record keeps, so that it can be judged again."""
        asked = _told(asked) if self._pristine else asked
        key = canonical(asked)
        with self._lock:
            if key in self._lately:
                return self._lately[key]
            verdict = self._evaluate(asked) if self._pristine else self._watched(asked)
            if verdict is _SLOW and self._pristine:
                verdict = self._evaluate(
                    asked
                )  # our own rules are quick: a first call on a cold, loaded machine is not
            if verdict is not _SLOW:
                if len(self._lately) >= LATELY:
                    self._lately.clear()
                self._lately[key] = verdict
        return verdict

    def _evaluate(self, asked: Mapping[str, Any]) -> Verdict:
        began = time.thread_time()
        verdict = self._core_verdict(asked)
        for package in self._packages:
            if verdict.word != "deny":
                verdict = _narrowed(verdict, package, package.ask_all(asked))
        return _SLOW if time.thread_time() - began > LIMIT_S else verdict

    def _watched(self, asked: Mapping[str, Any]) -> Verdict:
        """Rules that we did not write run beside us (the engine lets go of the GIL), so that they can't hold a turn up."""
        if self._stuck is not None and self._stuck.is_alive():
            return _SLOW
        box: list[Verdict] = []
        self._stuck = Thread(target=lambda: box.append(self._evaluate(asked)), name="policy", daemon=True)
        self._stuck.start()
        self._stuck.join(PATIENCE_S)
        if self._stuck.is_alive():
            return _SLOW
        return box[0] if box else _BROKEN

    def _core_verdict(self, asked: Mapping[str, Any]) -> Verdict:
        answer = self._core.ask_all(asked)
        decision = answer.get("decision") if answer else None
        if not isinstance(decision, dict) or set(decision) != {"word", "reasons"}:
            return _BROKEN
        word, reasons = decision["word"], decision["reasons"]
        if word not in ("allow", "ask", "deny") or not isinstance(reasons, list) or not reasons:
            return _BROKEN
        if not all(isinstance(r, str) and REASON.fullmatch(r) for r in reasons):
            return _BROKEN
        ordered = tuple(sorted(reasons, key=lambda r: (self._order.get(r, 999), r)))
        return Verdict(word, ordered[0], ordered)


_BROKEN = Verdict("deny", "policy-broken", ("policy-broken",))
_SLOW = Verdict("deny", "policy-slow", ("policy-slow",))


def _narrowed(verdict: Verdict, package: _Built, answer: Mapping[str, Any] | None) -> Verdict:
    """The more careful of `verdict` and what the package says; a package that does not answer properly denies."""
    for word in ("deny", "ask"):
        said = answer.get(word, []) if answer is not None else None
        if not isinstance(said, list) or not all(isinstance(r, str) and REASON.fullmatch(r) for r in said):
            return Verdict("deny", "package-broken", (f"{package.name}:package-broken",))
        if said:
            reasons = tuple(f"{package.name}:{r}" for r in sorted(said))
            known: VerdictWord = "deny" if word == "deny" else "ask"
            if _SEVERITY[known] < _SEVERITY[verdict.word]:
                return Verdict(known, reasons[0], reasons)
            return Verdict(verdict.word, verdict.rule, (*verdict.reasons, *reasons))
    return verdict


class _Built:
    """One file, linted, compiled, with the rules that are asked for."""

    def __init__(self, source: Source, heads: Sequence[str]) -> None:
        import regopy  # 15 MB and 20 ms: only where a policy is really asked

        self._interpreter = regopy.Interpreter()
        self._interpreter.log_level = regopy.rego_shared.LogLevel.NONE
        self._interpreter.strict_built_in_errors = True
        found = lint(source.file, source.text, narrowing=source.narrowing, has=self._interpreter.is_builtin)
        if not heads and not found:
            found = [Finding(source.file, 1, "it says neither `ask` nor `deny`, so it does nothing")]
        if found:
            raise PolicyTrouble(found)
        package = _package_name(source.text)
        self.name = package.rpartition(".")[2]
        self._entries = {head: f"{package.replace('.', '/')}/{head}" for head in heads}
        with caught() as said:
            try:
                self._interpreter.add_module(source.file, source.text)
                self._bundle = self._interpreter.build(None, list(self._entries.values()))
                good = self._bundle.ok()
            except (
                regopy.rego_shared.RegoError,
                ValueError,
            ) as error:  # ValueError: an unknown function, as the binding sees it
                raise PolicyTrouble(compile_findings(source, str(error), said())) from None
        if not good:
            raise PolicyTrouble([Finding(source.file, 1, "the engine can't build it")])

    def ask_all(self, asked: Mapping[str, Any]) -> dict[str, Any] | None:
        """What each rule comes to (left out: undefined), None when any of them failed."""
        self._interpreter.set_input(dict(asked))
        answers = {}
        for head, entry in self._entries.items():
            output = self._interpreter.query_bundle_entrypoint(self._bundle, entry)
            if not output.ok():
                return None
            results = output.results
            if results:
                if len(results) != 1 or len(results[0].expressions) != 1:
                    return None
                answers[head] = results[0].expressions[0]
        return answers


def version_of(sources: Sequence[Source]) -> str:
    """A short digest over every file, in order: what the ledger calls this policy."""
    digest = hashlib.sha256()
    for source in sources:
        digest.update(f"{source.file}\0{len(source.text)}\0{source.text}".encode())
    return digest.hexdigest()[:16]


def reason_names(source: str) -> list[str]:
    """The names of the rules, in the order in which they stand."""
    return [part[2].text[1:-1] for part in rules(list(tokens(source))) if len(part) > 2 and part[1].text == "contains"]


def narrowing_heads(source: Source) -> list[str]:
    """Which of deny and ask an installed policy speaks of."""
    heads = {part[0].text for part in rules(list(tokens(source.text)))}
    return [head for head in ("deny", "ask") if head in heads]


def _package_name(source: str) -> str:
    first = rules(list(tokens(source)))[0]
    return "".join(t.text for t in first[1:])


def compile_findings(source: Source, error: str, said: str) -> list[Finding]:
    """The compiler's complaints with their lines; it counts in characters from the start."""
    found = [
        Finding(source.file, source.text.count("\n", 0, int(m["at"])) + 1, m["text"].strip())
        for m in _ERROR.finditer(error)
    ]
    if not found:
        lines = [int(n) for n in re.findall(rf"{re.escape(source.file)}:(\d+):", said)]
        text = "the engine can't compile this (a function that is not defined?)"
        found = [Finding(source.file, min(lines, default=1), text)]
    return sorted(set(found), key=lambda f: (f.line, f.text))
