"""What becomes of a message after it was handed over: held behind a closed window, bounced later, or told as lost."""

from __future__ import annotations

import json

from graphs.answer import remedy_buttons
from knowledge.database import Tx
from knowledge.store import alerts, failures, inbox, messages
from knowledge.store.failures import Failure, Remedy
from knowledge.store.inbox import Stored
from knowledge.store.intake import REPORT
from knowledge.store.messages import Letter
from knowledge.words import Outbound


async def hold(tx: Tx, letter: Letter, receipts: tuple[str, ...], why: str, now: int) -> None:
    """Keep it until the person writes there; ask them to, once a silence, and say it on another linked chat meanwhile.

    `receipts` are of the parts that were taken; those that were reported as not delivered go again.
    A card goes there under its own id: it is the same approval, decided once, wherever.
    """
    body = letter.body
    if body.toast_for or body.passing:
        await messages.finish(tx, letter.id, "cancelled", now, error=why)
        return
    if body.knock:
        await messages.finish(tx, letter.id, "failed", now, error=why)
        await tell_lost(tx, letter, "failed", why, now)
        return
    lost = await messages.bad_report(tx, letter.channel, receipts)
    arrived = receipts[: receipts.index(lost[0])] if lost else receipts
    await messages.keep_for_later(tx, letter.id, arrived, why)
    if body.edit_of:
        return  # the outcome of a card is no reason to knock
    since = await inbox.last_at(tx, letter.channel, letter.conversation)
    key = f"knock/{letter.channel}/{letter.conversation}/{since}"
    knock = Outbound("Steward has something for you.", knock=True)
    await messages.enqueue(tx, key, letter.channel, letter.conversation, knock, now, urgent=True)
    await alerts.tell(tx, f"{letter.key}/over", body, now, urgent=True, avoid=letter.channel, turn=letter.turn)


async def reported(tx: Tx, stored: Stored, now: int) -> None:
    """A platform told that a message of ours did not arrive. Without its row yet, its own end finds the report."""
    told = json.loads(stored.raw.removeprefix(REPORT))
    letter = await messages.sent_as(tx, stored.channel, told["ref"])
    if letter is not None:
        await bounced(tx, letter, told["ref"], told["outcome"], told["error"], now)


async def bounced(tx: Tx, letter: Letter, ref: str, outcome: str, error: int, now: int) -> None:
    """Handed over and not delivered: once more as a template where the window was closed, else told."""
    if outcome == "closed":
        await hold(tx, letter, letter.receipts, f"{letter.channel} did not deliver it ({error})", now)
    elif not letter.body.edit_of and not letter.body.passing:
        why = f"{letter.channel} took it and could not deliver it ({error})"
        await messages.finish(tx, letter.id, "failed", now, error=why)
        await tell_lost(tx, letter, "failed", why, now)


async def tell_lost(tx: Tx, letter: Letter, state: str, error: str, now: int) -> None:
    """A message that failed, or of which nobody knows: a failure with its remedies, told where it can be heard."""
    if letter.key.startswith("failure/"):
        return
    lost = "It was not delivered." if state == "failed" else "It may or may not have arrived. I did not repeat it."
    remedies = (Remedy("retry", "Send it again", f"m{letter.id}"), Remedy("dismiss", "Leave it", f"m{letter.id}"))
    what = f"A message on {letter.channel} {'failed' if state == 'failed' else 'is uncertain'}: {error}"
    failure, fresh = await failures.note(
        tx, f"message:{letter.key}", what, "", lost, now, remedies=remedies, turn=letter.turn
    )
    if fresh:
        await tell_failure(tx, failure, now, avoid=letter.channel if state == "failed" else "")


async def tell_failure(
    tx: Tx, failure: Failure, now: int, *, avoid: str = "", urgent: bool = False, again: bool = False
) -> None:
    """One message about a failure to the principal, with its remedies as buttons, by the rules of escalation.

    Never over the channel `avoid`, which just failed. What is not urgent waits for the end of the quiet hours; what the
    principal wants to hear `again` at this hour does not.
    """
    buttons = remedy_buttons(failure)
    text = f"⚠️ **{failure.what}**\n{failure.not_done}" + (f"\n{failure.done}" if failure.done else "")
    body = Outbound(text, (buttons,) if buttons else ())
    key = f"failure/{failure.id}/{now if again else failure.since}"
    await alerts.tell(tx, key, body, now, urgent=urgent or again, avoid=avoid)
