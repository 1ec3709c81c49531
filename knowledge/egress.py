"""The guard in front of every outgoing HTTP call. It lies this low because channels, connectors and models all need it.

A name is resolved once, every address it has must be public, and the connection goes to exactly the address that was
checked, so that a name which answers differently the second time (DNS rebinding) gains nothing. Redirects pass through
the same guard, hop by hop. Exempt are only the addresses that the operator wrote into the settings, for the client that
is meant for them; a client that fetches what content names has no exemption.
"""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from ssl import SSLContext

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""(host, port) → its addresses. Raises OSError."""

ResolveNow = Callable[[str, int], list[str]]
"""The same for a client that lives in a thread."""

_INSIDE = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "home.arpa",
    "test",
    "onion",
)
_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "imaps": 993, "smtps": 465}
_METADATA: Final = frozenset({"168.63.129.16", "169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"})
_TRANSLATED: Final = tuple(
    IPv6Network(n) for n in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "::/96")
)
"""IPv6 ranges that carry an IPv4 address of somebody's choice: NAT64, 6to4, Teredo, the old compatible form."""


log = logging.getLogger(__name__)


class EgressRefused(httpx.ConnectError):
    """An outgoing call was refused before a byte left the house. `code` is stable, `where` is host and port, no path."""

    def __init__(self, code: str, where: str, sentence: str) -> None:
        super().__init__(f"I don't call {where}: {sentence}.")
        self.code, self.where = code, where


@dataclass(frozen=True, slots=True)
class Rules:
    """What one client may call: `hosts` (exact, or `*.example.org`; None: any public one), `ports`, and `exempt` origins.

    `exempt` holds (host, port) of addresses that the operator wrote; they may be private and without TLS.
    """

    hosts: frozenset[str] | None = None
    exempt: frozenset[tuple[str, int]] = frozenset()
    ports: frozenset[int] = frozenset({443})

    @classmethod
    def of(cls, *hosts: str, settings: Collection[str] = (), ports: Collection[int] = (443,)) -> Rules:
        """For a connector: the hosts it is for, and the addresses (URLs) that the operator wrote into its settings.

        A setting that names one of the hosts themselves (the default, mostly) exempts from nothing.
        """
        listed = frozenset(h.lower() for h in hosts)
        written = {(_bare(u.hostname), u.port or _port(u.scheme)) for u in map(urlsplit, settings) if u.hostname}
        exempt = frozenset((host, port) for host, port in written if not _listed(host, listed))
        return cls(listed, exempt, frozenset(ports))

    @classmethod
    def anywhere(cls) -> Rules:
        """For fetching what content names: any public host on 80 or 443, no exemption."""
        return cls(None, frozenset(), frozenset({80, 443}))


_witness: list[Callable[[EgressRefused], None]] = []


def bear_witness(told: Callable[[EgressRefused], None]) -> Callable[[], None]:
    """Let `told` hear of every refusal in this process (the composition root writes them down); call it back to end that."""
    _witness.append(told)
    return lambda: _witness.remove(told)


def refused(refusal: EgressRefused) -> None:
    """A call was refused: into the log, and to the witness. A name that does not resolve is a network that is down."""
    if refusal.code == "unresolved":
        log.info("%s", refusal)
        return
    log.warning("%s (%s)", refusal, refusal.code)
    for told in tuple(_witness):
        told(refusal)


async def check(scheme: str, host: str, port: int, rules: Rules, resolve: Resolve) -> str:
    """The address to connect to. Raises `EgressRefused`; other protocols (IMAP, SMTP) ask with their own scheme."""
    bare, where = _bare(host), f"{host}:{port}"
    exempt = (bare, port) in rules.exempt
    if not exempt:
        _check_name(scheme, bare, port, where, rules)
    try:
        found = await resolve(bare, port)
    except (OSError, UnicodeError) as error:
        raise _unresolved(where, error) from error
    return _checked(found, where, exempt=exempt)


def check_now(url: str, rules: Rules, resolve: ResolveNow | None = None) -> str:
    """`check` for a client that lives in a thread; a refusal is written down here."""
    there = urlsplit(url)
    host, port = there.hostname or "", there.port or _port(there.scheme)
    where, exempt = f"{host}:{port}", (_bare(host), port) in rules.exempt
    try:
        if not exempt:
            _check_name(there.scheme, _bare(host), port, where, rules)
        try:
            found = (resolve or _resolve_now)(_bare(host), port)
        except (OSError, UnicodeError) as error:
            raise _unresolved(where, error) from error
        return _checked(found, where, exempt=exempt)
    except EgressRefused as refusal:
        refused(refusal)
        raise


def _resolve_now(host: str, port: int) -> list[str]:
    return list(dict.fromkeys(str(e[4][0]) for e in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))


def _unresolved(where: str, error: Exception) -> EgressRefused:
    return EgressRefused("unresolved", where, f"its name does not resolve ({error})")


def _checked(found: list[str], where: str, *, exempt: bool) -> str:
    if not found:
        raise EgressRefused("unresolved", where, "its name has no address")
    if not exempt and (inside := [a for a in found if not is_public(a)]):
        raise EgressRefused("inside", where, f"it leads to {inside[0]}, an address inside the house or of the machine")
    return found[0]


