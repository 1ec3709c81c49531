"""Which key does what: buttons become letters, and a lone letter with Enter presses one. Pure; decides nothing itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from knowledge.words import Button, Outbound, Press, Verb

LETTERS: dict[Verb, str] = {
    "approve": "a", "reject": "r", "edit": "e", "later": "l", "why": "w", "undo": "u", "retry": "t", "dismiss": "d",
    "allow": "a", "block": "b", "ignore": "i", "once": "o",
}  # fmt: skip
_KEY = re.compile(r"^(?:([a-z])([1-9]\d?)?|([1-9]\d?)([a-z])?)$")


@dataclass(frozen=True, slots=True)
class Offer:
    """The keys of one message. `keys` maps `a`, `a2` or `3` to its button; `items` are the proposals still open."""

    ref: str
    title: str
    keys: dict[str, Button] = field(default_factory=dict)
    items: tuple[int, ...] = ()

    @property
    def choices(self) -> bool:
        """Whether digits answer a question here."""
        return any(key.isdecimal() for key in self.keys)

    @property
    def hints(self) -> dict[str, str]:
        """key → what it does, for the line below the message. Items are told once, not for each letter."""
        shown = {key: _label(button) for key, button in self.keys.items() if not key[1:].isdecimal()}
        if self.items:
            first, last = self.items[0], self.items[-1]
            shown[f"{first}–{last}" if first != last else f"{first}"] = "choose one"
        return shown


def offer_of(message: Outbound, ref: str) -> Offer | None:
    """What can be pressed on `message`, or None when nothing can."""
    keys: dict[str, Button] = {}
    items: dict[int, None] = {}
    for n, (button, press) in enumerate(_presses(message), 1):
        letter = LETTERS.get(press.verb, "")
        if message.card and press.item and letter and _numbered(message):
            keys[f"{letter}{press.item}"] = button
            items[press.item] = None
        elif letter and letter not in keys:
            keys[letter] = button
        else:
            keys[str(press.item if press.verb == "choose" else n)] = button
    if not keys:
        return None
    return Offer(message.card or ref, _title(message), keys, tuple(items))


def _presses(message: Outbound) -> Iterator[tuple[Button, Press]]:
    for row in message.buttons:
        for button in row:
            if (press := Press.decode(button.data)) is not None:
                yield button, press


def _numbered(message: Outbound) -> bool:
    return sum(press.verb == "approve" for _, press in _presses(message)) > 1


def _title(message: Outbound) -> str:
    first = message.text.strip().split("\n", 1)[0]
    return first.replace("**", "").split(" · ")[0][:60]


def _label(button: Button) -> str:
    press = Press.decode(button.data)
    if press is not None and press.verb == "choose":
        return f"“{button.label}”"
    return button.label.rstrip("?").lower()


class Keys:
    """What the letters mean now: the latest open card (or message with buttons), and the last receipt's Undo.

    `hold` freezes that while something stands on the input line, so that a card which arrives while a letter is being
    typed is never the one that letter decides.
    """

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}  # oldest first
        self._undo: Offer | None = None
        self._item = 0
        self._held: tuple[Offer | None, Offer | None] | None = None
        self._chosen = ""

    def put(self, offer: Offer) -> None:
        """A message with keys was shown."""
        if set(offer.keys) == {"u"}:
            self._undo = offer
            return
        known = offer.ref in self._offers
        self._offers[offer.ref] = offer
        if not known:
            self._chosen, self._item = offer.ref, 0

    def drop(self, ref: str) -> None:
        """The card is decided, or the buttons of the message were used."""
        self._offers.pop(ref, None)
        self._item = 0
        if self._undo is not None and self._undo.ref == ref:
            self._undo = None

    def said(self) -> None:
        """An ordinary message was sent: numbered answers to an earlier question mean nothing any more."""
        for ref in [ref for ref, offer in self._offers.items() if offer.choices]:
            self.drop(ref)

    def hold(self, typing: bool) -> None:
        """Called whenever the input line changes: whether anything stands on it."""
        if not typing:
            self._held = None
        elif self._held is None:
            self._held = (self._latest(), self._undo)

    @property
    def focus(self) -> Offer | None:
        """What the letters decide."""
        return self._held[0] if self._held else self._latest()

    @property
    def item(self) -> int:
        """The proposal chosen by its digit, 0 for all of the card."""
        return self._item if self.focus and self._item in self.focus.items else 0

    @property
    def count(self) -> int:
        return len(self._offers)

    def _latest(self) -> Offer | None:
        if self._chosen in self._offers:
            return self._offers[self._chosen]
        return next(reversed(self._offers.values()), None)

    def next(self) -> Offer | None:
        """Turn to the next open card."""
        refs = list(self._offers)
        if refs:
            at = refs.index(self._chosen) if self._chosen in refs else -1
            self._chosen, self._item = refs[(at + 1) % len(refs)], 0
        return self._latest()

    def choose(self, line: str) -> int:
        """`2`: from now on letters mean proposal 2 of this card. The number, 0 when the line chooses nothing."""
        offer = self.focus
        number = int(line) if line.isdecimal() and len(line) < 3 else 0
        if offer is None or number not in offer.items:
            return 0
        self._item = number
        return number

    def read(self, line: str) -> tuple[Offer, Button] | None:
        """The button that this line presses: a lone letter, with a digit on a card of several, else None."""
        found = _KEY.match(line.strip().lower())
        if found is None:
            return None
        letter, number = found[1] or found[4] or "", int(found[2] or found[3] or 0)
        undo = self._held[1] if self._held else self._undo
        if letter == "u" and not number and undo is not None:
            return undo, undo.keys["u"]
        offer = self.focus
        if offer is None:
            return None
        number = number or (self.item if letter else 0)
        key = f"{letter}{number or ''}"
        if key not in offer.keys and letter and number and number == self.item:
            key = letter  # later and why are the whole card's
        return (offer, offer.keys[key]) if key in offer.keys else None

    def tells(self, line: str) -> str:
        """What Enter would do with this line, in words; empty when it is an ordinary message."""
        if (found := self.read(line)) is not None:
            offer, button = found
            return f"{_label(button)} — {offer.title}" if button.label != "Undo" else "undo the last thing done"
        number = int(line) if line.strip().isdecimal() else 0
        if self.focus is not None and number in self.focus.items:
            return f"choose number {number} of {self.focus.title}"
        return ""
