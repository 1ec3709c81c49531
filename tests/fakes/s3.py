"""A bucket store on loopback: path-style put, get, list (in pages) and delete; refuses a wrong signature or a wrong hash.

`async with FakeS3() as store:` listens at `store.url`; `store.objects` is what it holds; `store.down` makes it answer 503.
"""

from __future__ import annotations

import hashlib
import html
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

from knowledge.bucket import Access, signature
from tests.fakes.loopback import Loopback, Request, Response

KEY, SECRET, REGION = "AKIACANARY", "CANARY/bucket+secret", "eu-test-1"


class FakeS3:
    def __init__(self, bucket: str = "safe", page: int = 2) -> None:
        self.bucket, self.page, self.down = bucket, page, False
        self.objects: dict[str, bytes] = {}
        self._server = Loopback(self._answer)

    @property
    def url(self) -> str:
        return self._server.url

    async def __aenter__(self) -> FakeS3:
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *problem: object) -> None:
        await self._server.__aexit__(*problem)

    async def _answer(self, request: Request) -> Response:
        if self.down:
            return _error(503, "SlowDown")
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        if not self._genuine(request, query):
            return _error(403, "SignatureDoesNotMatch")
        if hashlib.sha256(request.body).hexdigest() != request.headers["x-amz-content-sha256"]:
            return _error(400, "XAmzContentSHA256Mismatch")
        bucket, _, key = request.path.lstrip("/").partition("/")
        if bucket != self.bucket:
            return _error(404, "NoSuchBucket")
        if request.method == "PUT":
            self.objects[key] = request.body
            return Response(200)
        if request.method == "DELETE":
            self.objects.pop(key, None)
            return Response(204)
        if key:
            return (
                Response(200, self.objects[key], "application/octet-stream")
                if key in self.objects
                else _error(404, "NoSuchKey")
            )
        return self._list(query)

    def _genuine(self, request: Request, query: dict[str, str]) -> bool:
        given = request.headers.get("authorization", "")
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        at = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs((datetime.now(UTC) - at).total_seconds()) > 900 or not {"host", "x-amz-date"} <= set(names):
            return False
        signed = {name: request.headers[name] for name in names}
        digest = request.headers["x-amz-content-sha256"]
        access = Access(self.url, REGION, KEY, SECRET)
        return given == signature(access, request.method, quote(request.path, safe="/"), query, signed, digest, at)

    def _list(self, query: dict[str, str]) -> Response:
        found = sorted(key for key in self.objects if key.startswith(query.get("prefix", "")))
        after = query.get("continuation-token", "")
        left = [key for key in found if key > after]
        keys = "".join(f"<Contents><Key>{html.escape(key)}</Key></Contents>" for key in left[: self.page])
        more = (
            f"<NextContinuationToken>{html.escape(left[self.page - 1])}</NextContinuationToken>"
            if len(left) > self.page
            else ""
        )
        return Response(200, f"<ListBucketResult>{keys}{more}</ListBucketResult>".encode(), "application/xml")


def _error(status: int, code: str) -> Response:
    return Response(status, f"<Error><Code>{code}</Code></Error>".encode(), "application/xml")
