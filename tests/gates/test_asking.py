"""Gates over time: when they are asked, what they answer at which point, and that a dead source never lets one pass."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.gates.asking import Asked, AskedGates, gates_of
from pryv_nomad.gates.measuring import Measurement, Outcome, good, silent
from pryv_nomad.gates.requesting import Asking, NoAnswer
from pryv_nomad.model.gates import Gate
from pryv_nomad.rollout.gating import Gates, Question, Verdict, promotion_point, wave_point
from pryv_nomad.secrets.self_signed import self_signed
from tests.gates.servers import serving
from tests.gates.test_sources import closed_port, nobody

WAVE = Question(wave_point(1), ("co1",))
PROMOTION = Question(promotion_point("pryv-core-co1"), ("co1",))


def made(*entries: dict[str, object]) -> Gates:
    return gates_of(entries, Nomad(NomadOptions(address="http://127.0.0.1:1", namespace="default")), nobody())


def test_a_gate_is_asked_at_its_interval_and_at_its_points_only() -> None:
    with serving(lambda _: (200, b"")) as server:
        gates = made({"name": "api", "at": ["wave"], "interval": "10s", "count": 2, "http": {"url": server.address}})
        verdicts = []
        for now in (0, 5, 9, 10, 15):
            readings = gates.read([WAVE, PROMOTION], frozenset(), now)
            assert [each.point for each in readings] == [WAVE.point]
            verdicts.append(readings[0].verdict)
        assert verdicts == [Verdict.WAIT, Verdict.WAIT, Verdict.WAIT, Verdict.PASS, Verdict.PASS]
        assert len(server.paths) == 2


def test_a_source_that_is_down_waits_and_then_fails() -> None:
    gates = made({"name": "api", "interval": "1s", "http": {"url": f"http://127.0.0.1:{closed_port()}/"}})
    verdicts = [gates.read([WAVE], frozenset(), now)[0].verdict for now in range(4)]
    assert verdicts == [Verdict.WAIT, Verdict.WAIT, Verdict.FAIL, Verdict.FAIL]


def test_each_point_counts_for_itself() -> None:
    gates = made({"name": "api", "interval": "1s", "http": {"url": f"http://127.0.0.1:{closed_port()}/"}})
    for now in range(3):
        gates.read([WAVE], frozenset(), now)
    first, second = gates.read([WAVE, PROMOTION], frozenset(), 3)
    assert (first.verdict, second.verdict) == (Verdict.FAIL, Verdict.WAIT)


def test_a_person_is_waited_for_as_long_as_it_takes_and_heard_at_once() -> None:
    gates = made({"name": "on-call", "manual": {"text": "look at it"}})
    reading = gates.read([WAVE], frozenset(), 0)[0]
    assert (reading.verdict, reading.person, reading.reason) == (Verdict.WAIT, True, "look at it")
    assert gates.read([WAVE], frozenset(), 1e6)[0].verdict is Verdict.WAIT
    assert gates.read([WAVE], frozenset({WAVE.point}), 1e6 + 0.1)[0].verdict is Verdict.PASS


class Scripted:
    """A source that answers as it is told, or breaks."""

    def __init__(self, answers: list[Measurement | None]) -> None:
        self.answers = answers

    def measure(self, _question: Question) -> Measurement:
        answer = self.answers.pop(0)
        if answer is None:
            raise RuntimeError("a fault with s3cret in it")
        return answer

    def describe(self) -> str:
        return "scripted"


@given(st.lists(st.sampled_from([silent("down"), None]), min_size=3, max_size=12), st.integers(1, 3))
def test_a_source_that_is_down_or_broken_never_passes(answers: list[Measurement | None], limit: int) -> None:
    gate = Gate.model_validate({"name": "x", "interval": "1s", "failure_limit": limit, "nomad": {}})
    gates = AskedGates((Asked(gate, Scripted(list(answers))),))
    verdicts = [gates.read([WAVE], frozenset(), float(now))[0] for now in range(len(answers))]
    assert Verdict.PASS not in {each.verdict for each in verdicts}
    assert verdicts[-1].verdict is Verdict.FAIL
    assert all("s3cret" not in each.reason for each in verdicts)


def test_what_passed_and_turns_bad_no_longer_passes() -> None:
    gate = Gate.model_validate({"name": "x", "interval": "1s", "nomad": {}})
    gates = AskedGates((Asked(gate, Scripted([good("a"), Measurement(Outcome.BAD, "b"), good("a")])),))
    verdicts = [gates.read([WAVE], frozenset(), float(now))[0].verdict for now in range(3)]
    assert verdicts == [Verdict.PASS, Verdict.WAIT, Verdict.PASS]


def test_a_certificate_that_is_not_trusted_is_no_answer(tmp_path: Path) -> None:
    certificate, key = self_signed("localhost", datetime.now(UTC))
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=(listener, context), daemon=True)
        thread.start()
        url = f"https://localhost:{listener.getsockname()[1]}/"
        with pytest.raises(NoAnswer, match="not trusted"):
            Asking(5).get(url)
        assert Asking(5, ca_file=str(tmp_path / "cert.pem")).get(url).status == 200
        thread.join(5)


def _greet(listener: socket.socket, context: ssl.SSLContext) -> None:
    """Two connections: the first one is given up by the client."""
    for _ in range(2):
        connection, _ = listener.accept()
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1000)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def test_an_answer_that_drips_is_ended_at_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_drip, args=(listener,), daemon=True)
        thread.start()
        with pytest.raises(NoAnswer, match="no answer in time"):
            Asking(0.4).get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join(5)
        assert not thread.is_alive()


def _drip(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with contextlib.suppress(OSError), connection:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while True:
            connection.sendall(b"x")
            threading.Event().wait(0.05)
