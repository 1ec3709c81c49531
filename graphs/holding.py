"""Hold-to-send: what leaves to somebody waits some seconds after it was decided, with an Undo button under the notice."""

from __future__ import annotations

from graphs.state import Crew
from knowledge.database import Tx
from knowledge.store import effects, messages
from knowledge.store.effects import Effect, nonce_of
from knowledge.words import Button, Outbound, Press


def held_ms(crew: Crew, tool: str) -> int:
    """How long an effect of this tool waits before it begins."""
    known = crew.tools.get(tool)
    return crew.hold_ms if known is not None and known.effect == "send" else 0


async def hold(tx: Tx, crew: Crew, effect: Effect, channel: str, conversation: str, now: int) -> bool:
    """Let a decided effect wait, and say so where it was decided; False when nothing of its kind waits."""
    wait = held_ms(crew, effect.tool)
    if not wait or not await effects.hold(tx, effect.id, now + wait):
        return False
    undo = Button("Undo", Press("undo", effect.id, nonce=nonce_of(effect)).encode())
    body = Outbound(f"It goes out in {max(1, round(wait / 1000))} seconds.", ((undo,),))
    await messages.enqueue(tx, f"held/{effect.id}", channel, conversation, body, now, turn=effect.turn)
    return True
