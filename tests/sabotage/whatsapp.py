"""What breaks when a case of WhatsApp is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

_PARSE, _SPEAK = "channels/whatsapp_parse.py", "channels/whatsapp.py"
_TALKS = "tests/contract/test_channel_whatsapp.py::test_"
_VOICE = "tests/contract/test_voice.py::test_"
_HEARS = "tests/unit/test_whatsapp_receive.py::test_"
_PLAYS = "tests/playbooks/test_whatsapp_play.py::test_"
_RECEIVE, _SIGNED, _STATE, _WIRE = (
    f"channels/whatsapp_{part}.py" for part in ("receive", "signature", "state", "wire")
)
_REPORTED = "    if refused := verify(request, access, STATUS):\n        return refused\n"

DAMAGES: tuple[Damage, ...] = (
    Damage("whatsapp 1", _SIGNED, "signed = _sorted_parameters(body)", "signed = body",
           _HEARS + "every_published_signature_vector_verifies"),
    Damage("whatsapp 1", _SIGNED, '"HMAC_SHA256": hashlib.sha256', '"HMAC_SHA256": hashlib.sha1',
           _HEARS + "shared_key_signing_with_sha256_and_json_by_its_hash"),
    Damage("whatsapp 1", _RECEIVE, """{access.public_url.rstrip('/')}{path}\"""", 'https://{request.headers.get(\'host\')}{path}"',
           _HEARS + "the_public_address_is_what_counts_whatever_the_proxy_did"),
    Damage("whatsapp 2", "channels/whatsapp_access.py", "<Response></Response>", "<Response><Message>Hi</Message></Response>",
           _PLAYS + "the_webhook_answers_empty_twiml_and_reports_are_checked"),
    Damage("whatsapp 3", _STATE, "now - last_inbound <= WINDOW", "now - last_inbound <= 2 * WINDOW",
           _HEARS + "the_window_is_open_for_24_hours_and_not_a_second_more"),
    Damage("whatsapp 3", "bot/delivery.py", '    if outcome == "closed":', "    if False:",
           _PLAYS + "63016_by_callback_goes_once_more_as_the_template"),
    Damage("whatsapp 3", _RECEIVE, _REPORTED, "", _PLAYS + "the_webhook_answers_empty_twiml_and_reports_are_checked"),
    Damage("whatsapp 4", "bot/control.py", "if offers[0].body.card and not inbound.reply_to and len(open_cards) > 1:", "if False:",
           _PLAYS + "a_bare_number_with_none_one_and_two_open_approvals"),
    Damage("whatsapp 4", "graphs/decisions.py", "if button.label.casefold() == said]", "if button.label.casefold()[:1] == said[:1]]",
           _HEARS + "an_answer_by_number_or_label_and_nothing_vaguer"),
    Damage("whatsapp 5", "bot/hearing.py", 'if standing == "principal" and inbound.also:', "if False:",
           _PLAYS + "a_person_without_a_number_is_a_stranger_unless_linked"),
    Damage("whatsapp tricky 1", _SIGNED, "for address in _with_and_without_port(url)", "for address in (url, url)",
           _HEARS + "every_published_signature_vector_verifies"),
    Damage("whatsapp tricky 1", _RECEIVE, """access.public_url.rstrip('/')""", """access.public_url.rpartition('/')[0]""",
           _HEARS + "the_public_address_is_what_counts_whatever_the_proxy_did"),
    Damage("whatsapp tricky 2", _RECEIVE, 'value.decode("utf-8", "replace"))', 'value.decode("utf-8", "replace").strip())',
           _HEARS + "a_message_keeps_its_spaces_its_key_and_its_empty_answer"),
    Damage("whatsapp tricky 2", _SIGNED, "return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]",
           "return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs if value]",
           _HEARS + "the_public_address_is_what_counts_whatever_the_proxy_did"),
    Damage("whatsapp tricky 3", _RECEIVE, "dedupe_key=sid,", "dedupe_key=hashlib.sha256(raw).hexdigest(),",
           _PLAYS + "the_same_message_at_the_primary_and_the_fallback_address_is_one"),
    Damage("whatsapp tricky 4", _PARSE, 'press = Press.decode(found.get("ButtonPayload", ""))',
           'press = Press.decode(found.get("ButtonPayload", "")) if found.get("MessageType") == "interactive" else None',
           _PLAYS + "a_button_reply_is_known_by_its_payload_whatever_its_words"),
    Damage("whatsapp tricky 5", "graphs/decisions.py", "{_WHICH}\\s*[.!?]*\\s*$", "{_WHICH}\\s*[.!?]*\\s*",
           _PLAYS + "yes_please_but_tomorrow_is_no_approval"),
    Damage("whatsapp tricky 5", "graphs/decisions.py", 'r"[1-9]\\d?", said)', 'r"[1-9]\\d?.?", said)',
           _HEARS + "an_answer_by_number_or_label_and_nothing_vaguer"),
    Damage("whatsapp tricky 6", _SPEAK, "if message.edit_of and message.progress:\n            return Receipt(",
           "if message.edit_of:\n            return Receipt(",
           _PLAYS + "an_old_button_of_an_approval_decided_elsewhere_says_so_and_does_nothing"),
    Damage("whatsapp tricky 8", "bot/delivery.py", "    if body.edit_of:\n", "    if True:\n",
           _PLAYS + "a_reminder_due_25_hours_after_the_last_word_knocks_and_follows_the_reply"),
    Damage("whatsapp tricky 8", "knowledge/store/messages.py", 'values(state="pending", not_before=0, attempts=1)',
           'values(state="held", not_before=0, attempts=1)',
           _PLAYS + "a_reminder_due_25_hours_after_the_last_word_knocks_and_follows_the_reply"),
    Damage("whatsapp tricky 9", _STATE, "_ORDER.index(reported) > rank", "_ORDER.index(reported) != rank",
           _HEARS + "reports_may_repeat_and_overtake"),
    Damage("whatsapp tricky 9", "knowledge/store/intake.py", "if known is not None and known[0] not in over:", "if False:",
           _PLAYS + "63016_by_callback_goes_once_more_as_the_template"),
    Damage("whatsapp tricky 10", _SPEAK, "text=1600,", "text=1700,", _TALKS + "parts_fit_sixteen_hundred"),
    Damage("whatsapp tricky 11", _PARSE, 'if found.get("Latitude"):', "if False:", _HEARS + "what_a_webhook_is"),
    Damage("whatsapp tricky 11", _PARSE, 'if files[0].mime == "image/webp":', "if False:", _HEARS + "what_a_webhook_is"),
    Damage("whatsapp tricky 12", _RECEIVE, 'sender = found.get("From") or found.get("ExternalUserId", "")',
           'sender = found.get("From", "")', _HEARS + "a_person_without_a_phone_number_keeps_an_identity"),
    Damage("whatsapp tricky 13", _SPEAK, "self._pauses[conversation] = time.monotonic() + pause.retry_after", "pass",
           _TALKS + "slow_down_on_the_second_of_three_parts_keeps_the_order"),
    Damage("whatsapp tricky 13", _WIRE, 'return Refusal(f"Twilio refused: {trouble', 'return TryLater(f"Twilio refused: {trouble',
           _PLAYS + "a_permanent_error_is_a_failure_and_never_repeated"),
    Damage("whatsapp tricky 7", _PARSE, '.partition(";")[0]', "", _VOICE + "whatsapp_voice_note_with_empty_body_is_heard"),
    Damage("whatsapp tricky 7", _PARSE, "range(min(int(count), 10)", "range(min(int(count), 1)",
           _VOICE + "whatsapp_two_voice_notes_in_one_message_are_both_heard_in_order"),
    Damage("whatsapp tricky 7", _SPEAK, "_NEW_MEDIA_TRIES, _NEW_MEDIA_WAIT = 4", "_NEW_MEDIA_TRIES, _NEW_MEDIA_WAIT = 1",
           _TALKS + "media_may_be_late_and_its_store_never_sees_the_token"),
    Damage("whatsapp tricky 7", _SPEAK, 'http.stream("GET", target)', 'http.stream("GET", target, auth=account)',
           _VOICE + "whatsapp_307_to_another_host_is_followed_without_the_credentials"),
)  # fmt: skip
