"""The child that touches pictures: `picture` or `pdf` decodes bytes on stdin, `tesseract` becomes that program.

Strangers make pictures, and decoders are C: this process has no environment, no socket and little memory, writes nothing
and may die; the parent says a sentence then. Only here is Pillow imported.
"""

from __future__ import annotations

import base64
import io
import json
import os
import resource
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

MEMORY = 768 * 2**20  # bytes of address space
SECONDS = {"picture": 30, "pdf": 60, "tesseract": 120}  # of computing
AT_ONCE = 8  # pages that one child decodes
PAGES = 40  # of one file
PIXELS = 120_000_000
LONGEST = 3_600  # pixels of a side that a reader sees: A4 at 300 dots an inch
SMALL = 1_000  # a picture below that is shown twice as large: letters of ten pixels are misread
LEAST = 20  # pixels of a side
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "MPO")
_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")


class Unable(Exception):
    """What is said to the principal instead of a picture."""


def main(what: str, *options: str) -> None:
    """Do `what` once; each page is a line of JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS[what], SECONDS[what]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if what == "tesseract":
        program, *rest = options
        os.execve(program, ["tesseract", "stdin", "stdout", *rest], {"PATH": os.defpath, "OMP_THREAD_LIMIT": "1"})
    try:
        data, first = sys.stdin.buffer.read(), int(options[0])
        for body in (pdf if what == "pdf" else picture)(data, first):
            print(json.dumps(body))
        print(json.dumps({"done": True}))
    except Unable as unable:
        print(json.dumps({"sentence": str(unable)}))
    except MemoryError:
        print(json.dumps({"sentence": "It needs more memory than a picture may take."}))
    except Exception as error:  # noqa: BLE001 - whatever a hostile file does to a decoder is one sentence
        print(json.dumps({"sentence": f"It is damaged or no picture that I can read ({type(error).__name__})."}))


def picture(data: bytes, first: int) -> Iterator[dict[str, object]]:
    """Some pages of a picture from `first` on: a TIFF of a scanner has several, all others count as one."""
    from PIL import Image, UnidentifiedImageError

    if data[4:8] == b"ftyp" and data[8:12] in _BRANDS:
        raise Unable("It is a HEIC or AVIF picture, which I can't read; send it as JPEG or PNG.")
    Image.MAX_IMAGE_PIXELS = None  # counted here, before a pixel is decoded
    try:
        opened = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise Unable("It is no picture that I can read; JPEG, PNG, WebP, GIF, TIFF and BMP are.") from None
    count = min(getattr(opened, "n_frames", 1), PAGES + 1) if opened.format == "TIFF" else 1
    yield {"of": count}
    for n in range(first, min(count, PAGES, first + AT_ONCE)):
        if n:
            opened.seek(n)
        yield _page(opened)


def pdf(data: bytes, first: int) -> Iterator[dict[str, object]]:
    """The largest picture of some pages of a PDF from `first` on; a page without one is an empty page."""
    from PIL import Image
    from pypdf import PdfReader

    Image.MAX_IMAGE_PIXELS = PIXELS // 2  # Pillow refuses twice as many by itself, and pypdf decodes through it
    reader = PdfReader(io.BytesIO(data))
    count = min(len(reader.pages), PAGES + 1)
    yield {"of": count}
    for n in range(first, min(count, PAGES, first + AT_ONCE)):
        try:
            found = [one.image for one in reader.pages[n].images]
            largest = max((image for image in found if image is not None), key=_area)
            turned = reader.pages[n].rotation % 360
            yield _page(largest.rotate(-turned, expand=True) if turned else largest)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001 - no picture on it, or one in a form that nobody here decodes
            yield {"jpeg": ""}


def _area(image: Image) -> int:
    return image.width * image.height


def _page(image: Image) -> dict[str, object]:
    """The picture as a reader gets it: upright, gray on white, of bearable size, its pixels and nothing else."""
    from PIL import Image as Made
    from PIL import ImageOps

    if _area(image) > PIXELS:
        raise Unable(f"It has {_area(image) / 1e6:,.0f} million pixels; I take at most {PIXELS // 10**6}.")
    if min(image.size) < LEAST:
        raise Unable("It is too small to hold words.")
    image.draft("L", (LONGEST, LONGEST))  # of a JPEG, fewer pixels are decoded at all
    try:
        upright = ImageOps.exif_transpose(image)
    except Exception:  # noqa: BLE001 - what a camera wrote beside the picture may be broken, the picture is not
        upright = image
    if upright.mode.startswith("I"):
        upright = upright.point(lambda value: value * (1 / 256)).convert("L")  # 16 bits of a scanner
    elif upright.mode in ("P", "PA", "LA", "RGBA"):
        upright = upright.convert("RGBA")
    elif upright.mode != "L":
        upright = upright.convert("L")
    if max(upright.size) > LONGEST:
        upright.thumbnail((LONGEST, LONGEST))
    elif max(upright.size) < SMALL:
        upright = upright.resize((upright.width * 2, upright.height * 2), Made.Resampling.LANCZOS)
    clean = Made.new("L", upright.size, 255)
    clean.paste(upright.convert("L"), mask=upright.getchannel("A") if upright.mode == "RGBA" else None)
    out = io.BytesIO()
    clean.save(out, "JPEG", quality=90)
    jpeg = base64.b64encode(out.getvalue()).decode()
    return {"jpeg": jpeg, "width": clean.width, "height": clean.height}
