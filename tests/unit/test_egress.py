"""The guard of outgoing calls against the list of ways in which a call is led back into the house."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest
import requests

from channels.whatsapp_wire import GuardedTwilio
from knowledge.egress import EgressRefused, Rules, bear_witness, guarded_client, is_public

PUBLIC = "93.184.216.34"


class Inner(httpx.AsyncBaseTransport):
    """The outside world: keeps what reached it and answers from a table of redirects."""

    def __init__(self, redirects: dict[str, str] | None = None) -> None:
        self.seen: list[httpx.Request] = []
        self.redirects = redirects or {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        to = self.redirects.get(request.url.path)
        return httpx.Response(302, headers={"location": to}) if to else httpx.Response(200, text="hello")


def answers(*addresses: str) -> Callable[[str, int], Awaitable[list[str]]]:
    """A resolver that gives these addresses, one after the other, then the last for ever; literals are themselves."""
    left = list(addresses)

    async def resolve(host: str, _port: int) -> list[str]:
        try:
            return [
                str(i[4][0]) for i in await asyncio.get_running_loop().getaddrinfo(host, 0, flags=4)
            ]  # AI_NUMERICHOST
        except OSError:
            return (left.pop(0) if len(left) > 1 else left[0]).split()

    return resolve


async def fetch(
    url: str, *addresses: str, rules: Rules | None = None, inner: Inner | None = None
) -> tuple[str, list[str]]:
    """The refusal's code ("" when it went through) and what was recorded."""
    record: list[EgressRefused] = []
    inner = inner or Inner()
    client = guarded_client(
        rules or Rules.anywhere(), refused=record.append, resolve=answers(*addresses or (PUBLIC,)), inner=inner,
        follow_redirects=True,
    )  # fmt: skip
    async with client:
        try:
            await client.get(url)
        except EgressRefused as refusal:
            return refusal.code, [r.code for r in record]
    return "", [r.code for r in record]


INSIDE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.0.1", "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
    "2001:0:7f00:1::", "2001:db8::1", "100::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INSIDE)
async def test_a_name_that_leads_inside_is_refused_after_resolution_and_recorded(address: str) -> None:
    assert not is_public(address)
    inner = Inner()
    assert await fetch("https://innocent.example/", address, inner=inner) == ("inside", ["inside"])
    assert inner.seen == []


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
async def test_a_public_name_is_called_at_the_address_that_was_checked_under_its_own_name(address: str) -> None:
    inner = Inner()
    assert await fetch("https://innocent.example/a?b=1", address, inner=inner) == ("", [])
    sent = inner.seen[0]
    assert sent.url.host == address
    assert sent.headers["host"] == "innocent.example"
    assert sent.extensions["sni_hostname"] == "innocent.example"
    assert sent.url.raw_path == b"/a?b=1"


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://017700000001/",
        "http://127.1/", "http://127.0.1/", "http://0/", "http://00000000.00000000.00000000.00000001/",
        "http://127.0.0.1/", "http://127.0.0.1./", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[::]/",
        "http://[0:0:0:0:0:ffff:7f00:1]/", "http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/",
        "http://localhost/", "http://LOCALHOST./", "http://a.localhost/", "http://printer.local/", "http://nas.lan/",
        "http://metadata.google.internal/", "http://①②⑦.⓪.⓪.①/", "http://127。0。0。1/",
        "http://user:password@innocent.example/", "http://innocent.example@127.0.0.1/",
        "http://innocent.example:22/", "http://innocent.example:6379/", "http://1.1.1.1.local/", "http://0x7f000001.0x/",
    ],
)  # fmt: skip
async def test_an_odd_way_of_writing_an_inside_address_is_refused_and_recorded(url: str) -> None:
    inner = Inner()
    try:
        code, record = await fetch(url, PUBLIC, inner=inner)
    except httpx.InvalidURL:
        code, record = "invalid", ["invalid"]  # httpx itself does not take it for an address
    assert code
    assert record == [code]
    assert inner.seen == []


@pytest.mark.parametrize(
    "to",
    [
        "http://127.0.0.1/", "https://[::1]/", "//169.254.169.254/", "http://localhost/", "ftp://innocent.example/",
        "file:///etc/passwd", "http://2130706433/",
    ],
)  # fmt: skip
async def test_a_redirect_is_checked_like_the_first_call(to: str) -> None:
    inner = Inner({"/start": to})
    try:
        code, _ = await fetch("https://innocent.example/start", PUBLIC, inner=inner)
    except httpx.UnsupportedProtocol:
        code = "scheme"
    assert code
    assert [r.url.path for r in inner.seen] == ["/start"]


