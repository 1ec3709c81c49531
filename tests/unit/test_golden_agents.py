"""The golden set of each agent: what is given, what the principal says, and what comes of it. Real tools, real files."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from graphs.agent import Desk, Draft, Task
from graphs.agents import AGENTS
from graphs.tools.base import Tool, ToolTrouble
from knowledge.database import Database
from knowledge.database.schema import metadata
from knowledge.store import timers
from tests.contract.connector_rigs import ZONE, tools_of
from tests.fakes.memory import ListMemory, passage

GOLDEN = Path(__file__).parents[1] / "golden" / "agents"
NOW = datetime(2026, 11, 18, 10, 0, tzinfo=ZONE)


def cases() -> list[Any]:
    found = []
    for file in sorted(GOLDEN.glob("*.toml")):
        for case in tomllib.loads(file.read_text())["case"]:
            found.append(pytest.param(file.stem, case, id=f"{file.stem}: {case['says'][:60]}"))
    return found


@dataclass
class Stage:
    """A house in miniature: the agents at a desk with the real tools, and a list for memory."""

    tools: dict[str, Tool]
    memory: ListMemory

    async def hear(self, words: str, command: str = "") -> tuple[str, Draft]:
        """What the words come to: the agent's name and its draft."""
        name, task = self._task(words, command)
        return name, await self.work(name, task, words)

    async def work(self, name: str, task: Task, words: str) -> Draft:
        agent = AGENTS[name]

        async def read(tool: str, arguments: Mapping[str, Any]) -> Any:
            assert tool in agent.manifest.tools, f"{name} reads with {tool}, which its manifest does not name"
            return await self.tools[tool].run(arguments, "")

        desk = Desk(words, "said", "principal", "console", "me", NOW, ZONE, self.memory, read)
        draft = await agent.work(task, desk)
        for wish in draft.wishes:
            assert wish.tool in agent.manifest.tools, f"{name} wishes {wish.tool}, which its manifest does not name"
        return draft

    def _task(self, words: str, command: str) -> tuple[str, Task]:
        if command:
            name = next(name for name, agent in AGENTS.items() if command in agent.commands)
            return name, Task("1", name, words, {"command": command})
        for name, agent in AGENTS.items():
            if (arguments := agent.claim(words, NOW, ZONE)) is not None:
                return name, Task("1", name, words, arguments)
        raise AssertionError(f"nobody claims {words!r}")

    async def given(self, given: Mapping[str, list[str]]) -> None:
        for number, text in enumerate(given.get("notes", [])):
            created = (NOW - timedelta(days=1)).isoformat()
            arguments = {"title": text[:40], "text": text, "created": created}
            await self.tools["notes.write"].run(arguments, f"note{number}")
        for number, line in enumerate(given.get("events", [])):
            summary, start, end, *place = line.split(" | ")
            arguments = {
                "summary": summary,
                "start": _iso(start),
                "end": _iso(end),
                "zone": ZONE.key,
                "made": NOW.isoformat(),
            }
            whole = {"all_day": start.endswith("00:00") and end.endswith("00:00")}
            await self.tools["calendar.create"].run(
                {**arguments, **whole, "location": "".join(place)}, f"event{number}"
            )
        for number, line in enumerate(given.get("reminders", [])):
            text, due, *rule = line.split(" | ")
            reminder = {
                "text": text, "due": _iso(due), "rule": rule[0] if rule else None, "zone": ZONE.key,
                "channel": "console", "conversation": "me", "made": NOW.isoformat(),
            }  # fmt: skip
            await self.tools["timers.set"].run(reminder, f"timer{number}")


