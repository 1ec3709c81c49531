"""Words that thinking and speaking share: what Steward says (Outbound) and what a button carries (Press)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from knowledge.ids import canonical

PRESS_LIMIT = 64  # bytes of Telegram's callback_data, the smallest of the platforms

Integrity = Literal["principal", "trusted", "untrusted"]


@dataclass(frozen=True, slots=True)
class Button:
    """A button: `data` is an encoded `Press`, at most 64 bytes; `style` is a hint: primary, success, danger or empty."""

    label: str
    data: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Outbound:
    """One message to say. `text` is Steward's Markdown; the channel fits it to the platform.

    `edit_of` replaces the message with that platform id instead of posting; `toast_for` answers the press with that
    platform id (a short notice, no message); `reply_to` quotes a message; `prompt` asks the platform to open a reply.
    `card` and `card_version` are set on every copy of an approval card. `knock` asks the person to write, in the one
    form that a platform with a window takes outside of it. `pin` keeps it on top of the chat, `tiles` are words offered as
    keys below the line where one types. `aloud` is said with a voice; its `sound` (OGG/Opus) is made just before it is sent
    and stored nowhere. `progress` is worth something now or never: where the message that it edits can't be edited it is
    left out, and nobody is told when it is lost. `page` replaces the page that the platform keeps for us: paragraph n has
    row n of the buttons, and nothing is split.
    """

    text: str
    buttons: tuple[tuple[Button, ...], ...] = ()
    edit_of: str = ""
    toast_for: str = ""
    reply_to: str = ""
    prompt: bool = False
    silent: bool = False
    card: str = ""
    card_version: int = 0
    progress: bool = False
    knock: bool = False
    pin: bool = False
    tiles: tuple[tuple[str, ...], ...] = ()
    page: bool = False
    aloud: bool = False
    sound: bytes = b""

    @property
    def passing(self) -> bool:
        """A word of progress, no card: never worth a message more, a failure, or a wait."""
        return self.progress and not self.card

    def to_json(self) -> str:
        """Canonical JSON, the form an outbox row holds."""
        said = {k: v for k, v in asdict(self).items() if k != "sound" and v not in ("", (), False, 0)}
        return canonical(said | {"text": self.text})

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Outbound:
        rows = tuple(tuple(Button(**b) for b in row) for row in body.get("buttons", ()))
        tiles = tuple(tuple(row) for row in body.get("tiles", ()))
        return cls(**{**body, "buttons": rows, "tiles": tiles})


@dataclass(frozen=True, slots=True)
class Field:
    """One argument that a form lets the principal change, with today's `value` (a time is ISO with offset).

    `kind`: a line, a text of several lines, or a time. `optional`: it may be left empty.
    """

    name: str
    label: str
    kind: Literal["line", "text", "time"] = "line"
    optional: bool = False
    value: str = ""


Verb = Literal[
    "approve", "reject", "edit", "later", "why", "undo", "retry", "dismiss", "allow", "block", "ignore", "once", "run",
    "choose", "pause", "resume", "grant", "take_back", "answer",
]  # fmt: skip
_VERBS: dict[str, Verb] = {
    "y": "approve", "n": "reject", "e": "edit", "l": "later", "w": "why", "u": "undo",
    "r": "retry", "d": "dismiss", "a": "allow", "b": "block", "i": "ignore", "o": "once", "x": "run", "c": "choose",
    "p": "pause", "g": "resume", "s": "grant", "t": "take_back", "m": "answer",
}  # fmt: skip
_LETTERS = {verb: letter for letter, verb in _VERBS.items()}


@dataclass(frozen=True, slots=True)
class Press:
    """What a button says: do `verb` to `ref` (a card, effect, failure, stranger).

    `version` is the card's when the button was drawn, `item` the proposal's ordinal (0: all of the card), `nonce` the
    secret of the row, so that a button of another database means nothing here.
    """

    verb: Verb
    ref: str
    version: int = 0
    item: int = 0
    nonce: str = field(default="")

    def encode(self) -> str:
        """`letter:ref:version:item:nonce`, at most 64 ASCII bytes. Raises ValueError above."""
        data = f"{_LETTERS[self.verb]}:{self.ref}:{self.version}:{self.item}:{self.nonce}"
        if len(data.encode()) > PRESS_LIMIT or not data.isascii():
            raise ValueError(f"button data of {len(data.encode())} bytes: {data!r}")
        return data

    @classmethod
    def decode(cls, data: str) -> Press | None:
        """The press in `data`, or None when it is not one of ours (payloads come from outside and may be anything)."""
        parts = data.split(":")
        if len(parts) != 5 or parts[0] not in _VERBS or len(data) > PRESS_LIMIT:
            return None
        if not (parts[2].isdecimal() and parts[3].isdecimal() and parts[2].isascii() and parts[3].isascii()):
            return None
        return cls(_VERBS[parts[0]], parts[1], int(parts[2]), int(parts[3]), parts[4])


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an answer or proposal comes from: a name to show (`notes/accountant.md`), a place in it, the quoted words."""

    name: str
    place: str = ""
    quote: str = ""
    integrity: Integrity = "untrusted"
    value: str = ""  # value id, when the evidence is a value row
