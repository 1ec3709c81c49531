"""The pages keep their word: what is marked runs, links lead somewhere, commands and extension points exist."""

from __future__ import annotations

import asyncio
import os
import re
import tomllib
from pathlib import Path

import pytest

from bot.stage import BareSettings
from tests.docs.pages import PAGES, ROOT, Block, Shell, blocks, commands, links, without_dates

PLAYED = [page for page in PAGES if blocks(page, "played", "ran")]
UPDATE = "STEWARD_UPDATE_DOCS"
TESTED_ELSEWHERE = {"forget": "tests/playbooks/test_memory_play.py"}
"""Agents whose outcome needs a whole memory, which the golden sets do not have."""


@pytest.mark.integration
@pytest.mark.parametrize("page", PLAYED, ids=lambda p: p.name)
def test_what_a_page_shows_is_what_happens(page: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for block in blocks(page, "played", "ran"):
        if "ran" in block.info.split():
            for command in commands(block):
                code, said = shell.run(command)
                assert code == 0, f"{command}\n{said}"
            continue
        went = shell.play(block)
        if os.environ.get(UPDATE):
            page.write_text(page.read_text("utf-8").replace(block.text, went), "utf-8")
        else:
            assert without_dates(went) == without_dates(block.text)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    missing = [
        target
        for target in links(page)
        if not target.startswith(("https://", "mailto:", "#")) and not (page.parent / target.partition("#")[0]).exists()
    ]
    assert not missing


@pytest.mark.parametrize(
    "block", [b for page in PAGES for b in blocks(page, "run")], ids=lambda b: b.name if isinstance(b, Block) else ""
)
def test_python_blocks_run(block: Block) -> None:
    exec(compile(block.text, block.name, "exec"), {"__name__": "docs", "asyncio": asyncio})


@pytest.mark.parametrize("block", [b for page in PAGES for b in blocks(page, "settings")], ids=lambda b: b.name)
def test_settings_blocks_are_switches_that_exist(block: Block, tmp_path: Path) -> None:
    tables = tomllib.loads(block.text)
    settings = BareSettings(home=tmp_path, **tables)
    for name, value in tables.items():
        known = getattr(settings, name)
        for inner in value if isinstance(value, dict) and not isinstance(known, dict) else ():
            assert hasattr(known, inner) or hasattr(known, f"{inner}_"), f"{name}.{inner}"


def test_every_command_on_the_pages_exists() -> None:
    import typer

    from bot.cli.app import app

    tree = typer.main.get_command(app)
    told = {words for page in PAGES for words in re.findall(r"(?<![\w-])\.?/?steward ([a-z][a-z -]*)", _code(page))}
    assert {"demo", "doctor", "init", "approvals list"} <= {words.strip() for words in told}
    for words in told:
        here, names = tree, words.split()
        for word in names:
            inner = getattr(here, "commands", None)
            if inner is None or word.startswith("-"):
                break
            assert word in inner, f"steward {words}"
            here = inner[word]


def _code(page: Path) -> str:
    """What stands in code: blocks and spans."""
    text = page.read_text("utf-8")
    return "\n".join([b.text for b in blocks(page)] + re.findall(r"`([^`\n]+)`", text))


def test_the_quick_start_has_two_commands() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    start = readme.split("## Quick start")[1].split("\n## ")[0]
    (block,) = [text for info, text in re.findall(r"^```(\w+)\n(.*?)^```$", start, re.DOTALL | re.MULTILINE)]
    typed = [line.split("#")[0].strip() for line in block.splitlines() if line.strip()]
    assert typed == ["./steward", "./check"]


def test_the_recipes_name_places_that_exist() -> None:
    from channels.registry import CHANNELS, Parts
    from graphs.agents import AGENTS

    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    for path in re.findall(r"`((?:bot|channels|graphs|knowledge|tests)/[\w/.]+\.(?:py|toml))`", text):
        assert "NAME" in path or (ROOT / path).exists(), path
    for name in ("CHANNELS", "AGENTS", "build_tools"):
        assert f"`{name}`" in text
    (line,) = blocks(ROOT / "CONTRIBUTING.md", "channel")
    assert isinstance(eval("{" + line.text + "}", {"Parts": Parts})["signal"], Parts)
    for name, parts in CHANNELS.items():
        for place in (parts.access, parts.receiving, parts.speaking):
            assert (ROOT / "channels" / f"{place.partition(':')[0]}.py").exists(), f"{name}: {place}"
    for name in AGENTS:
        assert (ROOT / "graphs" / "agents" / f"{name}.py").exists()
        assert (ROOT / TESTED_ELSEWHERE.get(name, f"tests/golden/agents/{name}.toml")).exists(), name


def test_the_picture_is_drawn_by_the_program() -> None:
    from bot.picture import TALK

    picture = (ROOT / "docs" / "chat.svg").read_text("utf-8").replace("&#160;", " ")
    shown = " ".join(re.sub(r"<[^>]+>", " ", picture).split())
    for line in TALK:
        assert line in shown
    assert "Created" in shown
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", picture), "nothing is loaded from elsewhere"
