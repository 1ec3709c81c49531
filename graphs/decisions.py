"""Free text next to the buttons: "yes", "approve 2", "no, make it 3pm". Slim and pure: the receiver asks it too."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from knowledge.words import Button

DecisionVerb = Literal["approve", "reject", "later", "why", "edit"]

_APPROVE = r"yes|yep|yeah|yes please|ok|okay|sure|approve|approved|go ahead|do it|go for it|confirm|ja|oui|s[iíì]"
_SAID_YES = rf"(?:{_APPROVE})(?:[\s,]+(?:{_APPROVE}|please))*"
_REJECT = r"no|nope|no thanks|reject|rejected|don'?t|do not|don'?t do it|leave it|cancel it|decline|nein|non"
_LATER = r"later|not now|ask me later|remind me later|sp[äa]ter|plus tard|m[aá]s tarde|pi[uù] tardi"
_WHY = r"why|why\?|warum|pourquoi|por qu[eé]|perch[eé]"
_CHANGE = (
    r"make it|change (?:it )?to|change that to|move it(?: to)?|call it|instead|set it to|edit(?: it)?(?: to)?:?|better"
)

_NUMBERS = r"all|both|everything|\d{1,9}(?:\s*(?:,|and|&|\+)\s*\d{1,9})*"
_WHICH = rf"(?:\s+(?:to\s+|number\s+|no\.?\s+|nr\.?\s+|#|card\s+|approval\s+|c)*(?P<which>{_NUMBERS}))?"
_PLAIN = re.compile(
    rf"^\s*(?:(?P<approve>{_SAID_YES})|(?P<reject>{_REJECT})|(?P<later>{_LATER})|(?P<why>{_WHY})){_WHICH}\s*[.!?]*\s*$",
    re.IGNORECASE,
)
_EDIT = re.compile(
    rf"^\s*(?:(?:{_APPROVE}|{_REJECT}|change|edit)(?:\s+(?P<item>\d{{1,9}}))?\s*[,:;–-]*\s*(?:but\s+)?)?(?P<words>(?:{_CHANGE})\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_NUMBERED_EDIT = re.compile(
    r"^\s*(?:edit|change)\s+(?P<item>\d{1,9})\s*(?:to|:)?\s+(?P<words>.+)$", re.IGNORECASE | re.DOTALL
)
_TYPO = {"aprove", "approv", "apprve", "rejct", "rject", "approove"}

_NUMBER_WORDS = {
    word: str(n)
    for n, word in enumerate(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), 1)
}
_SPOKEN = re.compile(
    r"^(?:(?:yes|no|ok|okay|please|you can|you may|i|now)\b[\s,.]*)*"
    r"(?:(?P<approve>approved?|confirm|accept|go ahead)|(?P<reject>reject(?:ed)?|decline))\b",
    re.IGNORECASE,
)
_SPOKEN_WORDS = 12

LONGEST = 400
"""Characters beyond which a text is never read as a decision."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the words decide. `numbers` are proposals or cards as typed (empty: the open one), `all` every one of them.

    `words` is the change of an edit.
    """

    verb: DecisionVerb
    numbers: tuple[int, ...] = ()
    all: bool = False
    words: str = ""


def read_decision(text: str) -> Decision | None:
    """The decision in `text`, or None. Only short texts that say nothing else count: ambiguous text never approves."""
    if len(text) > LONGEST or not text.strip():
        return None
    if text.strip().lower().rstrip(".!?") in _TYPO:
        return None
    if found := _PLAIN.match(text):
        verb: DecisionVerb = next(v for v in ("approve", "reject", "later", "why") if found[v])
        which = (found["which"] or "").lower()
        if which in ("all", "both", "everything"):
            return Decision(verb, all=True)
        return Decision(verb, tuple(int(n) for n in re.findall(r"\d+", which)))
    if found := _NUMBERED_EDIT.match(text):
        return Decision("edit", (int(found["item"]),), words=found["words"].strip())
    if found := _EDIT.match(text):
        numbers = (int(found["item"]),) if found["item"] else ()
        return Decision("edit", numbers, words=found["words"].strip())
    return None


def chosen(text: str, buttons: Sequence[Button]) -> Button | None:
    """The button that a typed answer means: its number or exactly its label, nothing vaguer. For one open card only."""
    said = " ".join(text.casefold().split()).rstrip(".!")
    if re.fullmatch(r"[1-9]\d?", said) and said.isascii():
        return buttons[int(said) - 1] if int(said) <= len(buttons) else None
    same = [button for button in buttons if button.label.casefold() == said]
    return same[0] if len(same) == 1 else None


def read_spoken(text: str) -> Decision | None:
    """As `read_decision`, and more generous: what is spoken only chooses the card that is then asked for, never decides."""
    digits = re.sub(r"[a-z]+", lambda word: _NUMBER_WORDS.get(word[0].lower(), word[0]), text, flags=re.IGNORECASE)
    if (plain := read_decision(digits)) is not None:
        return plain
    found = _SPOKEN.match(digits.strip())
    if found is None or len(digits.split()) > _SPOKEN_WORDS:
        return None
    numbers = tuple(int(n) for n in re.findall(r"\b\d{1,9}\b", digits))
    return Decision("approve" if found["approve"] else "reject", numbers)
