"""A mail without its form: what it says between greeting and closing, and its subject without the marks of replies."""

from __future__ import annotations

import re

_GREETING = re.compile(
    r"(?:hello|hi|hey|dear|good (?:morning|afternoon|evening)|hallo|guten (?:tag|morgen|abend)|liebe[rs]?|sehr geehrte[rs]?"
    r"|bonjour|bonsoir|salut|ch[eè]re?|hola|buen[oa]s (?:d[ií]as|tardes|noches)|estimad[oa]|querid[oa]|buongiorno"
    r"|buonasera|ciao|gentile|car[oa])\b.{0,40}[,:!.]?",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:(?:kind|best|warm) (?:regards|wishes)|regards|best|cheers|thanks|thank you|many thanks|yours.{0,12}|sincerely"
    r"|(?:viele|liebe|beste|herzliche|mit freundlichen) gr[uü](?:ß|ss)en?|gru(?:ß|ss)|herzlich|(?:besten|vielen) dank|danke"
    r"|cordialement|bien [aà] vous|amicalement|merci|un saludo|saludos|atentamente|gracias|cordiali saluti|saluti|a presto"
    r"|grazie)[,.!]?",
    re.IGNORECASE,
)
_RE = re.compile(r"^(?:(?:re|fwd?|aw|wg|tr|rv|rif)(?:\[\d+\])?\s?: ?)+", re.IGNORECASE)
ANSWERED = 300  # characters of a message that its reply is remembered with
_SENDER = re.compile(r"From [^:\n]{1,200}: ")


def said(text: str) -> str:
    """What a mail says: its words without "From …:", the greeting, the closing and the name below it."""
    lines = [line for line in _SENDER.sub("", text, count=1).splitlines() if line.strip()]
    if len(lines) > 1 and _GREETING.fullmatch(lines[0].strip()):
        del lines[0]
    for n in range(len(lines) - 1, max(0, len(lines) - 4), -1):
        if _CLOSING.fullmatch(lines[n].strip()):
            del lines[n:]
            break
    return "\n".join(lines)


def briefly(text: str) -> str:
    """What a message says, as far as its reply is remembered with it."""
    return " ".join(said(text).split())[:ANSWERED]


def subject_line(title: str) -> str:
    """A subject without the marks of replies and forwards."""
    return _RE.sub("", title) or title
