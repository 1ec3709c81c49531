""" "Why?": an explanation from the record and the rows alone, without a model."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.reply import headline
from graphs.approval import evidence_lines
from knowledge import ledger
from knowledge.database import Tx
from knowledge.database.schema import turn
from knowledge.store import cards, effects, turns

_VERDICTS = ("proposal.allow", "proposal.ask", "proposal.deny")
_HOW = {
    "command": "a slash command",
    "pattern": "its plain wording",
    "model": "the model's reading",
    "fallback": "plain wording, because the model did not answer",
    "nearest": "the nearest example phrase",
    "timer": "a timer that you had set",
}


async def explain(tx: Tx, which: str, channel: str, conversation: str, zone: ZoneInfo) -> str:
    """Why a turn did what it did: `which` is its number (or its card's), empty means the last of this conversation."""
    number = which.strip().lstrip("tc#").partition(".")[0]
    if number and not number.isdecimal():
        return "Say the number, for example `/why 12`."
    if number:
        found = await turns.get(tx, f"t{number}")
    else:
        query = select(turn.c.id).where(turn.c.channel == channel, turn.c.conversation == conversation)
        last = (
            await tx.execute(query.order_by(turn.c.began_at.desc(), turn.c.id.desc()).limit(1))
        ).scalar_one_or_none()
        found = await turns.get(tx, last) if last else None
    if found is None:
        return "I have no such turn." if number else "Nothing has happened here yet."
    record = await turns.read_record(tx, found.id)
    lines = [f"**Why turn {found.id[1:]}** ({_at(found.began_at, zone)}, {found.state})"]
    lines += _from_record(record) if record else await _from_values(tx, found.id)
    for p in await cards.of_turn(tx, found.id):
        lines.append(f"- wanted: {headline(p)} (`{p.tool}`, agent {p.agent})")
        lines.append(f"  - rule `{p.rule}` said {p.verdict}; now {p.state}" + _by(p, zone))
        lines += [f"  - evidence: {line}" for line in evidence_lines(p.evidence)]
    for e in await effects.of_turn(tx, found.id):
        undone = "; undone since" if e.undone_by else ""
        lines.append(f"- effect `{e.id}` {e.state}{undone}" + (f": {e.error}" if e.error else ""))
    return "\n".join(lines)


async def rejudge(tx: Tx, seq: int) -> tuple[list[str], bool]:
    """The reasons of record `seq`, and its verdict made once more from what policy was asked; whether it is the same."""
    line = next(iter(await ledger.lines(tx, after=seq - 1, limit=1)), None)
    if line is None or line.seq != seq:
        return [f"The ledger has no record {seq}."], False
    p = await cards.get_proposal(tx, line.entry.ref.removeprefix("undo."))
    turn_id = p.turn if p else _turn_of(line.entry.ref)
    zone = ZoneInfo("UTC")
    told = [await explain(tx, turn_id, "", "", zone)] if turn_id else []
    if p is None:
        return told or ["It belongs to no turn: there is nothing more to tell."], True
    sentence, same = await _judged_again(tx, p.id, seq)
    return [*told, f"- {sentence}"], same


async def _judged_again(tx: Tx, proposal: str, seq: int) -> tuple[str, bool]:
    """The verdict in force at `seq`, made once more. The question is the one that was judged when its seal says so."""
    before = [line for line in await ledger.lines(tx, ref=proposal) if line.entry.what in _VERDICTS]
    reached = [line for line in before if line.seq <= seq] or before[:1]
    if not reached:
        return f"No rule was asked about {proposal}.", True
    judged, version = reached[-1], len(reached)
    word, rule = judged.entry.what.partition(".")[2], judged.entry.why
    asked = await cards.question_of(tx, proposal, version)
    if not asked or asked == "{}":
        return f"Rule `{rule}` said {word}; what it was asked is not kept any more.", True
    if tx.info[ledger.SEALER](asked) != judged.seal:
        return f"Record {judged.seq} was made over another question than the one that is kept now.", False
    from graphs.policy.rego import RegoPolicy

    policy = RegoPolicy.shipped()
    again = policy.judge_document(json.loads(asked))
    same = (again.word, again.rule) == (word, rule)
    if same:
        return f"Judged again from record {judged.seq}: `{rule}` says {word}, the same.", True
    then = await ledger.last(tx, "policy.changed", before=judged.seq)
    if then is not None and then.entry.ref != policy.version:
        changed = f"the rules have changed since (version {then.entry.ref} then, {policy.version} now)"
        return f"`{rule}` said {word}; today `{again.rule}` says {again.word}: {changed}.", True
    return f"`{rule}` said {word}, but judged again `{again.rule}` says {again.word}.", False


def _turn_of(ref: str) -> str:
    found = re.match(r"(?:undo\.)*[tc](\d+)", ref)
    return f"t{found[1]}" if found else ""


def _from_record(record: dict[str, Any]) -> list[str]:
    lines = [f"- you said: “{str(record['said'])[:300]}”"] if record["said"] else []
    understood = record.get("trace", {}).get("understood", {})
    how = _HOW.get(str(record.get("how") or understood.get("how")), "")
    agents = ", ".join(t["agent"] for t in record.get("tasks", []))
    if agents:
        lines.append(f"- understood by {how or 'its wording'}: {agents}")
    for agent, tool, arguments in record.get("trace", {}).get("reads", []):
        shown = ", ".join(f"{k}={v}" for k, v in list(arguments.items())[:4])
        lines.append(f"- {agent} read {tool}({shown[:160]})")
    for tool, word, rule in record.get("trace", {}).get("rehearsed", []):
        lines.append(f"- dry run of `{tool}`: rule `{rule}` said {word}; nothing was done")
    return lines


async def _from_values(tx: Tx, turn_id: str) -> list[str]:
    said = (await turns.read_values(tx, [f"{turn_id}/said/1"])).get(f"{turn_id}/said/1")
    return [f"- you said: “{said.content[:300]}”"] if said else ["- its words are forgotten"]


def _by(p: cards.Proposal, zone: ZoneInfo) -> str:
    if p.decided_by is None or p.decided_at is None:
        return ""
    return f" by {p.decided_by} ({p.decided_on}) {_at(p.decided_at, zone)}"


def _at(at: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).strftime("%a %d %b %H:%M:%S")
