"""Law 11. Never speak to strangers: whatever they send, nothing goes to them and nothing starts."""

from __future__ import annotations

import pytest

from tests.playbooks.kit import Book, calls_nothing, does, user

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "words", ["hi", "/help", "/start", "note: x", "yes", "/approve 1", "/stop", "\x00", "", "remind me in 1 minute"]
)
async def test_a_stranger_gets_nothing(play: Book, words: str) -> None:
    def only_the_card(book: Book) -> bool:
        said = [book.chats["telegram"].posted[ref].text for _, ref in book.chats["telegram"].said]
        book.read["telegram"] = len(said)
        return len(said) <= 1 and all("Somebody you don't know" in text for text in said)  # to the principal, once

    await play(user(words, sender="666"), does(only_the_card), calls_nothing())
    assert await play.count("message WHERE conversation='666'") == 0
    assert await play.count("value") == 0
    assert not play.chats["telegram"].toasts
    assert not [where for where, _ in play.chats["telegram"].said if where == "666"]
