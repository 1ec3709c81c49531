"""What breaks when a case of Telegram is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

_VOICE = "tests/contract/test_voice.py::test_"

DAMAGES: tuple[Damage, ...] = (
    Damage("telegram tricky 6", "bot/voice/ears.py", "if file.size > most:", "if file.size > 99 * most:",
           _VOICE + "telegram_voice_of_20_000_001_bytes_is_refused_before_get_file"),
    Damage("telegram tricky 6", "channels/telegram_parse.py", "name, mime, voice.file_size or 0", "name, mime, voice.file_size",
           _VOICE + "telegram_voice_without_size_or_mime_type_or_with_duration_0_is_heard"),
    Damage("telegram tricky 6", "channels/telegram_parse.py", 'mime.startswith("audio/") else "file"', 'not mime else "file"',
           _VOICE + "telegram_oga_as_a_file_is_heard_but_is_not_the_principals_word"),
)  # fmt: skip
