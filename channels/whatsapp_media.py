"""What Steward sends as a file, Twilio fetches: one file an address, which is signed, secret, and void within the hour.

A file lies enciphered in the shelf, and its key stands in its address alone: neither the shelf without the address nor
the address without the shelf is worth anything. No SDK: the receiver serves what the speaker put there.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable
from pathlib import Path

from channels.base import Answer, Hook, RawRequest, Refused
from channels.whatsapp_access import MEDIA, WhatsAppAccess

LIFE_S = 3600
"""How long an address leads to its file: Twilio comes within seconds, after a jam within minutes."""

_KINDS = {"opus": "audio/ogg"}  # Twilio compares what a name ends in with what is served: OGG with Opus is `.opus`
_ADDRESS = re.compile(
    re.escape(MEDIA) + r"(?P<ends>[0-9]{10})/(?P<key>[0-9a-f]{32})/(?P<mac>[0-9a-f]{64})/(?P<name>[a-z]+\.[a-z0-9]+)"
)
_RANGE = re.compile(r"bytes=(?:(?P<first>[0-9]{1,15})-(?P<last>[0-9]{0,15})|-(?P<suffix>[0-9]{1,15}))")
_NOTHING = Refused(404, "There is no such file, or its hour is over.")
_HEADERS = {"accept-ranges": "bytes", "cache-control": "no-store", "x-content-type-options": "nosniff"}


def put(access: WhatsAppAccess, name: str, content: bytes, now: float) -> str:
    """Lay `content` into the shelf; the public address under which it can be fetched until an hour from `now`."""
    assert access.shelf is not None
    if name.rpartition(".")[2] not in _KINDS:
        raise ValueError(f"{name} is of no kind that is served")
    access.shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
    tidy(access.shelf, now)
    ends, key = int(now) + LIFE_S, secrets.token_bytes(16)
    path = _lies(access.shelf, ends, key)
    partial = path.with_suffix(".part")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(_sealed(key, name, content))
    partial.replace(path)  # whole before anybody can ask for it
    return f"{access.public_url.rstrip('/')}{MEDIA}{ends}/{key.hex()}/{_mac(access, ends, key, name)}/{name}"


def tidy(shelf: Path, now: float) -> None:
    """Take away what nobody can fetch any more."""
    for path in shelf.glob("[0-9]*-*"):
        if int(path.name.partition("-")[0]) < now:
            path.unlink(missing_ok=True)


def doors(access: WhatsAppAccess, clock: Callable[[], float] = time.time) -> dict[str, Hook]:
    """What may be fetched below which path. It reads a file, so it is asked in a thread."""
    return {MEDIA: lambda request: take(request, access, clock())} if access.shelf else {}


def take(request: RawRequest, access: WhatsAppAccess, now: float) -> Answer | Refused:
    """The file at an address of ours, whole or the one range that was asked for. Never raises.

    Nothing is looked for on the disk before the signature holds, and nothing outside the shelf can be named.
    """
    found = _ADDRESS.fullmatch(request.path)
    if request.method not in ("GET", "HEAD") or found is None or access.shelf is None:
        return _NOTHING
    ends, key, name = int(found["ends"]), bytes.fromhex(found["key"]), found["name"]
    if not hmac.compare_digest(_mac(access, ends, key, name), found["mac"]) or ends < now:
        return _NOTHING
    try:
        content = _opened(key, name, _lies(access.shelf, ends, key).read_bytes())
    except (OSError, ValueError):
        return _NOTHING
    return _part(content, _KINDS[name.rpartition(".")[2]], request)


def _part(content: bytes, kind: str, request: RawRequest) -> Answer:
    wanted = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if wanted is None or "if-range" in request.headers:  # nothing has a tag that a condition could name
        return Answer(200, content, kind, _HEADERS)
    if wanted["suffix"]:
        first, last = max(0, len(content) - int(wanted["suffix"])), len(content) - 1
    else:
        first, last = int(wanted["first"]), min(int(wanted["last"] or len(content)), len(content) - 1)
    if first > last:
        return Answer(416, b"", kind, _HEADERS | {"content-range": f"bytes */{len(content)}"})
    told = {"content-range": f"bytes {first}-{last}/{len(content)}"}
    return Answer(206, content[first : last + 1], kind, _HEADERS | told)


def _mac(access: WhatsAppAccess, ends: int, key: bytes, name: str) -> str:
    signed = f"steward: a file of WhatsApp\n{ends}\n{key.hex()}\n{name}"
    return hmac.new(access.auth_token.encode(), signed.encode(), hashlib.sha256).hexdigest()


def _lies(shelf: Path, ends: int, key: bytes) -> Path:
    return shelf / f"{ends}-{hashlib.sha256(key).hexdigest()[:32]}"


def _sealed(key: bytes, name: str, content: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(12)
    return nonce + AESGCM(key).encrypt(nonce, content, name.encode())


def _opened(key: bytes, name: str, sealed: bytes) -> bytes:
    """Raises ValueError when it is not what was put there."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], name.encode())
    except InvalidTag as broken:
        raise ValueError("damaged") from broken
