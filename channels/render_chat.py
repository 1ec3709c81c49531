"""The dialects whose marks are plain characters: Slack's and WhatsApp's. What only looks like a mark is disarmed.

Neither has an escape for its marks, so an invisible space (U+200B) stands beside what would else act as one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from channels.render_document import Document, Style, quoted_lines

GAP = "\u200b"
_WORD = re.compile(r"\S+")
_LOOSE = re.compile(r"(?<![^\W_])[*_~`]|[*_~`](?![^\W_])")  # marks within a word do nothing and stay as they are
_LINE_START = re.compile(r"^(\s*)(?=>|&gt;)")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a platform writes marks. `link` gets label and address, escaped; None: the address follows the label."""

    bold: str
    italic: str
    strike: str
    code: str
    escape: Callable[[str], str]
    link: Callable[[str, str], str] | None


def to_mrkdwn(document: Document) -> str:
    """Slack's mrkdwn. Nothing in the text becomes a mention, a broadcast or a link that the document does not hold."""
    return _written(document, _SLACK)


def to_whatsapp(document: Document) -> str:
    """WhatsApp's marks; links stand behind their labels."""
    return _written(document, _WHATSAPP)


def _entities(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_link(label: str, url: str) -> str:
    return f"<{url.replace('|', '%7C')}|{label.replace('|', '¦')}>"


_SLACK = Dialect("*", "_", "~", "`", _entities, _slack_link)
_WHATSAPP = Dialect("*", "_", "~", "```", lambda text: text, None)


def _written(document: Document, dialect: Dialect) -> str:
    quoted = quoted_lines(document)
    out = ["> "] if quoted[0] else []
    opened: list[str] = []
    line = 0
    for at, span in enumerate(document):
        style = span.style
        following = document[at + 1] if at + 1 < len(document) else None
        if style.pre is not None:
            out.append(f"```\n{_unfenced(dialect.escape(span.text))}\n```")
            line += span.text.count("\n")
            continue
        wanted = _marks(style, dialect)
        for piece in re.split("(\n)", span.text):
            if piece == "\n":
                _change(out, opened, [])
                line += 1
                out.append("\n> " if quoted[line] else "\n")
            elif piece:
                _change(out, opened, wanted)
                out.append(_piece(piece, style, dialect, at_start="".join(out[-1:])[-2:] in ("", "\n", "> ")))
                if style.link and not dialect.link and (following is None or following.style.link != style.link):
                    address = style.link.removeprefix("mailto:")
                    out.append(f" ({address})" if address != piece else "")
    _change(out, opened, [])
    return "".join(out)


def _marks(style: Style, dialect: Dialect) -> list[str]:
    marks = ((dialect.bold, style.bold), (dialect.italic, style.italic), (dialect.strike, style.strike))
    return [mark for mark, on in marks if on and not style.code]


def _change(out: list[str], opened: list[str], wanted: list[str]) -> None:
    """Close and open marks until `wanted` are open, with a gap where a mark would touch a letter and not act."""
    common = 0
    while common < min(len(opened), len(wanted)) and opened[common] == wanted[common]:
        common += 1
    closing, opening = opened[common:], wanted[common:]
    if closing:
        out.append("".join(reversed(closing)) + GAP)
    if opening:
        touches = bool(out) and out[-1] != "" and not out[-1][-1].isspace() and not out[-1].endswith(GAP)
        out.append((GAP if touches else "") + "".join(opening))
    opened[:] = wanted


def _piece(text: str, style: Style, dialect: Dialect, at_start: bool) -> str:
    if style.code and "`" not in text and text.strip():
        return f"{dialect.code}{dialect.escape(text)}{dialect.code}"
    if style.link and dialect.link:
        return dialect.link(_disarmed(dialect.escape(text)), dialect.escape(style.link))
    shown = _disarmed(dialect.escape(text))
    return _LINE_START.sub(rf"\1{GAP}", shown) if at_start else shown


def _disarmed(text: str) -> str:
    """Loose marks get a gap behind them; addresses stay whole."""
    return _WORD.sub(lambda w: w[0] if "://" in w[0] else _LOOSE.sub(rf"\g<0>{GAP}", w[0]), text)


def _unfenced(text: str) -> str:
    return text.replace("```", f"`{GAP}`{GAP}`")
