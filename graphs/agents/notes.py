"""The agent of notes: writes down what it is told, word for word, and finds, shows, extends and deletes notes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Manifest, Task, Wish
from graphs.agents.base import offer
from graphs.tools.wording import block, escaped, plain, quoted
from knowledge.facts.words import SENTENCE_END
from knowledge.words import Evidence

_PLEASE = r"^\s*(?:please\s+|bitte\s+|can you\s+|could you\s+)?"
_ABOUT = r"(?:about|on|called|named|titled|über|zu|namens)"
_NOTE = r"(?:(?:my|the|die|meine)\s+)?(?:note|notiz)"
_MARK = r"\s*[:–—]\s*|\s+-\s+"

_WRITE = (
    rf"(?:(?:take|make|add|write)\s+(?:a|another)\s+)?(?:new\s+|quick\s+)?note(?:\s+to\s+(?:self|myself))?(?:{_MARK})(?P<text>.*)",
    r"note\s+that\s+(?P<text>.+)",
    r"(?:add|write)(?:\s+this)?\s+(?:to|in|into)\s+my\s+notes\s*:\s*(?P<text>.+)",
    r"(?:take|make)\s+(?:a\s+)?note\s+(?:that|of(?:\s+this)?:?)\s+(?P<text>.+)",
    r"remember\s*(?:[:,]\s*(?:that\s+)?|\s+that\s+)(?P<text>.+)",
    r"(?:write|jot)\s+(?:this\s+|it\s+)?down(?:\s*[:,]\s*|\s+)(?:that\s+)?(?P<text>.+)",
    r"(?:notiz|notizen)(?:\s+an\s+mich)?\s*:\s*(?P<text>.*)",
    r"(?:notiere?|merke?\s+dir|schreibe?\s+(?:dir\s+)?auf)(?:\s+(?:bitte|dir))?(?:\s*[:,]\s*|\s+)(?:dass?\s+)?(?P<text>.+)",
    r"(?:note|notez|retiens|retenez)\s+que\s+(?P<text>.+)",
    r"(?:anota|apunta|recuerda)(?:\s*:\s*|\s+que\s+)(?P<text>.+)",
    r"(?:annota|nota|ricorda(?:ti)?)(?:\s*:\s*|\s+che\s+)(?P<text>.+)",
)
_APPEND = (
    rf"(?:add|append)(?:\s+this)?\s+to\s+{_NOTE}(?:\s+{_ABOUT})?\s+(?P<which>[^:\n]+?)(?:\s*:\s*|\s+that\s+)(?P<text>.+)",
    rf"(?:add|append)\s+(?P<text>.+?)\s+to\s+{_NOTE}\s+{_ABOUT}\s+(?P<which>[^:\n]+)",
    rf"ergänze\s+{_NOTE}(?:\s+{_ABOUT})?\s+(?P<which>[^:\n]+?)\s*:\s*(?P<text>.+)",
)
_LIST = (
    r"(?:list|show|show\s+me)\s+(?:all\s+)?(?:of\s+)?(?:my\s+|the\s+)?notes",
    r"(?:what|which)\s+notes\s+(?:do\s+i\s+have|are\s+there)",
    r"my\s+notes",
    r"(?:zeige?|liste)(?:\s+mir)?\s+(?:alle\s+)?(?:meine\s+)?notizen",
)
_SHOW = (
    rf"(?:show|open|read|display)(?:\s+me)?\s+{_NOTE}(?:\s+{_ABOUT})?\s+(?P<which>.+)",
    rf"(?:zeige?|öffne|lies)(?:\s+mir)?\s+{_NOTE}(?:\s+{_ABOUT})?\s+(?P<which>.+)",
)
_FIND = (
    rf"find\s+{_NOTE}\s+{_ABOUT}\s+(?P<which>.+)",
    rf"(?:find|search)\s+(?:(?:in|my|the)\s+)*notes\s+(?:for|{_ABOUT})\s+(?P<which>.+)",
    rf"(?:list|show|show\s+me)\s+(?:all\s+)?(?:my\s+|the\s+)?notes\s+{_ABOUT}\s+(?P<which>.+)",
)
_DELETE = (
    rf"(?:delete|remove|trash|throw\s+away)\s+{_NOTE}(?:\s+{_ABOUT})?\s+(?P<which>.+)",
    rf"lösche\s+{_NOTE}(?:\s+{_ABOUT})?\s+(?P<which>.+)",
)


_LONGEST = 2_000


def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    named = "|".join(
        f"(?:{pattern})".replace("?P<text>", f"?P<text{n}>").replace("?P<which>", f"?P<which{n}>")
        for n, pattern in enumerate(patterns)
    )
    return re.compile(rf"{_PLEASE}(?:{named})$", re.IGNORECASE | re.DOTALL)


_PATTERNS = (
    ("list", _compiled(_LIST)),
    ("find", _compiled(_FIND)),
    ("append", _compiled(_APPEND)),
    ("delete", _compiled(_DELETE)),
    ("show", _compiled(_SHOW)),
    ("write", _compiled(_WRITE)),
)


def claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    """A new note may be of any length; what is asked about notes is short."""
    words = words.strip()
    for do, pattern in _PATTERNS:
        if do != "write" and len(words) > _LONGEST:
            continue
        match = pattern.match(words if do == "write" else words.rstrip(" .?!"))
        if match:
            found = {re.sub(r"\d+$", "", name): value.strip() for name, value in match.groupdict().items() if value}
            return {"do": do, **({"text": ""} if do == "write" else {}), **found}
    return None


async def work(task: Task, desk: Desk) -> Draft:
    if task.arguments.get("unread"):
        return offer(task.goal)
    arguments = _arguments(task, desk)
    do, which, text = (str(arguments.get(name, "")) for name in ("do", "which", "text"))
    if do == "write":
        return _write(text, desk)
    if do == "list":
        return _listed(await desk.read("notes.list", {"limit": 20}))
    if do == "find":
        found = await desk.read("notes.find", {"words": _unquoted(which)})
        return _listed({**found, "total": len(found["notes"])}, which)
    if do in ("append", "delete", "show"):
        return await _with_note(do, which, text, desk)
    return Draft("Shall I note this down?", asks=True, choices=(f"note: {task.goal}",))


def _arguments(task: Task, desk: Desk) -> Mapping[str, Any]:
    if task.arguments.get("command") == "notes":
        return _of_command(task.goal.strip(), desk)
    said = task.arguments or claim(task.goal, desk.now, desk.zone) or {}
    return said if "do" in said or not said.get("text") else {**said, "do": "append" if said.get("which") else "write"}


def _of_command(rest: str, desk: Desk) -> Mapping[str, Any]:
    """ "/notes", "/notes words", "/notes show words", "/notes delete words" """
    verb, _, which = rest.partition(" ")
    if verb.casefold() in ("show", "delete", "open", "remove") and which:
        return claim(f"{verb} note {which}", desk.now, desk.zone) or {}
    return claim(rest, desk.now, desk.zone) or ({"do": "find", "which": rest} if rest else {"do": "list"})


def _write(text: str, desk: Desk) -> Draft:
    if not plain(text):
        return Draft("What shall I note? Say it after “note:”.", asks=True)
    arguments = {
        "title": _title(text),
        "text": text,
        "created": desk.now.isoformat(timespec="seconds"),
        "source": f"{desk.integrity}/{desk.channel}",
        "tags": sorted({tag.casefold() for tag in re.findall(r"(?<!\S)#(\w[\w-]*)", text)}),
    }
    said = (desk.words_value,)
    return Draft(wishes=(Wish("notes.write", arguments, origins={"text": said, "title": said, "tags": said}),))


def _listed(found: Mapping[str, Any], which: str = "") -> Draft:
    notes = found["notes"]
    about = f" about {quoted(which)}" if which else ""
    if not notes:
        return Draft(f"I have no notes{about}." + ("" if which else " Write one with “note: …”."))
    more = f"\n… and {found['total'] - len(notes)} older ones." if found["total"] > len(notes) else ""
    count = "1 note" if found["total"] == 1 else f"{found['total']} notes"
    lines = [
        f"- {escaped(plain(n['title'], 80))} · {n['created'][:10] or 'no date'} · {escaped(n['name'])}" for n in notes
    ]
    return Draft(f"{count}{about}:\n" + "\n".join(lines) + more)


async def _with_note(do: str, which: str, text: str, desk: Desk) -> Draft:
    which = _unquoted(which)
    notes = (await desk.read("notes.find", {"words": which}))["notes"]
    if not notes:
        return Draft(f"I found no note about {quoted(which)}.")
    if len(notes) > 1:
        return _which(do, which, text, notes)
    note = notes[0]
    target = {"name": note["name"], "title": note["title"], "expected": note["hash"]}
    said = (desk.words_value,)
    if do == "append":
        return Draft(wishes=(Wish("notes.append", {**target, "text": text}, origins={"text": said}),))
    whole = await desk.read("notes.read", {"name": note["name"]})
    proof = Evidence(note["name"], "", plain(whole["text"], 200))
    if do == "delete":
        return Draft(evidence=(proof,), wishes=(Wish("notes.delete", target, (proof,)),))
    return Draft(f"**{escaped(plain(note['title']))}** ({escaped(note['name'])})\n{block(whole['text'])}", (proof,))


def _which(do: str, which: str, text: str, notes: list[Mapping[str, Any]]) -> Draft:
    verbs = {"append": "add to note {}: " + text, "delete": "delete note {}", "show": "show note {}"}
    shown = notes[:6]
    lines = "\n".join(f"- {escaped(plain(n['title'], 80))} ({escaped(n['name'])})" for n in shown)
    more = f"\n… and {len(notes) - len(shown)} more." if len(notes) > len(shown) else ""
    choices = tuple(verbs[do].format(n["name"]) for n in shown)
    return Draft(f"{len(notes)} notes are about {quoted(which)}. Which one?\n{lines}{more}", asks=True, choices=choices)


def _title(text: str) -> str:
    first = re.split(rf"{SENTENCE_END}\s|\n", text.strip(), maxsplit=1)[0]
    words = plain(first, 70).strip(" .:;,")
    return (words[:1].upper() + words[1:]) or "Note"


def _unquoted(which: str) -> str:
    return which.strip(" .?!“”\"'‘’")


AGENT = Agent(
    Manifest(
        name="notes",
        purpose="write down, find, show, extend or delete the principal's notes",
        tools=frozenset({"notes.write", "notes.append", "notes.delete", "notes.list", "notes.find", "notes.read"}),
        examples=(
            "note: the accountant prefers mornings",
            "remember that the door code is 4711",
            "write down that Ada likes tea",
            "list my notes",
            "add to my note about Ada: born in May",
            "delete the note about the old door code",
        ),
        arguments={
            "do": "one of write, append, list, find, show, delete",
            "text": "the words to write down, exactly as said (write, append)",
            "which": "words that name the note (append, find, show, delete)",
        },
    ),
    claim,
    work,
    commands={"notes": "list your notes, or find some: /notes words"},
)