def _check_name(scheme: str, bare: str, port: int, where: str, rules: Rules) -> None:
    if scheme not in _PORTS:
        raise EgressRefused("scheme", where, f"{scheme or 'nothing'} is not a way out")
    if scheme in ("http", "ws") and 80 not in rules.ports:
        raise EgressRefused("plain", where, "it would go without encryption")
    if not bare or not re.fullmatch(r"[a-z0-9_.:-]+", bare):
        raise EgressRefused("odd-name", where, "this is no proper name")
    if rules.hosts is not None and not _listed(bare, rules.hosts):
        raise EgressRefused("not-listed", where, "this client is not for it")
    if any(bare == inner or bare.endswith("." + inner) for inner in _INSIDE):
        raise EgressRefused("inside-name", where, "names like this are of the house")
    if _looks_numeric(bare) and not _is_address(bare):
        raise EgressRefused("odd-address", where, "an address is written in one way only")
    if port not in rules.ports:
        raise EgressRefused("port", where, "this client does not use that port")


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet; everything that is hidden in an IPv6 address counts too."""
    try:
        found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif any(found in net for net in _TRANSLATED) or found.is_site_local:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved and str(found) not in _METADATA


def _listed(bare: str, hosts: frozenset[str]) -> bool:
    return bare in hosts or any(h.startswith("*.") and bare.endswith(h[1:]) for h in hosts)


def _looks_numeric(bare: str) -> bool:
    """Ends in a number, in any base, as the URL standard says an address does; `2130706433` and `0x7f.1` among them."""
    last = bare.rpartition(".")[2]
    return ":" in bare or bool(re.fullmatch(r"\d+|0x[0-9a-f]*", last))


def _is_address(bare: str) -> bool:
    try:
        ip_address(bare)
    except ValueError:
        return False
    return True


def _bare(host: str | None) -> str:
    return (host or "").lower().rstrip(".").strip("[]")


def _port(scheme: str) -> int:
    return _PORTS.get(scheme, 0)


async def system_resolve(host: str, port: int) -> list[str]:
    """The machine's own resolver; what is an address already needs none."""
    if _is_address(host):
        return [host]
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@cache
def _trusted() -> SSLContext:
    """The certificates that this process trusts: reading them takes tens of milliseconds, so once."""
    return httpx.create_ssl_context(trust_env=False)


class GuardedTransport(httpx.AsyncBaseTransport):
    """Checks every request, then sends it to the checked address under the name that was asked for."""

    def __init__(
        self,
        rules: Rules,
        *,
        refused: Callable[[EgressRefused], None] = refused,
        resolve: Resolve = system_resolve,
        inner: httpx.AsyncBaseTransport | None = None,
        verify: SSLContext | bool = True,
        limits: httpx.Limits | None = None,
        http: ModuleType = httpx,
    ) -> None:
        """`refused` is told of each refusal, for the ledger. `http` is httpx, or the fork of it that an SDK brings along."""
        self.rules, self.refused, self.resolve = rules, refused, resolve
        self._given, self._verify, self._limits, self._http = inner, verify, limits, http
        self._inner: dict[str, httpx.AsyncBaseTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        host, port = url.raw_host.decode("ascii"), url.port or _port(url.scheme)
        try:
            if url.userinfo:
                raise EgressRefused("credentials", f"{host}:{port}", "an address never carries credentials")
            address = await check(url.scheme, host, port, self.rules, self.resolve)
        except EgressRefused as refusal:
            self.refused(refusal)
            raise
        pinned = self._http.Request(
            request.method,
            url.copy_with(host=address.partition("%")[0]),
            headers=request.headers,  # with the Host of the name that was asked for
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host.rstrip(".")},
        )
        response: httpx.Response = await self._under(url.scheme, host).handle_async_request(pinned)
        response.request = request
        return response

    def _under(self, scheme: str, host: str) -> httpx.AsyncBaseTransport:
        """A pool of its own for each name: below, connections are told apart by address, and a certificate that was
        checked for one name would serve for all names at that address."""
        if self._given is not None:
            return self._given
        if (key := f"{scheme}://{host}") not in self._inner:
            tls: Any = self._verify if self._verify is not True else scheme == "https" and _trusted()
            limits = {"limits": self._limits} if self._limits is not None else {}
            self._inner[key] = self._http.AsyncHTTPTransport(verify=tls, trust_env=False, **limits)
        return self._inner[key]

    async def aclose(self) -> None:
        for transport in [*self._inner.values(), *([self._given] if self._given is not None else [])]:
            await transport.aclose()


def guarded_client(
    rules: Rules, *, refused: Callable[[EgressRefused], None] = refused, **options: Any
) -> httpx.AsyncClient:
    """An httpx client that can't go round the guard: no proxies or credentials out of the environment."""
    guard = {name: options.pop(name) for name in ("resolve", "inner", "verify", "limits") if name in options}
    transport = GuardedTransport(rules, refused=refused, **guard)
    return httpx.AsyncClient(transport=transport, trust_env=False, **options)
