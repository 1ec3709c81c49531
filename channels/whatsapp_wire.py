"""Between our words and Twilio's: quick-reply templates, and what each of Twilio's errors means."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient

from channels import render
from channels.base import ChannelError, Closed, Refusal, TryLater, Unauthorised, Unknown
from channels.whatsapp_access import TITLE
from channels.whatsapp_state import WINDOW_CLOSED
from knowledge.egress import EgressRefused, ResolveNow, Rules, check_now
from knowledge.ids import digest
from knowledge.words import Button, Outbound

BUTTONS = 3  # quick replies that need no approval by WhatsApp within a session
BODY = 900  # of the 1,024 that a quick reply's body may have, less the words around it
_PAUSE = 6.0  # seconds after a 429; Twilio's library hides Retry-After
KNOCK = "steward_knock"
KNOCK_BODY = "Steward has something for you. Reply with any word to see it."
_LEAD, _TAIL = "Steward asks: ", "\n\nTap a button or reply with its number: "


class TwilioUnauthorised(Unauthorised):
    """Twilio refused the account or its token. Set STEWARD_WHATSAPP__ACCOUNT_SID and __AUTH_TOKEN, then run
    `steward doctor`; what waits is sent afterwards."""


class WindowClosed(Closed):
    """More than 24 hours since this person wrote: WhatsApp takes no free words. An approved template asks them to
    reply; until then use another linked channel."""


def told(trouble: Exception) -> ChannelError:
    """An exception of Twilio's library or of its HTTP client as what it means for the message."""
    if isinstance(trouble, TwilioRestException):
        return _answered(trouble)
    if _is_unsent(trouble):
        return TryLater(f"Twilio can't be reached ({type(trouble).__name__}).")
    return Unknown(f"Twilio gave no clear answer ({type(trouble).__name__}).")


def _answered(trouble: TwilioRestException) -> ChannelError:
    if trouble.status == 429 or trouble.code == 20429:
        return TryLater("Twilio asked to slow down.", _PAUSE)
    if trouble.status == 401 or trouble.code == 20003:
        return TwilioUnauthorised(" ".join((TwilioUnauthorised.__doc__ or "").split()), 60.0)
    if trouble.code == WINDOW_CLOSED:
        return WindowClosed(" ".join((WindowClosed.__doc__ or "").split()))
    if trouble.status >= 500:
        return Unknown(f"Twilio answered {trouble.status}.")
    return Refusal(f"Twilio refused: {trouble.code} {str(trouble.msg)[:200]}")


def refused(status: int, path: str) -> ChannelError:
    """What an answer means where no exception of the library says it."""
    if status == 401:
        return TwilioUnauthorised(" ".join((TwilioUnauthorised.__doc__ or "").split()), 60.0)
    if status == 429 or status >= 500:
        return TryLater(f"Twilio answered {status}.", _PAUSE)
    return Refusal(f"Twilio refused {path.partition('?')[0]}: {status}")


def _is_unsent(trouble: Exception) -> bool:
    if isinstance(trouble, (requests.exceptions.ConnectTimeout, requests.exceptions.InvalidURL)):
        return True
    reason = getattr(trouble.args[0], "reason", None) if trouble.args else None
    kinds = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError)
    return isinstance(trouble, requests.exceptions.ConnectionError) and isinstance(reason, kinds)


TROUBLES = (TwilioException, requests.exceptions.RequestException, OSError, ValueError, KeyError)


def options(buttons: tuple[Button, ...]) -> str:
    """`1 Approve · 2 Edit · 3 Reject`: the same choice for who types."""
    return " · ".join(f"{n} {button.label}" for n, button in enumerate(buttons, 1))


def flat(message: Outbound) -> tuple[Button, ...]:
    return tuple(button for row in message.buttons for button in row)


def template(buttons: tuple[Button, ...]) -> dict[str, Any]:
    """The content that asks with these labels; the question and the buttons' data are its variables."""
    actions = [
        {"type": "QUICK_REPLY", "title": render.shorten(button.label, TITLE), "id": f"{{{{{n}}}}}"}
        for n, button in enumerate(buttons[:BUTTONS], 2)
    ]
    body = f"{_LEAD}{{{{1}}}}{_TAIL}{options(buttons)}."
    examples = {"1": "Send the letter?"} | {str(n): "y:example:1:0:n" for n in range(2, 2 + len(actions))}
    return {
        "friendly_name": "steward_card_" + digest([body, actions])[:16],
        "language": "en",
        "variables": examples,
        "types": {"twilio/quick-reply": {"body": body, "actions": actions}, "twilio/text": {"body": body}},
    }


def variables(text: str, buttons: tuple[Button, ...]) -> dict[str, str]:
    return {"1": text} | {str(n): button.data for n, button in enumerate(buttons[:BUTTONS], 2)}


def filled(text: str, buttons: tuple[Button, ...]) -> str:
    """The body as it arrives, by which a sent card is found again."""
    return f"{_LEAD}{text}{_TAIL}{options(buttons)}."


def knock() -> dict[str, Any]:
    """The utility template that asks a person to reply, which opens the window."""
    return {"friendly_name": KNOCK, "language": "en", "types": {"twilio/text": {"body": KNOCK_BODY}}}


class GuardedTwilio(TwilioHttpClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK's way out, which follows no redirect and takes no proxy or password out of the environment."""

    def __init__(self, rules: Rules, resolve: ResolveNow | None = None) -> None:
        super().__init__(timeout=10)
        self.session.trust_env = False
        for scheme in ("https://", "http://"):
            self.session.mount(scheme, PinnedAdapter(rules, resolve))


class PinnedAdapter(HTTPAdapter):
    """Connects to the address that was checked, under the name that was asked for (SNI, certificate, Host)."""

    def __init__(self, rules: Rules, resolve: ResolveNow | None = None) -> None:
        super().__init__()
        self._rules, self._resolve = rules, resolve

    def send(self, request: requests.PreparedRequest, *more: Any, **options: Any) -> requests.Response:
        """Raises requests' InvalidURL when the address is refused: nothing was sent."""
        request.headers["Host"] = urlsplit(str(request.url)).netloc.rpartition("@")[2]
        return super().send(request, *more, **options)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """What a pool is found by. The name stays part of it: a certificate checked for one name serves for no other."""
        place, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        try:
            address = check_now(str(request.url), self._rules, self._resolve)
        except EgressRefused as refusal:
            raise requests.exceptions.InvalidURL(str(refusal)) from refusal
        name = str(place["host"]).strip("[]").rstrip(".")
        named = {"server_hostname": name} if place["scheme"] == "https" else {}
        return {**place, "host": address.partition("%")[0]}, {**pool, **named}
