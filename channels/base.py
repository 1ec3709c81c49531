"""The words of a channel: what a platform hands in (Delivery, Inbound) and the few verbs an adapter has.

A channel has two parts. The *receiving* part is slim (no platform SDK): it authenticates raw bytes, says where a
delivery belongs, and shows signs of life. The *speaking* part lives in the worker and may use the SDK.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol

from knowledge.words import Field, Outbound, Press

Lane = Literal["turn", "control"]
FORM_OPEN = "a form was opened"
"""The note of a press that was answered with a form already."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """An HTTP request as it came: header names in lower case; signatures use the configured URL, not this."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Not authentic or not for us: answered with `status`, nothing stored. `reason` holds no content and no secret."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Authentic, and answered at once without storing anything: a platform's handshake, a form's validation, noise.

    Each channel's `STORED` is the answer to a request whose delivery has been stored.
    """

    status: int = 200
    body: bytes = b""
    kind: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What a platform tells later of a message of ours: accepted, sent and delivered are three things.

    Reports repeat and overtake each other: this one counts when the known status is none or in `over`. `closed`: it
    failed because free words are not taken there now. `error` is the platform's number, 0 for none.
    """

    channel: str
    ref: str
    status: str
    error: int = 0
    failed: bool = False
    closed: bool = False
    over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a platform handed us, authenticated, not understood. `raw` is stored as it came.

    `dedupe_key` is the platform's own id of the delivery. `lane` is control for presses and /stop. `hint` is the plain
    text when the delivery is one (so that a "yes" can take the control lane), else empty. `press` is set for presses.
    `numbered`: the text may be the number or label of a button that was shown, as people answer where buttons are few.
    """

    channel: str
    account: str
    dedupe_key: str
    conversation: str
    sender: str
    lane: Lane
    raw: bytes
    hint: str = ""
    wants_typing: bool = False
    press_id: str = ""  # the platform's id under which a press must be confirmed
    numbered: bool = False
    form: str = ""  # the press that wants a form, which opens within seconds or never: it goes before all else


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file on the platform: `size` in bytes, 0 when the platform does not say; `mime` empty likewise.

    `spoken`: recorded in the chat itself, so that what is said in it is the sender's word; a file of music is not.
    """

    id: str
    name: str
    mime: str
    size: int
    spoken: bool = False

    def __post_init__(self) -> None:
        _are_texts(self, ("id", "name", "mime"))
        if not isinstance(self.size, int):
            raise TypeError("a size that is no number")


Kind = Literal["text", "command", "press", "voice", "file", "edit", "timer", "reaction", "home", "sign", "unsupported"]


@dataclass(frozen=True, slots=True)
class Inbound:
    """A delivery in our words. `text` is what the principal typed (for a command: the rest of the line).

    `home`: the principal opened the page that the platform keeps for us; `sign`: something happened that wants no answer.
    `forwarded` and `quoted` mark words that are not the principal's own. `message_ref` is the platform's message id.
    """

    kind: Kind
    channel: str
    account: str
    conversation: str
    sender: str
    message_ref: str
    sent_at: datetime
    text: str = ""
    command: str = ""
    press: Press | None = None
    fields: tuple[tuple[str, str], ...] = ()  # what was changed in a form: names and values, times as ISO
    press_id: str = ""
    pressed_ref: str = ""  # the message the button hangs on
    files: tuple[FileRef, ...] = ()
    forwarded: bool = False
    quoted: str = ""
    reply_to: str = ""
    sender_name: str = ""
    private: bool = True  # False: others can read the conversation
    mentioned: bool = True
    note: str = ""  # for unsupported kinds: what it was, in words
    board: bool = False  # it came from the page that the platform keeps for us: the answer is that page, anew
    album: str = ""  # several files sent as one share it
    also: str = ""  # a second id of the same person, where the platform gives two

    def __post_init__(self) -> None:
        _are_texts(self, _TEXTS)


_TEXTS: Final = tuple(name for name, kind in Inbound.__annotations__.items() if kind == "str")


