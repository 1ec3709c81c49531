"""The agent of questions: answers from memory and cites where it read it, or says that it does not know."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from graphs.agent import Agent, Desk, Draft, Hit, Manifest, Task
from graphs.agents.base import nearest, proof, recall
from graphs.known import known
from graphs.tools.wording import escaped, plain, quoted

_STARTS = (
    r"who|whom|whose|what|what's|whats|when|where|which|why|how|do|does|did|is|are|was|were|am|can|could|has|have|had|will|would|should",
    r"wer|wen|wem|wessen|was|wann|wo|wohin|woher|welche[rsmn]?|warum|wieso|weshalb|wie|ist|sind|war|waren|hat|haben|hatte|kann|darf|mag",
    r"qui|que|qu'est-ce|quand|où|quel(?:le)?s?|pourquoi|comment|combien|est-ce|a-t-il|a-t-elle",
    r"quién|quien|qué|cuándo|cuando|dónde|donde|cuál|cuáles|cómo|cuánto|cuántos|por\s+qué",
    r"chi|che|cosa|quando|dove|quale|quali|perché|come|quanto|quanti",
    r"tell\s+me|do\s+you\s+know|i\s+wonder|erzähl\s+mir|sag\s+mir|weißt\s+du",
)
_START = re.compile(
    rf"^\s*[¿¡]?(?:(?:and|und|so|ok|okay|please|bitte|hey|also)[,\s]+)?(?:{'|'.join(_STARTS)})(?!\w)", re.I
)
_ASKS = re.compile(r"^\s*(?:look\s+up|search(?:\s+memory)?\s+for|suche?\s+nach)\s+(?P<query>.+)$", re.I | re.S)
_SURE = re.compile(
    r"^\s*(?:who|what|when|where|which|why|how|wer|was|wann|wo|warum|wie|qui|quand|où|pourquoi|comment|quién|cuándo|"
    r"dónde|cómo|chi|cosa|dove|perché)\b.*\b(?:is|are|was|were|do|does|did|has|have|can|ist|sind|war|hat|mag|est|es|è|i|"
    r"my|the|mein|meine|der|die|das)\b",
    re.I | re.S,
)
_HITS = 8
_MANY = 6  # words: a shorter question asks for one thing
_LONGEST = 1_000  # characters: a longer text is no question


def claim(words: str, _now: datetime, _zone: ZoneInfo) -> Mapping[str, Any] | None:
    """A question by its start and its mark, or by its build when the mark was left out."""
    text = words.strip()
    if not text or len(text) > _LONGEST:
        return None
    if search := _ASKS.match(text):
        return {"query": search["query"].strip(" ?!."), "list": True}
    marked = text.rstrip(" )!").endswith(("?", "？"))
    if _START.match(text) and (marked or _SURE.match(text)):
        return {"query": text}
    return {"query": text} if marked and len(text.split()) > 1 else None


async def work(task: Task, desk: Desk) -> Draft:
    query = str(task.arguments.get("query") or task.goal).strip()
    if not plain(query).strip(" ?!."):
        return Draft("What shall I look for? Put the words after it: /search accountant.", asks=True)
    if task.arguments.get("command") == "search" or task.arguments.get("list"):
        return _listed(query, await desk.memory.search(query, k=_HITS))
    if (fact := await known(desk, query)) is not None:
        return fact
    answer, hits = await recall(desk, query, _HITS)
    return answer or await _in_parts(query, desk) or nearest(query, hits) or Draft(_unknown(hits))


async def _in_parts(query: str, desk: Desk) -> Draft | None:
    """What memory answers of the parts of a question; None where it is not split, or no part is answered."""
    if len(query.split()) < _MANY:
        return None
    lines, evidence, answered = [], [], False
    for part in await desk.split(query):
        draft = await known(desk, part) or (await recall(desk, part, _HITS))[0]
        answered |= draft is not None
        evidence += list(draft.evidence) if draft is not None else []
        lines.append(f"- {escaped(plain(part, 200))} {draft.text if draft is not None else 'I don’t know.'}")
    return Draft("In parts:\n" + "\n".join(lines), tuple(dict.fromkeys(evidence))) if answered else None


def _unknown(hits: list[Hit]) -> str:
    if not hits or not hits[0].parts.get("cover"):  # of quite another thing
        return "I don't know. I looked through your notes, files and past talks and found nothing about it."
    nearest = hits[0]
    return (
        "I don't know. I looked through your notes, files and past talks; the nearest was "
        f"{quoted(plain(nearest.text, 120))} ({_cited(nearest)})."
    )


def _listed(query: str, hits: list[Hit]) -> Draft:
    if not hits:
        return Draft(f"Nothing found for {quoted(query)} in your notes, files and past talks.")
    lines = [f"{n}. {escaped(plain(hit.text, 160))}\n   {_cited(hit)}" for n, hit in enumerate(hits, 1)]
    return Draft(f"Found for {quoted(query)}:\n" + "\n".join(lines))


def _cited(hit: Hit) -> str:
    """ "notes/accountant.md, line 3, Fri 20 Nov 2026" """
    cited = proof(hit, hit.text)
    return escaped(plain(f"{cited.name}, {cited.place}"))


AGENT = Agent(
    Manifest(
        name="ask",
        purpose="answer a question from facts, notes, files and past talks, citing where it stands",
        tools=frozenset({"facts.about"}),
        reads_memory=True,
        examples=(
            "when does the accountant like to meet?",
            "what is the door code?",
            "who is my contact at the bank?",
            "what did I say about the contract?",
            "wann trifft sich der Steuerberater gern?",
        ),
        arguments={"query": "the question, in the principal's own words", "list": "true to list findings, not answer"},
    ),
    claim,
    work,
    commands={"search": "search notes, files and past talks: /search words"},
)
