"""Files become parts; hostile ones become a sentence, soon."""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.documents import child, letter, mail, transcripts
from knowledge.documents.child import CHARACTERS
from knowledge.documents.load import _parts, load
from knowledge.documents.loaded import NotReadable, Part
from knowledge.ingest import document, ingest
from knowledge.memory import Memory
from tests.fakes.embedder import WordEmbedder

pytestmark = pytest.mark.slow

REPLY = b"""From: =?utf-8?q?J=C3=BCrgen?= <j@example.org>
To: me@example.org
Subject: Re: Offer
Date: Mon, 03 Nov 2025 10:00:00 +0100
Message-ID: <2@example.org>
References: <1@example.org>
Content-Type: text/plain; charset=iso-8859-1

The price is fine, gr\xfc\xdfe.

On Sun, 2 Nov 2025 at 09:00, Me <me@example.org> wrote:
> Is 400 too much?
--
J. Smith
"""


async def test_a_reply_keeps_its_own_words_its_thread_and_its_date(tmp_path: Path) -> None:
    (tmp_path / "m.eml").write_bytes(REPLY)
    (part,) = await load(tmp_path / "m.eml")
    assert part.text == "From Jürgen <j@example.org>: The price is fine, grüße."
    assert (part.title, part.key, part.at) == ("Re: Offer", "<2@example.org>", 1_762_160_400_000)
    assert (part.meta["parent"], part.meta["names"]) == ("<1@example.org>", "<1@example.org>")
    assert part.meta["answers"] == "Is 400 too much?"
    kept = document(tmp_path / "m.eml", part, now=0, integrity="untrusted", readers=("principal",))
    assert kept.pieces[0].context == "Offer\nIs 400 too much?"


@pytest.mark.parametrize(
    ("body", "answered"),
    [
        ("> Is it you?\n> Yours\n>> older\nIt is me.", "Is it you?\nYours"),
        (
            "Fine.\n\n-----Original Message-----\nFrom: Bo\nSent: Monday\nSubject: Price\n\nIs 400 too much?",
            "Is 400 too much?",
        ),
        ("Passt.\n\nAm 2. Mai schrieb Bo Ek:\nSind 400 zu viel?", "Sind 400 zu viel?"),
        ("A mail that answers nothing.\n--\nJ. Smith", ""),
    ],
)
def test_what_a_reply_answers_is_what_it_quotes_above_or_below(body: str, answered: str) -> None:
    assert mail.quoted(body) == answered


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("From Jo <j@x.org>: Dear Ms Ek,\n\nThe lid broke.\n\nKind regards\nJo Smith\nSmith Ltd", "The lid broke."),
        ("Sehr geehrte Frau Ek,\nder Deckel ist kaputt.\nMit freundlichen Grüßen\nJo", "der Deckel ist kaputt."),
        ("Bonjour,\nmerci pour le couvercle.\nCordialement,\nJo", "merci pour le couvercle."),
        ("Thanks", "Thanks"),
        ("Hello world is what the program prints, and no more than that.",) * 2,
    ],
)
def test_what_a_mail_says_is_neither_greeting_nor_closing(text: str, words: str) -> None:
    assert letter.said(text) == words


def test_a_subject_is_the_same_in_every_reply() -> None:
    for marked in ("Offer", "Re: Offer", "RE: AW: Offer", "Fwd: Re[2]: Offer", "TR : Offer", "Re:Offer"):
        assert letter.subject_line(marked) == "Offer"
    assert letter.subject_line("Re: ") == "Re: "
    assert letter.subject_line("Rework of the roof") == "Rework of the roof"


async def test_a_mailbox_gives_a_part_a_message_and_passes_over_broken_ones(tmp_path: Path) -> None:
    (tmp_path / "all.mbox").write_bytes(
        b"From x Mon\n" + REPLY + b"\nFrom x Mon\n\n\nFrom y Mon\nSubject: Two\n\nBody.\n"
    )
    parts = await load(tmp_path / "all.mbox")
    assert [p.title for p in parts] == ["Re: Offer", "Two"]


