"""The ledger as a story: each record a sentence, with the words of the rows that it refers to while they are there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from bot.cli import show
from knowledge.store.look import Look, Row

_TURN = re.compile(r"(?:undo\.)*[tc](\d+)\b")
_RULES = {"allow": "let it happen unasked", "ask": "asked you first", "deny": "did not allow it"}
_TOLD = {
    "turn.began": "A message came in on {why}.",
    "turn.waits": "It waits for {why}.",
    "turn.answered": "Steward answered.",
    "delivery.dead": "It could not be handled ({why}).",
    "delivery.ended": "It came to nothing: {why}.",
    "proposal.made": "{who} wants {why}{headline}.",
    "proposal.approved": "{who} approved {ref}{headline}.",
    "proposal.rejected": "{who} rejected {ref}{headline}.",
    "proposal.expired": "Nobody decided {ref} in time{headline}.",
    "proposal.stopped": "{who} stopped {ref}{headline}.",
    "proposal.edited": "{who} changed {ref}; it now reads{headline}.",
    "card.opened": "A card asked you.",
    "card.decided": "The card was decided by {by}.",
    "card.expired": "The card expired.",
    "card.later": "{who} put the card off.",
    "effect.done": "Done{headline} ({why}).",
    "effect.failed": "Failed{headline} ({why}).",
    "effect.uncertain": "Nobody can tell whether {why} happened{headline}.",
    "effect.refused": "{ref} was refused just before it ran ({why}){headline}.",
    "effect.cancelled": "{ref} was stopped before it began{headline}.",
    "effect.undo": "{who} wanted {ref} taken back{headline}.",
    "failure.opened": "Something needs you ({why}){headline}.",
    "failure.closed": "The failure {ref} is over: its cause is gone{headline}.",
    "failure.retried": "{who} had it tried again{headline}.",
    "failure.dismissed": "{who} left it as it is{headline}.",
    "identity.linked": "{who} linked this account.",
    "stranger.held": "A message of somebody who is {why} was held; nobody answered.",
    "stranger.refused": "A {why} of somebody else was refused.",
    "policy.changed": "The rules are now version {ref} ({why}).",
    "panic.begun": "{who} stopped everything.",
    "panic.refused": "A {why} was not obeyed: everything is stopped.",
    "panic.lifted": "{who} lifted the stop.",
    "panic.kept": "{who} wanted to lift the stop from where it may not be lifted.",
    "autonomy.granted": "{who} need not be asked about {ref} any more.",
    "autonomy.taken-back": "{who} will be asked about {ref} again.",
    "backup.written": "The night's backup was written.",
    "backup.failed": "The night's backup was not written.",
    "ledger.anchored": "The checkpoint over {why} stands in {ref}.",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records: empty fields do not matter. `conversation` is `telegram:42` or the platform's part of it."""

    refs: tuple[str, ...] = ()
    agent: str = ""
    day: date | None = None
    connector: str = ""
    conversation: str = ""
    seq: int = 0


def records(look: Look, wanted: Wanted, limit: int) -> list[Row]:
    """The last `limit` of those records, oldest first, each with its `told` sentence."""
    story = _Story(look)
    found: list[Row] = []
    for row in look.ledger_backwards():
        if story.fits(row, wanted):
            found.append({**row, "told": story.sentence(row)})
            if len(found) >= limit:
                break
    return found[::-1]


def as_lines(found: Iterable[Row]) -> Iterator[str]:
    """For a terminal or a pipe: a heading for each day, then the sentences with their numbers."""
    day = ""
    for row in found:
        date_, time = show.clock(row["at"]).split()
        if date_ != day:
            yield f"{date_}"
            day = date_
        yield f"  {time}  {row['seq']:>6}  {row['told']}"


class _Story:
    def __init__(self, look: Look) -> None:
        self.turns, self.proposals, self.failures = look.about()
        self.agents: dict[str, set[str]] = {}
        self.tools: dict[str, set[str]] = {}
        for p in self.proposals.values():
            self.agents.setdefault(p["turn"], set()).add(p["agent"])
            self.tools.setdefault(p["turn"], set()).add(p["tool"])

    def _turn(self, ref: str) -> str:
        if ref in self.failures:
            return str(self.failures[ref]["turn"] or "")
        found = _TURN.match(ref)
        return f"t{found[1]}" if found else ""

    def _proposal(self, ref: str) -> Row:
        return self.proposals.get(re.sub(r"^(?:undo\.)+", "", ref), {})

    def fits(self, row: Row, wanted: Wanted) -> bool:
        ref, turn = str(row["ref"]), self._turn(str(row["ref"]))
        if wanted.seq and row["seq"] != wanted.seq:
            return False
        if wanted.refs and not any(ref == w or ref.startswith(w + ".") for w in wanted.refs):
            return False
        if wanted.day and datetime.fromtimestamp(row["at"] / 1000).astimezone().date() != wanted.day:
            return False
        proposal = self._proposal(ref)
        if wanted.agent:
            agents = {proposal["agent"]} if proposal else self.agents.get(turn, set())
            if wanted.agent not in agents and row["who"] != f"agent:{wanted.agent}":
                return False
        if wanted.connector:
            tools = {proposal["tool"]} if proposal else self.tools.get(turn, set())
            if not any(tool.partition(".")[0] == wanted.connector for tool in tools):
                return False
        if wanted.conversation:
            place = self.turns.get(turn)
            names = (
                {place["channel"], place["conversation"], f"{place['channel']}:{place['conversation']}"}
                if place
                else set()
            )
            return wanted.conversation in names
        return True

    def sentence(self, row: Row) -> str:
        """One record in words."""
        what, why, ref = str(row["what"]), str(row["why"]), str(row["ref"])
        verb, _, last = what.partition(".")
        known = self._proposal(ref)
        line = show.first_line(known["rendering"]) if known else str(self.failures.get(ref, {}).get("what", ""))
        headline = f": “{line}”" if line else ""
        who = _who(str(row["who"]), why)
        if verb == "proposal" and last in _RULES:
            return f"Rule {why} {_RULES[last]}."
        if verb == "command":
            return f"{who} gave the command /{last}."
        if verb == "press":
            return f"A press or a word about {ref} came to nothing ({last}), from {why}."
        if verb == "stranger" and what not in _TOLD:
            return f"{who} decided about a stranger: {last}."
        told = _TOLD.get(what, "{who}: {what} {why} ({ref}).")
        return told.format(who=who, what=what, why=why, ref=ref, headline=headline, by=_lower(who))


def _who(who: str, why: str) -> str:
    """Who did it, with channel and account where it was the principal."""
    channel, _, account = why.partition(":")
    if who == "principal":
        return f"You ({account} on {channel})" if account else "You"
    if who.startswith("agent:"):
        return f"The {who[6:]} agent"
    return {"policy": "Policy", "expiry": "The clock", "system": "Steward"}.get(who, who)


def _lower(who: str) -> str:
    return who[:1].lower() + who[1:]
