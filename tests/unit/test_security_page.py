"""docs/security.md keeps its word: every test it names exists, and every path and rule it shows is real."""

from __future__ import annotations

import re
from pathlib import Path

from graphs.policy.checking import paths_of
from graphs.policy.lint import lint
from graphs.policy.schema import SCHEMA

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")


def test_every_test_that_holds_a_promise_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) >= 30
    missing = [f"{file}::{name}" for file, name in named if not _has(ROOT / file, name)]
    assert missing == []


def _has(file: Path, name: str) -> bool:
    return file.is_file() and re.search(rf"^(async )?def {name}\(", file.read_text("utf-8"), re.MULTILINE) is not None


def test_every_promise_names_a_test() -> None:
    part = PAGE.partition("## Promises")[2].partition("## What is not promised")[0]
    promises = re.split(r"^- ", part, flags=re.MULTILINE)[1:]
    assert len(promises) >= 18
    assert [p.splitlines()[0] for p in promises if "::test_" not in p] == []


def test_the_table_of_what_a_rule_is_told_is_the_schema() -> None:
    table = PAGE.partition("## What a rule is told")[2]
    told = set()
    for cell in re.findall(r"^\| (`input\.[^|]+) \|", table, re.MULTILINE):
        first, *others = re.findall(r"`([^`]+)`", cell)
        told |= {first, *(first.rpartition(".")[0] + other for other in others)}
    real = {path.partition(":")[0].removesuffix("[_]") for path in paths_of(SCHEMA)}
    assert told == real


def test_the_rule_on_the_page_passes_the_check() -> None:
    rule = re.search(r"^```rego\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert rule is not None
    assert lint("page.rego", rule[1], narrowing=True) == []
