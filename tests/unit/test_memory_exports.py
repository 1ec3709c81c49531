"""Exports of other programs become talks, pages and contacts; what is none of them ends in a sentence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from knowledge.documents.load import load
from knowledge.documents.loaded import NotReadable
from knowledge.documents.transcripts import is_named, named

pytestmark = pytest.mark.slow


def zipped(path: Path, files: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return path


async def test_a_slack_export_is_a_talk_a_channel_with_names_for_ids(tmp_path: Path) -> None:
    messages = [
        {"type": "message", "user": "U1", "text": "Hi <@U2>, see <https://x.org|plan> &amp; tell", "ts": "1767261600.0001"},
        {"type": "message", "subtype": "channel_join", "user": "U2", "text": "joined", "ts": "1767261601.0"},
        {"type": "message", "user": "U2", "text": "Done", "ts": "1767261660.0"}, {"text": "no time", "ts": "x"}, "odd",
    ]  # fmt: skip
    users = [{"id": "U1", "profile": {"real_name": "Ada"}}, {"id": "U2", "name": "bo", "profile": None}]
    files = {
        "users.json": json.dumps(users), "channels.json": "[]", "general/2026-01-01.json": json.dumps(messages),
        "general/2026-01-02.json": "[]",
    }  # fmt: skip
    (part,) = await load(zipped(tmp_path / "slack.zip", files))  # type: ignore[arg-type]
    assert (part.title, part.at) == ("#general", 1_767_261_600_000)
    assert [(t.speaker, t.text) for t in part.turns] == [("Ada", "Hi bo, see plan & tell"), ("bo", "Done")]


async def test_a_notion_export_is_a_document_a_page_also_from_an_archive_within(tmp_path: Path) -> None:
    page = f"Home {'a' * 32}/Plan {'b' * 32}.md"
    inner = zipped(tmp_path / "inner.zip", {page: "# Plan\n\nLaunch in May.", "x.png": b"\x89PNG"})
    outer = zipped(tmp_path / "notion.zip", {"Export-Part-1.zip": inner.read_bytes()})
    (part,) = await load(outer)
    assert (part.title, part.text) == ("Home › Plan", "# Plan\n\nLaunch in May.")


async def test_telegram_exports_of_one_chat_and_of_all(tmp_path: Path) -> None:
    said = [
        {
            "type": "message",
            "date": "2026-01-01T10:00:00",
            "date_unixtime": "1767258000",
            "from": "Ada",
            "text": "Hello",
        },
        {"type": "service", "date": "2026-01-01T10:00:01", "text": "x"},
        {
            "type": "message",
            "date": "2026-01-01T10:01:00",
            "from": None,
            "text": ["See ", {"type": "link", "text": "x.org"}],
        },
    ]
    chat = {"name": "Ada", "id": 7, "messages": said}
    (tmp_path / "result.json").write_text(json.dumps(chat))
    (tmp_path / "all.json").write_text(json.dumps({"chats": {"list": [chat, {"messages": "odd"}, 3]}}))
    for name in ("result.json", "all.json"):
        (part,) = await load(tmp_path / name)
        assert part.title == "Ada"
        assert [(t.speaker, t.text) for t in part.turns] == [("Ada", "Hello"), ("", "See x.org")]
    (tmp_path / "plain.json").write_text('{"a": 1}')
    assert (await load(tmp_path / "plain.json"))[0].text == '{"a": 1}'


async def test_contacts_are_sentences_that_facts_can_be_made_of(tmp_path: Path) -> None:
    (tmp_path / "book.vcf").write_text(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada Lovelace\r\nitem1.TEL;TYPE=CELL:+44 20 1234\r\nEMAIL:ada@exam\r\n ple.org\r\n"
        "ORG:Analytical\\, Ltd;Engines\r\nNOTE:met in\\nLondon\r\nEND:VCARD\r\n"
        "BEGIN:VCARD\r\nVERSION:2.1\r\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:J=C3=BCrg\r\nTEL:1234567\r\nEND:VCARD\r\n"
        "BEGIN:VCARD\r\nTEL:1\r\nEND:VCARD\r\n"
    )
    ada, juerg = await load(tmp_path / "book.vcf")
    assert "Ada Lovelace's phone number is +44 20 1234" in ada.text
    assert "Ada Lovelace's email is ada@example.org" in ada.text
    assert "employer is Analytical, Ltd, Engines" in ada.text
    assert "met in London" in ada.text
    assert juerg.title == "Jürg"


async def test_a_plain_transcript_has_speakers_and_prose_has_none(tmp_path: Path) -> None:
    text = "[00:00:05] Ada: Shall we?\n[00:01:00] Bo: Yes.\nand then?\nAda: Now.\nBo: Good.\n"
    (tmp_path / "call.txt").write_text(text)
    (part,) = await load(tmp_path / "call.txt")
    assert [(t.speaker, t.text) for t in part.turns][:2] == [("Ada", "Shall we?"), ("Bo", "Yes.\nand then?")]
    assert part.turns[1].at - part.turns[0].at == 55_000
    assert not is_named("Shopping:\nTo do: milk\nPlan: none\nOther: x\nMore: y")
    assert named("", 0) == []


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"a.txt": "hello"}, "Slack, Notion and WhatsApp"),
        ({"users.json": "{", "channels.json": "[]"}, "damaged"),
        ({}, "Slack, Notion and WhatsApp"),
    ],
)
async def test_other_archives_end_in_a_sentence(tmp_path: Path, files: dict[str, str | bytes], says: str) -> None:
    with pytest.raises(NotReadable, match=says):
        await load(zipped(tmp_path / "x.zip", files))


async def test_bombs_within_bombs_and_a_pdf_of_ten_thousand_pages_end(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "bomb.zip", {f"{n}.md": b"\0" * (30 * 2**20) for n in range(7)})
    with pytest.raises(NotReadable, match="unpacks to more"):
        await load(bomb)
    nested = zipped(tmp_path / "nested.zip", {"inner.zip": bomb.read_bytes()})
    with pytest.raises(NotReadable, match="unpacks to more"):
        await load(nested)
    from pypdf import PdfWriter

    writer = PdfWriter()
    for _ in range(10_000):
        writer.add_blank_page(72, 72)
    writer.write(tmp_path / "long.pdf")
    with pytest.raises(NotReadable, match=r"neither text nor a picture|within the memory and time"):
        await load(tmp_path / "long.pdf")


async def test_mails_without_an_id_do_not_replace_each_other(tmp_path: Path) -> None:
    (tmp_path / "all.mbox").write_bytes(b"From x Mon\nSubject: One\n\nA\n\nFrom x Mon\nSubject: Two\n\nB\n")
    parts = await load(tmp_path / "all.mbox")
    assert len({p.key for p in parts}) == 2
    assert all(p.key for p in parts)
