"""Twilio's webhook signatures in all published variants, on raw bytes: form, JSON by body hash, SHA-1 and SHA-256."""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qs, unquote_to_bytes, urlsplit

_ALGORITHMS = {"HMAC_SHA1": hashlib.sha1, "HMAC_SHA256": hashlib.sha256}


def algorithm(settings: str) -> str:
    """The algorithm that the X-Twilio-Webhooks-Signature-Settings header names; SHA-1 where it names none."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def is_signed(url: str, body: bytes, form: bool, signature: str, key: str, name: str = "HMAC_SHA1") -> bool:
    """Whether Twilio signed this body for `url` (the public one, with its query). Never raises, whatever the bytes.

    All parameters take part, unknown and empty ones too, and nothing is trimmed. A body that is no form counts by the
    hash in the query. Twilio is not consistent about ports, so the address is tried with and without.
    """
    hashed = _ALGORITHMS.get(name)
    if hashed is None or not key or not signature.isascii():
        return False
    parts = urlsplit(url)
    told = parse_qs(parts.query).get("bodySHA256")
    if form:
        signed = _sorted_parameters(body)
    elif told and hmac.compare_digest(hashlib.sha256(body).hexdigest(), told[0].encode("ascii", "replace").decode()):
        signed = b""
    elif body:
        return False
    else:
        signed = b""
    made = (
        base64.b64encode(hmac.new(key.encode(), address.encode() + signed, hashed).digest()).decode()
        for address in _with_and_without_port(url)
    )
    return sum(hmac.compare_digest(one, signature) for one in made) > 0


def _sorted_parameters(body: bytes) -> bytes:
    return b"".join(name + value for name, value in sorted(set(parameters(body))))


def parameters(body: bytes) -> list[tuple[bytes, bytes]]:
    """The names and values of a form, in order, as bytes: values may be in no encoding at all."""
    pairs = (pair.partition(b"=") for pair in body.replace(b"+", b" ").split(b"&") if pair)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]


def _with_and_without_port(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    bare, _, port = host.partition(":")
    usual = "443" if parts.scheme == "https" else "80"
    return parts._replace(netloc=f"{bare}:{port or usual}").geturl(), parts._replace(netloc=bare).geturl()
