"""House commands: what the principal may ask of Steward itself, answered from the rows, without a graph or a model."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update

from bot import anchoring, autonomy, backups, clients, moving, why
from bot.commands import COMMANDS
from bot.delivery import tell_failure
from bot.outbox import update_copies
from bot.reply import STOPPED, Reply, headline, outcome_sentence
from bot.settings import Settings
from channels.base import Inbound
from graphs.answer import remedy_buttons
from graphs.approval import render_card
from graphs.state import Crew, ms
from knowledge import ledger
from knowledge.backup import BackupTrouble
from knowledge.database import Tx
from knowledge.database.schema import delivery, lease, turn
from knowledge.ids import canonical
from knowledge.store import cards, effects, failures, inbox, leases, messages, panic, people, settings, timers, turns
from knowledge.store.cards import Decider
from knowledge.store.effects import Effect
from knowledge.store.failures import Failure
from knowledge.store.inbox import Stored
from knowledge.store.people import Address
from knowledge.words import Outbound

Status = Callable[[], Awaitable[Mapping[str, Any]]]


FAILURE = "house_failure"
LISTED = 10  # of what was done today
ASK_AGAIN = timedelta(hours=2)


class House:
    """Answers house commands inside the caller's transaction. `status` adds what only the process knows."""

    def __init__(self, crew: Crew, status: Status | None = None, settings: Settings | None = None) -> None:
        self.crew, self.status, self.settings = crew, status, settings

    def menu(self) -> dict[str, str]:
        """Every command with its line, the agents' first."""
        own = {c: text for agent in self.crew.agents.values() for c, text in agent.commands.items()}
        return {**own, **COMMANDS}

    async def command(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        """Carry out a house command; unknown ones are handed over to the turn lane, which suggests the nearest."""
        handler = getattr(self, f"_do_{inbound.command}", None)
        if inbound.command not in COMMANDS or handler is None:
            return Reply(hand_over=True)
        reply: Reply = await handler(tx, inbound, stored, now)
        await ledger.append(
            tx,
            now,
            ledger.Entry("principal", f"command.{inbound.command}", _account(inbound), stored.turn, stored.raw),
        )
        return reply

    async def night(self, kind: str) -> str:
        """What the house does at night outside of any transaction: the backup. The sentence when it failed."""
        if kind != backups.KIND or self.settings is None or not self.settings.backup.to:
            return ""
        try:
            await backups.write(self.settings, now=self.crew.clock())
        except BackupTrouble as trouble:
            return str(trouble)
        return ""

    async def clock(self, tx: Tx, timer: timers.Timer, now: int, trouble: str = "") -> None:
        """Do what the house itself does at this hour, and set the timer for the next day. `trouble`: of the night's work."""
        if timer.kind == backups.KIND and timer.state == "fired":
            await self._backed_up(tx, trouble, now)
            due = backups.next_night(datetime.fromtimestamp(now / 1000, UTC), self.crew.zone)
            await timers.rearm(tx, timer.id, timer.occurrence + 1, int(due.timestamp() * 1000))
        if timer.kind == anchoring.KIND and timer.state == "fired":
            await autonomy.evening(tx, self.crew, now)
            await anchoring.evening(tx, self.crew, now)
            due = anchoring.next_evening(datetime.fromtimestamp(now / 1000, UTC), self.crew.zone)
            await timers.rearm(tx, timer.id, timer.occurrence + 1, int(due.timestamp() * 1000))

        if timer.kind == clients.KIND:
            await clients.look(tx, now, self.crew.zone)
            await timers.end(tx, timer.id, "done")
        if timer.kind == FAILURE:
            failure = await failures.get(tx, int(timer.payload["failure"]))
            if failure is not None and failure.state == "open":
                await tell_failure(tx, failure, now, again=True)
            await timers.end(tx, timer.id, "done")

    async def _backed_up(self, tx: Tx, trouble: str, now: int) -> None:
        what = "backup.failed" if trouble else "backup.written"
        await ledger.append(tx, now, ledger.Entry("system", what, "nightly", "backup"))
        if not trouble:
            await failures.close_key(tx, "backup:nightly", now)
            return
        not_done, remedies = "There is no backup of tonight.", (failures.Remedy("dismiss", "Leave it", ""),)
        failure, fresh = await failures.note(tx, "backup:nightly", trouble, "", not_done, now, remedies=remedies)
        if fresh:
            await tell_failure(tx, failure, now)

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _do_help(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        lines = ["**Just write to me**, for example:"]
        lines += [f"- `{a.manifest.examples[0]}`" for a in self.crew.agents.values() if a.manifest.examples]
        lines += ["", "**Commands**"] + [f"- `/{name}` {text}" for name, text in self.menu().items()]
        lines += ["", "Nothing leaves the house without your approval; what can be undone has an Undo button."]
        return Reply("\n".join(lines))

    async def _do_status(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        waiting = (
            await tx.execute(select(func.count()).select_from(delivery).where(delivery.c.state.in_(("new", "running"))))
        ).scalar_one()
        finished = (await tx.execute(select(func.count()).select_from(turn).where(turn.c.state == "done"))).scalar_one()
        open_cards = await cards.open_cards(tx)
        reminders = await timers.armed(tx, "reminder")
        wrong = await failures.open_ones(tx)
        lines = [
            "**Status**",
            *(["- 🛑 everything is stopped (/panic lift)"] if await panic.standing(tx) is not None else []),
            f"- open approvals: {len(open_cards)}",
            f"- reminders ahead: {len(reminders)}",
            f"- messages waiting: {max(0, waiting - 1)}; turns finished: {finished}",
            f"- failures: {len(wrong)}" + (" (see /failures)" if wrong else ""),
        ]
        if self.status is not None:
            lines += [f"- {name}: {value}" for name, value in (await self.status()).items()]
        return Reply("\n".join([*lines, *await self._done_today(tx, now)]))

    async def _done_today(self, tx: Tx, now: int) -> list[str]:
        """What was done since midnight, the latest `LISTED`, as its receipts said it."""
        zone = self.crew.zone
        midnight = datetime.fromtimestamp(now / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        done = [e for e in await effects.done_since(tx, ms(midnight)) if e.tool in self.crew.tools]
        if not done:
            return []
        lines = ["", f"**Done today: {len(done)}**"]
        for e in done[-LISTED:]:
            undone = " (undone since)" if e.undone_by else ""
            said = self.crew.tools[e.tool].report(e.arguments, e.receipt or {})
            lines.append(f"- {datetime.fromtimestamp((e.done_at or now) / 1000, zone):%H:%M} {said}{undone}")
        if len(done) > LISTED:
            lines.append(f"- and {len(done) - LISTED} earlier; `steward audit show` has all of them")
        return lines

    async def _do_agents(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        paused = await settings.under(tx, "paused:", now)
        lines = ["**Agents**"]
        for name, agent in self.crew.agents.items():
            mark = " (paused)" if f"paused:{name}" in paused else ""
            lines.append(f"- **{name}**{mark}: {agent.manifest.purpose}")
        return Reply("\n".join(lines))

    async def _do_tiles(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        """The agents' commands, the most used first, as keys where the platform has such."""
        used = {name: await turns.made_by(tx, f"agent:{name}") for name in self.crew.agents}
        ranked = sorted(self.crew.agents.items(), key=lambda item: -used[item[0]])
        words = [f"/{command}" for _, agent in ranked for command in list(agent.commands)[:1]][:6]
        keys = [*words, "/status", "/failures", "/help"]
        rows = tuple(tuple(keys[n : n + 3]) for n in range(0, len(keys), 3))
        return Reply(messages=[Outbound("Your most used: " + " · ".join(keys), tiles=rows)])

    async def _do_failures(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        found = await failures.open_ones(tx)
        if not found:
            return Reply("Nothing is wrong.")
        out = []
        for f in found[:10]:
            since = datetime.fromtimestamp(f.since / 1000, UTC).astimezone(self.crew.zone)
            times = f", {f.count} times" if f.count > 1 else ""
            buttons = remedy_buttons(f)
            text = f"⚠️ **{f.what}**\n{f.not_done} {f.done}".rstrip() + f"\n_since {since:%a %d %b %H:%M}{times}_"
            out.append(Outbound(text, (buttons,) if buttons else ()))
        return Reply(messages=out)

    async def _do_whoami(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        linked = [f"{a.channel} ({a.conversation})" for a in await people.addresses(tx)]
        places = ", ".join(linked) if linked else "only here"
        who = f"{inbound.channel} account {inbound.sender or 'local'}"
        return Reply(
            f"You are my principal, speaking from the {who}. Linked: {places}. Time zone: {self.crew.zone.key}."
        )

    async def _do_why(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        return Reply(await why.explain(tx, inbound.text, inbound.channel, inbound.conversation, self.crew.zone))

    async def _do_audit(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        if inbound.text.strip().lower() in ("anchor", "checkpoint", "sign"):
            here = Address(inbound.channel, inbound.conversation)
            return Reply(await anchoring.post(tx, self.crew, here, now))
        return Reply(await anchoring.standing(tx, self.crew.zone))

    # ── doing ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _do_new(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        await settings.put(tx, f"session:{inbound.channel}:{inbound.conversation}", now)
        await settings.drop(tx, f"edit:{inbound.channel}:{inbound.conversation}")
        return Reply("A new conversation. Your notes, reminders and open approvals stay.")

    async def _do_continue(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        return await moving.here(tx, self.crew, inbound, now)

    async def _do_stop(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        """Stop what runs in this conversation: its worker loses the lease and can write nothing more."""
        await settings.drop(tx, f"edit:{inbound.channel}:{inbound.conversation}")
        where = (
            delivery.c.channel == inbound.channel,
            delivery.c.conversation == inbound.conversation,
            delivery.c.lane == "turn",
            delivery.c.state.in_(("new", "running")),
        )
        rows = (await tx.execute(select(delivery.c.id, delivery.c.state).where(*where))).all()
        for row in rows:
            await inbox.set_state(tx, row.id, "done", error="stopped")
            await tx.execute(update(turn).where(turn.c.id == f"t{row.id}").values(state="stopped", ended_at=now))
            await effects.cancel_pending(tx, f"t{row.id}")
        key = leases.conversation_key(inbound.channel, inbound.conversation)
        await tx.execute(update(lease).where(lease.c.key == key).values(fence=lease.c.fence + 1, until=0))
        if not rows:
            return Reply("Nothing is running here. Open approvals stay open; /reject takes them away.")
        return Reply(f"Stopped ({len(rows)}). What was already done stays done; /undo takes it back.")

    async def _do_approve(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        return await self._decide(tx, inbound, "approved", now)

    async def _do_reject(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        return await self._decide(tx, inbound, "rejected", now)

    async def _decide(self, tx: Tx, inbound: Inbound, verdict: str, now: int) -> Reply:
        decider = Decider("principal", _account(inbound))
        if not inbound.text.strip():
            open_cards = await cards.open_cards(tx)
            if not open_cards:
                return Reply("There is no open approval.")
            if len(open_cards) > 1:
                return Reply(await self.list_cards(tx, open_cards))
            chosen, item = open_cards[0].id, 0
        else:
            read = read_card_number(inbound.text)
            if read is None:
                return Reply("Say the number of the card, for example `/approve 12`.")
            chosen, item = read
        return Reply(await self.decide(tx, chosen, item, verdict, decider, now))

    async def decide(self, tx: Tx, card_id: str, item: int, verdict: str, decider: Decider, now: int) -> str:
        """Decide by number (from a command or the CLI); the sentence."""
        outcome = await cards.decide(tx, card_id, 0, item, verdict, decider, now)  # type: ignore[arg-type]
        await autonomy.after(tx, self.crew, outcome, now)
        if outcome.kind == "decided" and outcome.card is not None:
            await update_copies(tx, self.crew, outcome.card.id, now)
        return outcome_sentence(outcome, self.crew.zone)

    async def list_cards(self, tx: Tx, open_cards: list[cards.Card]) -> str:
        lines = ["**Open approvals**"]
        for card in open_cards:
            for p in await cards.of_card(tx, card.id):
                if p.state == "open":
                    lines.append(f"- **{card.id[1:]}**: {headline(p)}")
        return "\n".join(lines)

    async def repost(self, tx: Tx, card: cards.Card) -> Outbound:
        """The card as it stands, to be shown once more."""
        return render_card(card, await cards.of_card(tx, card.id), self.crew.zone)

    async def _do_undo(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        decider = Decider("principal", _account(inbound))
        wanted = inbound.text.strip()
        if wanted:
            effect = await effects.get(tx, wanted) or await effects.get(tx, f"t{wanted.lstrip('tc')}.p1")
            if effect is None:
                return Reply(f"I know no effect called “{wanted[:40]}”. /undo without a name takes back the last one.")
            return Reply(await self.undo(tx, effect, decider, now))
        for effect in await effects.last_undoable(tx):
            tool = self.crew.tools.get(effect.tool)
            if (
                tool is not None
                and tool.undo is not None
                and tool.undo(effect.arguments, effect.receipt or {}) is not None
            ):
                return Reply(await self.undo(tx, effect, decider, now))
        return Reply("There is nothing to undo.")

    async def undo(self, tx: Tx, effect: Effect, decider: Decider, now: int) -> str:
        """Put the compensating effect into the outbox, once; the sentence. Its receipt is told when it is there."""
        if effect.state == "pending" and await effects.cancel(tx, effect.id):
            await ledger.append(tx, now, ledger.Entry(decider.by, "effect.cancelled", decider.on, effect.id))
            return "Stopped: it was not done."
        if await panic.standing(tx) is not None:
            return STOPPED
        if effect.state != "done" or effect.receipt is None:
            return "That was not done, so there is nothing to undo."
        tool = self.crew.tools.get(effect.tool)
        undo = tool.undo(effect.arguments, effect.receipt) if tool is not None and tool.undo is not None else None
        if undo is None:
            return "That cannot be undone."
        key = f"undo.{effect.id}"
        known = await effects.get(tx, key)
        if known is not None and known.state in ("failed", "uncertain", "cancelled"):
            await effects.revive(tx, key, now)
            return "I'll try to undo it once more."
        if known is not None:
            return "Already undone." if known.state == "done" else "It is being undone already."
        await effects.add(tx, key, undo.tool, canonical(dict(undo.arguments)), now, turn=None, undoes=effect.id)
        await ledger.append(tx, now, ledger.Entry(decider.by, "effect.undo", decider.on, effect.id))
        return "Undoing it."

    async def remedy(self, tx: Tx, ref: str, verb: str, decider: Decider, now: int) -> str:
        """Retry, roll back or dismiss a failure, or ask about it later; the sentence."""
        number = ref.removeprefix("f")
        failure = await failures.get(tx, int(number)) if number.isdecimal() else None
        if failure is None:
            return "I don't know this failure any more."
        if verb == "later":
            return await self._ask_later(tx, failure, now)
        if verb in ("undo", "retry") and await panic.standing(tx) is not None:
            return STOPPED
        if verb == "undo":
            return await self._roll_back(tx, failure, decider, now)
        state = "retried" if verb == "retry" else "dismissed"
        if not await failures.close(tx, failure.id, state, now, decider=decider):
            return "That was settled already."
        if verb != "retry":
            return "All right, left as it is."
        target = next((r.ref for r in failure.remedies if r.verb == "retry"), "")
        return await self._retry(tx, target)

    async def _ask_later(self, tx: Tx, failure: Failure, now: int) -> str:
        if failure.state != "open":
            return "That was settled already."
        at = self.crew.clock() + ASK_AGAIN
        due = int(at.timestamp() * 1000)
        await timers.arm(tx, f"failure-{failure.id}-{due}", FAILURE, "house", "", {"failure": failure.id}, due, now)
        return f"I'll ask again at {at.astimezone(self.crew.zone):%H:%M}."

    async def _roll_back(self, tx: Tx, failure: Failure, decider: Decider, now: int) -> str:
        """Take back what the turn of this failure did besides; the failure itself is settled with it."""
        done = await effects.of_turn(tx, failure.turn or "")
        undone = [await self.undo(tx, one, decider, now) for one in done if one.state == "done" and not one.undoes]
        if not undone:
            return "There is nothing to roll back."
        await failures.close(tx, failure.id, "dismissed", now, decider=decider)
        return f"Rolling back {len(undone)}. {' '.join(dict.fromkeys(undone))}"

    async def _retry(self, tx: Tx, target: str) -> str:
        if target.startswith("m") and target[1:].isdecimal():
            await messages.revive(tx, int(target[1:]))
        elif target.startswith("d") and target[1:].isdecimal():
            await inbox.revive(tx, int(target[1:]))
        elif not await effects.revive(tx, target, ms(self.crew.clock())):
            return "There is nothing left to try again."
        return "Trying again."

    async def _do_pause(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        return Reply(await self.pause(tx, inbound.text.strip().lower(), paused=True))

    async def _do_resume(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        return Reply(await self.pause(tx, inbound.text.strip().lower(), paused=False))

    async def pause(self, tx: Tx, name: str, *, paused: bool) -> str:
        if name not in self.crew.agents:
            return "Which agent? One of: " + ", ".join(self.crew.agents) + "."
        if paused:
            await settings.put(tx, f"paused:{name}", True)
            return f"The {name} agent is paused: it may answer, but every effect it wants is refused. /resume {name}"
        was = await settings.drop(tx, f"paused:{name}")
        return f"The {name} agent works again." if was else f"The {name} agent was not paused."

    async def _do_panic(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        on = _account(inbound)
        if inbound.text.strip().lower() not in ("lift", "off", "end"):
            cancelled = await panic.begin(tx, "principal", on, now)
            await self._tell_of_panic(tx, inbound.channel, now)
            waited = (
                f" {cancelled} that had not begun {'is' if cancelled == 1 else 'are'} cancelled." if cancelled else ""
            )
            return Reply(f"{STOPPED}{waited} Until then no chat is obeyed. Open cards wait.")
        if await panic.lift(tx, "principal", on, now):
            return Reply("Lifted. Effects happen again, by the same rules as before. What was stopped stays undone.")
        if await panic.standing(tx) is None:
            return Reply("Nothing is stopped.")
        return Reply(
            "Nothing was lifted: do it at the console, or from another linked chat than the one that stopped it."
        )

    async def _tell_of_panic(self, tx: Tx, channel: str, now: int) -> None:
        """Every other chat hears of it at once: who did not call it themselves must know, and can lift it there."""
        for place in await people.addresses(tx):
            if place.channel != channel:
                body = Outbound(
                    f"🛑 Everything was stopped from {channel}. If that is over, lift it here: `/panic lift`"
                )
                await messages.enqueue(
                    tx, f"panic/{place.channel}/{now}", place.channel, place.conversation, body, now, urgent=True
                )

    async def _do_link(self, tx: Tx, inbound: Inbound, stored: Stored, now: int) -> Reply:
        name = inbound.text.strip().lower()
        if name not in ("telegram", "slack", "whatsapp"):
            return Reply("Which chat? `/link telegram`, `/link slack` or `/link whatsapp`.")
        return Reply(await self.link(tx, name, now))

    async def link(self, tx: Tx, channel: str, now: int) -> str:
        """A fresh one-time code for `channel`; the sentence that says what to do with it."""
        code = new_code()
        await people.offer_code(tx, channel, code, now)
        return f"Send this code to your bot on {channel} within 15 minutes, from your own account: **{code}**"


def _account(inbound: Inbound) -> str:
    """Which account on which channel, as the ledger names it."""
    return f"{inbound.channel}:{inbound.sender}"


def new_code() -> str:
    """Eight unguessable characters (40 bits), enough for a quarter of an hour and five tries."""
    from knowledge.ids import random_id

    return random_id(8)


def read_card_number(text: str) -> tuple[str, int] | None:
    """`12`, `c12`, `12.2` → (card id, proposal ordinal or 0)."""
    number, _, item = text.strip().lower().lstrip("c#").partition(".")
    if not number.isdecimal() or (item and not item.isdecimal()):
        return None
    return f"c{number}", int(item or 0)
