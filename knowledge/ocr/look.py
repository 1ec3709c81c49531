"""From the bytes of a picture, or of a scanned PDF, to a document: decoded in a child, read, with what it came from."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from knowledge import doing
from knowledge.confined import SaidTooMuch, confined
from knowledge.documents.load import load
from knowledge.documents.loaded import NotReadable, Part, PicturesOnly
from knowledge.ocr.base import LARGEST, Page, PictureReader, PictureTrouble, is_picture
from knowledge.ocr.child import AT_ONCE, PAGES

_START = "from knowledge.ocr.child import main; main(*sys.argv[1:])"
_ANSWER = AT_ONCE * 12 * 2**20  # bytes a child may say
_PATIENCE_S = 90.0


@dataclass(frozen=True, slots=True)
class _Decoded:
    pages: list[Page]
    of: int


async def read(path: Path, reader: PictureReader) -> list[Part]:
    """The parts of any file: pictures and scanned PDFs through `reader`, all others as `load` does. Raises NotReadable."""
    if not is_picture(path.name):
        try:
            return await load(path)
        except PicturesOnly as only:
            if lacks := reader.lacks():
                raise NotReadable(f"{only} {lacks}") from None
            return [await look(_bytes(path), path.name, reader, what="pdf")]
    return [await look(_bytes(path), path.name, reader)]


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise NotReadable(f"{path.name} is not there or may not be read.") from error
    if len(data) > LARGEST:
        raise NotReadable(f"{path.name} has more than {LARGEST // 10**6} MB; larger pictures are not read.")
    if not data:
        raise NotReadable(f"{path.name} is empty.")
    return data


async def look(
    data: bytes, name: str, reader: PictureReader, *, caption: str = "", what: Literal["picture", "pdf"] = "picture"
) -> Part:
    """A picture as a document: `caption`, and the words that stand in it. Raises NotReadable when it is no picture.

    One that nobody can read, or that holds no words, is kept by its caption or name; `lacks` says why.
    """
    about = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": str(len(data))}
    try:
        if lacks := reader.lacks():
            raise PictureTrouble(lacks)
        texts, of, size = await _read_pages(data, reader, what)
        lacks = f"Only its first {PAGES} pages were read." if of > PAGES else ""
        about |= {"read by": reader.name, "pixels": size}
    except PictureTrouble as trouble:
        if what == "pdf":
            raise NotReadable(f"The PDF holds pictures only. {trouble}") from None
        texts, lacks = [], f"Its words could not be read. {trouble}"
    if not any(texts):
        if what == "pdf":
            raise NotReadable("The PDF holds pictures only, and no words were found in them.")
        lacks = lacks or "No words were found in it."
        lacks += f" It is kept by its {'caption' if caption else 'name'}."
    headed = texts if len(texts) == 1 else [f"## Page {n}\n\n{text}" for n, text in enumerate(texts, 1) if text]
    body = "\n\n".join(filter(None, (caption.strip(), *headed))) or name
    return Part(name, body, meta=about, lacks=lacks)


async def _read_pages(data: bytes, reader: PictureReader, what: str) -> tuple[list[str], int, str]:
    """The text of every page, how many pages there are, and the size of the first."""
    texts: list[str] = []
    size, of = "", 1
    while len(texts) < min(of, PAGES):
        decoded = await _decode(data, what, len(texts))
        of = decoded.of
        for page in decoded.pages:
            if of > 1:
                doing.far(len(texts), min(of, PAGES), "pages")
            size = size or f"{page.width}x{page.height}"
            texts.append((await reader.read(page)).replace("\x00", "").strip() if page.jpeg else "")
    return texts, of, size


async def _decode(data: bytes, what: str, first: int) -> _Decoded:
    """Some pages from `first` on, at least one. Raises NotReadable for what is no picture."""
    try:
        said = await confined(_START, what, str(first), data=data, most=_ANSWER, seconds=_PATIENCE_S)
    except TimeoutError as error:
        raise NotReadable("The picture took too long to open; it was given up.") from error
    except SaidTooMuch as error:
        raise NotReadable("The picture is larger than I can read.") from error
    of, pages = 1, []
    for line in said.splitlines():
        try:
            body: dict[str, Any] = json.loads(line)
        except ValueError:
            break  # the child was killed within a line
        if "sentence" in body:
            raise NotReadable(f"The picture could not be opened. {body['sentence']}")
        if "of" in body:
            of = int(body["of"])
        elif "jpeg" in body:
            pages.append(Page(base64.b64decode(body["jpeg"]), int(body.get("width", 0)), int(body.get("height", 0))))
    if not pages:
        raise NotReadable("The picture could not be opened within the memory and time that a picture may take.")
    return _Decoded(pages, of)
