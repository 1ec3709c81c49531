"""Steward's Markdown to a document and back: what `write` writes, `read` reads as the same document."""

from __future__ import annotations

import re
from collections.abc import Iterator

from channels.render_document import PLAIN, Document, Span, Style, clean, columns, quoted_lines, tidy, visible
from channels.render_inline import inline

_FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^`]*$")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$")
_RULE = re.compile(r"^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_QUOTE = re.compile(r"^ {0,3}> ?(.*)$")
_BULLET = re.compile(r"^([ \t]*)[-*+][ \t]+(.*)$")
_NUMBER = re.compile(r"^([ \t]*)(\d{1,9})([.)])[ \t]+(.*)$")
_TASK = re.compile(r"^\[([ xX])\][ \t]+")
_TABLE_RULE = re.compile(r"^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_WIDEST_TABLE = 44  # columns of monospaced text that a phone shows without wrapping
_TO_ESCAPE = re.compile(r"[\\`*_\[\]<&~|]|!\Z")
_BLOCK_START = re.compile(r"^(\s*(?:\d{1,9}(?=[.)]))?)((?<!\d)[#>+-]|(?<=\d)[.)])")


def read(markdown: str) -> Document:
    """The document of `markdown`. Never raises; lines stay lines; what is not understood stays visible text."""
    lines = clean(markdown).split("\n")
    spans: list[Span] = []
    quoted_before = False
    at = 0
    while at < len(lines):
        found, end = _block(lines, at)
        if at:
            quoted = quoted_before and bool(_QUOTE.match(lines[at]))
            spans.append(Span("\n", Style(quote=quoted)))
        spans += found
        quoted_before = end == at + 1 and bool(_QUOTE.match(lines[at]))
        at = end
    return tidy(spans)


def _block(lines: list[str], at: int) -> tuple[list[Span], int]:
    """The spans of the block that starts at line `at`, and the line after it."""
    line = lines[at]
    if fence := _FENCE.match(line):
        return _code_block(lines, at, fence)
    if "|" in line and at + 1 < len(lines) and "|" in lines[at + 1] and _TABLE_RULE.match(lines[at + 1]):
        return _table(lines, at)
    if not _is_paragraph(line):
        return list(_line(line)), at + 1
    end = at + 1
    while end < len(lines) and _is_paragraph(lines[end]) and lines[end].strip() and not _starts_table(lines, end):
        end += 1
    return inline("\n".join(lines[at:end])), end


def _is_paragraph(line: str) -> bool:
    return not any(kind.match(line) for kind in (_FENCE, _HEADING, _RULE, _QUOTE, _BULLET, _NUMBER))


def _starts_table(lines: list[str], at: int) -> bool:
    return "|" in lines[at] and at + 1 < len(lines) and "|" in lines[at + 1] and bool(_TABLE_RULE.match(lines[at + 1]))


def _line(line: str, style: Style = PLAIN) -> Iterator[Span]:
    """A line that is a block of its own: heading, rule, quote or list item."""
    if quote := _QUOTE.match(line):
        inner = quote[1]
        nested = Style(quote=True)
        if style.quote or _is_paragraph(inner) or _QUOTE.match(inner) or _FENCE.match(inner):
            yield from inline(inner, nested)
        else:
            yield from _line(inner, nested)
    elif heading := _HEADING.match(line):
        yield from inline(heading[1], style._replace(bold=True))
    elif _RULE.match(line):
        yield Span("———", style)
    elif bullet := _BULLET.match(line):
        yield Span(f"{_indent(bullet[1])}• ", style)
        yield from _item(bullet[2], style)
    elif number := _NUMBER.match(line):
        yield Span(f"{_indent(number[1])}{number[2]}{number[3]} ", style)
        yield from _item(number[4], style)
    else:
        yield from inline(line, style)


def _item(text: str, style: Style) -> Iterator[Span]:
    if task := _TASK.match(text):
        yield Span("☐ " if task[1] == " " else "☑ ", style)
        text = text[task.end() :]
    yield from inline(text, style)


