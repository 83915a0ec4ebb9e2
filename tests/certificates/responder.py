"""A small name server: real packets, TXT values out of whatever a test says, in place of pryvio/dns.

The platform is asked over UDP, as service-register's dns speaks nothing else; Pebble's resolver asks over TCP.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset


class Responder:
    """Answers TXT queries for `record` with what `values` gives at that moment; all else with nothing.

    `values` may be replaced while it runs. `asked` counts the TXT queries for the record.
    """

    def __init__(self, record: str, values: Callable[[], Sequence[str]]) -> None:
        self.record, self.values, self.asked = record, values, 0
        self._socket, self._listener = _twins()
        self._socket.settimeout(0.2)
        self._listener.settimeout(0.2)
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=serve, daemon=True) for serve in (self._serve, self._serve_tcp)]

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def __enter__(self) -> Responder:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(10)
        self._socket.close()
        self._listener.close()

    def _serve(self) -> None:
        while not self._ends.is_set():
            try:
                packet, peer = self._socket.recvfrom(4096)
            except TimeoutError:
                continue
            self._socket.sendto(self._answer(packet), peer)

    def _serve_tcp(self) -> None:
        while not self._ends.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            with connection, connection.makefile("rwb") as stream:
                connection.settimeout(5)
                while len(prefix := stream.read(2)) == 2:
                    answer = self._answer(stream.read(int.from_bytes(prefix, "big")))
                    stream.write(len(answer).to_bytes(2, "big") + answer)
                    stream.flush()

    def _answer(self, packet: bytes) -> bytes:
        query = dns.message.from_wire(packet)
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        question = query.question[0]
        # Let's Encrypt and others ask in mixed case, and compare what comes back.
        if question.name.to_text(omit_final_dot=True).lower() == self.record and question.rdtype == dns.rdatatype.TXT:
            self.asked += 1
            texts = [f'"{value}"' for value in self.values()]
            if texts:
                answer.answer.append(dns.rrset.from_text(question.name, 3600, "IN", "TXT", *texts))
        return answer.to_wire(max_size=512)


def _twins() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on one port, which is free for both."""
    for _ in range(100):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:
            udp.close()
    raise AssertionError("no port is free for both UDP and TCP")
