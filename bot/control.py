"""The control lane: presses, decisions and house commands, at once and without a graph; each ends in one commit."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from bot import autonomy, board, corrections, delivery, home_page, strangers
from bot.chosen import choice_delivery
from bot.hearing import EDIT_WAIT_MS, Hearing
from bot.house import House
from bot.in_words import meant
from bot.outbox import update_copies
from bot.reply import DONE_WORDS, STOPPED, Reply, headline, outcome_sentence
from channels.base import FORM_OPEN, Inbound, Limits
from graphs import answer as answers
from graphs.approval import origin, render_card
from graphs.decisions import Decision, chosen, read_decision, read_spoken
from graphs.policy.engine import Question, judge_safely
from graphs.policy.schema import document
from graphs.policy.sentences import sentences
from graphs.state import Crew, ms
from graphs.tools.forms import filled
from knowledge import ledger
from knowledge.database import Tx
from knowledge.ids import canonical
from knowledge.store import alerts, cards, effects, inbox, messages, panic, settings, timers, turns
from knowledge.store.cards import Card, Decider, Outcome, Proposal
from knowledge.store.effects import nonce_of
from knowledge.store.inbox import Stored
from knowledge.store.intake import REPORT
from knowledge.store.messages import Letter
from knowledge.store.people import Address
from knowledge.words import Outbound, Press

log = logging.getLogger(__name__)

LATER = timedelta(hours=2)
THUMBS: dict[str, Literal["approved", "rejected"]] = {"👍": "approved", "👎": "rejected"}

SPOKEN_CHOICE = "A spoken word decides nothing. Here it is: press the button."


class Control:
    """Handles one control delivery. Everything it changes, its answer included, is one transaction."""

    def __init__(self, crew: Crew, hearing: Hearing, house: House) -> None:
        self.crew, self.hearing, self.house = crew, hearing, house

    async def handle(self, stored: Stored) -> list[Letter]:
        """Do it and return the letters born claimed by this worker, to be sent at once."""
        if stored.channel == "timer":
            return await self._timer(stored)
        if stored.raw.startswith(REPORT):
            async with self.crew.db.write() as tx:
                await delivery.reported(tx, stored, ms(self.crew.clock()))
                await inbox.set_state(tx, stored.id, "done")
            return []
        inbound = await self.hearing.recalled(stored)
        principal = await self.hearing.standing(stored, inbound.also) == "principal"
        now = ms(self.crew.clock())
        today = await home_page.events(self.crew) if inbound.board and principal else []
        async with self.crew.db.write() as tx:
            await messages.let_go(tx, stored.channel, stored.conversation)
            if not principal:
                reply = Reply("This is not yours to decide." if inbound.press_id else "")
                await ledger.append(tx, now, ledger.Entry("system", "stranger.refused", inbound.kind, stored.turn))
            elif stored.channel != "console" and not obeyed(inbound) and await panic.standing(tx) is not None:
                reply = withheld(inbound)
                await ledger.append(tx, now, ledger.Entry("system", "panic.refused", inbound.kind, stored.turn))
            elif inbound.press_id or inbound.press:
                reply = await self._press(tx, inbound, now)
            elif inbound.kind == "reaction":
                reply = await self._reaction(tx, inbound, now)
            elif inbound.kind in ("home", "sign"):
                reply = Reply()
            elif inbound.command:
                reply = await self.house.command(tx, inbound, stored, now)
            else:
                reply = await self._words(tx, inbound, stored, now)
            if inbound.board and principal and not any(message.page for message in reply.messages):
                reply = await self._board(tx, today, reply, now)
            if reply.hand_over:
                await inbox.to_turn_lane(tx, stored.id)
                return []
            letters = await self._say(tx, stored, inbound, reply, now)
            await board.refresh(tx, self.hearing.speakers, now)
            await inbox.set_state(tx, stored.id, "done")
        return letters

    async def _board(self, tx: Tx, today: list[str], reply: Reply, now: int) -> Reply:
        """What a press on the board came to, and the board as it is now."""
        said = [reply.text, *(message.text for message in reply.messages)]
        top = "\n".join(one for one in said if one).replace("\n\n", "\n")
        return Reply(messages=[await home_page.page(tx, self.crew, today, top, now)])

    async def _say(self, tx: Tx, stored: Stored, inbound: Inbound, reply: Reply, now: int) -> list[Letter]:
        out: list[Outbound] = list(reply.messages)
        limits = self._limits(stored.channel)
        if reply.text in DONE_WORDS and not limits.toast:
            pass  # the card says it, in a message of its own
        elif (
            inbound.press_id
            and not inbound.board
            and not stored.confirmed
            and (reply.text or inbound.note != FORM_OPEN)
        ):
            out.insert(0, Outbound(reply.text, toast_for=inbound.press_id))
        elif reply.text and not (inbound.press_id and reply.text in DONE_WORDS):
            out.insert(0, Outbound(reply.text))
        born = []
        for n, body in enumerate(out):
            letter = await messages.enqueue(
                tx, f"d{stored.id}/{n}", stored.channel, stored.conversation, body, now,
                urgent=bool(body.toast_for), owner=self.crew.owner, lease_ms=self.crew.effect_lease_ms,
            )  # fmt: skip
            born += [letter] if letter else []
        return born

    def _limits(self, channel: str) -> Limits:
        speaker = self.hearing.speakers.get(channel)
        return speaker.limits if speaker is not None else Limits(text=4096, unit="chars")

    # ── presses ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _press(self, tx: Tx, inbound: Inbound, now: int) -> Reply:
        press = inbound.press
        if press is None:
            return Reply("I don't know this button.")
        decider = Decider("principal", f"{inbound.channel}:{inbound.sender}")
        if press.verb in ("approve", "reject"):
            return await self._decide(tx, press, decider, now)
        if press.ref.startswith("f") and press.verb in ("retry", "dismiss", "later", "undo"):
            return Reply(await self.house.remedy(tx, press.ref, press.verb, decider, now))
        if press.verb in ("edit", "later", "why"):
            return await self._about_card(tx, press, inbound, decider, now)
        if press.verb == "undo":
            return Reply(await self._undo_press(tx, press, decider, now))
        if press.verb in ("allow", "once", "block", "ignore"):
            return Reply(await strangers.decide(tx, press, self.hearing.parse, decider.on, now))
        if press.verb == "answer":
            told, question = await strangers.ask(tx, press, inbound, now, EDIT_WAIT_MS)
            return Reply(told, [question] if question is not None else [])
        if press.verb == "choose":
            return Reply(await self._choose(tx, press, inbound, now))
        if press.verb == "run":
            return Reply(await corrections.redo(tx, self.crew, press, self.hearing.parse, decider, now))
        if press.verb in ("pause", "resume"):
            return Reply(await self.house.pause(tx, press.ref, paused=press.verb == "pause"))
        if press.verb in ("grant", "take_back") or (press.verb == "dismiss" and "." in press.ref):
            return await autonomy.decide(tx, self.crew, press, decider, now)
        return Reply("I don't know this button.")

    async def _choose(self, tx: Tx, press: Press, inbound: Inbound, now: int) -> str:
        """A quick answer: it becomes the principal's next message here, once."""
        drafts = [answers.unpack(v.content) for v in await turns.values_under(tx, f"{press.ref}/work/")]
        choices = [choice for draft in drafts for choice in draft.choices]
        chosen = choices[press.item - 1] if 0 < press.item <= len(choices) else ""
        if not chosen or Press.decode(answers.choice_button(press.ref, press.item, chosen).data) != press:
            return "I don't know this button any more."
        fresh = await inbox.add(
            tx, channel=inbound.channel, account=inbound.account, key=f"choice:{press.ref}",
            conversation=inbound.conversation,
            sender=inbound.sender, lane="turn", raw=choice_delivery(chosen, inbound.sent_at), now=now,
        )  # fmt: skip
        return f"“{chosen}”" if fresh is not None else "You have answered that already."

    async def _decide(self, tx: Tx, press: Press, decider: Decider, now: int) -> Reply:
        verdict = "approved" if press.verb == "approve" else "rejected"
        outcome = await cards.decide(
            tx, press.ref, press.version, press.item, verdict, decider, now, nonce=press.nonce  # type: ignore[arg-type]
        )  # fmt: skip
        return Reply(await self._after(tx, outcome, now))

    async def _reaction(self, tx: Tx, inbound: Inbound, now: int) -> Reply:
        """👍 or 👎 on a card decides all that it shows; on anything else a reaction is just one."""
        verdict = THUMBS.get(inbound.text.rstrip("\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"))
        copies = await cards.shown_in(tx, inbound.channel, inbound.conversation, inbound.pressed_ref)
        if verdict is None or copies is None:
            return Reply()
        card, shown = copies
        decider = Decider("principal", f"{inbound.channel}:{inbound.sender}")
        if card.state == "open" and shown.revision != card.revision:
            outcome = Outcome("superseded", card, tuple(await cards.of_card(tx, card.id)))
        else:
            outcome = await cards.decide(tx, card.id, card.version, 0, verdict, decider, now, nonce=card.nonce)
        sentence = await self._after(tx, outcome, now)
        return Reply("" if sentence in DONE_WORDS else sentence)

    async def _after(self, tx: Tx, outcome: Outcome, now: int) -> str:
        """The sentence for an outcome; every copy of a card that changed is updated."""
        await autonomy.after(tx, self.crew, outcome, now)
        if outcome.kind == "decided":
            assert outcome.card is not None
            await update_copies(tx, self.crew, outcome.card.id, now)
        return outcome_sentence(outcome, self.crew.zone)

    async def _about_card(self, tx: Tx, press: Press, inbound: Inbound, decider: Decider, now: int) -> Reply:
        card = await cards.get(tx, press.ref)
        if card is None or card.nonce != press.nonce:
            return Reply(outcome_sentence(Outcome("unknown"), self.crew.zone))
        proposals = await cards.of_card(tx, card.id)
        if press.verb == "why":
            return Reply("Here is why.", [Outbound(why_text(card, proposals))])
        outcome = _still_open(card, proposals, press, now)
        if outcome is not None:
            await cards.refuse(tx, outcome, decider, now)
            return Reply(outcome_sentence(outcome, self.crew.zone))
        if press.verb == "later":
            return Reply(await self._later(tx, card, decider, now))
        chosen = next((p for p in proposals if press.item in (0, p.ordinal) and p.state == "open"), None)
        if chosen is None:
            return Reply(outcome_sentence(Outcome("already", card, tuple(proposals)), self.crew.zone))
        if inbound.text or inbound.fields:
            return await self._edit(tx, chosen, inbound, decider, now)
        if inbound.note == FORM_OPEN:
            return Reply()
        key = f"edit:{inbound.channel}:{inbound.conversation}"
        await settings.put(tx, key, {"proposal": chosen.id, "card": card.id}, now + EDIT_WAIT_MS)
        ask = f"What should change in “{headline(chosen)}”? Reply with the change, for example `make it 3pm`, or /stop."
        return Reply("Tell me the change.", [Outbound(ask, prompt=True)])

    async def _later(self, tx: Tx, card: Card, decider: Decider, now: int) -> str:
        at = self.crew.clock() + LATER
        await cards.remind(tx, card, ms(at), decider, now)
        await update_copies(tx, self.crew, card.id, now, progress=True)
        return f"I'll ask again at {at.astimezone(self.crew.zone):%H:%M}."

    async def _undo_press(self, tx: Tx, press: Press, decider: Decider, now: int) -> str:
        effect = await effects.get(tx, press.ref)
        if effect is None or nonce_of(effect) != press.nonce:
            return "I don't know this button any more."
        return await self.house.undo(tx, effect, decider, now)

    # ── typed decisions ──────────────────────────────────────────────────────────────────────────────────────────

    async def _words(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        """A text that looked like a decision: decide, ask back when it is not clear which, or hand it over."""
        decider = Decider("principal", f"{inbound.channel}:{inbound.sender}")
        key = f"edit:{inbound.channel}:{inbound.conversation}"
        if (editing := await settings.get(tx, key, now)) is not None and not inbound.forwarded:
            await settings.drop(tx, key)
            if "answer" in editing:
                return await self._answer_to(tx, str(editing["answer"]), inbound, stored)
            proposal = await cards.get_proposal(tx, editing["proposal"])
            if proposal is not None and proposal.state == "open":
                return await self._edit(tx, proposal, inbound, decider, now)
        read = read_spoken if inbound.kind == "voice" else read_decision
        decision = None if inbound.forwarded else read(inbound.text)
        open_cards = await cards.open_cards(tx)
        typed = inbound.kind != "voice" and not inbound.forwarded
        if decision is None and typed and (command := meant(inbound.text)):
            return await self.house.command(tx, replace(inbound, command=command, text=""), stored, now)
        if decision is None and typed and self._limits(inbound.channel).numbered:
            return await self._numbered(tx, inbound, open_cards, now)
        if decision is None or not open_cards:
            return Reply(hand_over=True)
        chosen = await self._which(tx, decision, inbound, open_cards)
        if isinstance(chosen, str):
            return Reply(chosen)
        return await self._apply(tx, decision, chosen, inbound, decider, now)

    async def _answer_to(self, tx: Tx, item: str, inbound: Inbound, stored: Stored) -> Reply:
        """The words that were asked for become the principal's message that says whom they are for: a turn of its own."""
        now = ms(self.crew.clock())
        await inbox.add(
            tx, channel=inbound.channel, account=inbound.account, key=f"answer:{item}:{stored.id}",
            conversation=inbound.conversation, sender=inbound.sender, lane="turn",
            raw=choice_delivery(f"answer {item}: {inbound.text}", inbound.sent_at), now=now,
        )  # fmt: skip
        return Reply()

    async def _numbered(self, tx: Tx, inbound: Inbound, open_cards: list[Card], now: int) -> Reply:
        """A button's number or label typed where it was shown: the press it stands for, when only one can be meant.

        The last message decides; else the one open card shown here. Ambiguous words decide nothing.
        """
        shown = await messages.shown(tx, inbound.channel, inbound.conversation)
        open_ids = {card.id for card in open_cards}
        offers = [m for m in shown if m.body.buttons and (not m.body.card or m.body.card in open_ids)]
        if inbound.reply_to:
            offers = [m for m in offers if inbound.reply_to in m.receipts] or offers
        elif not (shown and shown[0] in offers):
            offers = [m for m in offers if m.body.card]
        button = chosen(inbound.text, [b for row in offers[0].body.buttons for b in row]) if offers else None
        press = Press.decode(button.data) if button else None
        if press is None:
            return Reply(hand_over=True)
        if offers[0].body.card and not inbound.reply_to and len(open_cards) > 1:
            return Reply(await _which_question(tx, open_cards, press.verb))
        return await self._press(tx, replace(inbound, press=press, text=""), now)

    async def _which(
        self, tx: Tx, decision: Decision, inbound: Inbound, open_cards: list[Card]
    ) -> list[Proposal] | str:
        """The proposals that are meant, or the question back."""
        replied = (
            await cards.shown_in(tx, inbound.channel, inbound.conversation, inbound.reply_to)
            if inbound.reply_to
            else None
        )
        pool = [c for c in open_cards if replied and c.id == replied[0].id] or open_cards
        if decision.all:
            return [p for c in pool for p in await cards.of_card(tx, c.id) if p.state == "open"]
        if not decision.numbers:
            if len(pool) > 1:
                return await _which_question(tx, pool, decision.verb)
            return [p for p in await cards.of_card(tx, pool[0].id) if p.state == "open"]
        by_number = {int(c.id[1:]): c for c in pool}
        if all(n in by_number for n in decision.numbers):
            return [p for n in decision.numbers for p in await cards.of_card(tx, by_number[n].id) if p.state == "open"]
        if len(pool) == 1:
            every = await cards.of_card(tx, pool[0].id)
            chosen = [p for p in every if p.ordinal in decision.numbers and p.state == "open"]
            if len(chosen) == len(set(decision.numbers)):
                return chosen
        return await _which_question(tx, pool, decision.verb)

    async def _apply(
        self, tx: Tx, decision: Decision, chosen: list[Proposal], inbound: Inbound, decider: Decider, now: int
    ) -> Reply:
        if not chosen:
            return Reply("There is nothing open to decide.")
        if decision.verb == "edit":
            if len(chosen) > 1:
                return Reply("Which one should change? Say for example `edit 2 make it 3pm`.")
            return await self._edit(tx, chosen[0], inbound, decider, now, words=decision.words)
        card_ids = list(dict.fromkeys(p.card or "" for p in chosen))
        found = [c for c in [await cards.get(tx, i) for i in card_ids] if c is not None]
        if decision.verb == "why":
            return Reply(messages=[Outbound(why_text(c, await cards.of_card(tx, c.id))) for c in found])
        if decision.verb == "later" and inbound.kind != "voice":
            return Reply(" ".join([await self._later(tx, c, decider, now) for c in found]))
        if inbound.kind == "voice":
            return await self._asks_for_the_button(tx, found)
        verdict = "approved" if decision.verb == "approve" else "rejected"
        sentences = []
        for p in chosen:
            outcome = await cards.decide(tx, p.card or "", 0, p.ordinal, verdict, decider, now)  # type: ignore[arg-type]
            sentence = await self._after(tx, outcome, now)
            sentences += [] if outcome.kind == "decided" else [sentence]
        return Reply(" ".join(dict.fromkeys(sentences)))

    async def _asks_for_the_button(self, tx: Tx, chosen: list[Card]) -> Reply:
        """A spoken word may be misheard or somebody else's: it chooses the card, and the button decides."""
        shown = [render_card(card, await cards.of_card(tx, card.id), self.crew.zone) for card in chosen]
        return Reply(SPOKEN_CHOICE, shown)

    async def _edit(
        self, tx: Tx, old: Proposal, inbound: Inbound, decider: Decider, now: int, *, words: str = ""
    ) -> Reply:
        """A new version of the proposal, judged again, shown anew; or one sentence why not."""
        if await panic.standing(tx) is not None:
            return Reply(STOPPED)
        tool = self.crew.tools.get(old.tool)
        change = words or inbound.text
        if tool is None or tool.revise is None:
            return Reply("This one can't be edited. Reject it and tell me anew.")
        moment: datetime = self.crew.clock().astimezone(self.crew.zone)
        given = json.loads(old.arguments)
        revised = filled(given, tool.form, dict(inbound.fields)) if inbound.fields else given
        if change and not isinstance(revised, str):
            revised = tool.revise(revised, change, moment, self.crew.zone)
        if revised is None or revised == given:
            return Reply(f"I don't see what to change in “{headline(old)}”. It is still open.")
        if isinstance(revised, str):
            return Reply(revised)
        arguments = canonical(dict(revised))
        manifest = self.crew.agents[old.agent].manifest
        mine = dict.fromkeys(revised, "principal")
        question = Question(manifest, tool, "principal", mine, at=moment)  # type: ignore[arg-type]
        verdict = judge_safely(self.crew.policy, question)
        if verdict.word == "deny":
            return Reply(f"Policy does not allow that ({verdict.rule}). The old version is still open.")
        undo = tool.undo_note(revised)
        shown = tool.render(revised)
        asked = document(question)
        if not await cards.revise(tx, old, arguments, shown, undo, "ask", verdict.rule, decider, now, question=asked):
            return Reply("That was decided meanwhile; nothing was changed.")
        await update_copies(tx, self.crew, old.card or "", now)
        card = await cards.get(tx, old.card or "")
        assert card is not None
        here = [c for c in await cards.copies(tx, card.id) if c.channel == inbound.channel]
        if not self._limits(inbound.channel).can_edit and any(c.conversation == inbound.conversation for c in here):
            return Reply()  # the copy's update is a message of its own there
        return Reply(messages=[render_card(card, await cards.of_card(tx, card.id), self.crew.zone)])

    # ── cards and the clock ──────────────────────────────────────────────────────────────────────────────────────

    async def _timer(self, stored: Stored) -> list[Letter]:
        fired = json.loads(stored.raw)
        now = ms(self.crew.clock())
        trouble = await self.house.night(fired["kind"])
        async with self.crew.db.write() as tx:
            timer = await timers.get(tx, fired["timer"])
            if timer is not None and timer.kind.startswith("house_"):
                await self.house.clock(tx, timer, now, trouble)
                await inbox.set_state(tx, stored.id, "done")
                return []
            card = await cards.get(tx, timer.payload["card"]) if timer else None
            if timer is not None and card is not None and card.state == "open":
                if timer.kind == "card_expiry":
                    await cards.decide(tx, card.id, 0, 0, "expired", Decider("expiry", "timer:"), now)
                    await update_copies(tx, self.crew, card.id, now)
                elif timer.kind != "card_expiring" or now < card.expires_at:
                    body = render_card(card, await cards.of_card(tx, card.id), self.crew.zone)
                    key = f"card/{card.id}/{timer.id}"
                    if timer.kind == "card_expiring":
                        body = replace(body, text=f"⏳ **This approval is about to expire.**\n\n{body.text}")
                        here = Address(card.channel, card.conversation)
                        await alerts.tell(tx, key, body, now, instead=here, turn=card.turn, end=card.expires_at)
                    else:
                        await messages.enqueue(tx, key, card.channel, card.conversation, body, now)
                await board.refresh(tx, self.hearing.speakers, now)
            if timer is not None:
                await timers.end(tx, timer.id, "done")
            await inbox.set_state(tx, stored.id, "done")
        return []


IN_PANIC = frozenset({"panic", "stop", "status", "help"})
"""Commands that every linked chat keeps while everything is stopped; the console, which is the machine, keeps all."""


def obeyed(inbound: Inbound) -> bool:
    """Whether this may come from a linked chat while everything is stopped."""
    return inbound.command in IN_PANIC and not inbound.press


def withheld(inbound: Inbound) -> Reply:
    """What a linked chat hears while everything is stopped; a reaction or an opened thread hears nothing."""
    if inbound.board:
        return Reply(messages=[Outbound(STOPPED, page=True)])
    return Reply() if inbound.kind in ("reaction", "sign") else Reply(STOPPED)


async def _which_question(tx: Tx, pool: list[Card], verb: str) -> str:
    lines = []
    for card in pool:
        open_ones = [p for p in await cards.of_card(tx, card.id) if p.state == "open"]
        lines += [f"- **{card.id[1:]}**: {headline(p)}" for p in open_ones[:3]]
    first = pool[0].id[1:]
    return "\n".join(["Which one do you mean?", *lines, f"Say `{verb} {first}`, or press its button."])


def _still_open(card: Card, proposals: list[Proposal], press: Press, now: int) -> Outcome | None:
    if press.version != card.version:
        return Outcome("superseded", card, tuple(proposals))
    if card.state == "expired" or now >= card.expires_at:
        return Outcome("expired", card, tuple(proposals))
    if card.state != "open":
        return Outcome("already", card, tuple(proposals))
    return None


def why_text(card: Card, proposals: list[Proposal]) -> str:
    """Why a card stands there, from its rows alone: which words, what was read, which rule."""
    lines = [f"**Why approval {card.id[1:]}?**"]
    for p in proposals:
        lines.append(f"- {headline(p)}: the {p.agent} agent wants `{p.tool}`; rule `{p.rule}` says {p.verdict}.")
        for reason in p.labels.get("", {}).get("reasons", [p.rule]):
            lines += [f"  - {reason}: {sentence}" for sentence in [sentences().get(reason)] if sentence]
        for name, label in p.labels.items():
            if name and label.get("integrity") != "principal":
                lines.append(f"  - `{name}` does not come from your words: {origin(label)}.")
        lines += [f"  - read: {e['name']}" for e in p.evidence]
    return "\n".join(lines)
