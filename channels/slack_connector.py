"""The guard of outgoing calls for aiohttp, which Slack's SDK brings along: every hop, also a redirect's, is checked."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import aiohttp
from aiohttp.abc import ResolveResult

from knowledge.egress import EgressRefused, Rules, check, refused, system_resolve


class GuardedConnector(aiohttp.TCPConnector):
    """Connects to the address that was checked, and to nothing else."""

    def __init__(self, rules: Rules, **options: Any) -> None:
        super().__init__(**options)
        self._rules = rules

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> list[ResolveResult]:
        """Also asked for addresses that are written as numbers. Raises OSError, as a resolver does."""
        try:
            address = await check("https", host, port, self._rules, system_resolve)
        except EgressRefused as refusal:
            refused(refusal)
            raise OSError(str(refusal)) from refusal
        family = socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET
        found: ResolveResult = {
            "hostname": host, "host": address, "port": port, "family": family, "proto": 0,
            "flags": socket.AI_NUMERICHOST,
        }  # fmt: skip
        return [found]
