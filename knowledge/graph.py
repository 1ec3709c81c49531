"""The knowledge graph: who and what is related to whom, over facts and documents, as far as a reader may read them.

A view, computed when asked: nodes are subjects and values of facts, names in documents, and threads of mail; edges are
facts, introductions and meetings as sentences state them, writing in a thread, and being named in the same document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from knowledge.database.engine import Tx
from knowledge.database.schema_memory import chunk, document, fact
from knowledge.documents import threads
from knowledge.documents.threads import Thread
from knowledge.facts import store as facts
from knowledge.facts.assertion import Issuers
from knowledge.facts.says import ME
from knowledge.facts.words import SENTENCE_END, Fact, key
from knowledge.index.base import Scope
from knowledge.needle import Needle

MOST_DOCUMENTS = 60  # looked through, newest first
MOST_NODES = 40
MOST_LOOKED_THROUGH = 2_000  # passages, newest first, for names that are written alike
MOST_OFFERED = 3
MOST_IN_THREAD = 6  # people of a thread that are drawn
IN_THREAD, NAMED_IN = "in the thread", "spoken of in"
ALIKE = 78  # percent: one wrong letter in a name of five

_NAME = r"[A-ZÄÖÜÉÈ][\w&.'’-]*(?:\s+(?:von|van|de|di|da|of|[A-ZÄÖÜÉÈ0-9][\w&.'’-]*))*"
_RELATIONS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("introduced", re.compile(
        rf"(?P<a>{_NAME}|I|we)\s+(?:has\s+|had\s+)?introduced\s+(?:me|us|{_NAME})\s+to\s+"
        r"(?P<b>(?:my\s+|our\s+|the\s+)?(?:[^.,;!?\n]|(?<=\b[DM]r)\.){2,60})"
    )),
    ("introduced", re.compile(
        rf"(?P<a>{_NAME})\s+hat\s+(?:mich|uns|{_NAME})\s+(?:mit\s+)?(?P<b>[^.,;!?\n]{{2,60}}?)\s+"
        r"(?:vorgestellt|bekannt\s+gemacht)"
    )),
    ("works at", re.compile(
        rf"(?P<a>{_NAME})\s+(?:works\s+(?:at|for)|joined|arbeitet\s+(?:bei|für)|travaille\s+chez)\s+(?P<b>{_NAME})"
    )),
    ("met", re.compile(rf"(?P<a>{_NAME}|I|we)\s+(?:met|meets|meeting\s+with|traf|trafen)\s+(?:with\s+)?(?P<b>{_NAME})")),
    ("married to", re.compile(rf"(?P<a>{_NAME})\s+is\s+married\s+to\s+(?P<b>{_NAME})")),
    ("founded", re.compile(rf"(?P<a>{_NAME})\s+(?:founded|gründete)\s+(?P<b>{_NAME})")),
    ("leads", re.compile(rf"(?P<a>{_NAME})\s+(?:leads|runs|leitet)\s+(?P<b>(?:the\s+)?(?:[Pp]roject\s+)?{_NAME})")),
    ("part of", re.compile(rf"(?P<a>{_NAME})\s+(?:is\s+part\s+of|belongs\s+to|gehört\s+zu)\s+(?P<b>{_NAME})")),
)  # fmt: skip
_SENTENCE = re.compile(rf"{SENTENCE_END}\s+|\n+")
_NUMBER = re.compile(r"\d{4}")  # a year, an account
_PEOPLE = re.compile(rf"(?<![\w.]){_NAME}")
_ORDINARY = """
i we you he she it they the a an this that these those my our your his her their from to re fwd subject dear hello hi yes
no what when where who why how and but or if on in at for with monday tuesday wednesday thursday friday saturday sunday
january february march april may june july august september october november december montag dienstag mittwoch donnerstag
freitag samstag sonntag der die das ein eine ich wir sie er es und aber
"""
_NO_NAME = frozenset(_ORDINARY.split())


@dataclass(frozen=True, slots=True)
class Edge:
    """`a` does or is `what` to `b`. `at` (ms) is since when it is true, or the day of the document; `source` its name."""

    a: str
    what: str
    b: str
    at: int
    source: str
    quote: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is around a name: edges, strongest first, and what names it, newest first: documents (name, title, ms), and
    threads of several mails instead of each of these."""

    about: str
    edges: tuple[Edge, ...]
    documents: tuple[tuple[str, str, int], ...]
    threads: tuple[Thread, ...] = ()

    @property
    def nodes(self) -> list[str]:
        return list(dict.fromkeys([self.about, *(n for e in self.edges for n in (e.a, e.b))]))


