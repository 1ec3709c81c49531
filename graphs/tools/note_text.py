"""A note as text: a small front matter that YAML readers understand, then the words exactly as they were said."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import PurePosixPath

from graphs.tools.values import Note

_FENCE = "---"


def clean(text: str) -> str:
    """`text` as a file can hold it: line feeds only, no control characters, no lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    return kept.strip()


def dump(note: Note) -> bytes:
    lines = [_FENCE, f"id: {_quoted(note.id)}", f"title: {_quoted(note.title)}", f"created: {note.created}"]
    lines += [f"source: {_quoted(note.source)}", f"tags: [{', '.join(_quoted(t) for t in note.tags)}]", _FENCE, ""]
    return "\n".join([*lines, note.text, ""]).encode()


def parse(name: str, data: bytes) -> Note:
    """The note in `data`; front matter that is missing, foreign or damaged is no error, the file is then all text."""
    text = data.decode("utf-8", "replace").removeprefix("\ufeff")
    head, body = _split(text)
    return Note(
        name=name,
        title=head.get("title") or _heading(body) or PurePosixPath(name).stem,
        text=body.strip("\n"),
        created=head.get("created") or head.get("date", ""),
        hash=hashlib.sha256(data).hexdigest(),
        id=head.get("id", ""),
        source=head.get("source", ""),
        tags=_tags(head.get("tags", "")),
    )


def _split(text: str) -> tuple[dict[str, str], str]:
    lines = text.split("\n")
    if lines[0].rstrip() != _FENCE:
        return {}, text
    for at, line in enumerate(lines[1:200], start=1):
        if line.rstrip() == _FENCE:
            return _fields(lines[1:at]), "\n".join(lines[at + 1 :])
    return {}, text


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    last = ""
    for line in lines:
        if line.startswith(("  - ", "- ")) and last:
            found[last] = f"{found[last]},{_plain(line.strip()[2:])}".strip(",")
            continue
        last, colon, value = line.partition(":")
        if colon and not last.startswith((" ", "#")):
            found[last.strip()] = _plain(value.strip())
            last = last.strip()
    return found


def _plain(value: str) -> str:
    if value.startswith('"'):
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == "'" else value


def _tags(value: str) -> tuple[str, ...]:
    inner = value.strip().removeprefix("[").removesuffix("]")
    return tuple(tag for part in inner.split(",") if (tag := _plain(part.strip())))


def _heading(body: str) -> str:
    for line in body.split("\n"):
        if line.startswith("# "):
            return line[2:].strip()
        if line.strip():
            return ""
    return ""


def _quoted(text: str) -> str:
    """A YAML double-quoted scalar: JSON's string is one."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
