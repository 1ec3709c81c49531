"""A voice note on its way into a turn: heard once, its transcript kept as a value and shown before anything comes of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.voice.ears import Ears, Heard, may_be_sound
from channels.base import Inbound
from graphs.state import Crew, ms
from graphs.tools.wording import escaped
from knowledge import ledger
from knowledge.ids import canonical
from knowledge.store import leases, messages, turns
from knowledge.store.inbox import Stored
from knowledge.store.leases import Lease
from knowledge.store.messages import Letter
from knowledge.store.turns import Labels, Value, made_from
from knowledge.words import Integrity, Outbound

Say = Callable[[Letter], Awaitable[None]]


class VoiceNotes:
    """Gives a voice note its words. A note that was heard is never heard again: a crash loses no transcript."""

    def __init__(self, crew: Crew, ears: Ears, say: Say, *, answers_aloud: bool = False) -> None:
        """`answers_aloud`: a voice note is answered by one, also unasked."""
        self.crew, self.ears, self.say, self.answers_aloud = crew, ears, say, answers_aloud

    def concerns(self, inbound: Inbound) -> bool:
        """Whether it has to be listened to before it can be understood."""
        return inbound.kind == "voice" or (inbound.kind == "file" and any(not file.mime for file in inbound.files))

    async def recalled(self, inbound: Inbound, stored: Stored) -> Inbound:
        """The inbound with its transcript, where it was heard before; else as it is."""
        if not self.concerns(inbound):
            return inbound
        async with self.crew.db.read() as tx:
            known = (await turns.read_values(tx, [_transcript_id(stored)])).get(_transcript_id(stored))
        return _worded(inbound, known.content) if known is not None else inbound

    async def heard(self, inbound: Inbound, stored: Stored, lease: Lease) -> Inbound:
        """The inbound with its transcript, which has been sent to the principal. Raises VoiceTrouble with a sentence."""
        recalled = await self.recalled(inbound, stored)
        if recalled is not inbound:
            return recalled
        heard = await self.ears.hear(inbound)
        now = ms(self.crew.clock())
        speaker = self.crew.owner if self.crew.reach.speaks(stored.channel, stored.conversation) else ""
        async with self.crew.db.write() as tx:
            await leases.guard(tx, lease, now, self.crew.lease_ms)
            await turns.keep_values(tx, _values(heard, inbound, stored), now)
            letter = await messages.enqueue(
                tx, f"{stored.turn}/heard", stored.channel, stored.conversation,
                Outbound(_shown(heard), reply_to=inbound.message_ref), now,
                turn=stored.turn, owner=speaker, lease_ms=self.crew.effect_lease_ms,
            )  # fmt: skip
            await ledger.append(tx, now, ledger.Entry("system", "voice.heard", heard.by, stored.turn))
        if letter is not None:
            await self.say(letter)
        return _worded(inbound, heard.text)


def integrity_of(inbound: Inbound) -> Integrity:
    """What was spoken in the chat itself is the sender's word; a forwarded note or a file of sound is content."""
    own = all(file.spoken for file in inbound.files if may_be_sound(file))
    return "principal" if own and not inbound.forwarded else "untrusted"


def _worded(inbound: Inbound, transcript: str) -> Inbound:
    typed = inbound.text.strip()
    return replace(inbound, kind="voice", text=f"{typed}\n{transcript}" if typed else transcript)


def _transcript_id(stored: Stored) -> str:
    return f"{stored.turn}/voice/transcript"


def _values(heard: Heard, inbound: Inbound, stored: Stored) -> list[Value]:
    """Each file that was listened to, described, and the transcript that was made of them."""
    labels = Labels((f"{stored.channel}:{inbound.message_ref or stored.id}",), integrity_of(inbound))
    files = [
        Value(f"{stored.turn}/voice/file.{n}", stored.turn, canonical(dict(file)), labels)
        for n, file in enumerate(heard.files, 1)
    ]
    return [*files, made_from(_transcript_id(stored), stored.turn, heard.text, files, maker=f"transcriber:{heard.by}")]


def _shown(heard: Heard) -> str:
    lines = [f"🎙 “{escaped(heard.text)}”"]
    if heard.by == "pocketsphinx":
        lines.append("_I mishear a lot without a better transcriber: type it again where this is wrong._")
    if heard.unread:
        lines.append("_I listened to the sound alone and did not look at the other file._")
    return "\n".join(lines)
