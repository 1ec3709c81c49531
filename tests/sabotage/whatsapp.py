"""What breaks when a case of WhatsApp is damaged."""

from __future__ import annotations

from tests.sabotage import Damage

DAMAGES: tuple[Damage, ...] = ()
