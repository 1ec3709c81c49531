"""Ids and hashes: short random ids, canonical JSON and the digest an approval binds to."""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import Any

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def random_id(length: int = 10) -> str:
    """An unguessable id of `length` characters (5 bits each), safe in URLs, file names and button data."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def canonical(value: Any) -> str:
    """JSON with sorted keys, no spaces and no escapes: equal values give equal bytes (RFC 8785 for our types: no floats)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 (hex) over the canonical JSON of `value`."""
    return hashlib.sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()
