"""What breaks when a case of Telegram is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

_VOICE = "tests/contract/test_voice.py::test_"
_EVERY = "tests/contract/test_channels.py::test_"
_TALKS = "tests/contract/test_channel_telegram.py::test_"
_POLLS = "tests/contract/test_channel_telegram_receive.py::test_"
_PARSES, _SORTS = "tests/unit/test_telegram_parse.py::test_", "tests/unit/test_telegram_receive.py::test_"
_PLAYS = "tests/playbooks/test_telegram_play.py::test_"
_RECEIVE, _PARSE, _WIRE, _SPEAK = (f"channels/telegram{part}.py" for part in ("_receive", "_parse", "_wire", ""))

DAMAGES: tuple[Damage, ...] = (
    Damage("telegram 1", _SPEAK, "secret_token=self._access.secret,", 'secret_token="x",',
           _POLLS + "webhook_mode_delivers_to_the_url_with_the_secret_until_answered"),
    Damage("telegram 1", _SPEAK, "_CONNECTIONS = 4", "_CONNECTIONS = 40",
           _POLLS + "webhook_mode_delivers_to_the_url_with_the_secret_until_answered"),
    Damage("telegram 1", _RECEIVE, 'await self._call("deleteWebhook", {"drop_pending_updates": False})', "pass",
           _POLLS + "polling_takes_the_webhook_away_and_stores_an_answers_updates_at_once"),
    Damage("telegram 2", "knowledge/words.py", "if len(data.encode()) > PRESS_LIMIT or not data.isascii():",
           "if not data.isascii():", _PARSES + "every_button_we_can_make_has_one_to_sixty_four_bytes_and_comes_back"),
    Damage("telegram 3", _RECEIVE, "5.0), self._grace)", "5.0), 3.0)",
           _POLLS + "a_press_is_confirmed_once_within_a_second_and_a_notice_comes_first"),
    Damage("telegram 3", _WIRE, 'TOO_OLD = ("query is too old", "query id is invalid", "query_id_invalid")', 'TOO_OLD = ("never",)',
           _POLLS + "a_press_is_confirmed_once_within_a_second_and_a_notice_comes_first"),
    Damage("telegram 3", _WIRE, '("message is not modified",)', '("nothing",)',
           _EVERY + "an_edit_replaces_the_message_and_repeating_it_is_harmless"),
    Damage("telegram 4", _PARSE, "_UNREADABLE = (LookupError, TypeError,", "_UNREADABLE = (TypeError,",
           _PARSES + "what_the_library_stumbles_over_is_a_value_error"),
    Damage("telegram 5", _SPEAK, "        if file.size > most:\n", "        if file.size > 2 * most:\n",
           _TALKS + "a_file_that_grows_past_the_limit_or_lies_elsewhere_is_refused"),
    Damage("telegram 6", "channels/telegram_access.py", "hide_token(record.getMessage()), ()", "record.getMessage(), ()",
           _SORTS + "the_token_shows_nowhere"),
    Damage("telegram 7", _RECEIVE, "return None  # all is confirmed", "return offset  # all is confirmed",
           _POLLS + "update_ids_that_start_again_lower_are_still_taken"),
    Damage("telegram tricky 1", _RECEIVE, "return str(number) if known else", "return str(len(body)) if known else",
           _SORTS + "a_text_belongs_to_its_chat_and_waits_its_turn"),
    Damage("telegram tricky 2", _PARSE, 'pressed_ref=str(message.message_id) if message else "",', 'pressed_ref="",',
           _PARSES + "a_press_also_on_a_message_that_is_no_longer_accessible"),
    Damage("telegram tricky 3", _PARSE, "found = _COMMAND.match(_units(text, start, end))", "found = _COMMAND.match(text[start:end])",
           _PARSES + "commands_are_found_by_their_entities"),
    Damage("telegram tricky 3", _PARSE, "return found[1].lower(), (found[2]", "return found[1], (found[2]",
           _PARSES + "commands_are_found_by_their_entities"),
    Damage("telegram tricky 3", _PARSE, "if addressee and self._username and addressee != self._username:", "if False:",
           _PARSES + "a_command_for_another_bot_is_not_ours"),
    Damage("telegram tricky 4", _SPEAK, "return render.fit(message, self.limits, render.visible_utf16)",
           "return render.fit(message, self.limits, lambda d: render.visible_utf16(d) // 2)",
           _EVERY + "long_text_arrives_in_full_and_in_order"),
    Damage("telegram tricky 5", _SPEAK, "plain = render.to_plain(document)\n", "plain = message.text\n",
           _TALKS + "a_markup_refusal_is_sent_once_more_as_plain_text_without_escapes"),
    Damage("telegram tricky 5", _WIRE, """UNPARSED = ("can't parse entities",)""", 'UNPARSED = ("never",)',
           _TALKS + "a_markup_refusal_is_sent_once_more_as_plain_text_without_escapes"),
    Damage("telegram tricky 7", "bot/corrections.py", "if said.strip() == edited.text.strip():", "if not said:",
           _PLAYS + "a_corrected_message_offers_to_redo_the_waiting_turn"),
    Damage("telegram tricky 7", "bot/hearing.py", "offered = await corrections.offer(tx, stored, inbound, now)", "offered = False",
           _PLAYS + "a_corrected_message_offers_to_redo_the_waiting_turn"),
    Damage("telegram tricky 8", _RECEIVE, 'own_words = kind == "message" and "forward_origin" not in content',
           'own_words = kind == "message"', _SORTS + "forwarded_words_are_no_hint_and_stop_nothing"),
    Damage("telegram tricky 8", "bot/hearing.py", 'inbound.kind != "reaction" and not inbound.private and not inbound.mentioned',
           "False", _PLAYS + "a_group_hears_nothing_unless_the_principal_names_the_bot"),
    Damage("telegram tricky 9", _SPEAK, "self._pauses[conversation] = time.monotonic() + wait", "pass",
           _TALKS + "a_pause_of_one_chat_does_not_hold_another"),
    Damage("telegram tricky 10", _PARSE, 'what = ", ".join(sorted(update.api_kwargs)) or', 'what = ""',
           _PARSES + "unknown_kinds_are_named_and_channel_posts_are_no_turn"),
    Damage("telegram tricky 10", _PARSE, "_UNREADABLE = (LookupError, TypeError,", "_UNREADABLE = (LookupError,",
           _PARSES + "what_the_library_stumbles_over_is_a_value_error"),
    Damage("telegram tricky 11", _RECEIVE, "return None  # all is confirmed", "return offset or 900_100  # all is confirmed",
           _POLLS + "update_ids_that_start_again_lower_are_still_taken"),
    Damage("telegram tricky 12", _WIRE, 'return Refusal(f"Telegram refused: {text}")', 'return Unknown(f"Telegram refused: {text}")',
           _TALKS + "blocked_in_the_middle_of_a_long_answer"),
    Damage("telegram tricky 13", _SPEAK, 'if outcome != "gone":', "if True:",
           _PLAYS + "a_press_on_a_message_out_of_reach_is_decided_and_shown_anew"),
    Damage("telegram tricky 13", "bot/control.py", 'if card.state == "open" and shown.revision != card.revision:', "if True:",
           _PLAYS + "a_thumb_on_a_card_decides_it"),
    Damage("telegram tricky 6", "bot/voice/ears.py", "if file.size > most:", "if file.size > 99 * most:",
           _VOICE + "telegram_voice_of_20_000_001_bytes_is_refused_before_get_file"),
    Damage("telegram tricky 6", "channels/telegram_parse.py", "name, mime, voice.file_size or 0", "name, mime, voice.file_size",
           _VOICE + "telegram_voice_without_size_or_mime_type_or_with_duration_0_is_heard"),
    Damage("telegram tricky 6", "channels/telegram_parse.py", 'mime.startswith("audio/") else "file"', 'not mime else "file"',
           _VOICE + "telegram_oga_as_a_file_is_heard_but_is_not_the_principals_word"),
)  # fmt: skip
