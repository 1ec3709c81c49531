"""Signed assertions: Ed25519 over canonical JSON, checked when a fact is written and whenever it is read."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from knowledge.facts.words import Claim, Evidence, Fact, key
from knowledge.ids import canonical
from knowledge.walls import PRINCIPAL, labelled

ENDING = ".assertions.json"
"""Of a file in which another system asserts facts."""

LONGEST = 2_000_000  # bytes of such a file
_TEXTS = ("subject", "predicate", "value", "issuer", "nonce", "signature")

Issuers = Mapping[str, bytes]
"""Issuer's name → raw public key. Only named issuers are believed."""


def message(
    subject: str, predicate: str, value: str, valid_from: int | None, valid_to: int | None, issuer: str, nonce: str
) -> bytes:
    """The bytes that are signed: canonical JSON (RFC 8785), subject and predicate folded to lower case."""
    body = {
        "subject": key(subject), "predicate": key(predicate), "value": value, "valid_from": valid_from, "valid_to": valid_to,
        "issuer": issuer, "nonce": nonce,
    }  # fmt: skip
    return canonical(body).encode()


def sign(claim: Claim, issuer: str, nonce: str, private_key: bytes) -> Claim:
    """The claim as `issuer` asserts it. `valid_from` has to be given, since it is signed."""
    if claim.valid_from is None:
        raise ValueError("an assertion says since when it is true")
    text = message(claim.subject, claim.predicate, claim.value, claim.valid_from, claim.valid_to, issuer, nonce)
    seal = base64.b64encode(Ed25519PrivateKey.from_private_bytes(private_key).sign(text)).decode()
    return dataclasses.replace(claim, authority="signed", issuer=issuer, nonce=nonce, signature=seal)


def genuine(said: Claim | Fact, issuers: Issuers, *, valid_to: int | None = None) -> bool:
    """Whether the named issuer signed exactly this. `valid_to` is the end as signed (a later fact may have closed it)."""
    public = issuers.get(said.issuer)
    if public is None or not said.signature:
        return False
    text = message(said.subject, said.predicate, said.value, said.valid_from, valid_to, said.issuer, said.nonce)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(said.signature, validate=True), text)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


class NotAsserted(Exception):
    """The file is no list of signed assertions: {"assertions": [{"subject", "predicate", "value", "valid_from", …}]}."""


def claims(raw: bytes) -> list[Claim]:
    """What a file asserts, unchecked: `genuine` decides. Raises `NotAsserted`, whatever the bytes are."""
    try:
        found = json.loads(raw)["assertions"] if len(raw) <= LONGEST else None
    except (ValueError, KeyError, TypeError, RecursionError):
        found = None
    if not isinstance(found, list):
        raise NotAsserted(NotAsserted.__doc__)
    return [_claim(one) for one in found]


def public_keys(written: Mapping[str, str]) -> dict[str, bytes]:
    """Issuer → raw key, of what an operator wrote in base64. Raises ValueError with a sentence."""
    keys = {}
    for issuer, text in written.items():
        try:
            raw = base64.b64decode(text, validate=True)
            Ed25519PublicKey.from_public_bytes(raw)
        except (binascii.Error, ValueError):
            raise ValueError(f"the key of the issuer {issuer} is no Ed25519 public key in base64 (32 bytes)") from None
        keys[issuer] = raw
    return keys


def _claim(body: Any) -> Claim:
    if not isinstance(body, dict):
        raise NotAsserted(NotAsserted.__doc__)
    subject, predicate, value, issuer, nonce, signature = (body.get(name, "") for name in _TEXTS)
    since, until = body.get("valid_from"), body.get("valid_to")
    named = all(isinstance(text, str) for text in (subject, predicate, value, issuer, nonce, signature)) and subject
    if not named or not all(at is None or (type(at) is int and abs(at) < 2**53) for at in (since, until)):
        raise NotAsserted(NotAsserted.__doc__)
    quote = f"{issuer} asserts: {subject}, {predicate}: {value}"
    return Claim(
        subject, predicate, value, "signed", since, until, readers=labelled((PRINCIPAL,), quote),
        evidence=(Evidence(0, 0, quote),), issuer=issuer, nonce=nonce, signature=signature,
    )  # fmt: skip
