"""Markdown into dialects, cut to size: examples, and properties over any text."""

from __future__ import annotations

import html
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from channels.base import Limits
from channels.render import (
    Style,
    fit,
    read,
    split,
    to_html,
    to_mrkdwn,
    to_plain,
    to_whatsapp,
    utf16,
    visible,
    visible_utf16,
    write,
)
from channels.render_document import clean
from knowledge.words import Button, Outbound

TELEGRAM = Limits(text=4096, unit="utf16", buttons_per_row=8)
TAG = re.compile(r"<(/?)([a-z]+)([^<>]*)>")
FAMILY = "👨‍👩‍👧‍👦"

# text as a model writes it: words and marks at random, so that every construct meets every other
MARKS = ["**", "*", "_", "__", "~~", "`", "```", "``", "[", "](", "](https://e.org/x_y)", ")", "\\", "!", "<!-- -->"]
BLOCKS = ["\n", "\n\n", "# ", "- ", "1. ", "> ", "| a | b |\n|---|---|\n", "---", "2.", "  - ", "\t", " ", "  "]
WORDS = ["<b>", "&amp;", "&", "<", ">", "a", "word", "https://e.org"]
LETTERS = ["é", "😀", FAMILY, "🇩🇪", "ש", "مرحبا", "\u0301", "\u200d", "\x00", "\ud83d"]
PIECES = MARKS + BLOCKS + WORDS + LETTERS
markdown = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=200)
quick = settings(max_examples=300, deadline=None)


def balanced(text: str) -> bool:
    """Tags open and close in order, and nothing but the dialect's own tags looks like one."""
    stack = []
    for closing, name, _ in TAG.findall(text):
        if not closing:
            stack.append(name)
        elif not stack or stack.pop() != name:
            return False
    return not stack and "<" not in TAG.sub("", text)


def seen(text: str) -> str:
    return html.unescape(TAG.sub("", text))


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("plain", "plain"),
        ("**bold** and *italic* and ~~gone~~", "<b>bold</b> and <i>italic</i> and <s>gone</s>"),
        ("__bold__ _italic_ snake_case_name", "<b>bold</b> <i>italic</i> snake_case_name"),
        ("***both***", "<b><i>both</i></b>"),
        ("a `code <b>` b", "a <code>code &lt;b&gt;</code> b"),
        ("```py\nx = '<'\n```\nafter", "<pre><code class=\"language-py\">x = '&lt;'</code></pre>\nafter"),
        ("```\nnever closed", "<pre>never closed</pre>"),
        ("[site](https://e.org/?a=1&b=2)", '<a href="https://e.org/?a=1&amp;b=2">site</a>'),
        ("[x](javascript:alert)", "x (javascript:alert)"),
        ("[you](tg://user?id=1)", "you (tg://user?id=1)"),
        ("[https://bank.com](https://evil.com)", "https://bank.com (https://evil.com)"),
        ("[bank.com](https://www.bank.com/in)", '<a href="https://www.bank.com/in">bank.com</a>'),
        ("# Title\ntext", "<b>Title</b>\ntext"),
        ("- one\n- [x] two\n  1. three", "• one\n• ☑ two\n  1. three"),
        ("> said\n> twice\nI", "<blockquote>said\ntwice</blockquote>\nI"),
        ("2 * 3 * 4 and 5*", "2 * 3 * 4 and 5*"),
        ("\\*not\\* &amp; \\# <i>", "*not* &amp; # &lt;i&gt;"),
        ("**open <!channel> @x", "**open &lt;!channel&gt; @x"),
        ("| a | b |\n|---|--:|\n| 1 | two |", "<pre>a  b\n─  ───\n1  two</pre>"),
        ("**antique_identifier** <b>x & y", "<b>antique_identifier</b> &lt;b&gt;x &amp; y"),
        ("*   **主体内容**：…", "• <b>主体内容</b>：…"),
    ],
)
def test_markdown_becomes_telegram_html(source: str, shown: str) -> None:
    assert to_html(read(source)) == shown


