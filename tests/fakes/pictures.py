"""Pictures made on the spot, and a reader of pictures that says what it is told to."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from knowledge.ocr.base import Page, PictureTrouble

SECRET = "PX-SECRETCAM"
"""What the camera wrote beside the pixels of a `picture` with `turned`: its name, a place, a comment."""


def sheet(words: str, size: tuple[int, int] = (1200, 500), letters: int = 44) -> Any:
    """A white sheet with black words. Skips the test where Pillow (extra `pictures`) is not installed."""
    made = pytest.importorskip("PIL.Image", reason="the extra `pictures` is not installed: no picture is tested")
    from PIL import ImageDraw, ImageFont

    image = made.new("L", size, 255)
    ImageDraw.Draw(image).multiline_text((40, 40), words, fill=0, font=ImageFont.load_default(letters), spacing=16)
    return image


def picture(words: str, form: str = "PNG", *, turned: bool = False) -> bytes:
    """The sheet as a file. `turned`: lying on its side, with a note of the camera (EXIF) that says so, and more."""
    image, more = sheet(words), {}
    if turned:
        from PIL import Image

        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = 6, SECRET
        exif.get_ifd(0x8825)[1] = "N"
        exif.get_ifd(0x8825)[2] = (47.0, 22.0, 33.0)
        image, more = image.rotate(90, expand=True), {"exif": exif, "comment": SECRET.encode()}
    out = io.BytesIO()
    image.save(out, form, **more)
    return out.getvalue()


def scan(*pages: str, size: tuple[int, int] = (1200, 500)) -> bytes:
    """A PDF that holds nothing but pictures, a page each."""
    first, *others = [sheet(words, size) for words in pages]
    out = io.BytesIO()
    first.save(out, "PDF", save_all=True, append_images=others, resolution=200)
    return out.getvalue()


@dataclass
class ToldReader:
    """`says` what it reads, page by page, or fails with it; `seen` are the pages. It may lack something."""

    says: Sequence[str | PictureTrouble] = ()
    lack: str = ""
    name: str = "told"
    seen: list[Page] = field(default_factory=list)

    async def read(self, page: Page) -> str:
        self.seen.append(page)
        said = self.says[(len(self.seen) - 1) % len(self.says)] if self.says else ""
        if isinstance(said, PictureTrouble):
            raise said
        return said

    def lacks(self) -> str:
        return self.lack
