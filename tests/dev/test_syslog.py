"""The listener at /dev/log keeps what containers say there."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from pryv_nomad.dev import processes

CHECKOUT = str(Path(__file__).resolve().parents[2])


def test_messages_are_kept_and_the_socket_goes_with_the_listener(tmp_path: Path) -> None:
    path, file = tmp_path / "log.sock", tmp_path / "audit.log"
    argv = [sys.executable, "-m", "pryv_nomad.dev.syslog", str(path), str(file)]
    pid = processes.start(argv, tmp_path / "out", {**os.environ, "PYTHONPATH": CHECKOUT})
    started = processes.started_at(pid)
    try:
        assert processes.wait_until(file.exists, patience=20), (tmp_path / "out").read_text()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"<13>first\0", str(path))
            sender.sendto(b"<13>second\n", str(path))
        assert processes.wait_until(lambda: file.read_bytes() == b"<13>first\n<13>second\n", patience=10)
    finally:
        processes.end([(pid, started)])
    assert not path.exists()
