"""The words of reading pictures: a page that has been decoded, what reads it, and the one sentence when that fails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

ENDINGS = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".heic", ".heif", ".avif"))
LARGEST = 25_000_000
"""Bytes of one picture."""


class PictureTrouble(Exception):
    """Why a picture did not become words: one plain sentence for the principal."""


@dataclass(frozen=True, slots=True)
class Page:
    """One decoded picture: `jpeg` is gray, upright, and free of all that the file told beside its pixels."""

    jpeg: bytes
    width: int
    height: int


class PictureReader(Protocol):
    """Gives a picture its words. `name` stands with every document that it read."""

    name: str

    async def read(self, page: Page) -> str: ...  # raises PictureTrouble; empty when there are no words in it
    def lacks(self) -> str: ...  # what has to be done before it can work, one sentence; empty when nothing


def is_picture(name: str, mime: str = "") -> bool:
    """By its ending, else by the kind that a platform gives it."""
    return Path(name).suffix.lower() in ENDINGS or (mime.startswith("image/") and "svg" not in mime)
