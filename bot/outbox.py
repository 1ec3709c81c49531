"""The outbox at work: carries out effects and sends messages, each once, and parks what nobody can know."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot import anchoring, board, delivery, progress
from bot.delivery import tell_failure
from bot.reply import DONE_WORDS
from bot.voice.aloud import Voice, mute
from bot.voice.base import VoiceTrouble
from channels.base import Closed, Limits, Refusal, SpeakingChannel, TryLater, Unauthorised, Unknown
from graphs import answer
from graphs.approval import render_card
from graphs.state import Crew, ms
from graphs.tools.base import OutcomeUnknown, Tool, ToolLater, ToolTrouble
from knowledge import ledger
from knowledge.database import Tx
from knowledge.database.lasting import lasting
from knowledge.ids import canonical
from knowledge.store import cards, effects, failures, inbox, messages, turns
from knowledge.store.binding import broken_bond
from knowledge.store.effects import Effect
from knowledge.store.failures import Remedy
from knowledge.store.messages import Letter
from knowledge.words import Outbound

log = logging.getLogger(__name__)

EFFECT_TRIES = 6
MESSAGE_TRIES = 12
EFFECT_TIMEOUT_S = 45.0
_ANSWERED = re.compile(r"[td](\d+)/")  # keys of what is said to a delivery begin with its number

_BROKEN = {
    "arguments": "its arguments were changed",
    "tool": "its tool was changed",
    "step": "it was moved to another step",
    "hash": "what the card showed was changed",
    "replay": "it was done already",
    "expired": "its approval came after the card had expired",
    "account": "the account that approved it is no longer linked",
    "undecided": "there is no decision about it",
}

ARRIVAL_S = 5.0
"""How long a message whose answer was lost may still be on its way before its look-up can be trusted."""


def backoff_ms(attempt: int, floor_s: float = 0.0) -> int:
    """Exponential with full jitter: up to 1, 2, 4 … 300 s, never under `floor_s` (what the platform asked for)."""
    ceiling = min(300.0, 2.0 ** max(0, attempt - 1))
    return int(1000 * max(floor_s, random.uniform(0.3 * ceiling, ceiling)))


class Outbox:
    """Carries out what the outbox holds. `speakers` are the channels this process speaks, `voice` says a text aloud."""

    def __init__(self, crew: Crew, speakers: Mapping[str, SpeakingChannel], voice: Voice = mute) -> None:
        self.crew, self.speakers, self.voice = crew, speakers, voice

    def _too_late(self, claimed: Effect | Letter) -> bool:
        """This process slept through its own claim (stopped, suspended): somebody else has it by now."""
        late = ms(self.crew.clock()) >= claimed.until
        if late:
            log.warning("the claim on %s ran out before it was used", claimed.id)
        return late

    @property
    def _patience_s(self) -> float:
        """An attempt ends before its claim does, or another worker would begin the same beside it."""
        return min(EFFECT_TIMEOUT_S, self.crew.effect_lease_ms * 0.75 / 1000)

    # ── effects ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def carry_out(self, effect: Effect) -> None:
        """One attempt. Afterwards the row is done, failed, uncertain, or pending again with a later time."""
        if self._too_late(effect):
            return
        tool = self.crew.tools.get(effect.tool)
        if tool is None:
            await self._end_effect(effect, "failed", error=f"There is no tool called {effect.tool}.")
            return
        if broken := await self._broken_bond(effect):
            await (self._stop(tool, effect) if broken == "stopped" else self._refuse(effect, broken))
            return
        try:
            receipt = await asyncio.wait_for(self._attempt(tool, effect), self._patience_s)
        except ToolLater as later:
            await self._again(effect, str(later))
        except ToolTrouble as trouble:
            await self._end_effect(effect, "failed", error=str(trouble))
        except (OutcomeUnknown, TimeoutError) as unknown:
            await self._look_after(tool, effect, str(unknown) or "no answer came in time")
        except Exception as error:
            log.exception("effect %s (%s) broke", effect.id, effect.tool)
            await self._look_after(tool, effect, f"{type(error).__name__}: {error}")
        else:
            await self._end_effect(effect, "done", receipt=receipt)

    @lasting
    async def _broken_bond(self, effect: Effect) -> str:
        """Why what is about to run is not what was decided, in one word; empty when it is."""
        async with self.crew.db.read() as tx:
            broken = await broken_bond(tx, effect)
            origin = await effects.get(tx, effect.undoes) if effect.undoes and not broken else None
        if broken or effect.undoes is None:
            return broken
        tool = self.crew.tools.get(origin.tool) if origin is not None else None
        if origin is None or tool is None or tool.undo is None or effect.id != f"undo.{origin.id}":
            return "undecided"
        wanted = tool.undo(origin.arguments, origin.receipt or {})
        if wanted is None or wanted.tool != effect.tool:
            return "tool"
        return "" if canonical(dict(wanted.arguments)) == canonical(dict(effect.arguments)) else "arguments"

    async def _stop(self, tool: Tool, effect: Effect) -> None:
        """A panic came between the decision and the run: it is not begun. Was it under way, only what can be seen is told."""
        state, found, reason = "cancelled", None, "everything was stopped"
        if effect.interrupted:
            try:
                found = await tool.find(effect.arguments, effect.id) if tool.find is not None else None
                state = "done" if found is not None else "cancelled" if tool.find is not None else "uncertain"
            except Exception:
                log.exception("look-up of %s broke", effect.id)
                state = "uncertain"
        await self._end_effect(effect, state, receipt=found, error=None if state == "done" else reason)

    @lasting
    async def _refuse(self, effect: Effect, broken: str) -> None:
        """Nothing is done, and it is told: the rows say something else than what was decided."""
        now = ms(self.crew.clock())
        error = f"what was about to run is not what was decided ({_BROKEN[broken]}). Tell me anew if you want it"
        async with self.crew.db.write() as tx:
            if not await effects.finish(tx, effect.id, self.crew.owner, "failed", now, error=error):
                return
            await ledger.append(tx, now, ledger.Entry("system", "effect.refused", broken, effect.id))
            failure, fresh = await failures.note(
                tx, f"refused:{effect.id}", f"I refused {effect.tool}: {error}", "", "It was not done.", now,
                remedies=(Remedy("dismiss", "Leave it", effect.id),), turn=effect.turn,
            )  # fmt: skip
            if fresh:
                await tell_failure(tx, failure, now, urgent=True)

    async def _attempt(self, tool: Tool, effect: Effect) -> Mapping[str, Any]:
        """Look before repeating what an earlier worker may have done already."""
        if effect.interrupted and not tool.repeatable:
            if tool.find is None:
                raise OutcomeUnknown(
                    f"Steward was stopped in the middle of {tool.name}, and there is no way to look it up"
                )
            if (found := await tool.find(effect.arguments, effect.id)) is not None:
                return found
        return await tool.run(effect.arguments, effect.id)

    async def _look_after(self, tool: Tool, effect: Effect, reason: str) -> None:
        """The call broke in the middle: repeat what is repeatable, look up what can be, park the rest."""
        if tool.repeatable:
            await self._again(effect, reason)
            return
        if tool.find is not None:
            try:
                found = await tool.find(effect.arguments, effect.id)
            except Exception:
                log.exception("look-up of %s broke", effect.id)
            else:
                if found is not None:
                    await self._end_effect(effect, "done", receipt=found)
                else:
                    await self._again(effect, reason)
                return
        await self._end_effect(effect, "uncertain", error=reason)

    @lasting
    async def _again(self, effect: Effect, reason: str) -> None:
        if effect.attempts >= EFFECT_TRIES:
            await self._end_effect(effect, "failed", error=reason)
            return
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await effects.postpone(tx, effect.id, self.crew.owner, now + backoff_ms(effect.attempts), reason)

    @lasting
    async def _end_effect(
        self, effect: Effect, state: str, *, receipt: Mapping[str, Any] | None = None, error: str | None = None
    ) -> None:
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            if not await effects.finish(tx, effect.id, self.crew.owner, state, now, receipt=receipt, error=error):
                return
            told = ledger.Entry("system", f"effect.{state}", effect.tool, effect.id, canonical(dict(receipt or {})))
            await ledger.append(tx, now, told)
            if state in ("failed", "uncertain"):
                await self._effect_failure(tx, effect, state, error or "", now)
            elif effect.attempts > 1:
                await failures.close_key(tx, f"effect:{effect.id}", now)
            if effect.undoes is not None and state == "done":
                await self._tell_undone(tx, effect, receipt or {}, now)
            elif state == "done":
                await self._tell_late(tx, effect, now)

    async def _tell_late(self, tx: Tx, effect: Effect, now: int) -> None:
        """What was tried again after its turn had answered is told by itself, with its Undo."""
        found = await turns.get(tx, effect.turn) if effect.turn else None
        fresh = await effects.get(tx, effect.id)
        if found is None or fresh is None or found.state not in turns.ENDED:
            return
        body = answer.compose([], [], [fresh], self.crew.tools)
        await messages.enqueue(tx, f"effect/{effect.id}/{now}", found.channel, found.conversation, body, now)

    async def _tell_undone(self, tx: Tx, effect: Effect, receipt: Mapping[str, Any], now: int) -> None:
        """An undo belongs to no turn of its own: its receipt is told where the effect was."""
        origin = await effects.get(tx, effect.undoes or "")
        found = await turns.get(tx, origin.turn) if origin is not None and origin.turn else None
        if found is None:
            return
        text = f"Undone. {self.crew.tools[effect.tool].report(effect.arguments, receipt)}"
        await messages.enqueue(tx, f"undo/{effect.id}", found.channel, found.conversation, Outbound(text), now)

    async def _effect_failure(self, tx: Tx, effect: Effect, state: str, error: str, now: int) -> None:
        certain = state == "failed"
        what = f"{effect.tool} failed: {error}" if certain else f"I can't tell whether {effect.tool} happened: {error}"
        not_done = "It was not done." if certain else "It may or may not have been done. I did not repeat it."
        remedies = [Remedy("retry", "Try again", effect.id), Remedy("dismiss", "Leave it", effect.id)]
        if effect.turn and any(
            self._can_undo(one) for one in await effects.of_turn(tx, effect.turn) if one.id != effect.id
        ):
            remedies.append(Remedy("undo", "Roll back the rest", effect.turn))
        failure, fresh = await failures.note(
            tx, f"effect:{effect.id}", what, "", not_done, now, remedies=remedies, turn=effect.turn
        )
        found = await turns.get(tx, effect.turn) if effect.turn else None
        if fresh and (found is None or found.state in turns.ENDED):  # else the turn's answer tells it
            await tell_failure(tx, failure, now, urgent=True)

    def _can_undo(self, effect: Effect) -> bool:
        """Whether it was done, or may yet be, beside one that failed, and can be taken back."""
        tool = self.crew.tools.get(effect.tool)
        lives = effect.state in ("pending", "running", "done") and not effect.undone_by and not effect.undoes
        return lives and tool is not None and tool.undo is not None

    # ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(self, letter: Letter) -> None:
        """Send what is left of a message, part by part. One row, one conversation, in order."""
        speaker = self.speakers[letter.channel]
        if letter.attempts > 1 and letter.body.card and not letter.body.edit_of:
            letter = await self._as_it_is_now(letter)
        receipts = list(letter.receipts)
        try:
            parts = speaker.fit(await self._voiced(letter.body, speaker.limits))
            for index in range(len(receipts), len(parts)):
                if self._too_late(letter):
                    return
                looking = letter.interrupted and index == len(letter.receipts)
                receipts.append(await self._send_part(speaker, letter, parts[index], looking=looking))
                if index + 1 < len(parts) and not await self._part_sent(letter, receipts):
                    return
        except TryLater as later:
            if isinstance(later, Unauthorised):
                await self._tell_unauthorised(letter, str(later))
            await self._not_now(letter, receipts, str(later), later.retry_after or 0.0)
        except Unknown as unknown:
            await self._unknown(letter, receipts, str(unknown))
        except Closed as closed:
            await self._hold(letter, receipts, str(closed))
        except Refusal as refusal:
            await self._end_message(letter, "failed", tuple(receipts), str(refusal))
        except Exception as error:
            log.exception("message %s broke", letter.key)
            if letter.interrupted and letter.attempts >= MESSAGE_TRIES:
                await self._end_message(letter, "uncertain", tuple(receipts), str(error))
                return
            await self._not_now(letter, receipts, f"{type(error).__name__}: {error}", 0.0)
        else:
            await self._end_message(letter, "sent", tuple(receipts), None)

    async def _as_it_is_now(self, letter: Letter) -> Letter:
        """A card that had to wait shows what has become of it meanwhile."""
        async with self.crew.db.read() as tx:
            card = await cards.get(tx, letter.body.card)
            if card is None or card.revision == letter.body.card_version:
                return letter
            body = render_card(card, await cards.of_card(tx, card.id), self.crew.zone)
            return replace(letter, body=body, receipts=())

    async def _voiced(self, body: Outbound, limits: Limits) -> Outbound:
        """What is to be said aloud with its sound, or one sentence why there is none: the words themselves stand above."""
        if not body.aloud:
            return body
        if limits.mute:
            return Outbound(f"{limits.mute} The answer is above.")
        try:
            return replace(body, sound=await self.voice(body.text))
        except VoiceTrouble as trouble:
            return Outbound(f"{trouble} The answer is above.")

    async def _send_part(self, speaker: SpeakingChannel, letter: Letter, part: Outbound, *, looking: bool) -> str:
        if looking:
            found = await self._find(speaker, letter, part)
            if found == "unknown":
                raise Unknown("Steward was stopped while sending, and the platform cannot say whether it arrived")
            if found != "absent":
                return found
        ref = (await speaker.send(part, letter.conversation)).ref
        if part.toast_for and not ref and part.text not in DONE_WORDS:
            await self._say_instead(letter, part)
        return ref

    @lasting
    async def _say_instead(self, letter: Letter, toast: Outbound) -> None:
        """The platform shows this notice no more (the press is too old): say it as a message."""
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await messages.enqueue(
                tx,
                f"{letter.key}/said",
                letter.channel,
                letter.conversation,
                Outbound(toast.text),
                now,
                turn=letter.turn,
            )

    async def _find(self, speaker: SpeakingChannel, letter: Letter, part: Outbound) -> str:
        async with self.crew.db.read() as tx:
            known = await messages.last_ref(tx, letter.channel, letter.conversation)
            answered = _ANSWERED.match(f"{letter.turn}/" if letter.turn else letter.key)
            asked = await inbox.by_id(tx, int(answered[1])) if answered else None
        if asked is not None and (asked.channel, asked.conversation) == (letter.channel, letter.conversation):
            ref = speaker.parse(asked.raw, asked.account).message_ref
            if not known or (ref.isdecimal() and known.isdecimal() and int(ref) > int(known)):
                known = ref
        found = await speaker.find(part, letter.conversation, known)
        return found if isinstance(found, str) else found.ref

    @lasting
    async def _part_sent(self, letter: Letter, receipts: list[str]) -> bool:
        async with self.crew.db.write() as tx:
            return await messages.part_sent(tx, letter.id, self.crew.owner, tuple(receipts))

    @lasting
    async def _hold(self, letter: Letter, receipts: list[str], reason: str) -> None:
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await delivery.hold(tx, letter, tuple(receipts), reason, now)

    async def _not_now(self, letter: Letter, receipts: list[str], reason: str, wait_s: float) -> None:
        """What may have arrived in an earlier attempt, and could not be looked up, is looked up the next time."""
        unseen = letter.interrupted and len(receipts) == len(letter.receipts)
        await (self._look_again if unseen else self._message_again)(letter, reason, wait_s)

    async def _unknown(self, letter: Letter, receipts: list[str], reason: str) -> None:
        """No answer came. Look whether it arrived, but not at once: it may still be on its way."""
        if letter.interrupted and len(receipts) == len(letter.receipts):
            await self._end_message(letter, "uncertain", tuple(receipts), reason)
            return
        if len(receipts) > len(letter.receipts):
            await self._part_sent(letter, receipts)
        await self._look_again(letter, reason, ARRIVAL_S)

    @lasting
    async def _look_again(self, letter: Letter, reason: str, wait_s: float) -> None:
        """Neither sent nor parked: the platform can't be asked now. The claim runs out and the next one looks again."""
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            await messages.hold(tx, letter.id, self.crew.owner, now + backoff_ms(letter.attempts, wait_s), reason)

    @lasting
    async def _tell_unauthorised(self, letter: Letter, reason: str) -> None:
        """One failure for the whole channel, told elsewhere, closed when it takes messages again."""
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            remedies = (Remedy("retry", "Re-authenticated: try again", f"m{letter.id}"),)
            failure, fresh = await failures.note(
                tx, f"auth:{letter.channel}", f"{letter.channel.capitalize()} does not take its token any more: {reason}",
                "What waits is kept and sent afterwards.", "Nothing is sent there until then.", now, remedies=remedies,
            )  # fmt: skip
            if fresh:
                await delivery.tell_failure(tx, failure, now, avoid=letter.channel)

    @lasting
    async def _message_again(self, letter: Letter, reason: str, wait_s: float) -> None:
        if letter.attempts >= MESSAGE_TRIES:
            await self._end_message(letter, "failed", letter.receipts, reason)
            return
        now = ms(self.crew.clock())
        log.warning("message %s to %s waits: %s", letter.key, letter.channel, reason)
        async with self.crew.db.write() as tx:
            await messages.postpone(tx, letter.id, self.crew.owner, now + backoff_ms(letter.attempts, wait_s), reason)

    @lasting
    async def _end_message(self, letter: Letter, state: str, receipts: tuple[str, ...], error: str | None) -> None:
        now = ms(self.crew.clock())
        async with self.crew.db.write() as tx:
            mine = self.crew.owner
            if not await messages.finish(tx, letter.id, state, now, owner=mine, receipts=receipts, error=error):
                return
            if state == "sent" and letter.attempts > 1:
                await failures.close_key(tx, f"auth:{letter.channel}", now)
            if letter.body.card and receipts and not letter.body.toast_for:
                await self._keep_copy(tx, letter, receipts[-1], now)
            if state == "sent" and letter.key.startswith("anchor/"):
                await anchoring.arrived(tx, letter.key, f"{letter.channel}:{letter.conversation}", now)
            passing = letter.body.toast_for or letter.body.edit_of or letter.body.passing
            if state in ("failed", "uncertain") and not passing:
                await delivery.tell_lost(tx, letter, state, error or "", now)
            await progress.ended(tx, letter, now)
            await board.ended(tx, letter, receipts[-1] if receipts else "", self.speakers, now)
            bad = await messages.bad_report(tx, letter.channel, receipts)
            if state == "sent" and bad is not None:
                await delivery.bounced(tx, replace(letter, receipts=receipts), *bad, now)

    async def _keep_copy(self, tx: Tx, letter: Letter, ref: str, now: int) -> None:
        """Remember where the card hangs; if it has changed while it was being sent, update this copy too."""
        body = letter.body
        await cards.keep_copy(tx, body.card, letter.channel, letter.conversation, ref, body.card_version)
        card = await cards.get(tx, body.card)
        if card is not None and card.revision > body.card_version:
            await update_copies(tx, self.crew, card.id, now)


async def update_copies(tx: Tx, crew: Crew, card_id: str, now: int, *, progress: bool = False) -> None:
    """Put an edit of every posted copy of the card into the outbox, once for each revision.

    `progress`: no new decision can be taken on it, so a platform that cannot edit leaves it out.
    """
    card = await cards.get(tx, card_id)
    if card is None:
        return
    body = render_card(card, await cards.of_card(tx, card_id), crew.zone)
    for copy in await cards.copies(tx, card_id):
        if copy.revision >= card.revision:
            continue
        edit = Outbound(
            text=body.text, buttons=body.buttons, edit_of=copy.ref, card=card.id, card_version=card.revision,
            progress=progress,
        )  # fmt: skip
        key = f"card/{card.id}/r{card.revision}/{copy.channel}/{copy.ref}"
        await messages.enqueue(tx, key, copy.channel, copy.conversation, edit, now, turn=card.turn, urgent=True)