async def around(
    tx: Tx,
    name: str,
    *,
    readers: Sequence[str],
    now: int,
    since: int | None = None,
    until: int | None = None,
    issuers: Issuers | None = None,
) -> Picture:
    """Everything that `readers` may know around a name, within a time where one is given."""
    needle = Needle(name)
    if not needle or not readers:
        return Picture(name, (), ())
    held = [f for f in await _facts(tx, needle, readers, now, issuers) if _within(f.valid_from, since, until)]
    edges = [Edge(_spelled(f), f.predicate, f.value, f.valid_from, "facts",
                  f.evidence[0].quote if f.evidence else "") for f in held]  # fmt: skip
    documents: dict[tuple[str, str], int] = {}
    together: dict[str, Edge] = {}
    passages = await _passages(tx, needle, readers, since, until)
    named_in = list(dict.fromkeys(row.thread for row in passages if row.thread is not None))
    told = await threads.told(tx, named_in, Scope(tuple(readers)))
    several = {number: thread for number, thread in told.items() if len(thread.mails) > 1}
    for row in passages:
        source = row.title or row.external_id
        if row.thread not in several:
            documents.setdefault((row.external_id, source), row.at)
        edges += [
            Edge(a, what, b, row.at, source, quote)
            for a, what, b, quote in relations(row.text)
            if needle.within(a) or needle.within(b)
        ]
        edges += [
            Edge(a, "wrote to", b, row.at, source) for a, b in row.letters if needle.within(a) or needle.within(b)
        ]
        for other in names(row.text):
            if not needle.within(other):
                together.setdefault(other, Edge(name, "named with", other, row.at, source))
    edges += _in_threads(name, needle, list(several.values()))
    seen = {e.a.casefold() for e in edges} | {e.b.casefold() for e in edges}
    edges += [e for other, e in together.items() if other.casefold() not in seen]
    unique = list({(e.a.casefold(), e.what, e.b.casefold()): e for e in reversed(edges)}.values())[::-1]
    found = sorted(((n, t, at) for (n, t), at in documents.items()), key=lambda d: -d[2])
    newest = sorted(several.values(), key=lambda t: -t.last)
    return Picture(name, tuple(unique[:MOST_NODES]), tuple(found), tuple(newest))


def _in_threads(name: str, needle: Needle, found: Sequence[Thread]) -> Iterator[Edge]:
    """From those who wrote and were written to, to the thread as a node; from the name where others speak of it."""
    nodes: dict[str, int] = {}
    for thread in found:
        node = f"✉ {thread.subject}"
        nodes[node] = nodes.get(node, 0) + 1
        node += f" ({nodes[node]})" if nodes[node] > 1 else ""
        if not any(map(needle.within, thread.people)):
            yield Edge(name, NAMED_IN, node, thread.last, thread.subject)
        for one in thread.people[:MOST_IN_THREAD]:
            yield Edge(one, IN_THREAD, node, thread.last, thread.subject)


async def who(
    tx: Tx, what: str, of: str, *, readers: Sequence[str], now: int, issuers: Issuers | None = None
) -> list[Edge]:
    """Edges of a kind that lead to `of`: a name, or somebody who is a fact ("our lawyer" is whoever that is).

    Whose employer is somebody works there.
    """
    names_of = [of]
    if readers:
        names_of += [f.value for f in await facts.about(tx, ME, key(of), readers=readers, now=now, issuers=issuers)]
    found: list[Edge] = []
    for name in names_of:
        for edge in (await around(tx, name, readers=readers, now=now, issuers=issuers)).edges:
            if (edge.what == what or (what, edge.what) == ("works at", "employer")) and Needle(name).within(edge.b):
                found.append(edge)
    return found


async def suggest(tx: Tx, name: str, *, readers: Sequence[str], now: int, issuers: Issuers | None = None) -> list[str]:
    """Names that the readers may know and that are written almost like this one, nearest first, `MOST_OFFERED` at most."""
    from rapidfuzz import fuzz, process

    scope = Scope(tuple(readers))
    columns = (chunk.c.text, chunk.c.said_at, document.c.id, document.c.readers, document.c.source, document.c.dated_at)
    newest = select(*columns).join(document, chunk.c.document == document.c.id).where(document.c.state == "current")
    texts = [
        r.text
        for r in await tx.execute(newest.order_by(document.c.dated_at.desc()).limit(MOST_LOOKED_THROUGH))
        if scope.admits(tuple(json.loads(r.readers)), r.source, r.dated_at if r.said_at is None else r.said_at, r.id)
    ]
    known = {found for text in texts for found in names(text)}
    known |= {f.subject for f in await facts.subjects(tx, readers=readers, now=now, issuers=issuers)}
    known |= {word for found in known for word in found.split() if len(word) > 3}
    near = process.extract(name, sorted(known), scorer=fuzz.ratio, processor=str.casefold, score_cutoff=ALIKE, limit=8)
    unlike = [found for found, _, _ in near if found.casefold() != name.casefold()]
    return list({found.casefold(): found for found in reversed(unlike)}.values())[::-1][:MOST_OFFERED]


