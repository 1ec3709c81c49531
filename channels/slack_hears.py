"""The worker's hearing, on slack-bolt: a stored payload is dispatched to the listener of its kind, which reads it.

Authenticity was checked on the raw bytes long before, so bolt's own checks are off; it holds no token and calls nobody.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Protocol

from slack_bolt import App, BoltContext, BoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltError
from slack_sdk import WebClient

from channels.base import Inbound
from channels.slack_payload import Payload

_ANY = re.compile("")
_NO_TOKEN = "none"


class Reader(Protocol):
    """Puts a payload of each kind into our words."""

    def message(self, seen: Payload) -> Inbound: ...
    def command(self, seen: Payload) -> Inbound: ...
    def press(self, seen: Payload) -> Inbound: ...
    def submission(self, seen: Payload) -> Inbound: ...
    def reaction(self, seen: Payload) -> Inbound: ...
    def shortcut(self, seen: Payload) -> Inbound: ...
    def home(self, seen: Payload) -> Inbound: ...
    def sign(self, seen: Payload) -> Inbound: ...


def hear(seen: Payload, reader: Reader) -> Inbound:
    """The inbound that the listener of this payload makes. Raises what it raises, ValueError when none is for it."""
    request = BoltRequest(body=seen.content, mode="socket_mode", context={"seen": seen, "reader": reader})
    _app().dispatch(request)
    found, error = request.context.get("inbound"), request.context.get("error")
    if isinstance(found, Inbound):
        return found
    if isinstance(error, Exception) and not isinstance(error, BoltError):
        raise error
    raise ValueError("a payload that no listener is for")


@cache
def _app() -> App:
    """One listener a kind. Each only reads: what comes of it is decided elsewhere, from the inbound."""
    app = App(
        name="steward", client=WebClient(_NO_TOKEN), authorize=_known, process_before_response=True,
        raise_error_for_unhandled_request=True, request_verification_enabled=False, token_verification_enabled=False,
        ssl_check_enabled=False, url_verification_enabled=False, ignoring_self_events_enabled=False,
        ignoring_self_assistant_message_events_enabled=False, attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )  # fmt: skip

    @app.error
    def broke(error: Exception, context: BoltContext) -> None:
        context["error"] = error

    def listen(kind: str) -> Any:
        def listener(context: BoltContext) -> None:
            context["inbound"] = getattr(context["reader"], kind)(context["seen"])

        return listener

    for event in ("message", "app_mention"):
        app.event(event)(listen("message"))
    app.event("reaction_added")(listen("reaction"))
    app.event("app_home_opened")(listen("home"))
    app.event("assistant_thread_started")(listen("sign"))
    app.command(_ANY)(listen("command"))
    app.action(_ANY)(listen("press"))
    app.view(_ANY)(listen("submission"))
    app.view_closed(_ANY)(listen("sign"))
    app.shortcut(_ANY)(listen("shortcut"))
    return app


def _known(**_: Any) -> AuthorizeResult:
    """Who may is Steward's own question, asked of its rows; bolt wants an answer before it lets a listener run."""
    return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=_NO_TOKEN)
