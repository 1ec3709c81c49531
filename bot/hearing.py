"""From a stored delivery to the words that start a turn: whose they are, and whether they may start one at all."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from bot import albums, corrections, strangers
from bot.chosen import CHOICE, chosen_text
from bot.commands import COMMANDS
from bot.in_words import meant
from bot.reply import STOPPED
from bot.voice.aloud import wish as aloud_wish
from bot.voice.base import NotSound, VoiceTrouble
from bot.voice.notes import VoiceNotes, integrity_of
from channels.base import Inbound, SpeakingChannel
from graphs.decisions import read_spoken
from graphs.state import Crew, Said, TurnContext, ms
from knowledge import ledger
from knowledge.database import Tx
from knowledge.store import cards, escalation, inbox, leases, messages, panic, people, settings, timers, turns
from knowledge.store.inbox import Stored
from knowledge.store.leases import Lease
from knowledge.words import Outbound

log = logging.getLogger(__name__)

WELCOME = (
    "Linked. From now on I listen to you here, and to nobody else.\n"
    "Try `note: the accountant prefers mornings`, or /help for everything I can do."
)

EDIT_WAIT_MS = 15 * 60 * 1000


class Unreadable(ValueError):
    """The platform's bytes can't be read, however often they are tried."""


Attach = Callable[[Inbound, Stored], Awaitable[Said | None]]
"""Takes a file in (into memory) and gives the words of the turn, or None when the kind is not for it."""


_DRY = re.compile(r"\s*dry[ -]?run\b[:,]?\s*(\S.*)", re.IGNORECASE | re.DOTALL)


def _command(words: str) -> tuple[str, str]:
    """(slash command, the rest of the line); no command: ("", all of it)."""
    if not words.startswith("/"):
        return "", words
    command, _, rest = words[1:].partition(" ")
    return command.lower(), rest.strip()


class Hearing:
    """Understands who speaks. `attach` takes files in, `voice` gives voice notes their words."""

    def __init__(
        self,
        crew: Crew,
        speakers: Mapping[str, SpeakingChannel],
        attach: Attach | None = None,
        voice: VoiceNotes | None = None,
        console_open: Callable[[], bool] = lambda: True,
    ) -> None:
        self.crew, self.speakers, self.attach = crew, speakers, attach
        self.voice, self.console_open = voice, console_open

    def parse(self, stored: Stored) -> Inbound:
        """The delivery in our words. Raises ValueError (a poison delivery) when its channel cannot read it."""
        if not stored.raw:  # its words were erased by the principal's wish; the turn may still have to end
            at = datetime.fromtimestamp(stored.received_at / 1000, UTC)
            return Inbound(
                "text", stored.channel, stored.account, stored.conversation, stored.sender, "", at, text="(forgotten)"
            )
        if stored.raw.startswith(CHOICE):
            return chosen_text(stored)
        speaker = self.speakers.get(stored.channel)
        if speaker is None:
            raise ValueError(f"the channel {stored.channel} is not set up in this process")
        try:
            return speaker.parse(stored.raw, stored.account)
        except ValueError as error:
            raise Unreadable(str(error)) from error

    async def recalled(self, stored: Stored) -> Inbound:
        """The delivery in our words, a voice note that was heard before with its transcript. Raises as `parse`."""
        inbound = self.parse(stored)
        return await self.voice.recalled(inbound, stored) if self.voice is not None else inbound

    async def target(self, tx: Tx, stored: Stored) -> tuple[str, str]:
        """Where the turn's answer goes: for a timer where it was set, or to a linked chat when that terminal is closed."""
        if stored.channel != "timer":
            return stored.channel, stored.conversation
        timer = await timers.get(tx, str(json.loads(stored.raw)["timer"]))
        if timer is None:
            return "console", "local"
        if timer.channel == "console" and not self.console_open():
            found = await escalation.place(tx, ms(self.crew.clock()))
            if found is not None:  # a reminder has its hour: it waits for no end of the quiet ones
                return found[0].channel, found[0].conversation
        return timer.channel, timer.conversation

    async def listen(self, stored: Stored, lease: Lease) -> TurnContext | None:
        """The context of the turn, or None when the delivery ends here (strangers, link codes, nothing to do)."""
        if stored.channel == "timer":
            context = await self.context(stored, lease)
            if context.said.payload["cancelled"]:
                await self._end(stored, lease, "cancelled")
                return None
            return context
        inbound = self.parse(stored)
        standing = await self.standing(stored, inbound.also)
        if standing == "principal" and stored.channel != "console" and await self._withheld(stored, inbound, lease):
            return None
        if standing == "principal" and inbound.also:
            await self._know_also(inbound)
        if standing != "principal":
            await self._not_the_principal(stored, inbound, lease, standing)
            return None
        if inbound.kind == "edit" and (inbound.private or inbound.mentioned):
            await self._edited(stored, inbound, lease)
            return None
        if inbound.kind in ("edit", "press", "home", "sign") or (
            inbound.kind != "reaction" and not inbound.private and not inbound.mentioned
        ):
            await self._end(stored, lease, "nothing to do")
            return None
        if inbound.album and not await self._gathered(stored, inbound, lease):
            return None
        if inbound.kind == "reaction":  # it may decide a card, which does not wait for turns
            async with self.crew.db.write() as tx:
                await self._to_control(tx, stored, lease)
            return None
        in_words = inbound.kind == "text" and not inbound.forwarded and meant(inbound.text)
        if inbound.command in COMMANDS or in_words:  # also `/steward help`, which did not look like one on its way in
            async with self.crew.db.write() as tx:
                await self._to_control(tx, stored, lease)
            return None
        if self.voice is not None and self.voice.concerns(inbound):
            try:
                inbound = await self.voice.heard(inbound, stored, lease)
            except VoiceTrouble as trouble:
                if inbound.kind == "voice" or not isinstance(trouble, NotSound):
                    return await self.context(stored, lease, _unheard(inbound, stored, trouble))
        if await self._is_about_a_card(stored, inbound, lease):
            return None
        return await self.context(stored, lease)

    async def _withheld(self, stored: Stored, inbound: Inbound, lease: Lease) -> bool:
        """Whether everything is stopped: then no chat begins a turn, and one sentence says how it ends."""
        async with self.crew.db.read() as tx:
            if inbound.command in COMMANDS or await panic.standing(tx) is None:
                return False
        now = ms(self.crew.clock())
        if inbound.kind in ("text", "command", "voice", "file") and (inbound.private or inbound.mentioned):
            async with self.crew.db.write() as tx:
                await leases.guard(tx, lease, now, self.crew.lease_ms)
                key = f"{stored.turn}/answer"
                await messages.enqueue(tx, key, stored.channel, stored.conversation, Outbound(STOPPED), now)
        await self._end(stored, lease, "everything is stopped")
        return True

    async def _is_about_a_card(self, stored: Stored, inbound: Inbound, lease: Lease) -> bool:
        """Typed or spoken words that the control lane has to answer. Typed decisions were sent there by the receiver."""
        if inbound.kind not in ("text", "voice") or inbound.forwarded:
            return False
        if inbound.kind == "voice" and integrity_of(inbound) != "principal":
            return False
        if inbound.kind == "voice" and await self._answers_a_card(inbound):
            async with self.crew.db.write() as tx:
                await self._to_control(tx, stored, lease)
            return True
        return await self._changes_a_card(stored, inbound, lease)

    async def _answers_a_card(self, inbound: Inbound) -> bool:
        """Whether spoken words answer "what should change?" or say yes or no to an open card."""
        now = ms(self.crew.clock())
        async with self.crew.db.read() as tx:
            if await settings.get(tx, f"edit:{inbound.channel}:{inbound.conversation}", now) is not None:
                return True
            return read_spoken(inbound.text) is not None and bool(await cards.open_cards(tx))

    async def _edited(self, stored: Stored, inbound: Inbound, lease: Lease) -> None:
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            offered = await corrections.offer(tx, stored, inbound, now)
        await self._end(stored, lease, "offered to be done anew" if offered else "nothing to do")

    async def _gathered(self, stored: Stored, inbound: Inbound, lease: Lease) -> bool:
        """Whether this part of an album stands for all of it, and all of it is here."""
        now = ms(self.crew.clock())
        if now < (at := albums.ready_at(stored, inbound)):
            async with self.crew.db.write() as tx:
                await leases.guard(tx, lease, now, self.crew.lease_ms)
                await inbox.set_state(tx, stored.id, "new", not_before=at)
                await leases.release(tx, lease)
            return False
        async with self.crew.db.read() as tx:
            if await albums.whole(tx, stored, inbound, self.parse) is not None:
                return True
        await self._end(stored, lease, "part of an album")
        return False

    async def _changes_a_card(self, stored: Stored, inbound: Inbound, lease: Lease) -> bool:
        """Words that no agent claims, in reply to a card or while one is open, which its tool can apply: an edit."""
        crew, now = self.crew, self.crew.clock().astimezone(self.crew.zone)
        async with crew.db.read() as tx:
            where = (inbound.channel, inbound.conversation, inbound.reply_to)
            replied = await cards.shown_in(tx, *where) if inbound.reply_to else None
            meant = [replied[0]] if replied else await cards.open_cards(tx)
            open_ones = [p for c in meant for p in await cards.of_card(tx, c.id) if p.state == "open"]
        if len(open_ones) != 1 or crew.understanding.claimed(inbound.text, now, crew.zone) is not None:
            return False
        tool = crew.tools.get(open_ones[0].tool)
        if tool is None or tool.revise is None or (tool.own and not replied):
            return False
        if not isinstance(tool.revise(json.loads(open_ones[0].arguments), inbound.text, now, crew.zone), Mapping):
            return False
        async with crew.db.write() as tx:
            key = f"edit:{inbound.channel}:{inbound.conversation}"
            await settings.put(
                tx, key, {"proposal": open_ones[0].id, "card": open_ones[0].card}, ms(now) + EDIT_WAIT_MS
            )
            await self._to_control(tx, stored, lease)
        return True

    async def _to_control(self, tx: Tx, stored: Stored, lease: Lease) -> None:
        """The delivery is no turn after all: the control lane handles it at once."""
        now = ms(self.crew.clock())
        await leases.guard(tx, lease, now, self.crew.lease_ms)
        await turns.set_state(tx, stored.turn, "done", ended_at=now)
        await inbox.to_control_lane(tx, stored.id)
        await leases.release(tx, lease)

    async def context(self, stored: Stored, lease: Lease, said: Said | None = None) -> TurnContext:
        """What a turn needs to begin or go on; `said` where it is known already."""
        async with self.crew.db.read() as tx:
            channel, conversation = await self.target(tx, stored)
            if stored.channel != "timer" and (begun := await turns.get(tx, stored.turn)) is not None:
                channel, conversation = begun.channel, begun.conversation  # it may have moved to another chat
        said = said or await self._said(stored)
        return TurnContext(
            crew=self.crew,
            lease=lease,
            turn=stored.turn,
            delivery=stored.id,
            channel=channel,
            conversation=conversation,
            said=said,
            again=stored.attempts > 1,
        )

    async def _said(self, stored: Stored) -> Said:
        if stored.channel == "timer":
            return await self._timer_said(stored)
        inbound = await self.recalled(stored)
        async with self.crew.db.read() as tx:
            inbound = await albums.whole(tx, stored, inbound, self.parse) or inbound
        if inbound.files and self.attach is not None and (taken := await self.attach(inbound, stored)) is not None:
            return taken
        source = f"{stored.channel}:{inbound.message_ref or stored.id}"
        if inbound.kind == "voice" and inbound.text:
            reply_to = "" if inbound.private else inbound.message_ref
            aloud = self.voice is not None and self.voice.answers_aloud
            said = Said(inbound.text, "text", integrity_of(inbound), f"{source} (spoken)", reply_to=reply_to)
            return replace(_as_wished(said), aloud=True) if aloud else _as_wished(said)
        if inbound.kind not in ("text", "command"):
            note = inbound.note or inbound.kind
            return Said(note, "file", "untrusted", source, payload={"unsupported": note})
        integrity = "untrusted" if inbound.forwarded else "principal"
        if integrity == "principal" and (dry := _DRY.match(inbound.text)) and not inbound.command:
            command, words = _command(dry[1])
            kind = "command" if command else "text"
            return Said(words, kind, integrity, source, command=command, payload={"dry": True})  # type: ignore[arg-type]
        kind = "command" if inbound.command else "text"
        reply_to = "" if inbound.private else inbound.message_ref
        said = Said(inbound.text, kind, integrity, source, command=inbound.command, reply_to=reply_to)  # type: ignore[arg-type]
        return _as_wished(said)

    async def _timer_said(self, stored: Stored) -> Said:
        fired = json.loads(stored.raw)
        async with self.crew.db.read() as tx:
            timer = await timers.get(tx, str(fired["timer"]))
        payload = dict(timer.payload) if timer else {}
        told = {**payload, **fired, "rule": timer.rule if timer else None, "zone": timer.zone if timer else "UTC"}
        told["first_at"] = timer.first_at if timer else fired["due_at"]
        told["cancelled"] = timer is None or timer.state == "cancelled"
        return Said(str(payload.get("text", "")), "timer", "trusted", f"timer:{fired['timer']}", payload=told)

    async def standing(self, stored: Stored, also: str = "") -> str:
        """Of the sender; `also` is a second id of the same person."""
        if stored.channel == "console":
            return "principal"
        async with self.crew.db.read() as tx:
            found = await people.standing(tx, stored.channel, stored.sender)
            if found == "stranger" and also:
                return await people.standing(tx, stored.channel, also)
        return found

    async def _know_also(self, inbound: Inbound) -> None:
        """Both ids of the principal count from now on: either may come alone one day."""
        async with self.crew.db.read() as tx:
            ids = (inbound.sender, inbound.also)
            unknown = [i for i in ids if await people.standing(tx, inbound.channel, i) == "stranger"]
        for external in unknown:
            async with self.crew.db.write() as tx:
                now = ms(self.crew.clock())
                await people.set_standing(tx, inbound.channel, external, "principal", now)
                await ledger.append(tx, now, ledger.Entry("system", "identity.linked", inbound.channel, ""))

    async def _not_the_principal(self, stored: Stored, inbound: Inbound, lease: Lease, standing: str) -> None:
        """A link code links; everybody else gets no answer at all."""
        now = ms(self.crew.clock())
        words = f"{inbound.command} {inbound.text}".strip() if inbound.command else inbound.text
        async with self.crew.db.write() as tx:
            await leases.guard(tx, lease, now, self.crew.lease_ms)
            linked = inbound.private and await people.redeem_code(
                tx, stored.channel, stored.sender, stored.conversation, words, now
            )
            if linked:
                await messages.enqueue(
                    tx, f"{stored.turn}/answer", stored.channel, stored.conversation, Outbound(WELCOME), now
                )
                account = f"{stored.channel}:{stored.sender}"
                await ledger.append(tx, now, ledger.Entry("principal", "identity.linked", account, stored.turn))
            else:
                await ledger.append(tx, now, ledger.Entry("system", "stranger.held", standing, stored.turn))
                await strangers.hold(tx, stored, inbound, standing, now)
            await self._close(tx, stored, lease, now)

    async def _end(self, stored: Stored, lease: Lease, why: str) -> None:
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await leases.guard(tx, lease, now, self.crew.lease_ms)
            await ledger.append(tx, now, ledger.Entry("system", "delivery.ended", why, stored.turn))
            await self._close(tx, stored, lease, now)

    async def _close(self, tx: Tx, stored: Stored, lease: Lease, now: int) -> None:
        await inbox.set_state(tx, stored.id, "done")
        await turns.set_state(tx, stored.turn, "done", ended_at=now)
        await leases.release(tx, lease)


def _as_wished(said: Said) -> Said:
    """The principal's words without “answer by voice”, and that they said so."""
    words, aloud = aloud_wish(said.words) if said.integrity == "principal" else (said.words, False)
    return replace(said, words=words, aloud=aloud)


def _unheard(inbound: Inbound, stored: Stored, trouble: VoiceTrouble) -> Said:
    """What a voice note that has no words becomes: one sentence as its answer."""
    source, reply_to = (
        f"{stored.channel}:{inbound.message_ref or stored.id}",
        "" if inbound.private else inbound.message_ref,
    )
    payload = {"sentence": str(trouble)}
    return Said("a voice note", "file", "untrusted", source, payload=payload, reply_to=reply_to)