def relations(text: str) -> Iterator[tuple[str, str, str, str]]:
    """(a, what, b, sentence) of what sentences state between two; b is what somebody was introduced to."""
    for sentence in _SENTENCE.split(text):
        for what, pattern in _RELATIONS:
            if found := pattern.search(sentence):
                yield _person(found["a"]), what, _person(found["b"]), sentence.strip()[:300]


def names(text: str) -> list[str]:
    """What reads as a name in a text: capitalised words that are no ordinary ones, each once."""
    found = []
    for sentence in _SENTENCE.split(text):
        for match in _PEOPLE.finditer(sentence):
            words = [w for w in match[0].split() if w.casefold().strip(".'’") not in _NO_NAME]
            name = " ".join(words).strip(".'’ ")
            before = sentence[: match.start()].rstrip()
            starts = not before or before[-1] == ":"  # a first word is capital anyway
            if len(name) > 2 and (len(words) > 1 or not starts) and not _NUMBER.search(name):
                found.append(name)
    return list(dict.fromkeys(found))


def _person(words: str) -> str:
    bare = re.sub(r"^(?:my|our|the)\s+", "", words.strip(), flags=re.IGNORECASE)
    bare = re.split(r"\s+(?:at|in|on|during|last|yesterday|when|while|because|over|auf|bei|beim)\b", bare)[0]
    return "you" if bare.casefold() in ("i", "we", "me", "us", "mich", "uns") else bare.strip(" .")


def _spelled(f: Fact) -> str:
    """A fact's subject as its evidence writes it: facts compare folded words."""
    if f.subject == ME:
        return "you"
    long = len(f.subject.split())
    for said in f.evidence:
        words = re.findall(r"[\w.&'’-]+", said.quote)
        for n in range(len(words) - long + 1):
            name = re.sub(r"['’]s?$", "", " ".join(words[n : n + long])).strip(".")
            if key(name) == f.subject:
                return name
    return f.subject


def _within(at: int, since: int | None, until: int | None) -> bool:
    return (since is None or at >= since) and (until is None or at < until)


async def _facts(tx: Tx, needle: Needle, readers: Sequence[str], now: int, issuers: Issuers | None) -> list[Fact]:
    columns = (fact.c.id, fact.c.subject, fact.c.value)
    lives = (or_(end.is_(None), end > now) for end in (fact.c.expires_at, fact.c.valid_to))
    held = and_(fact.c.state == "held", fact.c.retracted_at.is_(None), *lives)
    rows = (await tx.execute(select(*columns).where(held))).all()
    found = [await facts.get(tx, r.id) for r in rows if needle.within(r.subject) or needle.within(r.value)]
    return await facts.believable(tx, [f for f in found if f is not None], readers, issuers)


async def _passages(
    tx: Tx, needle: Needle, readers: Sequence[str], since: int | None, until: int | None
) -> list[_Passage]:
    """Passages that hold the name, newest first, of documents that the readers may read."""
    scope = Scope(tuple(readers))
    columns = (
        chunk.c.id, chunk.c.text, chunk.c.said_at, document.c.id.label("document"), document.c.external_id,
        document.c.title, document.c.readers, document.c.source, document.c.dated_at, document.c.meta, document.c.thread,
    )  # fmt: skip
    joined = select(*columns).join(document, chunk.c.document == document.c.id).where(document.c.state == "current")
    first = max(needle.words.split(), key=len)
    if first.isascii():  # SQLite folds no other letters
        named = (chunk.c.text, document.c.title, document.c.meta)
        joined = joined.where(or_(*(column.icontains(first, autoescape=True) for column in named)))
    found: list[_Passage] = []
    for r in await tx.execute(joined.order_by(document.c.dated_at.desc(), chunk.c.ordinal)):
        at = r.dated_at if r.said_at is None else r.said_at
        if not scope.admits(tuple(json.loads(r.readers)), r.source, at, r.document) or not _within(at, since, until):
            continue
        writer, recipients = threads.people(r.meta) if r.source == "mail" else ("", ())
        letters = tuple((writer, one) for one in recipients) if writer else ()
        if any(map(needle.within, (r.text, r.title, *(name for letter in letters for name in letter)))):
            text = r.text if r.source != "turn" else r.text.partition("\n")[0].removeprefix("You said:")
            found.append(_Passage(text, r.external_id, r.title, at, letters, r.thread))
            if len(found) >= MOST_DOCUMENTS:
                break
    return found


@dataclass(frozen=True, slots=True)
class _Passage:
    text: str
    external_id: str
    title: str
    at: int
    letters: tuple[tuple[str, str], ...] = ()  # of a mail: its writer and each of those it went to
    thread: int | None = None
