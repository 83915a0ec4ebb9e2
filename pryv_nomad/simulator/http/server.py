"""An HTTP/1.1 server on the standard library: keep-alive, chunked streams, and an orderly end."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.faults import ApiErrors, ApiFault, DroppedConnections, SlowAnswers
from pryv_nomad.simulator.http.routing import Reply, Request, encoded

Answerer = Callable[[Request], Reply]
FaultFinder = Callable[[str, str], ApiFault | None]

LARGEST_BODY = 16 * 1024 * 1024


class ApiServer(ThreadingHTTPServer):
    """A server for one API. `answer` makes the replies, `fault` says what goes wrong with a request, `index_header` is
    the name of the API's index header."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answer: Answerer, fault: FaultFinder, index_header: str) -> None:
        self.answer = answer
        self.fault = fault
        self.index_header = index_header
        self.stopping = threading.Event()
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, _Handler)

    @property
    def address(self) -> str:
        """`http://host:port`, for clients."""
        host, port = self.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}"

    def server_bind(self) -> None:
        # Without HTTPServer's look-up of the host's name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "simulator", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is a bug to be seen."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError | ValueError | OSError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop serving, end every connection."""
        self.stopping.set()
        self.shutdown()
        with self._connections_lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    server: ApiServer

    def log_message(self, format: str, *args: object) -> None:
        """No access log."""

    def _handle(self) -> None:
        body = self._body()
        if body is None:
            return
        request = Request.parse(self.command, self.path, body)
        fault = self.server.fault(request.method, request.path)
        if isinstance(fault, SlowAnswers):
            self.server.stopping.wait(fault.seconds)
        elif isinstance(fault, ApiErrors):
            self._send(Reply(fault.body.encode(), status=fault.status, content_type="text/plain; charset=utf-8"))
            return
        elif isinstance(fault, DroppedConnections) and not fault.after_work:
            self._drop()
            return
        reply = self._reply(request)
        if isinstance(fault, DroppedConnections):
            self._drop()
        elif reply.stream is not None:
            self._stream(reply)
        else:
            self._send(reply)

    do_GET = do_PUT = do_POST = do_DELETE = _handle

    def _body(self) -> bytes | None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > LARGEST_BODY:
            self._send(Reply(b"request body too large", status=413, content_type="text/plain"))
            return None
        return self.rfile.read(length) if length else b""

    def _reply(self, request: Request) -> Reply:
        try:
            return self.server.answer(request)
        except Refusal as refusal:
            return Reply(refusal.text.encode(), status=refusal.status, content_type="text/plain; charset=utf-8")
        except Exception as error:
            # A bug of the simulator: the caller gets an answer, and whoever watches the server the traceback.
            traceback.print_exc()
            text = f"the simulator failed: {type(error).__name__}: {error}"
            return Reply(text.encode(), status=500, content_type="text/plain; charset=utf-8")

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _head(self, reply: Reply) -> None:
        self.send_response_only(reply.status, HTTPStatus(reply.status).phrase)
        self.send_header("Content-Type", reply.content_type)
        if reply.index:
            self.send_header(self.server.index_header, str(reply.index))
        for name, value in reply.headers.items():
            self.send_header(name, value)

    def _send(self, reply: Reply) -> None:
        body = reply.body if isinstance(reply.body, bytes) else encoded(reply.body)
        if reply.status == 204:
            body = b""
        self._head(reply)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _stream(self, reply: Reply) -> None:
        self._head(reply)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for piece in reply.stream or ():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()


def wait_until_served(server: ApiServer, seconds: float = 5.0) -> None:
    """Return when the server accepts connections."""
    end = time.monotonic() + seconds
    host, port = server.server_address[:2]
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((str(host), int(port)), timeout=1):
            return
    raise TimeoutError(f"nothing listens on {server.address}")
