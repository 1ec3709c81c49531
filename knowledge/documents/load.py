"""Reading files that may be hostile: each in a child with limits, whose failure is a sentence and never a hang."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from knowledge.confined import SaidTooMuch, confined
from knowledge.documents.loaded import NotReadable, Part, PicturesOnly
from knowledge.ids import digest

LARGEST = 200 * 2**20  # bytes of a file
SECONDS = 90.0  # by the wall clock: on a busy machine the child gets its seconds of computing late
PARSED = frozenset(
    (".eml", ".mbox", ".vtt", ".srt", ".html", ".htm", ".xhtml", ".docx", ".xlsx", ".pptx", ".pdf", ".ics", ".vcf", ".zip",
     ".json")
)  # fmt: skip
"""Endings that a parser has to read; everything else is plain text or nothing."""

ANSWER = 64 * 2**20  # bytes a child may say


async def load(path: Path, *, seconds: float = SECONDS) -> list[Part]:
    """The parts of a file, mailbox or Maildir folder. Raises NotReadable with a sentence for the principal, PicturesOnly
    for a scanned PDF."""
    try:
        size = os.stat(path).st_size
    except (OSError, ValueError) as error:
        raise NotReadable(f"{path.name} is not there or may not be read.") from error
    if size > LARGEST:
        raise NotReadable(f"{path.name} has {size // 2**20} MB; files above {LARGEST // 2**20} MB are not read.")
    if not size:
        raise NotReadable(f"{path.name} is empty.")
    try:
        answer = await confined(_START, str(path), most=ANSWER, seconds=seconds)
    except TimeoutError as error:
        raise NotReadable(f"{path.name} took longer than {seconds:.0f} seconds to read; it was given up.") from error
    except SaidTooMuch as error:
        raise NotReadable("The file holds more text than memory takes in at once.") from error
    return _parts(path, answer)


_START = "from pathlib import Path; from knowledge.documents.child import main; main(Path(sys.argv[1]))"


def _parts(path: Path, answer: bytes) -> list[Part]:
    parts: list[Part] = []
    said, ended, scanned = "", False, False
    sentence = f"{path.name} could not be read within the memory and time that reading a file may take."
    for line in answer.splitlines():
        try:
            body = json.loads(line)
            if "done" in body:
                ended = True
            elif "part" in body:
                parts.append(Part.from_json(body["part"]))
            else:
                said = sentence = str(body["sentence"])
                scanned = bool(body.get("pictures"))
        except (ValueError, KeyError, TypeError):
            break  # the child was killed within a line
    if not parts:
        raise PicturesOnly(sentence) if scanned else NotReadable(sentence)
    if not ended and not parts[-1].lacks:  # it met a limit after these
        parts[-1] = replace(parts[-1], lacks=said or "It was not read to its end: that takes too much memory or time.")
    if len(parts) > 1:  # what has no name of its own is told apart by its content
        parts = [p if p.key else replace(p, key=f"{path}#{digest(_content(p))[:12]}") for p in parts]
    return parts


def _content(part: Part) -> dict[str, Any]:
    return {name: value for name, value in part.to_json().items() if name != "lacks"}
