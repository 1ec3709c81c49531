"""What breaks when a case of the console is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

_TALKS = "tests/unit/test_console_terminal.py::test_"

DAMAGES: tuple[Damage, ...] = (
    Damage("console 1", "bot/cli/talk.py", "            if text.strip() or press:\n", '            if (text := text.strip() or "/approve") or press:\n',
           _TALKS + "in_pipes_no_card_is_approved_by_default"),
    Damage("console 1", "graphs/tools/calendar_revise.py", "        return _timed(arguments, changed, now, zone)\n", "        return arguments\n",
           _TALKS + "a_scripted_session_goes_from_text_to_draft_edit_approval_and_reply"),
)  # fmt: skip
