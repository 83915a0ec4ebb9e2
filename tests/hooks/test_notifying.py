"""Notifications: told to real sockets and files, and never in a rollout's way."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from pryv_nomad.hooks.notifying import Notifier, notifier_of
from pryv_nomad.rollout.events import Event
from tests.gates.servers import serving
from tests.gates.test_sources import closed_port

WAVE = Event("wave", "wave 1 of 4: core co1 done")


def notifier(**section: object) -> Notifier:
    made = notifier_of([section] if section else [], "pryv.example")
    made.rollout, made.moment = "7", lambda: "2026-01-01T00:00:00Z"
    return made


def test_webhooks_get_json_with_a_text_for_people() -> None:
    with serving(lambda _: (200, b"ok")) as server:
        told = notifier(webhooks=[{"url": server.address}])
        told.fire(WAVE)
        told.fire(Event("failed", "no progress", "pryv-core-co2", ("line",)))
        assert told.close() == ()
        first, second = (json.loads(body) for body in server.bodies)
    assert first["text"] == "pryv.example, rollout 7: wave 1 of 4: core co1 done"
    assert second == {
        "version": 1,
        "time": "2026-01-01T00:00:00Z",
        "platform": "pryv.example",
        "rollout": "7",
        "kind": "failed",
        "job": "pryv-core-co2",
        "text": "pryv.example, rollout 7: pryv-core-co2: no progress",
        "detail": ["line"],
    }


def test_each_transition_is_one_log_line_and_one_counter(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        told = notifier(log=str(log), statsd={"port": receiver.getsockname()[1], "prefix": "pn"})
        for event in (
            WAVE,
            Event("waiting", "…"),
            Event("progress", "…"),
            Event("healthy", "healthy", "pryv-core-co1"),
        ):
            told.fire(event)
        assert told.close() == ()
        assert [receiver.recv(100) for _ in range(2)] == [b"pn.rollout.wave:1|c", b"pn.rollout.healthy:1|c"]
    assert [json.loads(line)["kind"] for line in log.read_text().splitlines()] == ["wave", "healthy"]


def test_the_rollout_goes_on_when_nobody_can_be_told(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{closed_port()}/s3cret"
    told = notifier(webhooks=[{"url": url}, {"url_env": "NOT_SET_ANYWHERE"}], log=str(tmp_path / "no" / "folder"))
    heard: list[Event] = []
    tell = told.listening(heard.append)
    tell(WAVE)
    tell(WAVE)
    failures = told.close()
    assert heard == [WAVE, WAVE]
    assert len(failures) == 3
    assert "s3cret" not in " ".join(failures)


def test_a_receiver_that_hangs_does_not_hold_the_rollout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        told = notifier(webhooks=[{"url": url, "timeout": "1h"}])
        told.fire(WAVE)
        assert told.close(0.2) == ("notifications were not sent within 0.2 s",)


def test_thousands_of_cores_are_not_thousands_of_messages() -> None:
    with serving(lambda _: (200, b"ok")) as server:
        told = notifier(webhooks=[{"url": server.address}])
        for number in range(2_000):
            told.fire(Event("healthy", "healthy", f"pryv-core-co{number}"))
        told.close()
        assert server.bodies == []


def test_nobody_to_tell_is_no_fault() -> None:
    told = notifier()
    told.fire(WAVE)
    assert told.close() == ()
