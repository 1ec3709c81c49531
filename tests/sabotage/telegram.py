"""What breaks when a case of Telegram is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

DAMAGES: tuple[Damage, ...] = ()
