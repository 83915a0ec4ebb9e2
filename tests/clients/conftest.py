"""A small real HTTP(S) server that answers from a script, a virtual clock, and certificates made for the occasion."""

from __future__ import annotations

import datetime
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.clients.retries import Retries
from pryv_nomad.clients.transport import Timing

TOKEN = "5f2c7a90-secret-of-the-operator"


@dataclass
class Reply:
    """One scripted answer. `chunks` are sent one by one (None: wait until the test is over); `cut` breaks the
    connection after what was sent; `silent` says nothing at all until the test is over.
    """

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    chunks: list[bytes | None] | None = None
    cut: bool = False
    silent: bool = False

    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return self.body.encode() if isinstance(self.body, str) else json.dumps(self.body).encode()


@dataclass
class Request:
    """What arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    sender: tuple[str, int]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class ScriptedServer:
    """Answers with the replies of its script in turn, the last one for ever; keeps the requests."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.over = threading.Event()
        self.handshakes_to_break = 0
        self._replies: list[Reply] = [Reply(body=None)]
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.context = context
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def script(self, *replies: Reply) -> None:
        self._replies = list(replies)

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _next(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 10
            wbufsize = -1  # one packet an answer: two would meet Nagle and cost 40 ms

            def setup(self) -> None:
                if outer.handshakes_to_break > 0:
                    outer.handshakes_to_break -= 1
                    self.request.recv(1)
                    self.request.shutdown(socket.SHUT_WR)
                    raise ConnectionAbortedError("as scripted")
                if outer.context is not None:
                    self.request = outer.context.wrap_socket(self.request, server_side=True)
                super().setup()

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body, sender = self.rfile.read(length), self.client_address
                request = Request(self.command, self.path, dict(self.headers.items()), body, sender)
                reply = outer._next(request)
                if reply.silent:
                    outer.over.wait(10)
                    self.close_connection = True
                elif reply.chunks is not None:
                    self.in_chunks(reply)
                else:
                    self.at_once(reply)

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def at_once(self, reply: Reply) -> None:
                content = reply.content()
                self.begin(reply, {"Content-Length": str(len(content) + (100 if reply.cut else 0))})
                self.wfile.write(content)
                self.close_connection = reply.cut

            def in_chunks(self, reply: Reply) -> None:
                self.begin(reply, {"Transfer-Encoding": "chunked"})
                for chunk in reply.chunks or ():
                    if chunk is None:
                        self.wfile.flush()
                        outer.over.wait(10)
                        break
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                else:
                    if not reply.cut:
                        self.wfile.write(b"0\r\n\r\n")
                self.close_connection = True

            def begin(self, reply: Reply, more: dict[str, str]) -> None:
                self.send_response(reply.status)
                for name, value in ({"Content-Type": reply.kind} | reply.headers | more).items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing on the terminal."""

        return Handler


class VirtualTime:
    """Time that passes only when somebody sleeps. `roll` is what the dice give."""

    def __init__(self, roll: float = 0.5) -> None:
        self.clock = 1000.0
        self.pauses: list[float] = []
        self.roll = roll

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.clock += seconds

    @property
    def timing(self) -> Timing:
        return Timing(clock=lambda: self.clock, now=lambda: self.clock, sleep=self.sleep, roll=lambda: self.roll)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture
def virtual() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def nomad(server: ScriptedServer, virtual: VirtualTime) -> Iterator[Nomad]:
    with Nomad(NomadOptions(address=server.url, token=TOKEN), retries=Retries(), timing=virtual.timing) as client:
        yield client


# -- certificates


@dataclass(frozen=True)
class Pair:
    """Paths of a certificate and its key."""

    cert: str
    key: str


class Authority:
    """A certificate authority that lives for one test run."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._cert = self._sign(name, self._key, name, [], authority=True)
        self.path = str(self._write(f"{name}-ca.pem", self._cert.public_bytes(serialization.Encoding.PEM)))

    def issue(self, name: str, *alternatives: str) -> Pair:
        """A certificate for `alternatives` (host names or IP addresses), usable by a server and a client."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert = self._sign(name, key, self._name, list(alternatives), authority=False)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        cert_path = self._write(f"{self._name}-{name}.pem", cert.public_bytes(serialization.Encoding.PEM))
        return Pair(str(cert_path), str(self._write(f"{self._name}-{name}-key.pem", secret)))

    def _sign(
        self, name: str, key: ec.EllipticCurvePrivateKey, issuer: str, alternatives: list[str], *, authority: bool
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(_distinguished(name))
            .issuer_name(_distinguished(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if alternatives:
            names = x509.SubjectAlternativeName([_alternative(item) for item in alternatives])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path


def _distinguished(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(item: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(item))
    except ValueError:
        return x509.DNSName(item)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"), "ours")


@pytest.fixture(scope="session")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"), "theirs")


@pytest.fixture
def tls_server(authority: Authority) -> Iterator[Callable[..., ScriptedServer]]:
    """Start an HTTPS server whose certificate carries the given names; with `client_ca` it demands a certificate."""
    started: list[ScriptedServer] = []

    def start(*names: str, client_ca: str = "") -> ScriptedServer:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = authority.issue("server", *names)
        context.load_cert_chain(pair.cert, pair.key)
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        started.append(ScriptedServer(context))
        return started[-1]

    yield start
    for scripted in started:
        scripted.close()
