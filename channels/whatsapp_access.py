"""What both parts of the WhatsApp channel (through Twilio) know: credentials, addresses, and whose webhooks are ours."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

from channels.base import Answer
from knowledge.egress import Rules

STORED = Answer(200, b"<Response></Response>", "text/xml")
TITLE = 20  # characters of a button's title [unconfirmed]
WEBHOOK, STATUS, MEDIA = "/whatsapp/webhook", "/whatsapp/status", "/whatsapp/media/"


@dataclass(frozen=True, slots=True)
class WhatsAppAccess:
    """What it takes to be the sender `number` (`whatsapp:+1…`). `account` is Twilio's account id.

    `public_url` is where Twilio reaches us, with any path prefix: signatures are made of it, never of the request's own
    address. `shared_key` is the secret of SharedKey signing, where that is used. `api_base` replaces all of Twilio's
    hosts (for a server on loopback). `shelf` is the folder where files lie that Twilio fetches; without it none is sent.
    """

    account: str
    auth_token: str = field(repr=False)
    number: str
    public_url: str = ""
    api_base: str = ""
    shared_key: str = field(default="", repr=False)
    shelf: Path | None = None

    def host(self, name: str) -> str:
        """The base address of one of Twilio's domains: api, content or messaging."""
        return self.api_base.rstrip("/") or f"https://{name}.twilio.com"

    @property
    def rules(self) -> Rules:
        """Where the account's calls may go: to Twilio's hosts, or to the server that the operator wrote into the settings."""
        return Rules.of("*.twilio.com", settings=[self.api_base])

    @property
    def media_rules(self) -> Rules:
        """Media are at Twilio and, by its redirect, in a store whose name is Twilio's affair: any public host, by TLS."""
        return replace(self.rules, hosts=None)

    @property
    def status_url(self) -> str:
        return f"{self.public_url.rstrip('/')}{STATUS}" if self.public_url else ""


def guard_logs() -> None:
    """Keep requests, which hold what people write, out of the HTTP libraries' logs."""
    for name in ("httpx", "httpcore", "twilio.http_client", "urllib3"):
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)
