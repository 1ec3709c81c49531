"""What breaks when a case of WhatsApp is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

_PARSE, _SPEAK = "channels/whatsapp_parse.py", "channels/whatsapp.py"
_TALKS = "tests/contract/test_channel_whatsapp.py::test_"
_VOICE = "tests/contract/test_voice.py::test_"

DAMAGES: tuple[Damage, ...] = (
    Damage("whatsapp tricky 7", _PARSE, '.partition(";")[0]', "", _VOICE + "whatsapp_voice_note_with_empty_body_is_heard"),
    Damage("whatsapp tricky 7", _PARSE, "range(min(int(count), 10)", "range(min(int(count), 1)",
           _VOICE + "whatsapp_two_voice_notes_in_one_message_are_both_heard_in_order"),
    Damage("whatsapp tricky 7", _SPEAK, "_NEW_MEDIA_TRIES, _NEW_MEDIA_WAIT = 4", "_NEW_MEDIA_TRIES, _NEW_MEDIA_WAIT = 1",
           _TALKS + "media_may_be_late_and_its_store_never_sees_the_token"),
    Damage("whatsapp tricky 7", _SPEAK, 'http.stream("GET", target)', 'http.stream("GET", target, auth=account)',
           _VOICE + "whatsapp_307_to_another_host_is_followed_without_the_credentials"),
)  # fmt: skip
