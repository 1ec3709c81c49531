"""The load-time check of policies: each known hazard is refused with the line on which it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graphs.policy import checking
from graphs.policy.lint import BUILTINS, lint
from graphs.policy.rego import PolicyTrouble, RegoPolicy, Source

HEAD = "package steward\n\nimport rego.v1\n\n"  # the rule begins on line 5


def findings(rule: str) -> list[str]:
    return [str(f) for f in lint("p.rego", HEAD + rule)]


@pytest.mark.parametrize(
    ("rule", "line", "part"),
    [
        ('deny contains "x" if not json.match_schema(input.words, {})', 5, "json.match_schema"),
        ('deny contains "x" if not net.cidr_contains("10.0.0.0/8", input.words)', 5, "net.cidr_contains"),
        ('deny contains "x" if http.send({"url": input.words})', 5, "http.send"),
        ('deny contains "x" if opa.runtime().env.TOKEN', 5, "opa.runtime"),
        ('deny contains "x" if opa["runtime"]().env.TOKEN', 5, "opa.runtime"),
        ('deny contains "x" if time.now_ns() > 5', 5, "time.now_ns"),
        ('deny contains "x" if rand.intn("a", 5) > 3', 5, "rand.intn"),
        ('deny contains "x" if io.jwt.decode(input.words)', 5, "io.jwt.decode"),
        ('deny contains "x" if trace("a")', 5, "trace"),
        ('deny contains "x" if print("a")', 5, "print"),
        ('deny contains "x" if count(numbers.range(1, 1000000000)) > 1', 5, "numbers.range"),
        ('deny contains "x" if regex.match("(a+)+$", input.words)', 5, "regex.match"),
        ('deny contains "x" if {\n\tnot input.session.taintd\n}', 6, "input.session.taintd"),
        ('deny contains "x" if not input["sesion"].panic', 5, "input.sesion"),
        ('deny contains "x" if input.tool.name.first == "a"', 5, "input.tool.name.first"),
        ('deny contains "x" if {\n\tsome a in input.arguments\n\ta.integrty == "untrusted"\n}', 7, "a.integrty"),
        ('deny contains "x" if {\n\tevery i, a in input.arguments {\n\t\ta.rolle == "x"\n\t}\n}', 7, "a.rolle"),
        ('deny contains "x" if {\n\tt := input.tool\n\tt.efect == "pay"\n}', 7, "t.efect"),
        ('deny contains "x" if input.arguments.role == "x"', 5, "list"),
        ('deny contains "x" if {\n\tsome k in ["words"]\n\tinput[k] == "x"\n}', 7, "computed"),
        ('deny contains "x" if count(input) > 3', 5, "name the part"),
        ('deny contains "x" if not count(input.recipients) > 3', 5, "`not`"),
        ('deny contains "x" if {\n\tnot startswith(input.tool.name, "a")\n}', 6, "`not`"),
        ('deny contains "x" if {\n\tnot\n\t\tstartswith(input.tool.name, "a")\n}', 6, "`not`"),
        ('deny contains "x" if not (startswith(input.tool.name, "a"))', 5, "`not`"),
        ('deny contains "x" if not {x | some x in input.recipients}[input.words]', 5, "`not`"),
        ('deny contains "x" if {\n\tnot input.words in [\n\t\tlower(input.tool.name)\n\t]\n}', 6, "`not`"),
        ('deny contains "x" if {\n\tinput := {"words": "principal"}\n\tinput.words == "x"\n}', 6, "name the part"),
        ('deny contains "x"; allow contains "y"', 5, "`allow`"),
        ('deny contains "x"\n\npackage other', 7, "one package"),
        ('deny contains "x" if input.words == "x" with input.words as "x"', 5, "`with`"),
        ('deny contains "x" if nowhere', 5, "`nowhere`"),
        ('deny contains "x" if nofn(input.words)', 5, "`nofn`"),
        ('deny contains "x" if data.secrets.token == "a"', 5, "data.secrets"),
        ('bad(a) if a.rolle == "x"', 5, "a.rolle"),
        ("deny contains \"x\" if input.words == 'x'", 5, "can't read"),
    ],
)
def test_a_hazard_is_refused_with_its_line(rule: str, line: int, part: str) -> None:
    found = findings(rule)
    assert any(f.startswith(f"p.rego:{line}: ") and part in f for f in found), found
    with pytest.raises(PolicyTrouble):
        RegoPolicy(Source("p.rego", HEAD + rule))


@pytest.mark.parametrize(
    "rule",
    [
        'deny contains "x" if not input.session.panic',
        'deny contains "x" if not input.tool.name in input.agent.tools',
        'deny contains "x" if {\n\tsome a in input.arguments\n\tnot "*" in a.readers\n}',
        'deny contains "x" if { some a in input.arguments; a.integrity == "opa.runtime()" }',
        'deny contains "x" if startswith(input.tool.name, "calendar.")  # opa.runtime() in a comment',
        "deny contains `x` if { tools := input.agent.tools; count(tools) > 3 }",
        'late if input.time.hour > 21\n\ndeny contains "x" if late',
        'deny contains "x" if max([input.time.hour, 3]) == 3',
    ],
)
def test_ordinary_rules_pass(rule: str) -> None:
    assert findings(rule) == []


def test_every_allowed_builtin_is_really_there() -> None:
    import regopy

    engine = regopy.Interpreter()
    assert [name for name in sorted(BUILTINS) if not engine.is_builtin(name)] == []


def test_a_builtin_that_the_engine_has_lost_is_refused() -> None:
    found = lint("p.rego", HEAD + 'deny contains "x" if startswith(input.words, "a")', has=lambda _name: False)
    assert "missing in this engine" in str(found[0])


def test_an_imported_or_missing_package_line_is_refused() -> None:
    assert "only `import rego.v1`" in str(lint("p.rego", "package steward\nimport data.secrets\n")[0])
    assert str(lint("p.rego", "allow := true\n")[0]).startswith("p.rego:1: begin with")


PACKAGE = "package steward.packages.crm\nimport rego.v1\n"


@pytest.mark.parametrize(
    ("source", "line", "part"),
    [
        (PACKAGE + 'allow contains "all"', 3, "narrow"),
        (PACKAGE + 'decision := {"word": "allow", "reasons": {"a"}}', 3, "narrow"),
        (PACKAGE + "default allow := true", 3, "narrow"),
        (PACKAGE + 'ask contains "Press yes, the principal said so!"', 3, "small letters"),
        (PACKAGE + "ask contains input.words", 3, "a-short-reason"),
        (PACKAGE + "deny := false", 3, "a-short-reason"),
        ('package steward\nimport rego.v1\nask contains "a"', 1, "steward.packages.name"),
        ('package steward.packages.crm.inner\nimport rego.v1\nask contains "a"', 1, "steward.packages.name"),
    ],
)
def test_an_installed_policy_can_only_narrow(source: str, line: int, part: str) -> None:
    found = [str(f) for f in lint("crm.rego", source, narrowing=True)]
    assert any(f.startswith(f"crm.rego:{line}: ") and part in f for f in found), found


def test_check_names_file_and_line_of_what_the_compiler_refuses(tmp_path: Path) -> None:
    (tmp_path / "mine.rego").write_text(HEAD + 'deny contains "x" if\n\n\ndecision := }\n')
    (tmp_path / "gone.rego").mkdir()
    found = [str(f) for f in checking.check([tmp_path / "mine.rego", tmp_path / "gone.rego"])]
    assert all(re.match(r"(mine|gone)\.rego:\d+: ", f) for f in found)
    assert {f.partition(":")[0] for f in found} == {"mine.rego", "gone.rego"}


def test_check_holds_a_file_that_says_it_is_a_package_to_narrowing(tmp_path: Path) -> None:
    (tmp_path / "crm.rego").write_text(PACKAGE + 'allow contains "all" if input.words == "principal"\n')
    assert any("narrow" in str(f) for f in checking.check([tmp_path / "crm.rego"]))
    (tmp_path / "crm.rego").write_text(PACKAGE + 'ask contains "late" if input.time.hour > 21\n')
    assert checking.check([tmp_path / "crm.rego"]) == []


def test_cases_of_ones_own_run_against_ones_own_policy(tmp_path: Path) -> None:
    (tmp_path / "crm.rego").write_text(PACKAGE + 'ask contains "late" if input.time.hour > 21\n')
    case = '[[case]]\nsays = "late"\nword = "ask"\nrule = "crm:late"\n[case.input]\nagent = { tools = ["t"] }\n'
    case += 'tool = { name = "t", effect = "read" }\ntime = { hour = 22 }\n'
    (tmp_path / "crm.toml").write_text(case)
    assert checking.test([tmp_path / "crm.rego", tmp_path / "crm.toml"]) == checking.Tested(1, ())
    (tmp_path / "crm.toml").write_text(case.replace("22", "12"))
    red = checking.test([tmp_path / "crm.rego", tmp_path / "crm.toml"]).red
    assert str(red[0]) == "late: wanted ask (crm:late), got allow (reading-is-free)"


def test_a_case_with_a_mistyped_path_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(
        '[[case]]\nsays = "a"\nword = "ask"\nrule = "b"\ninput = { tol = { name = "x" } }\n'
    )
    with pytest.raises(ValueError, match=r"c\.toml, case 1: input\.tol is unknown"):
        checking.test([tmp_path / "c.toml"])
