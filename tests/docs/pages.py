"""The pages of the documentation as data: their code blocks and links, and a shell in which they are played."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")
_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DATES = (
    (re.compile(rf"{_DAY} \d{{1,2}} {_MONTH} \d\d:\d\d|\d{{4}}-\d\d-\d\d \d\d:\d\d"), "WHEN"),
    (re.compile(rf"{_DAY} \d{{1,2}} {_MONTH}(?: \d{{4}})?"), "DAY"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (
        re.compile(r"\((?:tomorrow|in \d[^)]*)\)"),
        "(SOON)",
    ),  # at nine in the evening, nine in the morning is 12 hours away
)


@dataclass(frozen=True)
class Block:
    """A fenced block: `info` is what stands behind the fence."""

    page: Path
    info: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text.strip().splitlines()[0][:50]}"


def blocks(page: Path, *marks: str) -> list[Block]:
    """The blocks of a page whose info string holds one of `marks`; all without."""
    found = [Block(page, info.strip(), text) for info, text in _BLOCK.findall(page.read_text("utf-8"))]
    return [b for b in found if not marks or set(b.info.split()) & set(marks)]


def links(page: Path) -> list[str]:
    """Every target of a link or picture outside code blocks."""
    return _LINK.findall(_BLOCK.sub("", page.read_text("utf-8")))


def without_dates(text: str) -> str:
    """`text` with days, dates and moments as words: a page is read on another day and hour than it was written."""
    text = text.replace("I ask because: an unusual hour\n", "")
    for pattern, word in _DATES:
        text = pattern.sub(word, text)
    return text


def commands(block: Block) -> list[str]:
    """The lines behind `$ `."""
    return [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]


class Shell:
    """Plays commands as a newcomer in a fresh folder: `./steward` is this very code, the home is empty."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        starter = folder / "steward"
        starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m bot.cli "$@"\n')
        starter.chmod(0o755)
        kept = {n: v for n, v in os.environ.items() if not n.startswith("STEWARD_")}
        self.env = {
            **kept,
            "STEWARD_HOME": str(folder / "home"),
            "PYTHONPATH": str(ROOT),
            "TZ": "Europe/Zurich",
            "NO_COLOR": "1",
            "COLUMNS": "100",
        }

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and what was printed on both streams."""
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout

    def play(self, block: Block) -> str:
        """The block as it really goes: each command and below it what it printed."""
        lines = []
        for command in commands(block):
            _, said = self.run(command)
            lines += [f"$ {command}", *said.rstrip("\n").splitlines()]
        return "\n".join(lines) + "\n"
