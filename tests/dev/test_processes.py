"""A process is known by its id and its start time, so that a recycled id is never taken for ours."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.dev import processes

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc on this machine")


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[tuple[int, str]]:
    pid = processes.start(["/bin/sleep", "300"], tmp_path / "log", {processes.MARK: str(tmp_path)})
    started = processes.started_at(pid)
    yield pid, started
    processes.end([(pid, started)])


def test_a_started_process_is_recognised_and_ended(sleeper: tuple[int, str]) -> None:
    assert processes.is_alive(*sleeper)
    processes.end([sleeper])
    assert not processes.is_alive(*sleeper)


def test_a_process_with_another_start_time_is_left_alone(sleeper: tuple[int, str]) -> None:
    pid, _ = sleeper
    processes.end([(pid, "another boot:1")], patience=0.2)
    assert processes.is_alive(*sleeper)


def test_a_process_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    pid = processes.start(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do read x </dev/zero; done"], log, {})
    started = processes.started_at(pid)
    assert processes.wait_until(lambda: log.read_text() == "ready\n", patience=10)
    processes.end([(pid, started)], patience=0.2)
    assert not processes.is_alive(pid, started)


def test_an_ended_child_does_not_count_as_alive(tmp_path: Path) -> None:
    pid = processes.start(["/bin/true"], tmp_path / "log", {})
    assert processes.wait_until(lambda: processes.started_at(pid) == "", patience=10)
    os.waitpid(pid, 0)


def test_marked_processes_are_found_by_the_folder_they_belong_to(sleeper: tuple[int, str], tmp_path: Path) -> None:
    assert processes.wait_until(lambda: processes.marked(tmp_path) == [sleeper], patience=10)
    assert processes.marked(tmp_path / "other") == []


def test_logs_are_for_their_owner_only(sleeper: tuple[int, str], tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_waiting_ends_at_the_deadline() -> None:
    assert not processes.wait_until(lambda: False, patience=0.01, pause=0.001)
