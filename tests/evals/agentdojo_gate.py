"""The product's own policy and labels behind the call of the AgentDojo harness: `--gate tests.evals.agentdojo_gate:gate`.

The harness hands over bare values. Here they get the labels that Steward's runtime carries: a value that stands in the
principal's words is theirs, an issued field of the one thing that they named is endorsed, and everything else has the
join of what the agent has read so far. The rules are the shipped ones, as they stand after the first weeks.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from graphs.agent import Manifest
from graphs.policy.engine import Argument, Question, Session, Step
from graphs.policy.rego import RegoPolicy
from graphs.policy.spoken import Lookup, asked_for, licence, named, spoken, spoken_day
from knowledge.words import Integrity
from tests.evals.agentdojo.tools import declare, issued

_TO = {"recipient", "recipients", "participants", "email", "user_email"}


@cache
def shipped() -> RegoPolicy:
    return RegoPolicy.shipped()


def gate(call: Any) -> tuple[Literal["allow", "ask", "deny"], str]:
    """The verdict on one call of the harness, and the rule that gave it."""
    return judge(call, shipped())


def judge(call: Any, policy: RegoPolicy) -> tuple[Literal["allow", "ask", "deny"], str]:
    verdict = policy.judge(question(call))
    return verdict.word, verdict.rule


def question(call: Any, *, probation: bool = False) -> Question:
    """The harness's call as policy is asked about it."""
    tool = declare(call.tool, call.kind, call.args)
    given = {name: value for name, value in call.args.items() if value is not None}
    lookups = _lookups(call)
    endorsed = {name for name, value in given.items() if named(value, lookups, call.prompt)}
    mine = {name for name, value in given.items() if spoken(value, call.prompt)}
    mine |= {n for n, value in given.items() if tool.roles[n] == "benign" and spoken_day(value, call.prompt)}
    read: Integrity = "untrusted" if call.context_tainted else "trusted"
    recipients = tuple(str(one) for name in given if name in _TO for one in _leaves(given[name]))
    chosen = tuple(str(one) for name in given if name in _TO & (mine | endorsed) for one in _leaves(given[name]))
    arguments = {
        name: Argument(
            tool.roles[name],
            "principal" if name in mine else read,
            readers=("principal", *chosen) if name in mine | endorsed else ("principal",),
            endorsed=name in endorsed,
        )
        for name in given
    }
    targets_named = any(tool.roles[name] == "target" for name in endorsed)
    asked = asked_for(call.tool, tool.purpose, call.prompt, thing_named=targets_named)
    done = sum(1 for name, _args, _verdict, ran in call.history if ran and name == call.tool)
    return Question(
        Manifest("assistant", "does what the principal asks", frozenset({call.tool})),
        tool,
        "principal",
        {},
        arguments=arguments,
        recipients=recipients,
        step=Step(licence=licence(int(asked), done)),
        session=Session(untrusted=call.context_tainted, private=call.context_tainted, probation=probation),
    )


def _lookups(call: Any) -> list[Lookup]:
    """The reading calls so far. The harness lists results in the order of the calls that ran."""
    ran = [(name, args) for name, args, _verdict, done in call.history if done]
    found = []
    for (name, args), look in zip(ran, call.lookups, strict=True):
        items = look["items"]
        given = {key: value for key, value in args.items() if value is not None}
        found.append(Lookup(given, items, issued(name, items[0]) if items else ()))
    return found


def _leaves(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
