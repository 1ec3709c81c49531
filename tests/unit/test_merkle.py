"""The tree against the published vectors of RFC 6962, and every proof against every place in small trees."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge import merkle
from knowledge.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash, root_of

# The test vectors of the Certificate Transparency reference implementation (merkle_tree_test.cc, Apache-2.0).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(str(n).encode()) for n in range(count)]


def recursive(hashes: list[bytes]) -> bytes:
    """MTH as the RFC writes it down."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + recursive(hashes[:k]) + recursive(hashes[k:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert root_of(leaf_hash(bytes.fromhex(one)) for one in INPUTS[:size]).hex() == ROOTS[size - 1]


@given(st.integers(0, 300))
def test_the_frontier_is_the_rfcs_definition(size: int) -> None:
    assert root_of(leaves(size)) == recursive(leaves(size))


def test_every_inclusion_proof_up_to_thirty_three_records_holds_and_holds_nowhere_else() -> None:
    for size in range(1, 34):
        every = leaves(size)
        root = root_of(every)
        for index in range(size):
            proof = inclusion_proof(every, index)
            assert merkle.verify_inclusion(index, size, every[index], proof, root)
            for other in range(size):
                if other != index:
                    assert not merkle.verify_inclusion(other, size, every[index], proof, root)
            assert not merkle.verify_inclusion(index, size, leaf_hash(b"forged"), proof, root)
            assert not merkle.verify_inclusion(index, size, every[index], [*proof, root], root)
            if proof:
                assert not merkle.verify_inclusion(index, size, every[index], proof[:-1], root)


def test_every_consistency_proof_up_to_thirty_three_records_holds_and_a_changed_past_does_not() -> None:
    for size in range(1, 34):
        every = leaves(size)
        root = root_of(every)
        for old in range(1, size + 1):
            proof, before = consistency_proof(every, old), root_of(every[:old])
            assert merkle.verify_consistency(old, size, before, root, proof), (old, size)
            forged = root_of([leaf_hash(b"forged"), *every[1:old]])
            assert not merkle.verify_consistency(old, size, forged, root, proof)
            if proof:
                assert not merkle.verify_consistency(old, size, before, root, proof[:-1])
                flipped = [bytes([proof[0][0] ^ 1]) + proof[0][1:], *proof[1:]]
                assert not merkle.verify_consistency(old, size, before, root, flipped)


def test_nothing_is_proved_about_places_outside_the_tree() -> None:
    assert not merkle.verify_inclusion(3, 3, leaves(1)[0], [], leaves(1)[0])
    assert not merkle.verify_inclusion(-1, 3, leaves(1)[0], [], leaves(1)[0])
    assert not merkle.verify_consistency(0, 3, merkle.EMPTY, root_of(leaves(3)), [])
    assert not merkle.verify_consistency(4, 3, merkle.EMPTY, root_of(leaves(3)), [])
    for bad in (-1, 3):
        with pytest.raises(IndexError):
            inclusion_proof(leaves(3), bad)
    for bad in (0, 4):
        with pytest.raises(IndexError):
            consistency_proof(leaves(3), bad)


def test_a_proof_in_a_big_tree_is_seventeen_hashes() -> None:
    every = leaves(100_000)
    assert len(inclusion_proof(every, 4711)) == 17
    tree = Frontier()
    for leaf in every:
        tree.add(leaf)
    assert len(tree.peaks) <= 17
