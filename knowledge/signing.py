"""The key that signs the ledger's checkpoints, and the signed-note form in which they travel (c2sp.org/signed-note)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from knowledge.keys import KeyTrouble, seed_of

_ED25519: Final = b"\x01"
_NOTE = re.compile(
    r"^[>\s]*(?P<origin>steward/[a-z0-9]{1,32})[ \t\r]*\n[>\s]*(?P<size>\d{1,15})[ \t\r]*\n"
    r"[>\s]*(?P<root>[A-Za-z0-9+/]{43}=)[ \t\r]*\n[>\s]*— (?P=origin) (?P<seal>[A-Za-z0-9+/]{90,92}={0,2})",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How the ledger stood: this many records, this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class PublicKey:
    """Verifies notes. Its string form (`steward/x+1a2b3c4d+AX…`) is all that an auditor needs."""

    def __init__(self, origin: str, raw: bytes) -> None:
        self.origin, self.raw = origin, raw
        self._key = Ed25519PublicKey.from_public_bytes(raw)
        self.id = hashlib.sha256(origin.encode() + b"\n" + _ED25519 + raw).digest()[:4]

    def __str__(self) -> str:
        return f"{self.origin}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.raw).decode()}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """Raises ValueError when it is not the string form of a public key."""
        origin, hint, body = [*text.strip().split("+", 2), "", ""][:3]
        raw = base64.b64decode(body, validate=True)
        if len(raw) != 33 or raw[:1] != _ED25519:
            raise ValueError("this is no Ed25519 public key of a ledger")
        key = cls(origin, raw[1:])
        if key.id.hex() != hint:
            raise ValueError("the public key does not fit its own name")
        return key

    def genuine(self, checkpoint: Checkpoint, seal: str) -> bool:
        try:
            body = base64.b64decode(seal, validate=True)
            if body[:4] != self.id or checkpoint.origin != self.origin:
                return False
            self._key.verify(body[4:], checkpoint.text().encode())
        except (InvalidSignature, binascii.Error):
            return False
        return True


class SigningKey:
    """Signs checkpoints. Never serialised, never shown."""

    def __init__(self, seed: bytes) -> None:
        """From 32 secret bytes. The origin names the key, not the machine."""
        if len(seed) != 32:
            raise KeyTrouble(KeyTrouble.__doc__)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        raw = self._key.public_key().public_bytes_raw()
        self.public = PublicKey(f"steward/{hashlib.sha256(raw).hexdigest()[:10]}", raw)

    def __repr__(self) -> str:
        return f"SigningKey({self.public.origin})"

    def __reduce__(self) -> str:
        raise TypeError("a signing key is never serialised")

    def sign(self, size: int, root: bytes) -> str:
        """The signed note of a checkpoint: about 200 characters, made to be sent to a chat and pasted back."""
        checkpoint = Checkpoint(self.public.origin, size, root)
        text = checkpoint.text()
        seal = base64.b64encode(self.public.id + self._key.sign(text.encode())).decode()
        return f"{text}\n— {checkpoint.origin} {seal}\n"

    @classmethod
    def of_home(cls, home: Path) -> SigningKey:
        """The key of this home, made when there is none. Raises `KeyTrouble`."""
        return cls(seed_of(home))


def notes_in(text: str) -> Iterator[tuple[Checkpoint, str]]:
    """Every checkpoint with its seal in any text: a chat export, a mail, a backup. Whether it is genuine the key says."""
    for found in _NOTE.finditer(text):
        yield Checkpoint(found["origin"], int(found["size"]), base64.b64decode(found["root"])), found["seal"]
