"""Exports of other programs: Slack and Notion archives, Telegram's result.json, address books."""

from __future__ import annotations

import json
import quopri
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from knowledge.documents import transcripts
from knowledge.documents.loaded import NotReadable, Part
from knowledge.documents.pieces import Turn

UNPACKED = 200 * 2**20  # bytes that an archive may unpack to
_NESTED = 2  # archives within archives: Notion packs its parts so
_NOTION_ID = re.compile(r"\s+[0-9a-f]{32}$")
_MENTION = re.compile(
    r"<(?:@(?P<who>[UW]\w+)|#C\w+\|(?P<channel>[^>]+)|!(?P<all>\w+)|(?P<url>https?://[^|>]+)(?:\|(?P<label>[^>]+))?)>"
)


# ── archives ─────────────────────────────────────────────────────────────────────────────────────────────────────


def opened(path: Any) -> zipfile.ZipFile:
    """The archive, when what it says of its size can be borne. Raises NotReadable, zipfile.BadZipFile."""
    archive = zipfile.ZipFile(path)
    if sum(entry.file_size for entry in archive.infolist()) > UNPACKED:
        archive.close()
        raise NotReadable("The file unpacks to more than 200 MB; it was not opened.")
    return archive


def archive_parts(path: Any, depth: int = 0) -> Iterator[Part]:
    """The parts of a Slack, Notion or WhatsApp export. Raises NotReadable for any other archive."""
    with opened(path) as archive:
        names = [n for n in archive.namelist() if not n.endswith("/") and "__MACOSX" not in n]
        base = {PurePosixPath(n).name for n in names}
        if "users.json" in base and base & {"channels.json", "dms.json", "groups.json"}:
            yield from _slack(archive, names)
        elif any(_NOTION_ID.search(PurePosixPath(n).stem) and n.endswith((".md", ".html")) for n in names):
            yield from _notion(archive, names)
        elif chats := [n for n in names if n.endswith(".txt") and transcripts.is_whatsapp(_text(archive, n))]:
            for name in chats:
                turns = tuple(transcripts.whatsapp(_text(archive, name)))
                yield Part(
                    PurePosixPath(name).stem.strip("_"), turns=turns, at=turns[0].at if turns else None, key=name
                )
        elif depth < _NESTED and (inner := [n for n in names if n.endswith(".zip")]):
            for name in inner:
                with archive.open(name) as nested:
                    yield from archive_parts(nested, depth + 1)
        else:
            raise NotReadable("Of archives, exports of Slack, Notion and WhatsApp are read; unpack others first.")


def _text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as file:
        return file.read(UNPACKED).decode("utf-8-sig", "replace")


def _slack(archive: zipfile.ZipFile, names: list[str]) -> Iterator[Part]:
    people = {}
    for user in _list(archive, next(n for n in names if PurePosixPath(n).name == "users.json")):
        about = user.get("profile")
        profile: dict[str, Any] = about if isinstance(about, dict) else {}
        people[str(user.get("id"))] = str(profile.get("real_name") or user.get("real_name") or user.get("name") or "")
    channels: dict[str, list[Turn]] = {}
    for name in sorted(names):
        path = PurePosixPath(name)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}\.json", path.name):
            channels.setdefault(path.parent.name, []).extend(_slack_turns(_list(archive, name), people))
    for channel, turns in channels.items():
        if turns:
            yield Part(f"#{channel}", turns=tuple(turns), at=turns[0].at, key=f"slack/{channel}")


def _slack_turns(messages: list[dict[str, Any]], people: dict[str, str]) -> Iterator[Turn]:
    def plain(found: re.Match[str]) -> str:
        return (
            people.get(found["who"] or "", "")
            or found["channel"]
            or found["label"]
            or found["url"]
            or found["all"]
            or ""
        )

    for message in messages:
        text = _MENTION.sub(plain, str(message.get("text") or "")).strip()
        try:
            at = int(float(message.get("ts") or 0) * 1000)
        except (TypeError, ValueError, OverflowError):
            continue
        if text and 0 < at < 2**45 and str(message.get("subtype") or "") not in ("channel_join", "channel_leave"):
            who = people.get(str(message.get("user")), "") or str(message.get("username") or "")
            yield Turn(who, text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">"), at)