def test_html_mail_is_read_without_markup_scripts_and_quotes() -> None:
    raw = b"Subject: Hi\nContent-Type: text/html\n\n<style>p{}</style><p>Dear <b>Ada</b></p><script>x()</script>"
    raw += b"<blockquote>old</blockquote>"
    text = mail.parse(raw).text
    assert "Dear" in text
    assert "Ada" in text
    assert not {"old", "x()", "p{}"} & set(text.split())


async def test_transcripts_have_speakers_and_times(tmp_path: Path) -> None:
    vtt = "WEBVTT\n\n1\n00:00:01.000 --> 00:00:03.000\n<v Ada>Hello there.\n\n00:01:00.500 --> 00:01:02.000\nBo: Hi.\n"
    (tmp_path / "call.vtt").write_text(vtt)
    (part,) = await load(tmp_path / "call.vtt")
    assert [(t.speaker, t.text) for t in part.turns] == [("Ada", "Hello there."), ("Bo", "Hi.")]
    assert part.turns[1].at - part.turns[0].at == 59_500


def test_whatsapp_exports_in_both_orders_of_day_and_month() -> None:
    text = "31/12/2024, 23:59 - Ada: Happy\nnew year\n01/01/2025, 00:01 - Bo: You too"
    turns = transcripts.whatsapp(text)
    assert [(t.speaker, t.text) for t in turns] == [("Ada", "Happy\nnew year"), ("Bo", "You too")]
    assert turns[1].at - turns[0].at == 120_000
    american = transcripts.whatsapp("[12/31/24, 11:59 PM] Ada: Hi\n[1/1/25, 12:01 AM] Bo: Ho")
    assert american[1].at - american[0].at == 120_000
    assert transcripts.is_whatsapp(text + "\n01/01/2025, 00:02 - Ada: x")


async def test_text_in_any_encoding_and_a_calendar(tmp_path: Path) -> None:
    for name, encoding in (("a.txt", "utf-8"), ("b.txt", "utf-16"), ("c.md", "cp1252")):
        (tmp_path / name).write_bytes("Käse für Zoë".encode(encoding))
        assert (await load(tmp_path / name))[0].text == "Käse für Zoë"
    (tmp_path / "c.ics").write_text(
        "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:1\nDTSTART:20250101T090000Z\nSUMMARY:Dentist\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    assert "Dentist" in (await load(tmp_path / "c.ics"))[0].text


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("empty.txt", b"", "is empty"),
        ("x.exe", b"MZ", "cannot be read yet"),
        ("fake.txt", b"\x7fELF" + b"\0" * 99, "not a text file"),
        ("fake.pdf", b"%PDF-1.7 nothing", "damaged"),
        ("fake.docx", b"PK\x03\x04nothing", "damaged"),
        ("no.ics", b"BEGIN:VCALENDAR\nEND:VCALENDAR\n", "no event"),
        ("mute.vtt", b"WEBVTT\n", "nothing said"),
    ],
)
async def test_what_cannot_be_read_ends_in_a_sentence(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NotReadable, match=says):
        await load(tmp_path / name)


