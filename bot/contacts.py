"""The principal's address book as a connector: what its cards state are facts under a signature of the house."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from bot.settings import Settings
from knowledge.database import Database
from knowledge.documents.exports import CARD
from knowledge.documents.load import load
from knowledge.documents.loaded import NotReadable, Part
from knowledge.facts.assertion import Issuers, public_keys
from knowledge.facts.connector import Asserter
from knowledge.facts.says import ME, PREDICATES
from knowledge.facts.words import Claim, Evidence, key, norm
from knowledge.ids import random_id
from knowledge.walls import PRINCIPAL, labelled

log = logging.getLogger(__name__)

ISSUER = "address book"


def issuers_of(settings: Settings) -> Issuers:
    """Who may assert facts under their signature: those of the settings, and the house itself. Raises `KeyTrouble`."""
    return {**public_keys(settings.issuers), **Asserter.of_home(settings.home, ISSUER).issuers}


def claims(cards: list[Part]) -> list[Claim]:
    """What the cards state. Where two cards of one name differ, nothing is stated: nobody knows who of them is meant."""
    found: dict[tuple[str, str], Claim] = {}
    doubtful: set[tuple[str, str]] = set()
    for card in cards:
        who = str(card.meta.get("contact", ""))
        if key(who) in ("", ME):
            continue
        for name, value in card.meta.items():
            if not name.startswith(CARD):
                continue
            what = PREDICATES[name.removeprefix(CARD)]
            quote = f"{who}: {what} {value}"
            claim = Claim(
                who, what, value, "signed", readers=labelled((PRINCIPAL,), quote), evidence=(Evidence(0, 0, quote),)
            )
            other = found.setdefault((key(who), what), claim)
            if norm(other.value) != norm(value):
                doubtful.add((key(who), what))
    return [claim for place, claim in found.items() if place not in doubtful]


async def read(path: Path) -> list[Part]:
    """Every card of the file. Raises NotReadable, also for one that is read in part: what it lacks would seem to be gone."""
    cards = await load(path)
    if lacks := next((card.lacks for card in cards if card.lacks), ""):
        raise NotReadable(lacks)
    return cards


class Contacts:
    """Keeps facts level with one vCard file. A file that is gone or broken changes nothing; `doctor` tells of it."""

    def __init__(self, path: Path, asserter: Asserter) -> None:
        self.path, self.asserter = path, asserter
        self._seen: tuple[int, int] | None = None

    async def level(self, db: Database, now: int) -> int:
        """How many facts changed; costs one look at the file when it has not."""
        try:
            stat = await asyncio.to_thread(self.path.stat)
        except OSError:
            return 0
        stamp = (stat.st_mtime_ns, stat.st_size)
        if stamp == self._seen:
            return 0
        try:
            cards = await read(self.path)
        except NotReadable as reason:
            log.warning("the address book was not read: %s", reason)
            self._seen = stamp
            return 0
        async with db.write() as tx:
            changed = await self.asserter.level(tx, claims(cards), now=now, new_id=random_id)
        self._seen = stamp
        return changed
