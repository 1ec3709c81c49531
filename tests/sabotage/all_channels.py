"""What breaks when a case of all channels is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

_EVERY = "tests/contract/test_channels.py::test_"
_TYPING = "tests/contract/test_typing.py::test_"
_VOICE = "tests/contract/test_voice.py::test_"

DAMAGES: tuple[Damage, ...] = (
    Damage("all 1", "channels/slack_receive.py", 'Refused(401, "The signature is wrong.")', "None",
           _EVERY + "a_request_that_is_not_authentic_is_refused"),
    Damage("all 12", "channels/slack.py", 'raise TryLater("Slack asked to slow down; the pause is not over.", left)', "pass",
           _EVERY + "slow_down_is_obeyed_and_nothing_overtakes"),
    Damage("all 13", "bot/receiver.py", "            self._keep_typing(channel, delivery)", "            pass",
           _TYPING + "typing_starts_within_a_second_and_is_refreshed_while_the_turn_runs"),
    Damage("all 13", "bot/receiver.py", "await asyncio.sleep(channel.typing_s)", "await asyncio.sleep(3600)",
           _TYPING + "typing_starts_within_a_second_and_is_refreshed_while_the_turn_runs"),
    Damage("all 13", "bot/receiver.py", "if not await asyncio.to_thread(self.intake.is_at_work, *known):", "if False:",
           _TYPING + "typing_ends_with_the_reply_the_question_or_the_error"),
    Damage("all 13", "channels/slack_receive.py", "        elif thread:\n", "        elif False:\n",
           _TYPING + "typing_starts_within_a_second_and_is_refreshed_while_the_turn_runs"),
    Damage("all 14", "bot/voice/notes.py", "Outbound(_shown(heard)", "Outbound(str(heard.by)",
           _VOICE + "a_voice_note_gives_a_transcript_shown_to_the_user_and_is_then_treated_as_text"),
    Damage("all 14", "bot/voice/ears.py", "if file.size > most:", "if file.size > 99 * most:",
           _VOICE + "a_voice_note_too_large_gives_one_plain_sentence_and_is_not_fetched"),
    Damage("all 14", "bot/voice/ears.py", 'raise VoiceTrouble(f"It has more than {_mb(most)} MB.")', "continue",
           _VOICE + "a_voice_note_that_turns_out_too_large_gives_one_plain_sentence"),
    Damage("all 14", "bot/voice/child.py", "if len(pcm) > most:", "if len(pcm) > 9 * most:",
           _VOICE + "a_voice_note_too_long_gives_one_plain_sentence"),
    Damage("all 14", "bot/hearing.py", "return await self.context(stored, lease, _unheard(inbound, stored, trouble))", "pass",
           _VOICE + "a_voice_note_of_a_wrong_type_gives_one_plain_sentence"),
    Damage("all 14", "bot/voice/ears.py", 'raise VoiceTrouble(f"It could not be downloaded: {trouble}") from None', 'return b""',
           _VOICE + "a_voice_note_whose_download_failed_gives_one_plain_sentence"),
    Damage("all 14", "bot/voice/ears.py", "if not texts:", "if texts is None:",
           _VOICE + "an_empty_transcript_gives_one_plain_sentence"),
    Damage("all 14", "bot/control.py", '        if inbound.kind == "voice":\n', "        if False:\n",
           _VOICE + "a_spoken_approval_decides_nothing_but_chooses_the_card_and_asks_for_the_button"),
)  # fmt: skip
