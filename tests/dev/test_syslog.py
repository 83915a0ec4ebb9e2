"""The listener at /dev/log keeps what containers say there, and passes the place on."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pryv_nomad.dev import processes, syslog

CHECKOUT = str(Path(__file__).resolve().parents[2])

Start = Callable[[str], tuple[int, str]]


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def start(link: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a listener that writes to a file of the given name, and waits until it has opened it."""
    running = []

    def start(name: str) -> tuple[int, str]:
        argv = [sys.executable, "-m", "pryv_nomad.dev.syslog", str(link), str(tmp_path / name)]
        environ = {**os.environ, "PYTHONPATH": CHECKOUT, "TMPDIR": str(tmp_path)}
        pid = processes.start(argv, tmp_path / "out", environ)
        running.append((pid, processes.started_at(pid)))
        assert processes.wait_until((tmp_path / name).exists, patience=20), (tmp_path / "out").read_text()
        return running[-1]

    yield start
    processes.end(running)


def _heard(link: Path, file: Path, text: str) -> bool:
    """Whether what is said at `link` reaches `file`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(text.encode() + b"\0", str(link))
    except OSError:
        return False
    return processes.wait_until(lambda: text in file.read_text().splitlines(), patience=1)


def test_messages_are_kept_and_the_link_goes_with_the_listener(link: Path, start: Start, tmp_path: Path) -> None:
    listener = start("a.log")
    assert processes.wait_until(lambda: _heard(link, tmp_path / "a.log", "<13>first"), patience=10)
    processes.end([listener])
    assert not link.is_symlink()
    assert list(tmp_path.glob("pryv-nomad-syslog-*")) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_another_listener_takes_over(link: Path, start: Start, tmp_path: Path, number: signal.Signals) -> None:
    first = start("a.log")
    assert processes.wait_until(lambda: _heard(link, tmp_path / "a.log", "<13>to the first"), patience=10)
    start("b.log")
    os.kill(first[0], number)
    assert processes.wait_until(lambda: _heard(link, tmp_path / "b.log", "<13>to the second"), patience=10)


def test_a_syslog_of_the_machines_own_is_left_alone(link: Path, tmp_path: Path) -> None:
    assert syslog.is_free(link)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.bind(str(link))
        assert not syslog.is_free(link)
    link.unlink()
    link.symlink_to(tmp_path / "journal" / "dev-log")
    assert not syslog.is_free(link)
