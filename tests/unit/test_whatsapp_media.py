"""The files that Twilio fetches: one an address, for an hour, and nothing else of the home by whatever address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from bot import http
from bot.receiver import Receiver
from channels.base import Answer, RawRequest, Refused
from channels.whatsapp_access import WhatsAppAccess
from channels.whatsapp_media import LIFE_S, doors, put, take
from tests.fakes.twilio_api import ACCOUNT, AUTH_TOKEN, NUMBER, PUBLIC

NOW = 1_800_000_000.0
SOUND = b"OggS" + bytes(range(256)) * 40


@pytest.fixture
def access(tmp_path: Path) -> WhatsAppAccess:
    (tmp_path / "steward.toml").write_text("secret")
    return WhatsAppAccess(ACCOUNT, AUTH_TOKEN, NUMBER, PUBLIC, shelf=tmp_path / "run" / "media")


@pytest.fixture
def address(access: WhatsAppAccess) -> str:
    return put(access, "answer.opus", SOUND, NOW).removeprefix(PUBLIC)


def asked(path: str, method: str = "GET", **headers: str) -> RawRequest:
    return RawRequest(method, path, "", headers, b"")


def test_a_file_is_at_its_address_for_an_hour_and_then_gone_from_the_disk(access: WhatsAppAccess, address: str) -> None:
    found = take(asked(address), access, NOW + LIFE_S)
    assert isinstance(found, Answer)
    assert (found.status, found.body, found.kind) == (200, SOUND, "audio/ogg")
    assert isinstance(take(asked(address), access, NOW + LIFE_S + 1), Refused)
    put(access, "answer.opus", b"another", NOW + LIFE_S + 1)
    assert access.shelf is not None
    assert len(list(access.shelf.iterdir())) == 1


def test_what_lies_on_the_disk_says_nothing_and_is_for_this_user_alone(access: WhatsAppAccess, address: str) -> None:
    assert access.shelf is not None
    (file,) = access.shelf.iterdir()
    held = file.read_bytes()
    assert SOUND[:8] not in held
    assert SOUND[100:140] not in held
    assert file.stat().st_mode & 0o077 == 0
    assert access.shelf.stat().st_mode & 0o077 == 0
    assert address.split("/")[4] not in file.name, "its key stands in the address alone"


@pytest.mark.parametrize(
    "forged",
    [
        lambda a: a.replace(a.split("/")[3], "1900000000"),
        lambda a: a.replace("answer.opus", "other.opus"),
        lambda a: a[:-13] + ("0" if a[-13] != "0" else "1") + a[-12:],
        lambda a: a.replace(a.split("/")[4], "0" * 32),
        lambda a: a + "/../../../../steward.toml",
        lambda a: a.rpartition("/")[0] + "/../../../steward.toml",
        lambda a: a.rpartition("/")[0] + "/",
        lambda a: "/whatsapp/media/steward.toml",
        lambda a: "/whatsapp/media//etc/passwd",
        lambda a: "/whatsapp/media/1900000000/" + "0" * 32 + "/" + "0" * 64 + "/answer.opus",
        lambda a: "/whatsapp/media/٢٢٢٢٢٢٢٢٢٢/" + "0" * 32 + "/" + "é" * 64 + "/answer.opus",
        lambda a: "",
    ],
)  # fmt: skip
def test_nothing_else_is_at_any_address(access: WhatsAppAccess, address: str, forged: Any) -> None:
    changed = forged(address)
    assert changed != address
    found = take(asked(changed), access, NOW)
    assert isinstance(found, Refused)
    assert found.status == 404


def test_another_house_s_address_or_a_damaged_file_leads_nowhere(access: WhatsAppAccess, address: str) -> None:
    other = WhatsAppAccess(ACCOUNT, "another-token", NUMBER, PUBLIC, shelf=access.shelf)
    assert isinstance(take(asked(address), other, NOW), Refused)
    assert access.shelf is not None
    (file,) = access.shelf.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    assert isinstance(take(asked(address), access, NOW), Refused)
    assert doors(WhatsAppAccess(ACCOUNT, AUTH_TOKEN, NUMBER, PUBLIC)) == {}


@pytest.mark.parametrize(
    ("wanted", "status", "part", "told"),
    [
        ("bytes=0-3", 206, SOUND[:4], f"bytes 0-3/{len(SOUND)}"),
        ("bytes=10000-", 206, SOUND[10_000:], f"bytes 10000-{len(SOUND) - 1}/{len(SOUND)}"),
        ("bytes=-5", 206, SOUND[-5:], f"bytes {len(SOUND) - 5}-{len(SOUND) - 1}/{len(SOUND)}"),
        ("bytes=-999999", 206, SOUND, f"bytes 0-{len(SOUND) - 1}/{len(SOUND)}"),
        ("bytes=4-999999", 206, SOUND[4:], f"bytes 4-{len(SOUND) - 1}/{len(SOUND)}"),
        ("bytes=999999-", 416, b"", f"bytes */{len(SOUND)}"),
        ("bytes=5-2", 416, b"", f"bytes */{len(SOUND)}"),
        ("bytes=-0", 416, b"", f"bytes */{len(SOUND)}"),
        ("bytes=0-1,4-5", 200, SOUND, None),
        ("lines=0-1", 200, SOUND, None),
        ("bytes=", 200, SOUND, None),
    ],
)
def test_one_range_is_answered_as_it_was_asked_for(
    access: WhatsAppAccess, address: str, wanted: str, status: int, part: bytes, told: str | None
) -> None:
    found = take(asked(address, range=wanted), access, NOW)
    assert isinstance(found, Answer)
    assert (found.status, found.body, found.headers.get("content-range")) == (status, part, told)
    conditional = take(asked(address, range=wanted, **{"if-range": '"x"'}), access, NOW)
    assert isinstance(conditional, Answer)
    assert (conditional.status, conditional.body) == (200, SOUND)


def test_only_kinds_that_are_served_can_be_put(access: WhatsAppAccess) -> None:
    with pytest.raises(ValueError, match="no kind"):
        put(access, "page.html", b"<script>", NOW)


@pytest.fixture
async def web(access: WhatsAppAccess, receiver: Receiver) -> AsyncIterator[httpx.AsyncClient]:
    app = http.app({}, {}, receiver, doors(access, lambda: NOW))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://steward") as client:
        yield client


@pytest.fixture
def receiver() -> Receiver:
    return cast(Receiver, None)  # the door asks nobody


async def test_over_http_it_is_fetched_and_headed_and_nothing_can_be_posted_there(
    web: httpx.AsyncClient, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    whole, head = await web.get(address), await web.head(address)
    assert (whole.status_code, whole.content, whole.headers["content-type"]) == (200, SOUND, "audio/ogg")
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(SOUND)))
    assert (whole.headers["accept-ranges"], whole.headers["cache-control"]) == ("bytes", "no-store")
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert (await web.get(address, headers={"range": "bytes=4-7"})).status_code == 206
    assert (await web.post(address, content=b"x")).status_code == 405
    for path in (address + "x", "/whatsapp/media/", "/whatsapp/media/..%2f..%2fsteward.toml"):
        refused = await web.get(path)
        assert (refused.status_code, b"secret" in refused.content) == (404, False), path
    ours = [record.getMessage() for record in caplog.records if record.name != "httpx"]  # the test's own client
    assert address.split("/")[4] not in "".join(ours)
