"""The shipped rules: as the table was, every rule held by a case, and nothing odd ever becomes anything but deny."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, get_args

import pytest

from graphs.agent import Manifest
from graphs.policy import checking
from graphs.policy.engine import Argument, History, Question, Session, Step, TablePolicy, Verdict, judge_safely
from graphs.policy.rego import SHIPPED, PolicyTrouble, RegoPolicy, Source, reason_names
from graphs.policy.schema import NOBODY, SCHEMA, document, fits
from graphs.policy.tokens import rules, tokens
from graphs.tools.base import EffectClass, Tool
from knowledge.words import Integrity

CASES = SHIPPED.with_suffix(".toml")
H = "package steward\nimport rego.v1\n"


async def _nothing(_arguments: Any, _key: str) -> dict[str, Any]:
    return {}


def tool(name: str = "mail.send", effect: str = "send", *, own: bool = False, roles: Any = None) -> Tool:
    return Tool(name, effect, "", _nothing, lambda _a: "", lambda _a, _r: "", roles=roles or {}, own=own)  # type: ignore[arg-type]


MAIL = Manifest("mail", "answer mail", frozenset({"mail.send"}))


@pytest.fixture(scope="module")
def shipped() -> RegoPolicy:
    return RegoPolicy.shipped()


def policy(body: str, *packages: str) -> RegoPolicy:
    return RegoPolicy(Source("own.rego", H + body), [Source(f"p{n}.rego", p, True) for n, p in enumerate(packages)])


# ── the shipped rules ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_case_of_the_shipped_rules_holds() -> None:
    tested = checking.test()
    assert [str(red) for red in tested.red] == []
    assert tested.ran >= 40


def test_every_rule_has_a_case_in_which_it_speaks_and_the_shipped_file_is_clean() -> None:
    spoken = {case.rule for case in checking.read_cases(CASES)}
    assert set(reason_names(SHIPPED.read_text())) <= spoken
    assert checking.check() == []


def test_whichever_rule_is_deleted_a_case_goes_red() -> None:
    source, cases = SHIPPED.read_text(), checking.read_cases(CASES)
    lines = source.splitlines()
    parts = [p for p in rules(list(tokens(source))) if p[0].text not in ("package", "import")]
    assert len(parts) >= 20
    for part in parts:
        kept = [line for n, line in enumerate(lines, 1) if not part[0].line <= n <= part[-1].line]
        assert _goes_red("\n".join(kept), cases), f"nothing notices that lines from {part[0].line} are gone"


def test_whichever_condition_is_deleted_a_case_goes_red() -> None:
    source, cases = SHIPPED.read_text(), checking.read_cases(CASES)
    lines = source.splitlines()
    conditions = [n for n, line in enumerate(lines) if line.startswith("\t") and line.strip() not in ("}", "")]
    assert len(conditions) >= 30
    unnoticed = [lines[n] for n in conditions if not _goes_red("\n".join(lines[:n] + lines[n + 1 :]), cases)]
    assert unnoticed == []


def _goes_red(source: str, cases: list[checking.Case]) -> bool:
    try:
        return bool(checking.run(RegoPolicy(Source("less.rego", source)), cases).red)
    except PolicyTrouble:
        return True


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("effect", get_args(EffectClass))
def test_by_default_the_word_is_the_tables(shipped: RegoPolicy, effect: str, own: bool) -> None:
    table = TablePolicy()
    kinds: tuple[Integrity, ...] = get_args(Integrity)
    for words, one, two, paused, name in itertools.product(kinds, kinds, kinds, (True, False), ("mail.send", "x.y")):
        asked = Question(MAIL, tool(name, effect, own=own), words, {"to": one, "text": two}, paused)
        assert shipped.judge(asked).word == table.judge(asked).word, asked


def test_the_reason_on_the_card_is_the_first_of_all_that_spoke(shipped: RegoPolicy) -> None:
    got = shipped.judge(Question(MAIL, tool(roles={"to": "target"}), "principal", {"to": "untrusted"}))
    assert got == Verdict("ask", "foreign-target", ("foreign-target", "first-weeks"))


def test_what_the_caller_knows_of_an_argument_counts_before_its_bare_integrity(shipped: RegoPolicy) -> None:
    known = {"to": Argument("target", "untrusted", endorsed=True), "text": Argument("content", "principal")}
    bare: dict[str, Integrity] = {"to": "untrusted", "text": "principal"}
    plain = Question(MAIL, tool(roles={"to": "target"}), "principal", bare, session=Session(probation=False))
    assert shipped.judge(plain).rule == "foreign-target"
    licensed = Question(
        MAIL, tool(), "principal", bare, arguments=known, session=Session(probation=False), step=Step(licence=1)
    )
    assert shipped.judge(licensed) == Verdict("allow", "licensed-by-your-words", ("licensed-by-your-words",))


def test_the_document_has_exactly_the_shape_that_rules_are_checked_against() -> None:
    asked = Question(
        MAIL, tool(), "principal", {"to": "trusted"}, recipients=("ada",), history=History(3, True), session=Session()
    )
    assert fits(document(asked), SCHEMA) == ""
    assert fits(NOBODY, SCHEMA) == ""
    assert "arguments[0].endorsed" in fits({**NOBODY, "arguments": [{}]}, SCHEMA) or fits({}, SCHEMA)


def test_a_verdict_is_the_same_when_its_document_is_judged_again_from_json(shipped: RegoPolicy) -> None:
    asked = Question(MAIL, tool(), "untrusted", {"to": "untrusted", "text": "principal"})
    again = RegoPolicy.shipped().judge_document(json.loads(json.dumps(document(asked))))
    assert again == shipped.judge(asked)


@pytest.mark.integration
def test_ten_thousand_different_questions_take_less_than_ten_seconds(shipped: RegoPolicy) -> None:
    began = time.process_time()
    for n in range(10_000):
        asked = Question(MAIL, tool(), "principal", {"to": "trusted"}, history=History(n), step=Step(licence=1))
        assert shipped.judge(asked).word == "ask"
    assert time.process_time() - began < 10


# ── whatever is odd is deny ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        'decision := {"word": "allow", "reasons": {"x"}} if input.agent.paused',  # undefined
        'decision := {"word": "Allow", "reasons": {"x"}}',
        'decision := {"word": "allow ", "reasons": {"x"}}',
        'decision := {"word": true, "reasons": {"x"}}',
        'decision := {"word": ["allow"], "reasons": {"x"}}',
        'decision := {"word": "allow"}',
        'decision := {"word": "allow", "reasons": {"x"}, "more": 1}',
        'decision := {"word": "allow", "reasons": []}',
        'decision := {"word": "allow", "reasons": "x"}',
        'decision := {"word": "allow", "reasons": {"a sentence for the card"}}',
        'decision := "allow"',
        "decision := true",
        "decision := null",
        'decision := {"word": "allow", "reasons": {"x"}} if input.words == "principal"\n'
        'decision := {"word": "ask", "reasons": {"x"}} if input.words == "principal"',  # two values
        'decision := {"word": "allow", "reasons": {"x"}} if startswith(input.step.licence, "x")',  # builtin error
    ],
)
def test_anything_but_one_of_the_three_words_is_deny(body: str) -> None:
    asked = Question(MAIL, tool(), "principal", {})
    assert policy(body).judge(asked) == Verdict("deny", "policy-broken", ("policy-broken",))


def test_a_builtin_that_fails_denies_also_where_its_failure_would_have_kept_a_deny_away() -> None:
    body = 'deny contains "x" if startswith(input.step.licence, "x")\n'
    body += 'decision := {"word": "deny", "reasons": deny} if count(deny) > 0\n'
    body += 'else := {"word": "allow", "reasons": {"open"}}'
    assert policy(body).judge(Question(MAIL, tool(), "principal", {})).word == "deny"


def slow(size: int) -> RegoPolicy:
    body = f"many := {list(range(size))}\n"
    body += "slow := count([1 | some a in many; some b in many; a == b])\n"
    return policy(body + 'decision := {"word": "allow", "reasons": {"x"}} if slow > 0')


def test_a_policy_that_takes_longer_than_its_limit_is_deny() -> None:
    asked = Question(MAIL, tool(), "principal", {})
    assert slow(3).judge(asked).word == "allow"
    assert slow(300).judge(asked) == Verdict("deny", "policy-slow", ("policy-slow",))


def test_a_policy_that_does_not_come_back_holds_nobody_up() -> None:
    asked, stuck = Question(MAIL, tool(), "principal", {}), slow(500)
    began = time.monotonic()
    assert stuck.judge(asked).rule == "policy-slow"
    assert stuck.judge(asked).rule == "policy-slow"
    assert time.monotonic() - began < 5


def test_no_engine_and_an_engine_that_raises_are_deny() -> None:
    class Raises:
        def judge(self, question: Question) -> Verdict:
            raise RuntimeError(question.words)

    asked = Question(MAIL, tool(), "principal", {})
    assert judge_safely(None, asked).word == "deny"
    assert judge_safely(Raises(), asked).word == "deny"


# ── packages only narrow ─────────────────────────────────────────────────────────────────────────────────────────────

OPEN = 'decision := {"word": "allow", "reasons": {"open"}}'
ASKING = 'decision := {"word": "ask", "reasons": {"shut"}}'
P = "package steward.packages.crm\nimport rego.v1\n"


def test_a_package_may_ask_or_deny_where_steward_allows() -> None:
    asked = Question(MAIL, tool(), "principal", {})
    assert policy(OPEN, P + 'ask contains "big-client"').judge(asked) == Verdict(
        "ask", "crm:big-client", ("crm:big-client",)
    )
    assert policy(OPEN, P + 'deny contains "closed" if input.tool.effect == "send"').judge(asked).word == "deny"
    assert policy(OPEN, P + 'deny contains "closed" if input.tool.effect == "pay"').judge(asked).word == "allow"


def test_a_package_never_turns_ask_into_allow_nor_deny_into_ask() -> None:
    asked = Question(MAIL, tool(), "principal", {})
    assert policy(ASKING, P + 'ask contains "me-too"').judge(asked).rule == "shut"
    denying = 'decision := {"word": "deny", "reasons": {"shut"}}'
    assert policy(denying, P + 'ask contains "me-too"').judge(asked).word == "deny"


def test_a_package_whose_rule_fails_denies() -> None:
    broken = P + 'ask contains "x" if startswith(input.step.licence, "x")'
    got = policy(OPEN, broken).judge(Question(MAIL, tool(), "principal", {}))
    assert (got.word, got.rule) == ("deny", "package-broken")


def test_of_two_packages_the_more_careful_one_counts() -> None:
    other = P.replace("crm", "bank") + 'deny contains "late"'
    got = policy(OPEN, P + 'ask contains "big"', other).judge(Question(MAIL, tool(), "principal", {}))
    assert (got.word, got.rule) == ("deny", "bank:late")


# ── the process around it ────────────────────────────────────────────────────────────────────────────────────────────


def test_the_engines_diagnostics_never_reach_standard_output(tmp_path: Path) -> None:
    (tmp_path / "broken.rego").write_text(H + 'decision := "a" if {{\n')
    program = (
        "from pathlib import Path\n"
        "from graphs.policy import checking\n"
        "from graphs.policy.rego import RegoPolicy, Source\n"
        "from graphs.policy.schema import NOBODY\n"
        f"found = checking.check([Path({str(tmp_path / 'broken.rego')!r})])\n"
        "assert found[-1].line == 3, found\n"
        'two = \'decision := 1 if input.words == "untrusted"\\ndecision := 2 if input.words == "untrusted"\\n\'\n'
        f"policy = RegoPolicy(Source('two.rego', {H!r} + two))\n"
        "assert policy.judge_document(NOBODY).word == 'deny'\n"
        "print('mine')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=180)
    assert (done.returncode, done.stdout) == (0, "mine\n"), done.stderr


def test_regopy_is_not_imported_before_a_policy_is_built() -> None:
    program = "import sys, graphs.policy.rego, graphs.policy.checking; assert 'regopy' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=180)


def test_the_version_changes_with_every_character() -> None:
    source = Source.read(SHIPPED)
    assert RegoPolicy(source).version == RegoPolicy.shipped().version
    assert RegoPolicy(Source(source.file, source.text + "\n")).version != RegoPolicy.shipped().version


def test_no_shipped_rule_looks_at_the_names_of_sources_so_one_evaluation_serves_many() -> None:
    code = [line for line in SHIPPED.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert not any("sources" in line for line in code)
    fresh = RegoPolicy.shipped()
    for origin in ("telegram:1", "telegram:2"):
        arguments = {"text": Argument("content", "principal", (origin,))}
        fresh.judge(Question(MAIL, tool(), "principal", {}, arguments=arguments))
    assert len(fresh._lately) == 1
