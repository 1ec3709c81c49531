"""Facts as conversations: supersession, late news, contradiction, `as of`, time to live, injection, signatures."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from knowledge.database.engine import Database
from knowledge.database.schema import metadata
from knowledge.database.schema_memory import fact
from knowledge.facts import store
from knowledge.facts.assertion import NotAsserted, claims, genuine, public_keys, sign
from knowledge.facts.store import Told
from knowledge.facts.words import AUTHORITIES, DAY, Authority, Claim, Evidence, norm, shared_readers, stronger

JANUARY, MARCH, MAY, JULY = 0, 60 * DAY, 120 * DAY, 180 * DAY
ME = ("principal",)


class Facts:
    """A play's stage: tells and asks on given days."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.ids = count(1)
        self.issuers: dict[str, bytes] = {}

    def id(self) -> str:
        return f"f{next(self.ids)}"

    async def told(
        self, value: str, *, on: int, by: Authority = "principal", what: str = "phone", **more: object
    ) -> Told:
        claim = Claim("the accountant", what, value, by, **more)  # type: ignore[arg-type]
        return await self.claim(claim, on=on)

    async def claim(self, claim: Claim, *, on: int) -> Told:
        async with self.db.write() as tx:
            return await store.tell(tx, claim, now=on, new_id=self.id, issuers=self.issuers)

    async def known(self, *, on: int, what: str = "phone", readers: tuple[str, ...] = ME, **when: int) -> list[str]:
        async with self.db.read() as tx:
            found = await store.about(
                tx,
                "Accountant",
                what,
                readers=readers,
                now=on,
                issuers=self.issuers,
                **when,  # type: ignore[arg-type]
            )
        return [f.value for f in found]

    async def asks(self, *, on: int) -> list[tuple[str, str | None]]:
        async with self.db.write() as tx:
            return [(f.value, a.value if a else None) for f, a in await store.questions(tx, readers=ME, now=on)]


@pytest.fixture
async def facts(tmp_path: Path) -> AsyncIterator[Facts]:
    db = Database(tmp_path / "steward.db")
    async with db.write() as tx:
        await tx.run_sync(metadata.create_all)
    yield Facts(db)
    await db.close()


async def test_a_new_value_ends_the_old_one_and_both_can_be_asked_for(facts: Facts) -> None:
    assert (await facts.told("0123 456", on=JANUARY)).effect == "new"
    assert (await facts.told("0999 888", on=MARCH)).effect == "supersedes"
    assert await facts.known(on=MAY) == ["0999 888"]
    assert await facts.known(on=MAY, valid_at=JANUARY + DAY) == ["0123 456"]
    assert await facts.known(on=MAY, known_at=JANUARY + DAY) == ["0123 456"]  # what we thought then about today


async def test_the_same_again_in_other_clothes_changes_nothing(facts: Facts) -> None:
    await facts.told("0123 456", on=JANUARY)
    assert (await facts.told("0123-456", on=MARCH)).effect == "same"
    assert (await facts.told("0123/456", on=MARCH, by="web")).effect == "same"
    assert await facts.known(on=MAY) == ["0123 456"]
    assert await facts.asks(on=MAY) == []


async def test_late_news_about_the_past_fill_the_past_and_leave_the_present(facts: Facts) -> None:
    await facts.told("new office", on=MARCH, what="address", valid_from=MARCH)
    assert (await facts.told("old office", on=MAY, what="address", valid_from=JANUARY)).effect == "late"
    assert await facts.known(on=JULY, what="address") == ["new office"]
    assert await facts.known(on=JULY, what="address", valid_at=JANUARY + DAY) == ["old office"]
    assert await facts.known(on=JULY, what="address", valid_at=JANUARY + DAY, known_at=MARCH + DAY) == []


async def test_a_weaker_word_never_closes_a_stronger_one_and_is_asked_about_once(facts: Facts) -> None:
    await facts.told("0123 456", on=JANUARY)
    assert (await facts.told("0666 666", on=MARCH, by="structured")).effect == "contested"
    assert await facts.known(on=MARCH) == ["0123 456"]
    assert await facts.asks(on=MARCH) == [("0666 666", "0123 456")]
    await facts.told("0666 666", on=MAY, by="structured")
    assert await facts.asks(on=MAY) == []


