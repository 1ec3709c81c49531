"""Signed assertions: Ed25519 over canonical JSON, checked when a fact is written and whenever it is read."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from knowledge.facts.words import Claim, Fact
from knowledge.ids import canonical

Issuers = Mapping[str, bytes]
"""Issuer's name → raw public key. Only named issuers are believed."""


def message(
    subject: str, predicate: str, value: str, valid_from: int | None, valid_to: int | None, issuer: str, nonce: str
) -> bytes:
    """The bytes that are signed."""
    body = {
        "subject": subject, "predicate": predicate, "value": value, "valid_from": valid_from, "valid_to": valid_to,
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
