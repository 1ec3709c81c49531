"""Turns tokens into lexemes: the longest known phrase at each place, with all its meanings."""

from __future__ import annotations

from .lexicon import TRIE, Node
from .tokens import Token, tokens

_PUNCTUATION = frozenset(".,;:!?)(-–—…\"'")
_ENDS: dict[str, dict[str, object]] = {mark: {"MARK": mark} for mark in _PUNCTUATION}


def lexemes(text: str) -> list[Token]:
    """Ends with sentinels, so that parsers may look a few places ahead without asking."""
    raw = tokens(text)
    found: list[Token] = []
    place, count = 0, len(raw)
    while place < count:
        token = raw[place]
        node = TRIE.get(token.raw)
        if node is None:
            senses = token.senses or _ENDS.get(token.raw)
            found.append(token if senses is None or senses is token.senses else token._replace(senses=senses))
            place += 1
            continue
        place = _longest(raw, place, node, found)
    end = Token({"STOP": 0}, len(text), len(text), "")
    found += (end,) * 6
    return found


def _longest(raw: list[Token], place: int, node: Node, found: list[Token]) -> int:
    first, best, length = raw[place], node, 1
    step = 1
    while node.below and place + step < len(raw):
        below = node.below.get(raw[place + step].raw)
        if below is None:
            break
        node, step = below, step + 1
        if node.senses:
            best, length = node, step
    last = raw[place + length - 1]
    name = first.raw if length == 1 else " ".join(token.raw for token in raw[place : place + length])
    found.append(Token(best.senses or first.senses, first.start, last.end, name))
    return place + length