async def test_a_redirect_to_another_public_place_is_followed_and_the_third_hop_inside_is_not() -> None:
    inner = Inner({"/one": "https://other.example/two", "/two": "https://third.example/three"})
    assert await fetch("https://innocent.example/one", PUBLIC, PUBLIC, "10.0.0.1", inner=inner) == (
        "inside",
        ["inside"],
    )
    assert [r.url.path for r in inner.seen] == ["/one", "/two"]


async def test_a_name_that_answers_differently_the_second_time_gains_nothing() -> None:
    inner = Inner()
    assert (await fetch("https://rebind.example/", PUBLIC, "127.0.0.1", inner=inner))[0] == ""
    assert [r.url.host for r in inner.seen] == [PUBLIC], "connected to what was checked, resolved once"
    assert (await fetch("https://rebind.example/", "127.0.0.1", PUBLIC))[0] == "inside"


async def test_one_inside_address_among_public_ones_is_enough() -> None:
    assert (await fetch("https://innocent.example/", f"{PUBLIC} 127.0.0.1"))[0] == "inside"


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://api.example.org/", ""),
        ("https://API.example.org./", ""),
        ("https://eu.files.example.org/", ""),
        ("https://files.example.org/", "not-listed"),  # the star stands for something
        ("https://evilfiles.example.org/", "not-listed"),
        ("https://api.example.org.evil.example/", "not-listed"),
        ("http://api.example.org/", "plain"),
        ("https://api.example.org:8443/", "port"),
    ],
)
async def test_a_connector_calls_only_the_hosts_it_is_for(url: str, code: str) -> None:
    assert (await fetch(url, rules=Rules.of("api.example.org", "*.files.example.org")))[0] == code


async def test_only_the_exact_address_in_the_settings_is_exempt_and_only_for_its_client() -> None:
    rules = Rules.of("api.example.org", settings=["http://127.0.0.1:8081/bot"])
    assert (await fetch("http://127.0.0.1:8081/bot1/getMe", rules=rules))[0] == ""
    assert (await fetch("http://127.0.0.1:8082/", rules=rules))[0] == "plain"
    assert (await fetch("https://127.0.0.2:8081/", rules=rules))[0] == "not-listed"
    assert (await fetch("http://127.0.0.1:8081/"))[0], "what content names has no exemption"
    inner = Inner({"/start": "http://127.0.0.1:6379/"})
    assert (await fetch("http://127.0.0.1:8081/start", rules=rules, inner=inner))[0] == "plain"


async def test_a_name_without_an_address_is_a_refusal_and_not_a_crash() -> None:
    async def fails(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    for resolve in (fails, answers("")):
        record: list[EgressRefused] = []
        client = guarded_client(Rules.anywhere(), refused=record.append, resolve=resolve, inner=Inner())
        async with client:
            with pytest.raises(EgressRefused, match=r"does not resolve|no address"):
                await client.get("https://innocent.example/")
        assert [r.code for r in record] == ["unresolved"]


async def test_the_record_names_the_place_but_neither_path_nor_query() -> None:
    record: list[EgressRefused] = []
    async with guarded_client(Rules.anywhere(), refused=record.append, resolve=answers("10.0.0.1")) as client:
        with pytest.raises(EgressRefused):
            await client.get("https://innocent.example/secret?token=abc")
    assert record[0].where == "innocent.example:443"
    assert "secret" not in str(record[0])
    assert "abc" not in str(record[0])


async def test_proxies_of_the_environment_do_not_lead_round_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    inner = Inner()
    assert (await fetch("https://innocent.example/", inner=inner))[0] == ""
    assert len(inner.seen) == 1


# ── over real sockets ────────────────────────────────────────────────────────────────────────────────────────────────


async def _reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            host = next(line for line in head.decode().split("\r\n") if line.lower().startswith("host:"))
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(host), host.encode()))
            await writer.drain()
    writer.close()
    with suppress(ConnectionError, ssl.SSLError):
        await writer.wait_closed()