async def test_a_zip_bomb_a_giant_and_a_slow_file_end_in_a_sentence(tmp_path: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("word/document.xml", "w") as entry:
        for _ in range(210):
            entry.write(b"\0" * 2**20)
    (tmp_path / "bomb.docx").write_bytes(bomb.getvalue())
    with pytest.raises(NotReadable, match="unpacks to more"):
        await load(tmp_path / "bomb.docx")
    with (tmp_path / "giant.txt").open("wb") as giant:
        giant.truncate(2**30)
    with pytest.raises(NotReadable, match="1024 MB"):
        await load(tmp_path / "giant.txt")
    (tmp_path / "slow.txt").write_text("x")
    with pytest.raises(NotReadable, match="given up"):
        await load(tmp_path / "slow.txt", seconds=0.001)
    with pytest.raises(NotReadable, match="not there"):
        await load(tmp_path / "missing.txt")


def test_a_thousand_fuzzed_mails_end_in_words_or_a_sentence() -> None:
    rng = random.Random(1)
    for _ in range(1_000):
        raw = bytearray(REPLY)
        for _ in range(rng.randint(1, 40)):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
        if rng.random() < 0.3:
            del raw[rng.randrange(len(raw)) :]
        with contextlib.suppress(NotReadable):
            assert isinstance(mail.parse(bytes(raw)).text, str)


@pytest.mark.parametrize("ending", sorted({*child.READERS, *child.SEVERAL} - {".zip"}))
def test_random_bytes_are_a_document_under_no_name(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"x{ending}"
    path.write_bytes(random.Random(ending).randbytes(20_000))
    with pytest.raises(Exception):  # noqa: B017  # any is a sentence of the reading process
        list(child.parts(path))


def test_a_mail_whose_body_is_no_text_is_kept_by_its_subject_and_that_is_said() -> None:
    part = mail.parse(b"Subject: the plan\r\n\r\n" + random.Random(1).randbytes(5_000))
    assert (part.title, part.text) == ("the plan", "")
    assert "only its headers were read" in part.lacks


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_end_in_words_or_a_sentence(raw: bytes) -> None:
    with contextlib.suppress(NotReadable):
        mail.parse(raw)
    transcripts.whatsapp(raw.decode("utf-8", "replace"))
    transcripts.cues(raw.decode("utf-8", "replace"), 0)


async def test_a_folder_is_taken_in_once_and_says_what_was_skipped(tmp_path: Path) -> None:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    memory = Memory(db, tmp_path / "index", WordEmbedder(), now=lambda: 1)
    await memory.open()
    folder = tmp_path / "in"
    (folder / ".hidden").mkdir(parents=True)
    (folder / ".hidden" / "x.txt").write_text("secret")
    (folder / "offer.eml").write_bytes(REPLY)
    (folder / "plan.md").write_text("# Plan\n\nThe launch is in May.")
    (folder / "x.bin").write_bytes(b"123")
    for _ in range(2):
        summary = await ingest(memory, [folder], now=1)
        assert summary.remembered == 2
        assert [Path(name).name for name, _ in summary.skipped] == ["x.bin"]
        assert (await memory.status()).documents == 2
    hit = (await memory.search("price", sources=("mail",)))[0]
    assert (hit.name, hit.dated.year) == ("Re: Offer", 2025)
    await memory.close()
    await db.close()


async def test_what_is_read_in_part_says_so(tmp_path: Path) -> None:
    file = tmp_path / "long.rst"
    file.write_text("word " * (CHARACTERS // 5 + 1))
    (part,) = await load(file)
    assert (len(part.text), part.lacks) == (CHARACTERS, "Only its first 5,000,000 characters were read.")
    file.write_text("a few words")
    assert (await load(file))[0].lacks == ""


def test_what_a_child_did_not_come_to_is_told_with_what_it_read() -> None:
    read = json.dumps({"part": Part("a", "words").to_json()}).encode()
    limit = json.dumps({"sentence": "Only the first 20000 messages were read."}).encode()
    end = json.dumps({"done": True}).encode()
    assert [p.lacks for p in _parts(Path("a.mbox"), b"\n".join((read, read, limit)))][1].startswith("Only the first")
    assert [p.lacks for p in _parts(Path("a.mbox"), read + b"\n" + read[:20])] == [
        "It was not read to its end: that takes too much memory or time."
    ]
    assert [p.lacks for p in _parts(Path("a.mbox"), read + b"\n" + end)] == [""]


def test_a_page_is_read_without_the_extra_that_reads_it_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    (tmp_path / "page.html").write_text(
        "<html><body><script>x</script><p>The plumber comes on Friday.</p></body></html>"
    )
    (part,) = child.parts(tmp_path / "page.html")
    assert part.text == "The plumber comes on Friday."