def _iso(text: str) -> str:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE).isoformat()


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with all its tables and nothing in them, to be copied."""
    path = tmp_path_factory.mktemp("blank") / "steward.db"
    engine = create_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    engine.dispose()
    return path


@pytest.fixture
async def db(tmp_path: Path, blank: Path) -> AsyncIterator[Database]:
    shutil.copy(blank, tmp_path / "steward.db")
    database = Database(tmp_path / "steward.db")
    yield database
    await database.close()


async def stage(case: Mapping[str, Any], home: Path, db: Database) -> Stage:
    given = case.get("given", {})
    memory = ListMemory(tuple(_passage(line) for line in given.get("memory", [])))
    made = Stage(tools_of(home, db, memory, NOW, given.get("cards", ())), memory)
    if "file" in given:
        (home / "calendar.ics").write_text(given["file"])
    await made.given(given)
    for text in given.get("rang", []):
        await _rang(text, home, db)
    return made


async def _rang(text: str, home: Path, db: Database) -> None:
    """A reminder that was set an hour ago and went off five minutes ago."""
    earlier, due = NOW - timedelta(hours=1), NOW - timedelta(minutes=5)
    reminder = {
        "text": text, "due": due.isoformat(), "rule": None, "zone": ZONE.key,
        "channel": "console", "conversation": "me", "made": earlier.isoformat(),
    }  # fmt: skip
    done = await tools_of(home, db, now=earlier)["timers.set"].run(reminder, f"rang {text}")
    async with db.write() as tx:
        await timers.end(tx, done["timer"], "done")


def _passage(line: str) -> Any:
    name, place, day, text = line.split(" | ")
    return passage(name, place, datetime.fromisoformat(day).replace(tzinfo=UTC), text)


@pytest.mark.parametrize(("agent", "case"), cases())
async def test_what_comes_of_words(agent: str, case: dict[str, Any], tmp_path: Path, db: Database) -> None:
    here = await stage(case, tmp_path, db)
    if "trouble" in case:
        with pytest.raises(ToolTrouble, match=case["trouble"]):
            await here.hear(case["says"])
        return
    name, draft = await here.hear(case["says"], case.get("command", ""))
    assert name == agent
    shown = "\n".join(here.tools[wish.tool].render(wish.arguments) for wish in draft.wishes)
    assert [wish.tool for wish in draft.wishes] == case.get("wishes", [])
    assert draft.asks == case.get("asks", False), draft.text
    for part in case.get("answer", []):
        assert part in draft.text
    for part in case.get("never", []):
        assert part not in draft.text + shown
    for part in case.get("card", []):
        assert part in shown
    for part in case.get("source", []):
        assert part in "\n".join(f"{e.name}, {e.place}: {e.quote}" for e in draft.evidence)
    if "choices" in case:
        assert list(draft.choices) == case["choices"]
    for choice in draft.choices:
        again, answered = await here.hear(choice)
        assert again in (agent, "timer")
        assert not answered.asks, f"{choice!r} is asked about again: {answered.text}"
    await done(here, draft, case)


async def done(here: Stage, draft: Draft, case: Mapping[str, Any]) -> None:
    """The wishes carried out, twice under one key; then the undo, twice."""
    for number, wish in enumerate(draft.wishes):
        tool = here.tools[wish.tool]
        receipt = await tool.run(wish.arguments, f"wish{number}")
        assert await tool.run(wish.arguments, f"wish{number}") == receipt
        assert all(part in tool.report(wish.arguments, receipt) for part in case.get("report", []))
        back = tool.undo(wish.arguments, receipt) if tool.undo else None
        if back is None:
            continue
        assert here.tools[back.tool].render(back.arguments)
        first = await here.tools[back.tool].run(back.arguments, f"undo{number}")
        assert await here.tools[back.tool].run(back.arguments, f"undo{number}") == first
        assert here.tools[back.tool].report(back.arguments, first)


def test_every_agent_has_a_golden_set() -> None:
    assert {file.stem for file in GOLDEN.glob("*.toml")} == set(AGENTS)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("note: " + "long " * 4_000, "more characters"),
        ("note: nul\x00 and \x1b[31m bell\x07", "> nul and \\[31m bell"),
        ("note: 😀🏳️\u200d🌈", "> 😀🏳️\u200d🌈"),
        ("note: \u202egnihtyna", "> gnihtyna"),
        ("note: a lone \ud800 surrogate", "> a lone surrogate"),
    ],
)
async def test_odd_texts_are_noted_and_shown_harmlessly(words: str, shown: str, tmp_path: Path, db: Database) -> None:
    here = await stage({}, tmp_path, db)
    _, draft = await here.hear(words)
    assert shown in here.tools["notes.write"].render(draft.wishes[0].arguments)
    await done(here, draft, {})


@pytest.mark.parametrize("name", sorted(AGENTS))
@pytest.mark.parametrize("goal", ["", "?", "😀", "x" * 20_000, "tomorrow", "\x00", "the thing on friday at 3"])
async def test_an_agent_that_is_handed_anything_answers(name: str, goal: str, tmp_path: Path, db: Database) -> None:
    """The nearest intent and models hand over any words, with no arguments, half of them or nonsense."""
    here = await stage({}, tmp_path, db)
    said: list[dict[str, Any]] = [
        {},
        {"do": "fly"},
        *({key: goal} for key in AGENTS[name].manifest.arguments if key != "do"),
    ]
    for arguments in (*said, *({"command": command} for command in AGENTS[name].commands)):
        draft = await here.work(name, Task("1", name, goal, arguments), goal)
        assert draft.text or draft.wishes or draft.choices
        for wish in draft.wishes:
            assert here.tools[wish.tool].render(wish.arguments)