def _indent(space: str) -> str:
    return "  " * (len(space.expandtabs(4)) // 2)


def _code_block(lines: list[str], at: int, fence: re.Match[str]) -> tuple[list[Span], int]:
    margin, mark, language = fence[1], fence[2], fence[3]
    closing = re.compile(rf"^\s*{re.escape(mark[0])}{{{len(mark)},}}\s*$")
    end = next((n for n in range(at + 1, len(lines)) if closing.match(lines[n])), len(lines))
    inside = [line.removeprefix(margin) for line in lines[at + 1 : end]]
    return [Span("\n".join(inside), Style(pre=language))], min(end + 1, len(lines))


def _table(lines: list[str], at: int) -> tuple[list[Span], int]:
    """Aligned columns in monospace where they fit a phone, else each row as `heading: cell` lines."""
    end = at + 2
    while end < len(lines) and "|" in lines[end] and lines[end].strip():
        end += 1
    rows = [_cells(line) for line in (lines[at], *lines[at + 2 : end])]
    width = max(len(row) for row in rows)
    rows = [row + [[]] * (width - len(row)) for row in rows]
    texts = [[visible(cell) for cell in row] for row in rows]
    widths = [max(columns(row[n]) for row in texts) for n in range(width)]
    if sum(widths) + 2 * (width - 1) <= _WIDEST_TABLE:
        ruled = [texts[0], ["─" * w for w in widths], *texts[1:]]
        shown = (
            "  ".join(cell + " " * (w - columns(cell)) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in ruled
        )
        return [Span("\n".join(shown), Style(pre=""))], end
    spans: list[Span] = []
    for row in rows[1:] or rows:
        if spans:
            spans.append(Span("\n"))
        for n, cell in enumerate(row):
            if cell:
                head = [Span(f"{texts[0][n]}: ")] if n and texts[0][n] else []
                spans += [Span("\n")] if n else []
                spans += [*head, *(cell if n else [Span(s.text, s.style._replace(bold=True)) for s in cell])]
    return spans, end


def _cells(line: str) -> list[list[Span]]:
    inner = line.strip().removeprefix("|")
    inner = inner.removesuffix("|") if not inner.endswith("\\|") else inner
    return [inline(cell.strip().replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", inner)]


def write(document: Document) -> str:
    """Markdown that `read` reads as exactly this document (which must be tidy and made of whole or cut blocks)."""
    out: list[str] = []
    opened: list[tuple[str, str]] = []

    def close_to(keep: int) -> None:
        while len(opened) > keep:
            _mark(out, opened.pop()[1])

    line_is_quote = quoted_lines(document)
    line = 0
    if line_is_quote[0]:
        out.append("> ")
    for span in document:
        if span.style.pre is not None:
            ticks = "`" * (max((len(row) for row in re.findall("`+", span.text)), default=0) + 1)
            fence = "```" if len(ticks) < 3 else ticks
            out.append(f"{fence}{span.style.pre}\n{span.text}\n{fence}")
            line += span.text.count("\n")
            continue
        for piece in re.split("(\n)", span.text):
            if piece == "\n":
                close_to(0)
                line += 1
                out.append("\n> " if line_is_quote[line] else "\n")
            elif piece:
                wanted = _marks(span.style)
                common = 0
                while common < min(len(opened), len(wanted)) and opened[common] == wanted[common]:
                    common += 1
                close_to(common)
                for mark in wanted[common:]:
                    _mark(out, mark[0])
                    opened.append(mark)
                out.append(_code_span(piece) if span.style.code else _escaped(piece, at_start=_at_line_start(out)))
    close_to(0)
    return "".join(out)


def _marks(style: Style) -> list[tuple[str, str]]:
    marks = [("[", f"](<{style.link}>)")] if style.link else []
    return marks + [(m, m) for m, on in (("**", style.bold), ("*", style.italic), ("~~", style.strike)) if on]


def _mark(out: list[str], mark: str) -> None:
    if out and out[-1] and out[-1][-1] in "*~" and mark[0] == out[-1][-1]:
        out.append("<!-- -->")
    out.append(mark)


def _code_span(text: str) -> str:
    ticks = "`" * (max((len(row) for row in re.findall("`+", text)), default=0) + 1)
    space = " " if text.strip() and (text[0] in " `" or text[-1] in " `") else ""
    return f"{ticks}{space}{text}{space}{ticks}"


def _at_line_start(out: list[str]) -> bool:
    return not out or out[-1].endswith(("\n", "\n> ")) or out == ["> "]


def _escaped(text: str, at_start: bool) -> str:
    text = _TO_ESCAPE.sub(r"\\\g<0>", text)
    return _BLOCK_START.sub(r"\g<1>\\\g<2>", text) if at_start else text
