"""A bucket of any S3-compatible store, as far as backups need it: put, get, list, delete, signed by hand (SigV4)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import html
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx

from knowledge.egress import Rules, guarded_client

_EMPTY = hashlib.sha256(b"").hexdigest()
_BLOCK = 1 << 20
_KEY = re.compile(r"<Key>([^<]*)</Key>")
_MORE = re.compile(r"<NextContinuationToken>([^<]*)</NextContinuationToken>")
_TIMEOUT = httpx.Timeout(60.0, connect=15.0)


class BucketTrouble(Exception):
    """The store refused or did not answer: a sentence. Never holds a key."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where and as whom. `secret` is in no representation."""

    endpoint: str
    region: str
    key: str
    secret: str = field(repr=False)


def signature(
    access: Access,
    method: str,
    path: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    digest: str,
    at: datetime,
) -> str:
    """The Authorization header of AWS Signature Version 4; `headers` (lower case) are all signed, `path` is encoded."""
    stamp, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
    names = ";".join(sorted(headers))
    canonical = "\n".join(
        [method, path, _query(query), *(f"{n}:{headers[n].strip()}" for n in sorted(headers)), "", names, digest]
    )
    scope = f"{day}/{access.region}/s3/aws4_request"
    signed = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{access.secret}".encode()
    for part in (day, access.region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    sealed = hmac.digest(key, signed.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={access.key}/{scope},SignedHeaders={names},Signature={sealed}"


def _query(query: Mapping[str, str]) -> str:
    return "&".join(f"{quote(k, safe='')}={quote(query[k], safe='')}" for k in sorted(query))


class Bucket:
    """`s3://name/prefix`, reached through the guard of outgoing calls: the operator wrote its address."""

    def __init__(self, url: str, access: Access) -> None:
        """Raises `BucketTrouble` when the address is none."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc or not access.key or not access.secret:
            raise BucketTrouble("A bucket is s3://name/prefix, with STEWARD_BACKUP__ACCESS_KEY and __SECRET_KEY.")
        self.name, self.prefix = parts.netloc, parts.path.strip("/")
        self._access = access
        endpoint = access.endpoint or f"https://s3.{access.region}.amazonaws.com"
        self._client = guarded_client(Rules.of(settings=[endpoint]), base_url=endpoint, timeout=_TIMEOUT)
        self._host = urlsplit(endpoint).netloc

    async def close(self) -> None:
        await self._client.aclose()

    async def put(self, name: str, file: Path) -> None:
        """Store a file under the prefix. Its hash is signed, so that the store notices a changed byte."""
        digest, size = await asyncio.to_thread(_hashed, file)
        await self._ask("PUT", self._under(name), digest=digest, content=_blocks(file), size=size)

    async def get(self, name: str, into: Path) -> None:
        """Fetch a file."""
        request = self._request("GET", self._under(name), {}, _EMPTY)
        try:
            async with self._client.stream(request.method, request.url, headers=request.headers) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    raise self._refused(answer)
                with into.open("wb") as file:
                    async for block in answer.aiter_bytes(_BLOCK):
                        file.write(block)
        except httpx.HTTPError as error:
            raise self._unreached(error) from error

    async def names(self) -> list[str]:
        """Every file under the prefix, sorted, without the prefix."""
        found: list[str] = []
        query = {"list-type": "2", "prefix": f"{self.prefix}/" if self.prefix else ""}
        while True:
            text = (await self._ask("GET", "", query)).text
            found += [html.unescape(key) for key in _KEY.findall(text)]
            more = _MORE.search(text)
            if more is None:
                break
            query["continuation-token"] = html.unescape(more[1])
        return sorted(key.removeprefix(query["prefix"]) for key in found)

    async def delete(self, name: str) -> None:
        await self._ask("DELETE", self._under(name))

    def _under(self, name: str) -> str:
        return f"{self.prefix}/{name}".lstrip("/")

    async def _ask(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        *,
        digest: str = _EMPTY,
        content: AsyncIterator[bytes] | None = None,
        size: int = 0,
    ) -> httpx.Response:
        request = self._request(method, key, query or {}, digest)
        headers = {**request.headers, **({"content-length": str(size)} if content is not None else {})}
        try:
            answer = await self._client.request(method, request.url, headers=headers, content=content)
        except httpx.HTTPError as error:
            raise self._unreached(error) from error
        if answer.status_code not in (200, 204):
            raise self._refused(answer)
        return answer

    def _request(self, method: str, key: str, query: Mapping[str, str], digest: str) -> httpx.Request:
        at = datetime.now(UTC)
        path = quote(f"/{self.name}/{key}" if key else f"/{self.name}", safe="/")
        headers = {"host": self._host, "x-amz-content-sha256": digest, "x-amz-date": at.strftime("%Y%m%dT%H%M%SZ")}
        seal = signature(self._access, method, path, query, headers, digest, at)
        url = path + (f"?{_query(query)}" if query else "")
        return self._client.build_request(method, url, headers={**headers, "authorization": seal})

    def _refused(self, answer: httpx.Response) -> BucketTrouble:
        code = re.search(r"<Code>(\w{1,60})</Code>", answer.text)
        return BucketTrouble(f"The bucket {self.name} refused ({answer.status_code} {code[1] if code else ''}).")

    def _unreached(self, error: httpx.HTTPError) -> BucketTrouble:
        return BucketTrouble(f"The bucket {self.name} could not be reached: {str(error) or type(error).__name__}.")


def _hashed(file: Path) -> tuple[str, int]:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest(), content.tell()


async def _blocks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as content:
        while block := content.read(_BLOCK):
            yield block
