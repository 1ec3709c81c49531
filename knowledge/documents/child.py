"""Reads one file in a process of its own: `python -m knowledge.documents.child PATH`, parts as JSON lines on stdout.

It may eat its memory or time and be killed; the parent says a sentence then. Nothing here opens a socket.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from knowledge.documents import exports, mail, transcripts
from knowledge.documents.encoding import legible
from knowledge.documents.loaded import NotReadable, Part, PicturesOnly

MEMORY = 768 * 2**20  # bytes of address space
SECONDS = 20  # of computing
PAGES = 2_000
PICTURED = 40  # pages without a text that are looked at for pictures
CHARACTERS = 5_000_000  # of one part
MESSAGES = 20_000


def main(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it has nothing to write
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        for part in parts(path):
            if len(part.text) >= CHARACTERS and not part.lacks:
                part = replace(part, lacks=f"Only its first {CHARACTERS:,} characters were read.")  # noqa: PLW2901
            print(json.dumps({"part": part.to_json()}))
        print(json.dumps({"done": True}))
    except NotReadable as error:
        print(json.dumps({"sentence": str(error), "pictures": isinstance(error, PicturesOnly)}))
    except MemoryError:
        print(json.dumps({"sentence": "The file needs more memory than reading a file may take."}))
    except Exception as error:  # noqa: BLE001 - whatever a hostile file does to a parser is one sentence
        print(json.dumps({"sentence": f"The file is damaged or not what its name says ({type(error).__name__})."}))


def parts(path: Path) -> Iterator[Part]:
    """What is in a file, by its ending. Raises NotReadable, and whatever its parser raises."""
    ending = path.suffix.lower()
    if path.is_dir() or ending == ".mbox":
        for n, raw in enumerate(mail.messages(path)):
            if n >= MESSAGES:
                raise NotReadable(f"Only the first {MESSAGES} messages were read.")
            try:
                yield mail.parse(raw)
            except NotReadable:
                continue
        return
    if ending in SEVERAL:
        yield from SEVERAL[ending](path)
        return
    if ending not in READERS:
        raise NotReadable(f"Files that end in “{ending or path.name}” cannot be read yet.")
    yield READERS[ending](path)


def _json(path: Path) -> Iterator[Part]:
    """An export of Telegram, else a text like any other."""
    found = False
    try:
        body = json.loads(decode(path.read_bytes()))
    except (ValueError, RecursionError):
        body = None
    for part in exports.telegram_parts(body):
        found = True
        yield part
    if not found:
        yield _text(path)


def _contacts(path: Path) -> Iterator[Part]:
    found = list(exports.contacts(decode(path.read_bytes())))
    if not found:
        raise NotReadable("There is no contact with a name in this address book.")
    yield from found


def _text(path: Path) -> Part:
    raw = path.read_bytes()
    if raw[:4] in {b"\x7fELF", b"PK\x03\x04", b"%PDF"} or (
        raw[:2048].count(0) > 8 and not raw.startswith((b"\xff\xfe", b"\xfe\xff"))
    ):
        raise NotReadable("This is not a text file, whatever its name says.")
    text = decode(raw)
    if path.suffix.lower() == ".txt" and transcripts.is_whatsapp(text):
        turns = tuple(transcripts.whatsapp(text))
        return Part(path.stem, turns=turns, at=turns[0].at if turns else None)
    if path.suffix.lower() == ".txt" and transcripts.is_named(text):
        start = int(path.stat().st_mtime * 1000)
        return Part(path.stem, turns=tuple(transcripts.named(text[:CHARACTERS], start)), at=start)
    return Part(path.stem, text[:CHARACTERS])


def decode(raw: bytes) -> str:
    """Text in the encoding it says or seems to have."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", "replace")
    if not legible(text):
        raise NotReadable("What is in this file is no text.")
    return text


def _mail(path: Path) -> Part:
    return mail.parse(path.read_bytes())


def _cues(path: Path) -> Part:
    start = int(path.stat().st_mtime * 1000)
    turns = tuple(transcripts.cues(decode(path.read_bytes())[:CHARACTERS], start))
    if not turns:
        raise NotReadable("There is nothing said in this transcript.")
    return Part(path.stem, turns=turns, at=start)


def _html(path: Path) -> Part:
    html = decode(path.read_bytes())
    text = _article(html) or mail.html_text(html)
    if not text:
        raise NotReadable("There is no text on this page.")
    return Part(path.stem, text[:CHARACTERS])


def _article(html: str) -> str:
    """A page's main text as Markdown; nothing where there is none, or the extra `documents` is not installed."""
    try:
        import trafilatura
    except ImportError:
        return ""
    return trafilatura.extract(html, output_format="markdown") or ""


def _pdf(path: Path) -> Part:
    from pypdf import PdfReader

    reader = PdfReader(path)
    if reader.is_encrypted and not reader.decrypt(""):
        raise NotReadable("The PDF is locked with a password.")
    pages: list[str] = []
    lacks = ""
    for n, page in enumerate(reader.pages):
        if n >= PAGES or sum(map(len, pages)) > CHARACTERS:
            lacks = f"Only its first {n:,} of {len(reader.pages):,} pages were read."
            break
        pages.append(f"## Page {n + 1}\n\n{page.extract_text()}")
    text = "\n\n".join(pages)
    if not any(line.strip() and not line.startswith("## Page") for line in text.splitlines()):
        if not any(len(page.images) for page in reader.pages[:PICTURED]):
            raise NotReadable("There is neither text nor a picture in the PDF.")
        raise PicturesOnly("The PDF holds pictures only; there is no text in it.")
    title = reader.metadata.title if reader.metadata and reader.metadata.title else path.stem
    return Part(str(title), text[:CHARACTERS], lacks=lacks)


def _office(path: Path) -> Part:
    exports.opened(path).close()
    try:
        from markitdown import MarkItDown
    except ImportError as error:
        raise NotReadable("Word, Excel and PowerPoint need the extra: pip install 'steward[documents]'.") from error
    text = MarkItDown(enable_plugins=False).convert_local(str(path)).text_content
    if not text.strip():
        raise NotReadable("There is no text in this file.")
    return Part(path.stem, text[:CHARACTERS])


def _calendar(path: Path) -> Part:
    from icalendar import Calendar

    lines = []
    for event in Calendar.from_ical(decode(path.read_bytes())).walk("VEVENT"):
        start = event.decoded("dtstart", None)
        words = [str(event.get(name)) for name in ("summary", "location", "description") if event.get(name)]
        lines.append(f"- {start}: " + ", ".join(words))
    if not lines:
        raise NotReadable("There is no event in this calendar.")
    return Part(path.stem, "\n".join(lines)[:CHARACTERS])


SEVERAL: dict[str, Callable[[Path], Iterator[Part]]] = {
    ".zip": exports.archive_parts,
    ".json": _json,
    ".vcf": _contacts,
}
READERS: dict[str, Callable[[Path], Part]] = {
    **dict.fromkeys((".txt", ".md", ".markdown", ".rst", ".csv", ".log", ".org", ".yaml", ".yml", ".toml"), _text),
    **dict.fromkeys((".vtt", ".srt"), _cues),
    **dict.fromkeys((".html", ".htm", ".xhtml"), _html),
    **dict.fromkeys((".docx", ".xlsx", ".pptx"), _office),
    ".eml": _mail,
    ".pdf": _pdf,
    ".ics": _calendar,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
