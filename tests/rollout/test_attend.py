"""A bridge that drives: it takes up what nobody drives, and leaves alone what somebody does."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from tests.cli.test_rollout import CORE_CHANGE, started, status, until
from tests.rollout.conftest import lab, running
from tests.rollout.platform import Platform

__all__ = ["lab", "running"]


@pytest.fixture
def bridged(running: Platform) -> Iterator[Platform]:
    """A platform with a bridge that drives, in a process of its own."""
    with started(running, "bridge", "--drive") as process:
        end = time.monotonic() + 20
        key = "/v1/kv/pryv-nomad/pryv.example/rollouts/attending"
        while not (body := running.consul.get(key).body) or not body[0].get("Session"):
            assert time.monotonic() < end, "the bridge does not attend"
        yield running
        process.send_signal(signal.SIGTERM)
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(20) == 0


def ended(platform: Platform, rollout: str) -> str:
    """The status that a rollout ends with."""
    index, end = 0, time.monotonic() + 30
    while time.monotonic() < end:
        key = f"/v1/kv/pryv-nomad/pryv.example/rollouts/{rollout}/head"
        index = platform.consul.get(key, index=index, wait_s=1).index
        found = status(platform)
        if found["id"] == rollout and found["status"] not in ("running", "paused"):
            return str(found["status"])
    raise AssertionError(f"rollout {rollout} never ends")


def test_without_a_bridge_that_drives_detaching_is_refused(running: Platform) -> None:
    result = running.pn(*CORE_CHANGE, "run", "--yes", "--detach")
    assert result.code == 6
    assert "no bridge drives" in result.err
    assert status(running)["id"] == "1"


def test_a_detached_run_returns_at_once_and_the_bridge_carries_it_out(bridged: Platform) -> None:
    result = bridged.pn(*CORE_CHANGE, "run", "--yes", "--detach", "--only", "pryv-core-co1")
    assert result.code == 0, result.err
    assert "the bridge drives it" in result.out
    assert ended(bridged, "2") == "done"
    assert bridged.pn(*CORE_CHANGE, "plan", "--only", "pryv-core-co1").code == 0


def test_a_run_that_is_interrupted_is_taken_up_by_the_bridge(bridged: Platform) -> None:
    with started(bridged, *CORE_CHANGE, "run", "--yes", "--json", "--only", "pryv-core-co1") as process:
        until(process, "registered")
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        process.stdout.read()
        assert process.wait(20) == 130
    assert ended(bridged, "2") == "done"
