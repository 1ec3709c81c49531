"""The librarian keeps memory level with the vault: what was written or changed by hand is found by the next question."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot import caretaker, clients, local
from bot.contacts import ISSUER, Contacts, issuers_of
from bot.delivery import tell_failure
from bot.embedders import embedder_of, reranker_of
from bot.episodes import learn_turns
from bot.hearing import Attach
from bot.home import Home
from bot.ocr import reader_of
from bot.settings import Settings
from channels.base import ChannelError, FileRef, Inbound, SpeakingChannel
from graphs.state import Said
from graphs.tools.base import ToolTrouble
from graphs.tools.wording import quoted
from graphs.understanding import Near
from knowledge import doing, erasing, forgetting
from knowledge.database import Database
from knowledge.database.engine import DatabaseTrouble
from knowledge.documents.encoding import plain_text
from knowledge.documents.load import PARSED
from knowledge.documents.loaded import NotReadable, Part
from knowledge.documents.store import NewDocument
from knowledge.embedding.base import Embedder, EmbedderUnavailable
from knowledge.embedding.encoder import SIZE
from knowledge.embedding.onnx import OnnxEmbedder
from knowledge.facts.assertion import Issuers
from knowledge.facts.connector import Asserter
from knowledge.hits import Hit
from knowledge.index.base import IndexBusy, IndexUnreachable
from knowledge.index.home import ClientHome
from knowledge.ingest import AT_ONCE, documents
from knowledge.keys import KeyTrouble
from knowledge.memory import BULK, Memory, text_document
from knowledge.needle import Needle
from knowledge.notes import NoteFolder
from knowledge.ocr import look
from knowledge.ocr.base import PictureReader, is_picture
from knowledge.ocr.readers import TesseractReader
from knowledge.store import failures
from knowledge.store import settings as facts
from knowledge.store.inbox import Stored
from knowledge.words import Integrity

log = logging.getLogger(__name__)

PARSED_LIMIT = 20_000_000  # bytes of a file that a parser reads (mail, PDF, office, exports)
FILE_LIMIT = 2_000_000  # bytes of a text file taken in from a chat; larger ones go through `steward ingest`
TEXT_ENDINGS = (
    ".md",
    ".txt",
    ".csv",
    ".json",
    ".vtt",
    ".srt",
    ".eml",
    ".log",
    ".rst",
    ".org",
    ".yaml",
    ".yml",
    ".toml",
)
_SEEN = "vault:seen"
AWAY = "memory:index"
_AWAY = "The search index does not answer"
_MISSING = "Until it is back passages are not found; facts are. What comes in meanwhile is kept, and found then."
_SKIP = (failures.Remedy("dismiss", "Skip", ""),)
PATIENCE_S = 15.0
NOTES_AT_ONCE = 16  # that are learned in one commit
HAND_S = 2.0
"""Searches closer together than this trust the last look at the vault's files."""

ReadNote = Callable[[Mapping[str, Any], str], Awaitable[Mapping[str, Any]]]