def _are_texts(value: object, names: tuple[str, ...]) -> None:
    """A platform's library may hand on whatever stood in the payload: what is no text stops here, not in the turn."""
    for name in names:
        if not isinstance(getattr(value, name), str):
            raise TypeError(f"{name} is no text")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a platform can show. `text` counts `unit`s after formatting; `toast` 0: it has none, a message must do.

    `numbered`: buttons can be answered by their number; `pins`: a message can be kept on top of the chat;
    `mute`: why a message with `sound` becomes no voice note, one sentence; empty where it does.
    """

    text: int
    unit: Literal["utf16", "chars"]
    buttons_per_row: int = 3
    button_rows: int = 8
    can_edit: bool = True
    toast: int = 200
    file_bytes: int = 20_000_000
    numbered: bool = False
    pins: bool = False
    mute: str = "I can't send voice notes on this chat."


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the platform answered: `ref` finds the message again (to edit it); `at` is our clock.

    For a toast `ref` is the press it answered, or empty when the platform showed it no more (too late, or answered
    before): then only a message can still tell.
    """

    ref: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `steward doctor`: what was checked, whether it holds, and the next step where it does not."""

    what: str
    ok: bool
    next_step: str = ""


class ChannelError(Exception):
    """The platform did not take a message. `retry_after` (seconds) when it said so."""

    retry_after: float | None = None


class TryLater(ChannelError):
    """Not taken for sure (rate limit, 5xx before acceptance, connection refused): the same call may be repeated."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unauthorised(TryLater):
    """The platform no longer takes our credentials: the message waits, and the principal is told what to renew."""


class Unknown(ChannelError):
    """Sent, and no answer came: it may or may not have arrived. Never repeated blindly."""


class Refusal(ChannelError):
    """The platform said no for good (blocked, chat gone, too old): repeating will not help."""


class Closed(Refusal):
    """The platform takes free words again only after the person has written: keep it until then."""


Hook = Callable[[RawRequest], "Delivery | Report | Answer | Refused"]
"""What a webhook's request is. Pure and never raising; each `*_receive` module gives its own by path in `hooks`."""

Accept = Callable[[list[Delivery]], Awaitable[None]]
"""Store all of these under their unique keys in one synced commit; returns only after it. Raises when it failed."""


class ReceivingChannel(Protocol):
    """The slim part. `run` listens (long polling, socket) and acknowledges only after `accept` has returned.

    `typing_s`: seconds after which the sign of typing has to be given again, a little less than it lasts.
    """

    name: str
    typing_s: float

    async def run(self, accept: Accept) -> None: ...
    async def show_typing(self, delivery: Delivery) -> None: ...
    async def confirm_press(
        self, delivery: Delivery, fields: tuple[Field, ...] = ()
    ) -> None: ...  # of the form it wants
    async def tell(self, conversation: str, text: str) -> None: ...  # the receiver's own voice when no worker lives
    async def close(self) -> None: ...


class SpeakingChannel(Protocol):
    """The worker's part. `parse` turns a stored delivery into our words (raises ValueError for what it can't read)."""

    name: str
    limits: Limits

    def parse(self, raw: bytes, account: str) -> Inbound: ...
    def fit(self, message: Outbound) -> list[Outbound]: ...  # pure: split to the limits, in order
    async def send(self, message: Outbound, conversation: str) -> Receipt: ...
    async def find(
        self, message: Outbound, conversation: str, after_ref: str
    ) -> Receipt | Literal["absent", "unknown"]: ...  # after Unknown or a crash; raises TryLater when it can't ask now
    def fetch(self, file: FileRef) -> AsyncIterator[bytes]: ...
    async def probe(self) -> list[Finding]: ...
    async def start(self) -> None: ...  # commands menu, webhook or polling mode
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """One line of the platform's command menu."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Menu:
    """The commands a channel announces; no platform gets more than 25."""

    commands: tuple[CommandHelp, ...] = field(default=())
