"""A real redis takes our redis.conf."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.ports import free_port

from . import platforms

REDIS = shutil.which("redis-server")


@pytest.mark.skipif(REDIS is None, reason="no redis-server on this machine")
@pytest.mark.parametrize("role", ["registry", "replica"])
def test_redis_starts_and_answers(tmp_path: Path, role: str) -> None:
    assert REDIS is not None
    port = free_port()
    text = platforms.texts(platforms.cluster(tmp_path), "redis", role)["redis.conf"]
    text = text.replace("port 6379\n", f"port {port}\nbind 127.0.0.1\n").replace("dir /app/data", f"dir {tmp_path}")
    text = text.replace("replicaof 10.0.0.1 6379", "replicaof 127.0.0.1 9")
    (tmp_path / "redis.conf").write_text(text, encoding="utf-8")
    command = [REDIS, str(tmp_path / "redis.conf")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            answer = _asked(port, b"INFO replication\r\n", process)
        finally:
            process.terminate()
            output = process.communicate(timeout=20)[0]
    assert f"role:{'master' if role == 'registry' else 'slave'}" in answer, output
    assert "Ready to accept connections" in output


def _asked(port: int, call: bytes, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with (
            contextlib.suppress(ConnectionRefusedError),
            socket.create_connection(("127.0.0.1", port), 5) as connection,
        ):
            connection.sendall(call)
            return connection.recv(4096).decode()
        time.sleep(0.02)
    return ""