def test_a_wide_table_becomes_one_line_a_cell() -> None:
    wide = "| Name | Remark |\n|---|---|\n| Anna | " + "long " * 12 + "|\n| Ben | short |"
    assert to_plain(read(wide)).startswith("Anna\nRemark: long long")
    assert "Ben\nRemark: short" in to_plain(read(wide))


def test_plain_text_has_no_escapes_and_tells_addresses() -> None:
    assert to_plain(read("Sure\\! **Step 1** [here](https://e.org)")) == "Sure! Step 1 here (https://e.org)"


@given(markdown)
@quick
@example("[a](https://e.org)" * 30)
def test_any_text_gives_balanced_tags_and_the_same_words_in_every_dialect(source: str) -> None:
    document = read(source)
    assert balanced(to_html(document))
    assert seen(to_html(document)) == visible(document) == to_plain(document, links=False)
    visible(document).encode()  # no lone surrogate is left


@given(st.text(alphabet=st.characters(exclude_characters="\\`*_~<>&[]#|-+>!=.:)", exclude_categories=["Cs"])))
@quick
def test_text_without_marks_is_shown_as_it_is(source: str) -> None:
    assert visible(read(source)) == clean(source)


@given(markdown)
@quick
@example("**a***b*")
@example("***b* a**")
@example("a**b *c* d**e")
@example("> a\n>\n> b\n\n> ")
@example("x!\n[y](https://e.org)")
def test_what_is_written_reads_back_as_the_same_document(source: str) -> None:
    document = read(source)
    assert read(write(document)) == document


@given(st.lists(markdown, max_size=6).map("\n\n".join), st.integers(10, 120))
@quick
@example(FAMILY * 20, 26)
@example("[](https://e.org/x_y)", 10)
def test_parts_fit_lose_nothing_balance_and_read_back(source: str, limit: int) -> None:
    document = read(source)
    parts = split(document, limit, visible_utf16)
    assert "".join(visible(p) for p in parts) == visible(document)
    for p in parts:
        assert utf16(seen(to_html(p))) <= limit
        assert balanced(to_html(p))
        cut_address = any(s.style.link and s.text != s.style.link and s.text in s.style.link for s in p)
        assert cut_address or read(write(p)) == p


@pytest.mark.parametrize(
    "source",
    [
        "😀" * 2049,
        "!" * 4097,
        FAMILY * 2500,
        "a" * 4094 + FAMILY,
        "é" * 20_000,
        "שלום " * 4_000,
        "\x00" * 5000 + "x",
        "字" * 20_000,
    ],
)
def test_long_text_arrives_whole_in_parts_telegram_takes(source: str) -> None:
    parts = fit(Outbound(source), TELEGRAM, visible_utf16)
    shown = [visible(read(p.text)) for p in parts]
    assert "".join(shown).split() == clean(source).split() or "".join(shown) == clean(source)
    assert all(0 < utf16(s) <= 4096 for s in shown)


def test_a_family_at_the_edge_stays_one_character() -> None:
    first, second = fit(Outbound("a" * 4094 + FAMILY), TELEGRAM, visible_utf16)
    assert (first.text, second.text) == ("a" * 4094, FAMILY)


def test_a_long_code_block_continues_as_code() -> None:
    parts = fit(Outbound("```py\n" + "x = 1\n" * 1500 + "```\nthat was it"), TELEGRAM, visible_utf16)
    assert len(parts) == 3
    assert all(to_html(read(p.text)).startswith('<pre><code class="language-py">x = 1') for p in parts)
    assert to_html(read(parts[-1].text)).endswith("</code></pre>\nthat was it")


def test_bold_over_the_edge_is_opened_again() -> None:
    parts = fit(Outbound("**" + "wort " * 1000 + "ende**"), TELEGRAM, visible_utf16)
    assert [to_html(read(p.text))[:7] for p in parts] == ["<b>wort", "<b>wort"]


def test_parts_share_out_what_a_message_carries() -> None:
    button = Button("Yes", "y:1:1:0:n")
    whole = Outbound("word " * 2000, buttons=((button,) * 9,), edit_of="7", reply_to="6", prompt=True, card="c")
    first, *_, last = fit(whole, TELEGRAM, visible_utf16)
    assert (first.edit_of, first.reply_to, first.buttons, first.prompt, first.card) == ("7", "6", (), False, "c")
    assert (last.edit_of, last.reply_to, last.prompt, last.card) == ("", "", True, "c")
    assert last.buttons == ((button,) * 8, (button,))