@asynccontextmanager
async def server(context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Keeps connections open; ends when all of them have."""
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        await _reply(reader, writer)

    listening = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.gather(*running)
        await asyncio.sleep(0.05)  # handshakes that failed let their sockets go


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for `name` with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{name}.pem"
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return path


async def test_a_real_call_to_an_exempt_loopback_server_goes_through() -> None:
    async with server() as port:
        rules = Rules.of(settings=[f"http://127.0.0.1:{port}"])
        async with guarded_client(rules, refused=lambda _r: None) as client:
            got = await client.get(f"http://127.0.0.1:{port}/x")
    assert got.text == f"Host: 127.0.0.1:{port}"
    assert str(got.url) == f"http://127.0.0.1:{port}/x"


async def test_the_certificate_is_checked_against_the_name_although_the_address_is_called(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "house.example")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    async with server(serving) as port:
        for name, good in (("house.example", True), ("other.example", False)):
            rules = Rules.of(settings=[f"https://{name}:{port}"])
            trusting = ssl.create_default_context(cafile=str(pem))
            client = guarded_client(rules, refused=lambda _r: None, resolve=answers("127.0.0.1"), verify=trusting)
            async with client:
                if good:
                    assert (await client.get(f"https://{name}:{port}/")).text == f"Host: {name}:{port}"
                else:
                    with pytest.raises(httpx.ConnectError, match="certificate"):
                        await client.get(f"https://{name}:{port}/")


async def test_a_certificate_that_was_checked_for_one_name_never_serves_for_another(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "house.example")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    async with server(serving) as port:
        rules = Rules.of(settings=[f"https://house.example:{port}", f"https://other.example:{port}"])
        trusting = ssl.create_default_context(cafile=str(pem))
        client = guarded_client(rules, refused=lambda _r: None, resolve=answers("127.0.0.1"), verify=trusting)
        async with client:
            await client.get(f"https://house.example:{port}/")
            with pytest.raises(httpx.ConnectError, match="certificate"):
                await client.get(f"https://other.example:{port}/")


# ── Twilio's SDK, which brings its own client and resolver ───────────────────────────────────────────────────────────


def rebinding(*addresses: str) -> tuple[Callable[[str, int], list[str]], list[str]]:
    """A resolver for clients in threads that answers differently each time, and the names that it was asked for."""
    left, asked = list(addresses), list[str]()

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [left.pop(0) if len(left) > 1 else left[0]]

    return resolve, asked


async def test_twilio_s_sdk_calls_the_address_that_was_checked_and_asks_no_resolver_again() -> None:
    async with server() as port:
        resolve, asked = rebinding("127.0.0.1", "169.254.169.254")
        url = f"http://api.rebinding.invalid:{port}"  # a resolver of the SDK's own would find nothing
        client = GuardedTwilio(Rules.of(settings=[url]), resolve)
        got = await asyncio.to_thread(client.request, "GET", f"{url}/2010-04-01/Accounts")
        client.session.close()
    assert got.text == f"Host: api.rebinding.invalid:{port}"
    assert asked == ["api.rebinding.invalid"]


async def test_twilio_s_sdk_asks_the_guard_anew_for_each_call() -> None:
    resolve, _ = rebinding("127.0.0.1")
    client = GuardedTwilio(Rules.of("*.twilio.com"), resolve)
    record: list[EgressRefused] = []
    end = bear_witness(record.append)
    with pytest.raises(requests.exceptions.InvalidURL, match="inside the house"):
        await asyncio.to_thread(client.request, "GET", "https://api.twilio.com/")
    end()
    assert [refusal.code for refusal in record] == ["inside"]


async def test_twilio_s_certificate_is_checked_against_the_name_although_the_address_is_called(tmp_path: Path) -> None:
    pem = certificate(tmp_path, "house.example")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    async with server(serving) as port:
        urls = [f"https://{name}:{port}" for name in ("house.example", "other.example")]
        client = GuardedTwilio(Rules.of(settings=urls), lambda _host, _port: ["127.0.0.1"])
        client.session.verify = str(pem)
        got = await asyncio.to_thread(client.request, "GET", f"{urls[0]}/")
        assert got.text == f"Host: house.example:{port}"
        with pytest.raises(requests.exceptions.SSLError, match="ertificate"):
            await asyncio.to_thread(client.request, "GET", f"{urls[1]}/")
        client.session.close()


async def test_proxies_and_passwords_of_the_environment_do_not_lead_twilio_round_the_guard(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with server() as port:
        url = f"http://api.rebinding.invalid:{port}"
        client = GuardedTwilio(Rules.of(settings=[url]), lambda _host, _port: ["127.0.0.1"])
        got = await asyncio.to_thread(client.request, "GET", url)
        client.session.close()
    assert got.text == f"Host: api.rebinding.invalid:{port}"