async def test_mail_that_names_a_new_account_makes_a_question_and_no_fact(facts: Facts) -> None:
    mail = Evidence(document=7, chunk=9, quote="Our new account is DE00 6666.")
    claim = Claim("supplier", "account", "DE00 6666", "document", readers=ME, evidence=(mail,))
    told = await facts.claim(claim, on=MARCH)
    assert told.effect == "unconfirmed"
    async with facts.db.read() as tx:
        assert await store.about(tx, "supplier", "account", readers=ME, now=MARCH) == []
    async with facts.db.write() as tx:
        ((asked, against),) = await store.questions(tx, readers=ME, now=MARCH)
        assert (asked.evidence[0].quote, against) == ("Our new account is DE00 6666.", None)
        assert told.fact is not None
        confirmed = await store.confirm(tx, told.fact.id, now=MAY, new_id=facts.id)
        assert confirmed.effect == "new"
        (held,) = await store.about(tx, "the supplier", "account", readers=ME, now=MAY)
    assert (held.authority, held.evidence) == ("principal", (mail,))


async def test_confirming_a_contested_fact_supersedes_what_was_held(facts: Facts) -> None:
    await facts.told("0123 456", on=JANUARY)
    told = await facts.told("0777 777", on=MARCH, by="document")
    assert told.fact is not None
    async with facts.db.write() as tx:
        assert (await store.confirm(tx, told.fact.id, now=MAY, new_id=facts.id)).effect == "supersedes"
        assert (await store.confirm(tx, told.fact.id, now=MAY, new_id=facts.id)).effect == "refused"
    assert await facts.known(on=JULY) == ["0777 777"]


@pytest.mark.parametrize("authority", ["signed", "structured", "document", "inference", "web"])
async def test_nobody_but_the_principal_sets_a_preference_or_permission(facts: Facts, authority: Authority) -> None:
    claim = Claim("principal", "policy", "never ask", authority)
    assert (await facts.claim(claim, on=MARCH)).effect in {"refused", "quarantined"}
    async with facts.db.read() as tx:
        assert await store.about(tx, "principal", "policy", readers=ME, now=MAY) == []


async def test_predicates_of_many_values_keep_them_all(facts: Facts) -> None:
    await facts.told("peanuts", on=JANUARY, what="allergy")
    assert (await facts.told("gluten", on=MARCH, what="allergy")).effect == "new"
    assert sorted(await facts.known(on=MAY, what="allergy")) == ["gluten", "peanuts"]


async def test_a_fact_with_an_end_of_life_is_gone_after_it(facts: Facts) -> None:
    await facts.told("4711", on=JANUARY, what="code", expires_at=JANUARY + DAY)
    assert await facts.known(on=JANUARY, what="code") == ["4711"]
    assert await facts.known(on=MARCH, what="code") == []
    async with facts.db.write() as tx:
        assert await store.expire(tx, now=MARCH) == 1
        assert await store.expire(tx, now=MARCH) == 0


async def test_readers_see_only_facts_that_name_them(facts: Facts) -> None:
    await facts.told("0123 456", on=JANUARY, readers=("principal", "clerk"))
    await facts.told("12 Rose Lane", on=JANUARY, what="address")
    assert await facts.known(on=MAY, readers=("clerk",)) == ["0123 456"]
    assert await facts.known(on=MAY, what="address", readers=("clerk",)) == []
    assert await facts.known(on=MAY, readers=()) == []


async def test_a_signed_assertion_is_believed_until_a_byte_of_it_changes(facts: Facts) -> None:
    secret = Ed25519PrivateKey.generate()
    facts.issuers["crm"] = secret.public_key().public_bytes_raw()
    claim = sign(
        Claim("accountant", "phone", "0123 456", "signed", valid_from=JANUARY), "crm", "n1", secret.private_bytes_raw()
    )
    assert (await facts.claim(dataclasses.replace(claim, value="0666"), on=JANUARY)).effect == "quarantined"
    assert (await facts.claim(dataclasses.replace(claim, issuer="other"), on=JANUARY)).effect == "quarantined"
    assert await facts.known(on=MARCH) == []
    assert (await facts.claim(claim, on=JANUARY)).effect == "new"
    assert await facts.known(on=MARCH) == ["0123 456"]
    later = sign(
        Claim("accountant", "phone", "0888", "signed", valid_from=MARCH), "crm", "n2", secret.private_bytes_raw()
    )
    assert (await facts.claim(later, on=MARCH)).effect == "supersedes"
    assert await facts.known(on=MAY) == ["0888"]
    assert await facts.known(on=MAY, valid_at=JANUARY + DAY) == ["0123 456"]  # closed since, and still genuine
    async with facts.db.write() as tx:
        await tx.execute(update(fact).where(fact.c.value == "0888").values(value="0666"))
    assert await facts.known(on=MAY) == []


async def test_an_assertion_that_was_taken_back_does_not_come_again_with_the_same_file(facts: Facts) -> None:
    secret = Ed25519PrivateKey.generate()
    facts.issuers["crm"] = secret.public_key().public_bytes_raw()
    claim = Claim("Frau Keller", "Phone", "0123", "signed", valid_from=JANUARY)
    signed = sign(claim, "crm", "n1", secret.private_bytes_raw())
    told = await facts.claim(signed, on=JANUARY)
    assert told.fact is not None
    async with facts.db.write() as tx:
        await store.retract(tx, told.fact.id, now=MARCH)
    assert (await facts.claim(signed, on=MAY)).effect == "same"
    async with facts.db.read() as tx:
        assert await store.about(tx, "frau keller", readers=ME, now=JULY, issuers=facts.issuers) == []