class Librarian:
    """Memory for agents, opened only where no other process holds it; then it asks that process."""

    def __init__(
        self,
        memory: Memory,
        db: Database,
        notes: NoteFolder,
        calendar: Path,
        home: Home,
        embedder: Embedder | None,
        zone: ZoneInfo,
    ) -> None:
        self.memory, self.db, self.notes, self.home, self.embedder, self.zone = memory, db, notes, home, embedder, zone
        self.calendar = calendar
        self.contacts: Contacts | None = None
        self.pictures: PictureReader = TesseractReader()
        self.issuers: Issuers = {}  # who may assert facts under their signature
        self.keep: Mapping[str, int] = {}  # source → days that its documents are kept
        self.erasing = False  # something was begun to be forgotten and has not come to its end
        self._looked = 0.0
        self._told_away: str | None = None  # what was told of the index last, if anything was
        self._clients: tuple[object, ...] = ()
        self.remote = False
        self.read_note: ReadNote | None = None  # given by the composition root: the reading tool of notes
        self._changed = True
        self._examples: dict[str, Any] = {}
        self._lock = asyncio.Lock()
        self._embedding: asyncio.Task[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether vectors are being made that many passages still lack."""
        return self._embedding is not None

    @classmethod
    def of(
        cls, settings: Settings, home: Home, db: Database, notes: NoteFolder, now: Callable[[], int], zone: ZoneInfo
    ) -> Librarian:
        embedder = embedder_of(settings.embeddings)
        fitted = embedder.folder if isinstance(embedder, OnnxEmbedder) else None
        server = server_of(settings, home, embedder)
        reranker = reranker_of(settings.embeddings)
        memory = Memory(db, home.index, embedder, now=now, zone=zone, fitted=fitted, home=server, reranker=reranker)
        librarian = cls(memory, db, notes, settings.calendar_path, home, embedder, zone)
        librarian.pictures = reader_of(settings.pictures, settings.models)
        librarian.keep = settings.keep.model_dump()
        try:
            librarian.contacts = Contacts(settings.contacts_path, Asserter.of_home(settings.home, ISSUER))
            librarian.issuers = issuers_of(settings)
        except KeyTrouble as trouble:
            log.error("the address book is not read, and nothing that is signed is believed: %s", trouble)
        return librarian

    async def open(self) -> None:
        """Open memory, or note that another process has it."""
        try:
            await self.memory.open()
        except IndexBusy:
            self.remote = True
            log.info("memory is held by another process of this home; asking it")
            return
        async with self.db.read() as tx:
            self.erasing = await forgetting.waiting(tx)

    async def open_again(self) -> bool:
        """Take memory over if whoever had it has let it go; whether it is still held."""
        async with self._lock:
            if self.remote:
                self.remote = False
                await self.open()
            return self.remote

    async def elsewhere(self) -> bool:
        """Whether another process holds memory, and answers for it. It is taken over as soon as it is let go.

        A command that fills memory holds it without listening: that is waited for, `PATIENCE_S` seconds at most.
        """
        if not self.remote:
            return False
        ends = time.monotonic() + PATIENCE_S
        while True:
            held = await self.open_again()
            socket = self.home.socket("worker")
            if not held or (socket.exists() and not self.home.is_own(socket)) or time.monotonic() > ends:
                return held
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        if self._embedding is not None:
            self._embedding.cancel()
            await asyncio.wait([self._embedding])
        if not self.remote:
            if self.erasing:
                await self.finish_erasing()
            await self.memory.close()

    def touch(self) -> None:
        """A note has changed: look before the next search."""
        self._changed = True

    async def search(
        self, query: str, *, k: int = 8, sources: Sequence[str] = (), readers: Sequence[str] = ("principal",)
    ) -> list[Hit]:
        """What agents call. Level with the vault first, so that a note of a second ago is found."""
        if await self.elsewhere():
            socket, asked = self.home.socket("worker"), {"sources": list(sources), "readers": list(readers)}
            answer = await local.ask(
                socket, "search", query=query, k=k, sources=asked["sources"], readers=asked["readers"]
            )
            return [hit_from_json(one) for one in answer["hits"]]
        if time.monotonic() - self._looked > HAND_S:
            self._changed = True  # somebody may have edited the vault by hand
        try:
            await self.level()
            return await self.memory.search(query, k=k, sources=sources, readers=readers)
        except IndexUnreachable as trouble:
            raise ToolTrouble(str(trouble)) from trouble

    async def around(self, hits: Sequence[Hit], span: int) -> list[list[Hit]]:
        """What stands around each hit, itself left out; nothing for a span of 0."""
        if span < 1:
            return [[] for _ in hits]
        found = [await self.memory.neighbours(hit, span=span) for hit in hits]
        return [[one for one in some if one.chunk != hit.chunk] for hit, some in zip(hits, found, strict=True)]

    async def nearest(self, words: str, examples: Sequence[tuple[str, str]]) -> list[Near]:
        """The nearest example phrases by embedding; none without a model."""
        if self.embedder is None or not words.strip():
            return []
        try:
            missing = [phrase for _, phrase in examples if phrase not in self._examples]
            if missing:
                vectors = await self.embedder.embed(missing)
                self._examples |= dict(zip(missing, vectors, strict=True))
            vector = (await self.embedder.embed([words[:500]]))[0]
        except EmbedderUnavailable as error:
            log.warning("%s", error)
            return []
        near = [Near(agent, phrase, float(self._examples[phrase] @ vector)) for agent, phrase in examples]
        return sorted(near, key=lambda n: -n.cosine)[:5]

    async def level(self) -> int:
        """Bring memory level with the vault's files: new, changed and gone ones. How many changed."""
        if self.remote or not self._changed:
            return 0
        async with self._lock:
            self._changed, self._looked = False, time.monotonic()
            try:
                changed = await self._level() + await learn_turns(self.db, self.memory, self.zone)
                return changed + (await self.contacts.level(self.db, self.memory._now()) if self.contacts else 0)
            except BaseException:
                self._changed = True
                raise

    async def _level(self) -> int:
        async with self.db.read() as tx:
            seen = await facts.get(tx, _SEEN) or {}
        found = await asyncio.to_thread(self._look_at_notes)
        changed = [name for name, stamp in found.items() if seen.get(name) != stamp]
        gone = [name for name in seen if name not in found]
        for start in range(0, len(changed), NOTES_AT_ONCE):
            read = [await self._read(name) for name in changed[start : start + NOTES_AT_ONCE]]
            await self.memory.remember_all([note for note in read if note is not None])
        for name in gone:
            await self.memory.forget("note", f"notes/{name}")
        if changed or gone:
            async with self.db.write() as tx:
                await facts.put(tx, _SEEN, found)
        return len(changed) + len(gone)

    def _look_at_notes(self) -> dict[str, list[int]]:
        """name → [mtime in ns, size] of every note; what a hand put there in the wrong form is sealed or opened first."""
        try:
            self.notes.settle()
        except OSError as error:
            log.warning("the notes were not brought into the form that they should have: %s", error)
        return {name: [*stamp] for name, stamp in self.notes.scan().items()}

    async def _read(self, name: str) -> NewDocument | None:
        assert self.read_note is not None, "set by the composition root before anything is searched"
        try:
            note = await self.read_note({"name": name}, "")
            dated = int(self.notes.path(name).stat().st_mtime * 1000)
        except (OSError, ToolTrouble) as error:
            log.warning("note %s cannot be read: %s", name, error)
            return None
        source = str(note.get("source", ""))
        integrity: Integrity = "untrusted" if source and not source.startswith("principal") else "principal"
        return text_document(
            source="note", external_id=f"notes/{name}", title=f"notes/{name}", text=str(note["text"]), dated_at=dated,
            integrity=integrity,
        )  # fmt: skip

    async def forgettable(self, words: str) -> Mapping[str, Any]:
        """What would go: documents by id and name, events of the calendar file by id and title, and `also` in words."""
        if await self.elsewhere():
            return await local.ask(self.home.socket("worker"), "forgettable", timeout_s=120, words=words)
        await self.level()
        async with self.db.read() as tx:
            found = await forgetting.find(tx, words)
            also = await forgetting.also(tx, words)
        events = await asyncio.to_thread(erasing.events_with, self.calendar, Needle(words))
        if self.contacts is not None:
            also += [
                f"the contact “{name}”"
                for name in await asyncio.to_thread(erasing.cards_with, self.contacts.path, Needle(words))
            ]
        return {
            "documents": [{"id": one.id, "name": _shown(one)} for one in found],
            "events": [{"uid": uid, "name": title} for uid, title in events],
            "also": also,
        }

    async def erase(
        self, words: str, documents: Sequence[int], key: str, events: Sequence[str] = ()
    ) -> Mapping[str, Any]:
        """Begin to erase: what lives goes at once, the rest when the turn that asked has ended. Repeatable under `key`."""
        if await self.elsewhere():
            return await local.ask(
                self.home.socket("worker"), "erase", timeout_s=120, words=words, documents=list(documents), key=key,
                events=list(events),
            )  # fmt: skip
        now = self.memory._now()
        async with self.db.read() as tx:
            found = [one for one in await forgetting.find(tx, words) if one.id in set(documents)]
            known = await forgetting.receipt(tx, key)
        notes = [one.external_id.removeprefix("notes/") for one in found if one.source == "note"]
        await asyncio.to_thread(self.notes.remove, notes)
        await asyncio.to_thread(erasing.drop_events, self.calendar, events)
        if self.contacts is not None:
            await asyncio.to_thread(erasing.drop_cards, self.contacts.path, Needle(words))
        if known is None:
            asked_in, _, proposal = key.rpartition(".p")
            async with self.db.write() as tx:
                known = await forgetting.begin(
                    tx, documents, words, now=now, id=key, asked_in=asked_in if proposal.isdecimal() else ""
                )
            await self.memory.project()
        self.erasing = True
        self.touch()
        return {"documents": known.documents, "chunks": known.chunks, "facts": known.facts, "others": len(events)}

    async def finish_erasing(self) -> list[forgetting.Receipt]:
        """Carry what was begun to its end, if it can end now; the receipts."""
        if self.remote:
            return []
        files = forgetting.Files((self.home.checkpoints,), (self.home.path / "console-history",), (self.notes,))
        try:
            done = await forgetting.finish(self.db, self.memory.rebuild, now=self.memory._now(), files=files)
        except (TimeoutError, IndexUnreachable) as busy:
            log.warning("forgetting waits: %s", busy)
            return []
        async with self.db.read() as tx:
            self.erasing = await forgetting.waiting(tx)
        return done

    async def erased(self, key: str) -> forgetting.Receipt | None:
        """The receipt of the erasure begun under `key`, carried to its end as far as it can be."""
        await self.finish_erasing()
        async with self.db.read() as tx:
            return await forgetting.receipt(tx, key)

    async def idle(self) -> None:
        """What can wait until nobody does."""
        if self.remote:
            await self.open_again()
        if not self.remote:
            await self.level()
            if await self.memory.idle():
                self._embeds()
            await self._tell_if_away()
            if self.erasing:
                await self.finish_erasing()
            await caretaker.put_questions(self.db, self.memory._now(), self.zone, self.issuers)
            await caretaker.tell_put_aside(self.db, self.memory._now(), self.issuers)
            self.erasing |= await caretaker.by_night(self.db, self.memory._now(), self.zone, self.keep, self.issuers)
        await self.look_at_clients()

    @property
    def away(self) -> bool:
        """Whether the search index does not answer, and is to be tried again soon."""
        return bool(self.memory.away)

    async def _tell_if_away(self) -> None:
        """An index that does not answer is told once, as a failure that ends when it is back."""
        if (away := self.memory.away) == self._told_away:
            return
        now = self.memory._now()
        async with self.db.read() as tx:
            known = await failures.by_key(tx, AWAY)
        if away or (known is not None and known.state == "open"):
            async with self.db.write() as tx:
                if not away:
                    await failures.close_key(tx, AWAY, now)
                else:
                    failure, fresh = await failures.note(tx, AWAY, _AWAY, away, _MISSING, now, remedies=_SKIP)
                    if fresh:
                        await tell_failure(tx, failure, now)
        self._told_away = away

    async def look_at_clients(self) -> None:
        """Whether a client's mail waits for an answer: looked at when memory or the rules have changed."""
        async with self.db.read() as tx:
            now = await clients.state(tx)
        if now != self._clients:
            async with self.db.write() as tx:
                await clients.look(tx, self.memory._now(), self.zone)
            self._clients = now

    def _embeds(self) -> asyncio.Task[None]:
        """The one task that has missing vectors made."""
        if self._embedding is None:
            self._embedding = asyncio.create_task(self._embed())
        return self._embedding

    async def _embed(self) -> None:
        try:
            log.info("%d passages are known by meaning, too", await self.memory.embed_rest())
        except (DatabaseTrouble, IndexUnreachable) as trouble:
            log.error("%s", trouble)  # what is missing is still known: the next idle moment goes on
        finally:
            self._embedding = None

    async def settle(self) -> None:
        """Wait until every passage is known by meaning, too."""
        while not self.remote and await self.memory.idle():
            await asyncio.wait([self._embeds()])

    async def status(self) -> Mapping[str, Any]:
        if self.remote:
            return {"memory": "held by another process"}
        if away := self.memory.away:
            return {"memory": f"not searched: {away}"}
        found = await self.memory.status()
        kind = f"by words alone ({found.lexical})" if found.lexical else "by words and meaning"
        return {"memory": f"{found.documents} documents, {found.chunks} passages, searched {kind}"}

    async def ingest(self, path: Path) -> str:
        """Remember one text file from disk; the sentence that says what came of it."""
        data = await asyncio.to_thread(path.read_bytes)
        return await self._remember_file(path.name, data)

    def attach(self, speakers: Mapping[str, SpeakingChannel]) -> Attach:
        """How files of a chat come into memory, from channels this process speaks."""

        async def take(inbound: Inbound, stored: Stored) -> Said | None:
            if inbound.kind != "file" or not inbound.files:
                return None
            file = inbound.files[0]
            speaker, words = speakers[stored.channel], inbound.text
            sentence = "\n".join([await self._take_file(speaker, one, words) for one in inbound.files])
            payload = {"file": file.name, "sentence": sentence}
            return Said(sentence, "file", "untrusted", f"{stored.channel}:{file.id}", payload=payload)

        return take

    async def _take_file(self, speaker: SpeakingChannel, file: FileRef, caption: str) -> str:
        """Fetch, check and remember a file; the sentence for the principal."""
        name = Path(file.name or "file.txt").name[:120]
        picture = is_picture(name, file.mime)
        parsed = picture or Path(name).suffix.lower() in PARSED
        if not (parsed or name.lower().endswith(TEXT_ENDINGS) or file.mime.startswith("text/")):
            return f"I can't read files like “{name}” ({file.mime or 'of an unknown kind'}) yet."
        limit = PARSED_LIMIT if parsed else FILE_LIMIT
        if file.size > limit:
            return f"“{name}” has {file.size / 1e6:.1f} MB; I take such files up to {limit / 1e6:.0f} MB from a chat."
        data = bytearray()
        doing.begin(f"Fetching {quoted(name, 60)}")
        try:
            async for piece in speaker.fetch(file):
                data += piece
                if len(data) > limit:
                    return f"“{name}” is larger than {limit / 1e6:.0f} MB; I did not take it in."
        except ChannelError as error:
            return f"“{name}” could not be downloaded: {error}"
        doing.begin(f"Reading {quoted(name, 60)}")
        if picture:
            return await self._remember_picture(name, bytes(data), caption)
        return await self._remember_file(name, bytes(data))

    async def _remember_picture(self, name: str, data: bytes, caption: str) -> str:
        """The words in a picture and its caption, which are content like those of any file. It is never written to disk."""
        if not data:
            return f"“{name}” is empty; there is nothing to remember."
        try:
            part = await look.look(data, name, self.pictures, caption=caption)
        except NotReadable as reason:
            return f"I did not take “{name}” in. {reason}"
        key = f"pictures/{part.meta['sha256'][:16]}"  # cameras give many pictures one name
        await self._remember_parts(name, [replace(part, key=key)])
        return f"I have looked at “{name}” and will find it when you ask. {part.lacks or _says(part, caption)}"

    async def _remember_parsed(self, name: str, data: bytes) -> str:
        """What a parser finds in a file, under the name it came with."""
        with tempfile.TemporaryDirectory(prefix="steward-file-") as folder:
            path = Path(folder) / name
            await asyncio.to_thread(path.write_bytes, data)
            try:
                parts = await look.read(path, self.pictures)
            except NotReadable as reason:
                return str(reason)
        named = [replace(p, key=p.key.replace(str(path), name) or f"files/{name}") for p in parts]
        await self._remember_parts(name, named)
        many = f" ({len(named)} parts)" if len(named) > 1 else ""
        lacks = "".join(f" {one}" for one in dict.fromkeys(part.lacks for part in parts if part.lacks))
        return f"I have read “{name}”{many} and will find it when you ask.{lacks}"

    async def _remember_parts(self, name: str, parts: Sequence[Part]) -> None:
        now = self.memory._now()
        new = await asyncio.to_thread(documents, Path(name), parts, now)
        later = sum(len(d.pieces) for d in new) > BULK
        for start in range(0, len(new), AT_ONCE):
            if len(new) > AT_ONCE:
                doing.far(start, len(new), "parts")
            await self.memory.remember_all(new[start : start + AT_ONCE], later=later)

    async def _remember_file(self, name: str, data: bytes) -> str:
        if Path(name).suffix.lower() in PARSED:
            return await self._remember_parsed(name, data)
        text = plain_text(data)
        if text is None:
            return (
                f"“{name}” is not a text in UTF-8, UTF-16 or Windows' Western European encoding; I did not take it in."
            )
        if not text.strip():
            return f"“{name}” is empty; there is nothing to remember."
        now = self.memory._now()
        await self.memory.remember(
            source="file",
            external_id=f"files/{name}",
            title=f"files/{name}",
            text=text,
            dated_at=now,
            integrity="untrusted",
        )
        return f"I have read “{name}” ({len(text):,} characters) and will find it when you ask."


def server_of(settings: Settings, home: Home, embedder: Embedder | None) -> ClientHome | None:
    """The Qdrant server that the settings name; None where the index lies in the home."""
    if not settings.qdrant.url:
        return None
    key = settings.qdrant.api_key.get_secret_value()
    size = embedder.size if embedder is not None else SIZE
    return ClientHome(settings.qdrant.url, size, api_key=key, path=home.index)


def _says(part: Part, caption: str) -> str:
    """The beginning of what was read in a picture, so that a misreading is seen."""
    return f"It says: {quoted(part.text.removeprefix(caption.strip()), 160)}"


def _shown(one: forgetting.Found) -> str:
    name = one.title or one.external_id
    return name if one.state == "current" else f"{name} (an earlier version)"


def hit_to_json(hit: Hit) -> dict[str, Any]:
    return {
        "text": hit.text, "name": hit.name, "place": hit.place, "dated": hit.dated.isoformat(), "source": hit.source,
        "integrity": hit.integrity, "score": hit.score, "parts": dict(hit.parts), "why": dict(hit.why), "chunk": hit.chunk,
        "document": hit.document, "readers": list(hit.readers), "speaker": hit.speaker, "context": hit.context,
        "also": [hit_to_json(one) for one in hit.also],
    }  # fmt: skip


def hit_from_json(body: Mapping[str, Any]) -> Hit:
    from datetime import datetime

    also = tuple(map(hit_from_json, body["also"]))
    dated = datetime.fromisoformat(body["dated"])
    return Hit(**{**body, "dated": dated, "readers": tuple(body["readers"]), "also": also})
