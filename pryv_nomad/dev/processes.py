"""Starts, recognises and ends the local cluster's processes. Reads /proc where there is one, else asks ps."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

MARK = "PRYV_NOMAD_DEV"
"""Environment variable that every process of a local cluster inherits: whose it is (the cluster's folder)."""

_PROC = Path("/proc")


def started_at(pid: int) -> str:
    """When process `pid` started, as text to compare; empty when it does not run (a zombie does not)."""
    if (_PROC / "self" / "stat").exists():
        return _started_by_proc(pid)
    answer = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=10, check=False
    )
    return answer.stdout.strip()


def _started_by_proc(pid: int) -> str:
    """Boot id and field 22 of /proc/PID/stat: ticks since boot. The name before it may hold spaces and parentheses."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{boot}:{fields[19]}"


def is_alive(pid: int, started: str) -> bool:
    """Whether the process that we started still runs under `pid`."""
    return bool(started) and started_at(pid) == started


def start(argv: Sequence[str], log: Path, environ: Mapping[str, str]) -> int:
    """Start a process of its own session that outlives us; its output is appended to `log` (0600). Returns its id."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(argv[0], list(argv), dict(environ), file_actions=actions, setsid=True)


def end(processes: Iterable[tuple[int, str]], patience: float = 5.0) -> None:
    """End processes (id and start time each): asked first, killed when still there after `patience` seconds."""
    ours = [(pid, started) for pid, started in processes if is_alive(pid, started)]
    _signal(ours, signal.SIGTERM)
    if not wait_until(lambda: not _living(ours), patience):
        _signal(ours, signal.SIGKILL)
        wait_until(lambda: not _living(ours), patience)


def marked(folder: Path) -> list[tuple[int, str]]:
    """Processes of the cluster in `folder`, found by their mark: also a task's helpers, and one whose starter died
    before it could write it down. Finds none where there is no /proc."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for entry in _PROC.glob("[0-9]*/environ"):
        pid = int(entry.parent.name)
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if mark in entry.read_bytes().split(b"\0") and (started := started_at(pid)):
                found.append((pid, started))
    return found


def wait_until(condition: Callable[[], bool], patience: float, pause: float = 0.05) -> bool:
    """Whether `condition` became true within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True


def _living(processes: Sequence[tuple[int, str]]) -> list[int]:
    for pid, _ in processes:
        with contextlib.suppress(ChildProcessError):  # started by another run of ours: not a child of this one
            os.waitpid(pid, os.WNOHANG)
    return [pid for pid, started in processes if is_alive(pid, started)]


def _signal(processes: Iterable[tuple[int, str]], number: signal.Signals) -> None:
    for pid, started in processes:
        if is_alive(pid, started):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