async def test_an_assertion_is_put_aside_once_and_only_when_its_issuer_is_known(facts: Facts) -> None:
    secret = Ed25519PrivateKey.generate()
    known = {"crm": secret.public_key().public_bytes_raw()}
    facts.issuers |= known
    claim = Claim("accountant", "phone", "0123", "signed", valid_from=JANUARY)
    await facts.claim(sign(claim, "crm", "n1", secret.private_bytes_raw()), on=JANUARY)
    async with facts.db.write() as tx:
        assert await store.quarantine_broken(tx, issuers=known) == 0
        await tx.execute(update(fact).values(valid_from=JANUARY + 1))
        assert await store.quarantine_broken(tx, issuers={}) == 0  # not answered from, and not judged either
        assert await store.quarantine_broken(tx, issuers=known) == 1
        assert await store.quarantine_broken(tx, issuers=known) == 0
        assert [f.value for f in await store.put_aside(tx, readers=ME, now=MARCH)] == ["0123"]
        assert await store.put_aside(tx, readers=ME, now=MARCH) == []
        assert not await store.any_signed(tx)


ASSERTED = {
    "subject": "a",
    "predicate": "b",
    "value": "c",
    "valid_from": 1,
    "issuer": "i",
    "nonce": "n",
    "signature": "s",
}


@given(st.binary(max_size=60) | st.recursive(st.none() | st.integers() | st.text(max_size=5), st.lists).map(
    lambda v: json.dumps({"assertions": [{**ASSERTED, "value": v, "valid_from": v}]}).encode()))  # fmt: skip
def test_no_bytes_make_reading_assertions_fail_otherwise_than_by_its_sentence(raw: bytes) -> None:
    with contextlib.suppress(NotAsserted):
        assert all(c.authority == "signed" and not genuine(c, {}) for c in claims(raw))


def test_a_file_of_assertions_is_read_and_a_key_that_is_none_is_named() -> None:
    (claim,) = claims(json.dumps({"assertions": [ASSERTED]}).encode())
    assert (claim.subject, claim.valid_from, claim.readers) == ("a", 1, ("principal", "open"))
    with pytest.raises(ValueError, match="issuer crm"):
        public_keys({"crm": "c2hvcnQ="})


async def test_what_stood_on_a_forgotten_document_alone_goes_with_it(facts: Facts) -> None:
    await facts.told("0123", on=JANUARY, by="structured", evidence=(Evidence(1), Evidence(2)))
    await facts.told("Graz", on=JANUARY, by="structured", what="city", evidence=(Evidence(1, 5, "lives in Graz"),))
    async with facts.db.write() as tx:
        assert await store.forget_documents(tx, [1]) == 1
    assert await facts.known(on=MAY, what="city") == []
    assert await facts.known(on=MAY) == ["0123"]


@given(st.sampled_from(AUTHORITIES), st.sampled_from(AUTHORITIES), st.sampled_from(AUTHORITIES))
def test_authority_is_an_order(a: Authority, b: Authority, c: Authority) -> None:
    assert stronger(a, a)
    assert stronger(a, b) or stronger(b, a)
    assert not (stronger(a, b) and stronger(b, c)) or stronger(a, c)


@given(st.text(max_size=40))
def test_any_value_has_a_form_to_compare(value: str) -> None:
    assert norm(norm(value)) == norm(value) or not value.isascii()


def test_what_is_derived_is_read_by_those_who_may_read_all_of_it() -> None:
    assert shared_readers([("principal", "hr"), ("principal",)]) == ("principal",)
    assert shared_readers([("*",), ("hr", "principal")]) == ("hr", "principal")
    assert shared_readers([("a",), ("b",)]) == ()


async def test_evidence_that_not_all_readers_of_a_fact_may_read_does_not_become_its_own(facts: Facts) -> None:
    first = await facts.told("111", on=JANUARY, by="document", readers=("hr",), evidence=(Evidence(1, 0, "for hr"),))
    second = await facts.told(
        "111", on=MARCH, by="document", readers=("clerk",), evidence=(Evidence(2, 0, "for clerks"),)
    )
    assert first.fact is not None
    assert second.fact is not None
    assert first.fact.id != second.fact.id
    async with facts.db.read() as tx:
        assert [f.evidence[0].quote for f in await store.open_ones(tx, readers=("clerk",), now=MARCH)] == ["for clerks"]