@pytest.mark.parametrize("nothing", ["", " \n\t ", "\x00", "** **"[:0], " " * 9000])
def test_nothing_to_say_is_still_a_message(nothing: str) -> None:
    assert [p.text for p in fit(Outbound(nothing), TELEGRAM, visible_utf16)] == ["…"]


def test_a_toast_is_one_short_line() -> None:
    (toast,) = fit(Outbound("**Already** decided\n" + "😀" * 300, toast_for="q"), TELEGRAM, visible_utf16)
    assert toast.text.startswith("Already decided 😀")
    assert utf16(toast.text) <= 200


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 20_000,
        "`" * 9999 + " " + "``" * 5000,
        "*a _b " * 3400,
        "*a " * 5000 + "a* " * 5000,
        "(" * 20_000,
        "[](" * 7000,
        "> " * 10_000,
        "|\n" * 10_000,
        "**" * 10_000,
        "- " * 10_000,
        "&" * 20_000,
        "<!--" * 5000,
        "` `` ``` " * 2000,
    ],
)
def test_hostile_text_costs_little_time(hostile: str) -> None:
    started = time.process_time()
    fit(Outbound(hostile), TELEGRAM, visible_utf16)
    assert time.process_time() - started < 3


def test_styles_are_ordered_outermost_first() -> None:
    assert Style._fields == ("pre", "quote", "link", "bold", "italic", "strike", "code")


@pytest.mark.parametrize(
    ("source", "slack", "whatsapp"),
    [
        (
            "**bold** *it* ~~no~~ `c_d`",
            "*bold*\u200b _it_\u200b ~no~\u200b `c_d`",
            "*bold*\u200b _it_\u200b ~no~\u200b ```c_d```",
        ),
        ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;", "<!channel> & <@U1>"),
        ("[pay](https://e.org/?a=1&b)", "<https://e.org/?a=1&amp;b|pay>", "pay (https://e.org/?a=1&b)"),
        ("<https://evil|https://bank>", "&lt;https://evil|https://bank&gt;", "<https://evil|https://bank>"),
        ("*unbalanced and 2\\*3", "*\u200bunbalanced and 2*3", "*\u200bunbalanced and 2*3"),
        ("snake_case https://e.org/x_y_", "snake_case https://e.org/x_y_", "snake_case https://e.org/x_y_"),
        ("```py\na < b\n```", "```\na &lt; b\n```", "```\na < b\n```"),
        ("> said\nI", "> said\nI", "> said\nI"),
        ("x**y**z", "x\u200b*y*\u200bz", "x\u200b*y*\u200bz"),
        ("\\> no quote", "\u200b&gt; no quote", "\u200b> no quote"),
    ],
)
def test_markdown_becomes_slacks_and_whatsapps_marks(source: str, slack: str, whatsapp: str) -> None:
    assert to_mrkdwn(read(source)).removesuffix("\u200b") == slack
    assert to_whatsapp(read(source)).removesuffix("\u200b") == whatsapp


@given(markdown)
@quick
def test_nothing_a_model_writes_becomes_a_mention_a_broadcast_or_a_strange_link_on_slack(source: str) -> None:
    document = read(source)
    ours = {f"<{html.escape(span.style.link, quote=False)}" for span in document if span.style.link}
    for shown in (to_mrkdwn(document), *map(to_mrkdwn, split(document, 60, lambda d: len(to_mrkdwn(d))))):
        assert set(re.findall(r"<[^>|]*", shown)) <= ours


@given(st.lists(markdown, max_size=4).map("\n\n".join), st.integers(60, 150))
@quick
def test_parts_fit_and_lose_nothing_where_marks_count_too(source: str, limit: int) -> None:
    for dialect in (to_mrkdwn, to_whatsapp):
        parts = split(read(source), limit, lambda d, dialect=dialect: len(dialect(d)))  # type: ignore[misc]
        assert "".join(visible(p) for p in parts) == visible(read(source))
        assert all(len(dialect(p)) <= limit for p in parts)