def _list(archive: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    found = json.loads(_text(archive, name))
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _notion(archive: zipfile.ZipFile, names: list[str]) -> Iterator[Part]:
    for name in sorted(names):
        path = PurePosixPath(name)
        if path.suffix not in (".md", ".html", ".csv"):
            continue
        text = _text(archive, name)
        if path.suffix == ".html":
            from knowledge.documents.mail import html_text

            text = html_text(text)
        if text.strip():
            folders = [_NOTION_ID.sub("", part) for part in path.parent.parts]
            title = " › ".join([*folders, _NOTION_ID.sub("", path.stem)])
            yield Part(title, text, key=f"notion/{name}")


# ── Telegram ─────────────────────────────────────────────────────────────────────────────────────────────────────


def telegram_parts(body: Any) -> Iterator[Part]:
    """The chats of an export as JSON, of one chat or of all; none when it is something else."""
    if not isinstance(body, dict):
        return
    several = body.get("chats")
    chats = several.get("list") if isinstance(several, dict) else [body]
    for chat in chats if isinstance(chats, list) else []:
        if not isinstance(chat, dict) or not isinstance(chat.get("messages"), list):
            continue
        turns = tuple(_telegram_turns(chat["messages"]))
        if turns:
            name = str(chat.get("name") or "Telegram chat")
            yield Part(name, turns=turns, at=turns[0].at, key=f"telegram/{chat.get('id') or name}")


def _telegram_turns(messages: list[Any]) -> Iterator[Turn]:
    for message in messages:
        if not isinstance(message, dict) or message.get("type") != "message":
            continue
        said = message.get("text")
        pieces = said if isinstance(said, list) else [said]
        text = "".join(str(p.get("text", "")) if isinstance(p, dict) else str(p or "") for p in pieces).strip()
        try:
            unix = message.get("date_unixtime")
            moment = datetime.fromisoformat(str(message.get("date")))
            at = int(unix) * 1000 if unix else int(moment.replace(tzinfo=UTC).timestamp() * 1000)
        except (TypeError, ValueError, OverflowError):
            continue
        if text:
            yield Turn(str(message.get("from") or ""), text, at)


# ── address books ────────────────────────────────────────────────────────────────────────────────────────────────


_STATED = {
    "TEL": "phone number", "EMAIL": "email", "ADR": "address", "BDAY": "birthday", "ORG": "employer", "TITLE": "role",
    "URL": "website",
}  # fmt: skip


CARD = "card:"
"""Begins the names under which `meta` of a contact keeps its statements, one a property: the preferred, else the first."""


def contacts(text: str) -> Iterator[Part]:
    """A part a contact, in sentences: "Ada Lovelace's phone number is +44 …"."""
    for card in re.findall(r"(?ims)^BEGIN:VCARD\s*$(.*?)^END:VCARD\s*$", text):
        full = list(_fields(card))
        fields = [(n, v) for n, v, _ in full]
        name = next((v for n, v in fields if n == "FN" and v), "") or next((v for n, v in fields if n == "ORG"), "")
        lines = [f"{name}'s {_STATED[n]} is {v}" for n, v in fields if n in _STATED and v]
        lines += [v for n, v in fields if n == "NOTE" and v]
        if name:
            uid = next((v for n, v in fields if n == "UID"), "")
            meta = {"contact": name, **{CARD + what: value for what, value in _stated(full).items()}}
            yield Part(name, "\n".join(lines) or name, key=f"contact/{uid or name}", meta=meta)


def _stated(fields: list[tuple[str, str, str]]) -> dict[str, str]:
    """Property → its value; a fax is no telephone."""
    wanted = [f for f in fields if f[0] in _STATED and f[1] and not re.search(r"\bFAX\b", f[2])]
    ordered = sorted(wanted, key=lambda f: not re.search(r"\bPREF\b", f[2]))
    found: dict[str, str] = {}
    for name, value, _ in ordered:
        if len(value) <= 120:
            said = re.sub(r"^(\d{4})(\d\d)(\d\d)$", r"\1-\2-\3", value) if name == "BDAY" else value
            found.setdefault(_STATED[name], said)
    return found


def _fields(card: str) -> Iterator[tuple[str, str, str]]:
    """(name, value, parameters in capitals) of each line."""
    unfolded = re.sub(r"=\r?\n", "", card) if "QUOTED-PRINTABLE" in card.upper() else card
    for line in re.sub(r"\r?\n[ \t]", "", unfolded).splitlines():
        head, colon, value = line.partition(":")
        if not colon:
            continue
        name = head.partition(";")[0].rpartition(".")[2].upper()
        if "QUOTED-PRINTABLE" in head.upper():
            value = quopri.decodestring(value).decode("utf-8", "replace")
        parts = [re.sub(r"\\(.)", r"\1", p.replace("\\n", " ")).strip() for p in re.split(r"(?<!\\);", value)]
        text = ", ".join(p for p in parts if p) if name in ("ADR", "ORG") else ";".join(parts).removeprefix("tel:")
        yield name, text, head.partition(";")[2].upper()
