"""Mail as people read it: the words of this message, without the quoted ones, the signature and the markup."""

from __future__ import annotations

import mailbox
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from knowledge.documents.encoding import legible
from knowledge.documents.letter import briefly
from knowledge.documents.loaded import NotReadable, Part

_REPLY = re.compile(
    r"^(?:On .{5,120} wrote:|Am .{5,120} schrieb .{0,80}:|Le .{5,120} a écrit ?:|El .{5,120} escribió:"
    r"|Il .{5,120} ha scritto:|From: .+|Von: .+"
    r"|-{2,} ?(?:Original Message|Ursprüngliche Nachricht|Message d'origine|Forwarded message) ?-{2,})$",
    re.IGNORECASE,
)
_LONGEST = 2_000_000  # characters of one body
_NAMED = 60  # ids of a thread that one message names: the first, and the latest ones
_LONGEST_HEAD = 100_000  # characters of a header that lists ids
_ID = re.compile(r"<[^<>\s]+>")
_HEAD = re.compile(
    r"(?:From|Sent|To|Cc|Date|Subject|Von|Gesendet|An|Betreff|De|Envoyé|À|Objet|Enviado|Para|Asunto)\s?: .*"
)


def parse(raw: bytes) -> Part:
    """The message in `raw`. Broken headers and encodings are read as well as can be; raises NotReadable for none at all."""
    try:
        message = message_from_bytes(raw, policy=policy.default)
        subject = _header(message, "subject")
        sender = _header(message, "from")
        read = _body(message)
        body = read if legible(read) else ""
        text = own_words(body)
    except Exception as error:
        raise NotReadable("This is not a readable e-mail.") from error
    if not (text or subject):
        raise NotReadable("This e-mail has neither a subject nor a text.")
    id = _header(message, "message-id")
    meta = {
        "from": sender,
        "to": _header(message, "to"),
        "answers": briefly(quoted(body)),
        **_links(message, id),
    }
    return Part(
        title=subject or "(no subject)",
        text=f"From {sender}: {text}" if sender else text,
        at=_date(message),
        key=id,
        meta={k: v for k, v in meta.items() if v},
        lacks="" if body == read else "What is in this e-mail is no text: only its headers were read.",
    )


def own_words(body: str) -> str:
    """A body without quoted lines, what follows "On … wrote:", and the signature."""
    kept: list[str] = []
    for line in body.splitlines():
        if line.rstrip() in {"--", "-- ", "__"} or _REPLY.match(line.strip()):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line.rstrip())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def quoted(body: str) -> str:
    """The own words of the message that a reply quotes, below or above; empty where it quotes none."""
    lines = [line.strip() for line in body.splitlines()]
    marked = [line[1:].removeprefix(" ") for line in lines if line.startswith(">")]
    if not marked:
        below = next((n for n, line in enumerate(lines) if _REPLY.match(line)), len(lines))
        marked = [line for line in lines[below + 1 :] if not _HEAD.match(line)]
    return own_words("\n".join(marked))


def messages(path: Path) -> Iterator[bytes]:
    """Raw messages of an mbox file or a Maildir folder."""
    box: Any = mailbox.Maildir(path, create=False) if path.is_dir() else mailbox.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            yield box.get_bytes(key)
    finally:
        box.close()


def html_text(html: str) -> str:
    """The visible words of an HTML text, blocks on lines of their own."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(html)
    for node in tree.css("script, style, head, blockquote, template, noscript"):
        node.decompose()
    body = tree.body
    return re.sub(r"[ \t]+", " ", body.text(separator="\n", strip=True)) if body is not None else ""


def _body(message: Message) -> str:
    if not isinstance(message, EmailMessage):
        return ""
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    raw = part.get_payload(decode=True)
    data = raw if isinstance(raw, bytes) else str(part.get_payload()).encode("utf-8", "replace")
    charset = part.get_content_charset() or "utf-8"
    try:
        text = data[: 4 * _LONGEST].decode(charset, "replace")
    except LookupError:
        text = data[: 4 * _LONGEST].decode("utf-8", "replace")
    return (html_text(text) if part.get_content_type() == "text/html" else text)[:_LONGEST]


def _header(message: Message, name: str) -> str:
    try:
        return " ".join(str(message.get(name) or "").split())[:500]
    except Exception:  # noqa: BLE001 - a header that cannot be parsed is as good as none
        return ""


def _links(message: Message, own: str) -> dict[str, str]:
    """What the headers say of the thread: `parent`, the message that this one answers, and all that it `names`."""
    replied = [id for id in _ids(message, "in-reply-to") if id != own]
    named = [id for id in dict.fromkeys([*_ids(message, "references"), *replied]) if id != own]
    if not named:
        return {}
    parent = replied[0] if replied else named[-1]
    return {"parent": parent, "names": " ".join(dict.fromkeys([named[0], *named[1:][-_NAMED:], parent]))}


def _ids(message: Message, name: str) -> list[str]:
    """The message ids in a header, in order: of a long one, the first and the last."""
    try:
        found = _ID.findall(" ".join(str(message.get(name) or "").split())[:_LONGEST_HEAD])
    except Exception:  # noqa: BLE001 - a header that cannot be parsed is as good as none
        return []
    return [one for one in found if len(one) <= 300]


def _date(message: Message) -> int | None:
    try:
        return int(parsedate_to_datetime(_header(message, "date")).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError, OSError):
        return None
