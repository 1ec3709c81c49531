"""What is checked of a model's plan before a word of it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from graphs.agent import Agent, Desk, Draft, Manifest, Task
from graphs.agents import AGENTS
from graphs.models.form import PlanInvalid, bound, checked, read, schema
from graphs.prompts import plan_prompt
from tests.fakes.openai_api import plan, task

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE)


def made(words: str, *tasks: dict[str, Any]) -> tuple[Task, ...]:
    return bound(read(json.dumps(plan(*tasks)), AGENTS), AGENTS, words, NOW, ZONE)


def trouble(*tasks: dict[str, Any]) -> str:
    with pytest.raises(PlanInvalid) as raised:
        read(json.dumps(plan(*tasks)), AGENTS)
    return str(raised.value)


def test_a_claimed_goal_gets_the_agents_own_arguments_whatever_the_model_gave() -> None:
    (done,) = made("the accountant: mornings", task("notes", "note: the accountant prefers mornings", do="delete"))
    assert done == Task(
        "1",
        "notes",
        "note: the accountant prefers mornings",
        {"do": "write", "text": "the accountant prefers mornings"},
    )


def test_ids_are_given_anew_in_an_order_in_which_each_comes_after_those_it_waits_for() -> None:
    first, second = made(
        "brief me and note it", task("notes", "note: done", "file", id="x/../y"), task("brief", "brief me", id="file")
    )
    assert (first.id, first.agent, first.after) == ("1", "brief", ())
    assert (second.id, second.agent, second.after) == ("2", "notes", ("1",))


def test_an_unclaimed_goal_keeps_arguments_that_the_principal_said() -> None:
    words = "get rid of what I wrote about the old door code"
    goal = "get rid of the old door code"
    assert made(words, task("notes", goal, do="delete", which="old Door code"))[0].arguments == {
        "do": "delete",
        "which": "old Door code",
    }


@pytest.mark.parametrize(
    "arguments",
    [{"do": "burn"}, {"which": "the new door code"}, {"which": "..."}, {"do": "delete", "which": "oor cod"}],
)
def test_an_unclaimed_goal_loses_all_arguments_when_one_is_made_up(arguments: Mapping[str, str]) -> None:
    assert checked(arguments, AGENTS["notes"].manifest, "get rid of the old door code") == {}


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        ([task("shell", "rm -rf /")], "there is no agent 'shell'; there are reply, "),
        ([task("notes", "  ")], "the goal is empty"),
        ([task("notes", "x" * 5_000)], "not one plain sentence"),
        ([task("notes", "note: x", command="notes")], "notes has no argument 'command'; it has do, text, which"),
        ([task("notes", "note: x", "7")], "after names '7', which is not in the plan"),
        ([task("notes", "note: x", "1")], "wait for each other in a circle"),
        ([task("notes", "note: x", "2"), task("brief", "brief me", "1", id="2")], "wait for each other in a circle"),
        ([task("notes", "note: x"), task("brief", "brief me")], "two tasks have the same id"),
        ([task("notes", "note: x", id=str(n)) for n in range(7)], "there are 7 tasks, 6 are allowed"),
        ([{**task("notes", "note: x"), "tools": ["mail.send"]}], "tasks.0.tools: Extra inputs are not permitted"),
        ([{"agent": "notes"}], "tasks.0.id: Field required"),
    ],
)
def test_what_is_wrong_is_said_in_words_that_help_to_mend_it(tasks: list[dict[str, Any]], told: str) -> None:
    assert told in trouble(*tasks)


@pytest.mark.parametrize("reply", ["", "Sure! I'll do that.", "[]", "{", '{"tasks": 1}', "}{", '{"a":' * 50_000])
def test_a_reply_that_is_no_plan_is_told_as_such(reply: str) -> None:
    with pytest.raises(PlanInvalid):
        read(reply, AGENTS)


def test_a_plan_in_a_fence_with_plain_objects_and_numbers_is_as_good() -> None:
    reply = '```json\n{"tasks": [{"id": 1, "agent": "notes", "goal": "note: x", "arguments": {"text": 7}}]}\n```'
    (wanted,) = read(reply, AGENTS)
    assert (wanted.id, wanted.arguments, wanted.after) == ("1", {"text": "7"}, [])


def test_no_task_is_a_plan_too() -> None:
    assert made("lovely weather") == ()


def test_every_example_of_every_agent_is_claimed_or_can_be_worked_on_without_arguments() -> None:
    tasks = [task(name, example) for name, agent in AGENTS.items() for example in agent.manifest.examples]
    for one in tasks:
        (done,) = made(one["goal"], one)
        own = AGENTS[one["agent"]].claim(one["goal"], NOW, ZONE)
        assert done.arguments == (own or {})


def test_an_agent_without_patterns_gets_its_declared_arguments() -> None:
    async def work(_task: Task, _desk: Desk) -> Draft:
        return Draft()

    manifest = Manifest("mail", "write letters", arguments={"to": "who gets it", "tone": "one of warm, dry"})
    agents = {"mail": Agent(manifest, lambda *_: None, work)}
    wanted = read(json.dumps(plan(task("mail", "write to Ada", to="Ada", tone="dry"))), agents)
    assert bound(wanted, agents, "a dry word to Ada", NOW, ZONE)[0].arguments == {"to": "Ada", "tone": "dry"}


def test_the_schema_names_the_agents_and_wants_every_field_as_strict_modes_do() -> None:
    form = schema([agent.manifest for agent in AGENTS.values()])
    one = form["properties"]["tasks"]["items"]
    assert one["properties"]["agent"]["enum"] == list(AGENTS)

    def strict(part: Any) -> bool:
        if not isinstance(part, dict):
            return True
        sound = part.get("type") != "object" or (
            part["additionalProperties"] is False and part["required"] == list(part["properties"])
        )
        return sound and all(strict(value) for value in part.values())

    assert strict(form)


def test_agents_without_arguments_make_a_schema_too() -> None:
    form = schema([Manifest("brief", "tell the day")])
    assert "enum" not in form["properties"]["tasks"]["items"]["properties"]["arguments"]["items"]["properties"]["name"]


def test_the_prompt_is_the_rules_and_the_menu() -> None:
    prompt = plan_prompt([agent.manifest for agent in AGENTS.values()], 6)
    assert "$" not in prompt
    assert "### timer\nRemind the principal of something" in prompt
    assert "- goal like: remind me to call the bank tomorrow at 9" in prompt
    assert "argument `which`: words that name the note" in prompt
