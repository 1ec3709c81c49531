"""What breaks when a case of Slack is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

_RECEIVE, _PAYLOAD, _PARSE, _SPEAK = (f"channels/slack{part}.py" for part in ("_receive", "_payload", "_parse", ""))
_HEARS = "tests/unit/test_slack_receive.py::test_"
_TALKS = "tests/contract/test_channel_slack.py::test_"

DAMAGES: tuple[Damage, ...] = (
    Damage("slack 1", _RECEIVE, "+ request.body, hashlib", "+ request.body.strip(), hashlib",
           _HEARS + "the_published_vector_verifies_and_any_other_byte_does_not"),
    Damage("slack 1", _RECEIVE, "SKEW_SECONDS = 300", "SKEW_SECONDS = 301", _HEARS + "five_minutes_of_skew_and_no_more"),
    Damage("slack 3", _RECEIVE, "access.team) or Answer()", "access.team) or Answer(404)",
           _HEARS + "noise_is_answered_and_not_stored"),
    Damage("slack 3", _RECEIVE, "elif sorted_.body:", "elif not sorted_.body:\n                    continue\n                else:",
           _TALKS + "socket_mode_stores_before_it_acknowledges_and_survives_a_disconnect"),
    Damage("slack 5", _PAYLOAD, 'hidden = event.get("bot_id") or', "hidden =", _HEARS + "noise_is_answered_and_not_stored"),
    Damage("slack 5", _PAYLOAD, '(None, "", "file_share", "thread_broadcast", ', '(None, "", "thread_broadcast", ',
           _HEARS + "what_people_say_in_other_ways_is_stored"),
    Damage("slack 8", "channels/slack_manifest.yaml", "      - reactions:read\n", "",
           _TALKS + "the_manifest_has_exactly_the_scopes_that_are_used_and_each_event_is_understood"),
    Damage("slack 8", _PAYLOAD, '"assistant_thread_started": "assistant",', "",
           _TALKS + "the_manifest_has_exactly_the_scopes_that_are_used_and_each_event_is_understood"),
    Damage("slack 9", _RECEIVE, "                    await accept([sorted_])\n                elif sorted_.body:\n"
           '                    answer["payload"] = json.loads(sorted_.body)\n'
           "                await socket.send(json.dumps(answer))",
           "                    await socket.send(json.dumps(answer))\n                    await accept([sorted_])",
           _TALKS + "what_is_not_stored_is_not_acknowledged"),
    Damage("slack tricky 2", _RECEIVE, "(stamp.isascii() and stamp.isdecimal() and", "(stamp.isascii() and",
           _HEARS + "malformed_headers_and_bodies_are_refused_without_an_exception"),
    Damage("slack tricky 2", _RECEIVE, "len(stamp) <= 12 and given.isascii())", "len(stamp) <= 12)",
           _HEARS + "malformed_headers_and_bodies_are_refused_without_an_exception"),
    Damage("slack tricky 3", _PARSE, 'command="help", sender_name=name', 'command="status", sender_name=name',
           _HEARS + "slash_commands"),
    Damage("slack tricky 3", _SPEAK, "if not says(refusal, NOT_THERE):", "if True:",
           _TALKS + "an_answer_to_a_command_in_a_channel_is_for_one_pair_of_eyes"),
    Damage("slack tricky 4", _PARSE, 'if found.get("subtype") == "slack_audio":', "if False:",
           _HEARS + "a_mention_is_taken_off_and_an_audio_clip_is_a_voice_note"),
    Damage("slack tricky 4", _PARSE, 'found.get("file_access") == "check_file_info" or ', "",
           _HEARS + "a_mention_is_taken_off_and_an_audio_clip_is_a_voice_note"),
    Damage("slack tricky 4", _SPEAK, ' or response.headers.get("content-type", "").startswith("text/html")', "",
           _TALKS + "files_come_from_slack_alone_and_a_sign_in_page_is_no_file"),
    Damage("slack tricky 6", _SPEAK, "        if not channel or not user:\n", "        if True:\n",
           _TALKS + "a_notice_reaches_a_card_whose_response_url_is_dead"),
    Damage("slack tricky 10", _SPEAK, "self._pauses[conversation] = time.monotonic() + error.retry_after", "pass",
           _TALKS + "slow_down_on_the_update_of_a_card_is_obeyed"),
    Damage("slack tricky 11", _RECEIVE, '"link_disabled":', '"never":', _TALKS + "a_switched_off_socket_is_told_and_not_hammered"),
    Damage("slack tricky 12", _RECEIVE, 'content.get("type") == "url_verification"', "False",
           _HEARS + "handshakes_are_answered_signed_and_the_ssl_check_unsigned"),
    Damage("slack tricky 13", _PAYLOAD, "if theirs and team and theirs != team else user", "if False else user",
           _HEARS + "another_team_is_not_ours_and_a_guest_of_another_team_is_not_the_principal"),
)  # fmt: skip
