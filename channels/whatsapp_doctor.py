"""What `steward doctor` finds out about WhatsApp at Twilio: account, sender, webhook, template; each names the next step."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from channels.base import ChannelError, Finding
from channels.whatsapp_access import WEBHOOK, WhatsAppAccess
from channels.whatsapp_wire import KNOCK, TwilioUnauthorised

Ask = Callable[[str, str], Awaitable[dict[str, Any]]]
"""Read a path of one of Twilio's domains (api, content, messaging). Raises ChannelError."""

_WHERE = "in Twilio's console, Messaging, Senders, WhatsApp senders"


async def findings(access: WhatsAppAccess, ask: Ask) -> list[Finding]:
    """In the order of docs/whatsapp.md; nothing further is asked where the account is refused."""
    try:
        found = await ask("api", f"/2010-04-01/Accounts/{access.account}.json")
    except TwilioUnauthorised:
        step = "Set STEWARD_WHATSAPP__ACCOUNT_SID and __AUTH_TOKEN"
        return [Finding("Twilio takes the account and token", False, step)]
    except ChannelError as trouble:
        return [Finding("Twilio can be reached", False, str(trouble))]
    named = f"{found.get('friendly_name')}, {found.get('status')}"
    right = access.number.startswith("whatsapp:+")
    return [
        Finding(f"Twilio takes the account and token ({named})", True),
        Finding("The sender is a WhatsApp number", right, "" if right else "STEWARD_WHATSAPP__FROM=whatsapp:+1…"),
        *await _webhook(access, ask),
        await _template(ask),
    ]


async def _webhook(access: WhatsAppAccess, ask: Ask) -> list[Finding]:
    """Whether Twilio has our address at this very sender. It keeps no such record of the sandbox: then you are told."""
    if not access.public_url:
        step = "Set STEWARD_PUBLIC_URL to the address that Twilio calls"
        return [Finding("Webhooks reach Steward at its public address", False, step)]
    wanted = access.public_url.rstrip("/") + WEBHOOK
    what = f"Twilio posts what comes in for {access.number.removeprefix('whatsapp:')} to {wanted}"
    try:
        listed = (await ask("messaging", "/v2/Channels/Senders?Channel=whatsapp&PageSize=100")).get("senders") or ()
    except ChannelError as trouble:
        step = f"Look yourself, {_WHERE}: “When a message comes in” must be POST {wanted}"
        return [Finding(f"Twilio does not say where it posts what comes in ({trouble})", True, step)]
    sender = next((one for one in listed if one.get("sender_id") == access.number), None)
    if sender is None:
        step = f"In the sandbox's settings, or {_WHERE}, “When a message comes in” must be POST {wanted}"
        return [Finding("This number is none of your senders at Twilio: the sandbox's, as it seems", True, step)]
    hook = sender.get("webhook") or {}
    posts, method = str(hook.get("callback_url") or ""), str(hook.get("callback_method") or "POST")
    right = (posts, method) == (wanted, "POST")
    now = f"; now it is {method} {posts}" if posts else "; now there is none"
    step = "" if right else f"Set “Webhook URL for incoming messages” to POST {wanted}, {_WHERE}{now}"
    return [Finding(what, right, step), *_online(sender)]


def _online(sender: dict[str, Any]) -> list[Finding]:
    """A line for a sender that WhatsApp does not serve now; none when all is well."""
    status = str(sender.get("status") or "")
    if status.startswith("ONLINE"):
        return []
    why = " ".join(
        str(one.get("message") or "") for one in sender.get("offline_reasons") or () if isinstance(one, dict)
    )
    step = f"{why or 'Its page says why'} ({_WHERE})"
    return [Finding(f"The sender is online: Twilio says {status or 'nothing'}", False, step)]


async def _template(ask: Ask) -> Finding:
    """Whether WhatsApp approved the one message that may be sent when you were silent for a day."""
    try:
        contents = (await ask("content", "/v1/Content?PageSize=100")).get("contents") or ()
        sid = next((str(c.get("sid")) for c in contents if c.get("friendly_name") == KNOCK), "")
        if not sid:
            step = "`steward run` makes it and asks WhatsApp; look again a minute later"
            return Finding("The template that knocks after a day of silence is there", False, step)
        asked = (await ask("content", f"/v1/Content/{sid}/ApprovalRequests")).get("whatsapp")
    except ChannelError as trouble:
        return Finding(f"The templates can be read: {trouble}", False, "Then run `steward doctor` again")
    status = str(asked.get("status", "")) if isinstance(asked, dict) else ""
    what = "WhatsApp approved the template that knocks after a day of silence"
    if status == "approved":
        return Finding(what, True)
    if status in ("received", "pending"):
        return Finding(f"{what}: it is looking at it ({status})", True, "It takes minutes to a day")
    step = "See the template steward_knock in Twilio's console, and submit it again there"
    return Finding(f"{what}: it says “{status or 'nothing'}”", False, step)
