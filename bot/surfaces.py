"""What may be reached from outside, and with which secrets: looked at before anything listens."""

from __future__ import annotations

import hmac
from ipaddress import ip_address
from itertools import combinations
from pathlib import Path

from bot.settings import Settings


class SurfaceTrouble(Exception):
    """Steward would listen in a way that it should not: one sentence that names the switch."""


def check_surfaces(settings: Settings) -> None:
    """Raises `SurfaceTrouble`. Called only where something listens, or secrets are in use."""
    http = settings.http
    if bool(http.tls_cert) != bool(http.tls_key):
        raise SurfaceTrouble("TLS needs both STEWARD_HTTP__TLS_CERT and STEWARD_HTTP__TLS_KEY.")
    for switch, path in (("TLS_CERT", http.tls_cert), ("TLS_KEY", http.tls_key)):
        if path and not Path(path).is_file():
            raise SurfaceTrouble(f"There is no file {path}, which STEWARD_HTTP__{switch} names.")
    if not is_loopback(http.host) and not http.tls_cert and not http.trusted_proxy:
        raise SurfaceTrouble(
            f"I don't listen on {http.host} without encryption. Set STEWARD_HTTP__TLS_CERT and __TLS_KEY, or, when a proxy "
            "of yours ends TLS in front of me, STEWARD_HTTP__TRUSTED_PROXY=true; or leave STEWARD_HTTP__HOST at 127.0.0.1."
        )
    if same := shared_secret(settings):
        raise SurfaceTrouble(f"{same[0]} and {same[1]} hold the same secret. Give each surface one of its own.")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it. A name other than localhost may lead anywhere."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def shared_secret(settings: Settings) -> tuple[str, str] | None:
    """The first two switches that hold one and the same secret."""
    held = [(name, secret) for name, secret in _secrets(settings) if secret]
    return next(((a, b) for (a, x), (b, y) in combinations(held, 2) if hmac.compare_digest(x, y)), None)


def _secrets(settings: Settings) -> list[tuple[str, bytes]]:
    telegram, slack, whatsapp = settings.telegram, settings.slack, settings.whatsapp
    every = {
        "TELEGRAM__TOKEN": telegram.token, "TELEGRAM__SECRET": telegram.secret, "SLACK__BOT_TOKEN": slack.bot_token,
        "SLACK__APP_TOKEN": slack.app_token, "SLACK__SIGNING_SECRET": slack.signing_secret,
        "SLACK__REFRESH_TOKEN": slack.refresh_token, "SLACK__CLIENT_SECRET": slack.client_secret,
        "WHATSAPP__AUTH_TOKEN": whatsapp.auth_token,
    }  # fmt: skip
    return [(f"STEWARD_{name}", secret.get_secret_value().encode()) for name, secret in every.items()]
