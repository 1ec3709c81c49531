"""Three hundred mails in sixty threads and five languages, with questions in other words than their answers.

`python -m tests.evals.memory.mail_set` asks all 150 and prints how often the right message is among the first five, by
language, with BM25 alone beside, and the share of their words that the lexicon knows. Nothing is fitted on it.
`mail_threads.txt` holds, for each thread, a line "= language | subject", five messages, and questions "? message |
question". The lexicon and that file have the same authors; `mail_fresh.txt`, twenty threads of four, was written with the
lexicon closed, and no word has come into the lexicon from it: it tells how far that carries.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents.letter import said
from knowledge.documents.mail import parse
from knowledge.documents.store import NewDocument
from knowledge.embedding.base import Embedder
from knowledge.embedding.onnx import OnnxEmbedder, model_folder
from knowledge.index.bm25 import STOP, plain_words, tokens
from knowledge.ingest import document
from knowledge.memory import Memory
from knowledge.retriever.lexicon import concepts

THREADS, FRESH = "mail_threads.txt", "mail_fresh.txt"
RARE = 0.03  # of the messages: a word that more of them have does not tell one from another
FIRST = int(datetime(2025, 1, 7, 8, 12, tzinfo=UTC).timestamp() * 1000)
HOUR = 3_600_000
_WORDS = {
    "en": (("Hello,", "Good morning,", "Hi,"), ("Kind regards", "Best wishes", "Thanks")),
    "de": (("Guten Tag,", "Hallo,", "Liebe Grüße vorab,"), ("Viele Grüße", "Herzlich", "Besten Dank")),
    "fr": (("Bonjour,", "Chère Madame,", "Salut,"), ("Cordialement", "Bien à vous", "Merci")),
    "es": (("Hola:", "Buenos días:", "Estimada señora:"), ("Un saludo", "Atentamente", "Gracias")),
    "it": (("Buongiorno,", "Ciao,", "Gentile signora,"), ("Cordiali saluti", "A presto", "Grazie")),
}
_PEOPLE = {
    "en": ("Grace Miller", "Owen Clarke"), "de": ("Jutta Brandt", "Ralf Winkler"), "fr": ("Claire Morel", "Luc Perrin"),
    "es": ("Lucía Campos", "Andrés Vidal"), "it": ("Chiara Fontana", "Paolo Greco"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """A mail; `id` is thread and place in it, `at` in ms."""

    id: str
    language: str
    subject: str
    text: str
    at: int
    sender: str
    answers: Message | None = None

    @property
    def raw(self) -> bytes:
        """The message as it is sent: a reply names the one that it answers, and quotes it below."""
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["Subject"] = f"Re: {self.subject}" if self.answers else self.subject
        mail["Date"] = datetime.fromtimestamp(self.at // 1000, UTC)
        mail["Message-ID"] = f"<{self.id}@mail.example>"
        body = self.text
        if self.answers:
            mail["In-Reply-To"] = f"<{self.answers.id}@mail.example>"
            mail["References"] = f"<{self.id.split('/')[0]}/1@mail.example> <{self.answers.id}@mail.example>"
            quoted = "".join(f"\n> {line}".rstrip() for line in self.answers.text.splitlines())
            body += f"\n\nOn {self.answers.at}, {self.answers.sender} wrote:{quoted}"
        mail.set_content(body)
        return mail.as_bytes()

    @property
    def document(self) -> NewDocument:
        """What the product's own way makes of it."""
        part = parse(self.raw)
        return document(Path(self.id), part, now=self.at, integrity="untrusted", readers=("principal",))


@dataclass(frozen=True, slots=True)
class MailSet:
    """Mails, and questions as (language, text, id of the message that answers)."""

    messages: list[Message] = field(default_factory=list)
    questions: list[tuple[str, str, str]] = field(default_factory=list)

    def shared(self) -> list[tuple[str, set[str]]]:
        """Questions that share a rare word with the message that answers, and the words. None in a sound set."""
        stems = {m.id: set(tokens(f"{m.subject} {m.text}")) for m in self.messages}
        often = Counter(stem for own in stems.values() for stem in own)
        rare = {stem for stem, n in often.items() if n <= RARE * len(stems)}
        return [(text, both) for _, text, id in self.questions if (both := set(tokens(text)) & stems[id] & rare)]

    def known(self) -> dict[str, float]:
        """Language → percent of the words of mails and questions, small ones aside, that the lexicon knows."""
        known: Counter[str] = Counter()
        total: Counter[str] = Counter()
        texts = [(m.language, f"{m.subject}\n{said(m.text)}") for m in self.messages]
        for language, text in texts + [(language, text) for language, text, _ in self.questions]:
            words = [word for word in plain_words(text) if word not in STOP]
            total[language] += len(words)
            known[language] += sum(bool(concepts(word, language)) for word in words)
        return {language: round(100 * known[language] / n, 1) for language, n in total.items() if language != "en"}


def mail_set(seed: int = 1, file: str = THREADS) -> MailSet:
    """The whole set; greetings, signatures and dates by the seed."""
    rng = random.Random(f"mail-{seed}")
    made = MailSet()
    language = subject = ""
    thread = number = 0
    at = FIRST
    for line in (Path(__file__).parent / file).read_text("utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        head, _, tail = (part.strip() for part in rest.partition("|"))
        if kind == "=":
            language, subject, number = head, tail, 0
            thread += 1
            at = FIRST + rng.randrange(300 * 24) * HOUR
        elif kind == "?":
            made.questions.append((language, tail, f"{thread}/{head}"))
        else:
            number += 1
            at += rng.randint(2, 40) * HOUR
            greetings, closings = _WORDS[language]
            sender = _PEOPLE[language][number % 2]
            text = f"{rng.choice(greetings)}\n\n{line}\n\n{rng.choice(closings)}\n{sender}"
            before = made.messages[-1] if number > 1 else None
            made.messages.append(Message(f"{thread}/{number}", language, subject, text, at, sender, before))
    return made


async def ask(made: MailSet, embedder: Embedder | None, home: Path, *, k: int = 5) -> dict[str, float]:
    """Remember all mails in an empty `home` and ask every question: percent with the right message in the first `k`."""
    db = Database(home / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, home / "index", embedder, now=lambda: FIRST)
    await memory.open()
    ids = await memory.remember_all([m.document for m in made.messages])
    name = dict(zip(ids, (m.id for m in made.messages), strict=True))
    right: Counter[str] = Counter()
    for language, text, id in made.questions:
        right[language] += id in {name[hit.document] for hit in await memory.search(text, k=k, sources=("mail",))}
    await memory.close()
    await db.close()
    asked = Counter(language for language, _, _ in made.questions)
    shares = {language: round(100 * right[language] / n, 1) for language, n in asked.items()}
    return {"all": round(100 * sum(right.values()) / len(made.questions), 1), **shares}


async def main() -> None:
    folder = model_folder()
    if folder is None:
        raise FileNotFoundError("no prepared embedding model")
    for file in (THREADS, FRESH):
        made = mail_set(file=file)
        print(file, "known to the lexicon", json.dumps(made.known()))
        for name, embedder in (("words alone", None), ("memory", OnnxEmbedder(folder))):
            with tempfile.TemporaryDirectory() as home:
                print(file, name, json.dumps(await ask(made, embedder, Path(home))))


if __name__ == "__main__":
    asyncio.run(main())
