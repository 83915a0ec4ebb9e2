"""Runs a command of the cluster file: no shell, few variables, a time limit that ends its whole process group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from pryv_nomad.model.gates import Command
from pryv_nomad.model.types import seconds

SHOWN = 300
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, None when it did not start or was killed for its time. `said` is the last
    line that it wrote."""

    code: int | None
    said: str


def run(command: Command, told: Mapping[str, str]) -> Ended:
    """Run a command to its end, or to its time limit. `told` are variables that say what it is about."""
    environment = {"PATH": os.environ.get("PATH", PATH), "LANG": "C.UTF-8", **told}
    environment |= {name: os.environ[name] for name in command.env if name in os.environ}
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(
                list(command.argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Ended(None, f"{command.argv[0]}: {getattr(error, 'strerror', None) or 'cannot be started'}")
        try:
            code = process.wait(seconds(command.timeout))
        except subprocess.TimeoutExpired:
            return Ended(None, f"did not end within {command.timeout}")
        finally:
            _end(process)
        return Ended(code, _last_line(output.fileno()))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of its process group, also what it started and left behind."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last_line(output: int) -> str:
    size = os.fstat(output).st_size
    tail = os.pread(output, 4096, max(0, size - 4096)).decode("utf-8", "replace")
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    printable = "".join(char if char.isprintable() else " " for char in lines[-1]) if lines else ""
    return printable[:SHOWN]
