"""How the process beside us is restarted, or signalled: through Nomad's task API, or by a command.

Nomad gives each task a socket to its API (`secrets/api.sock`, 1.5 and later), which takes the task's workload identity
(NOMAD_TOKEN of an `identity` block with `env`). Restarting needs the capability `alloc-lifecycle` where ACLs are on. A
`template` block that restarts its task by itself would need Consul before the task can start at all, and would not
wait for its turn.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from pryv_nomad.errors import ApiError, ConnectionSettingError, PryvNomadError, Unauthorized, Unreachable

TIMEOUT_S = 120.0
"""Nomad answers when the task has stopped, which may take its kill timeout."""


class Restarter(Protocol):
    """Restarts the process, or lets it read its file again."""

    def __call__(self) -> None:
        """Order it. Raises a PryvNomadError when it was not accepted."""


@dataclass(frozen=True, slots=True)
class NomadTask:
    """A task of our own allocation. `signal` (such as SIGHUP) is sent in place of a restart."""

    socket: str
    allocation: str
    task: str
    token: str = ""
    signal: str = ""

    def __call__(self) -> None:
        """Order it."""
        verb = "signal" if self.signal else "restart"
        body = {"TaskName": self.task} | ({"Signal": self.signal} if self.signal else {})
        headers = {"Content-Type": "application/json"} | ({"X-Nomad-Token": self.token} if self.token else {})
        connection = _UnixConnection(self.socket, TIMEOUT_S)
        try:
            path = f"/v1/client/allocation/{self.allocation}/{verb}"
            connection.request("PUT", path, json.dumps(body), headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read(500).decode("utf-8", "replace").strip()
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"Nomad's task API ({self.socket}) does not answer: {error}",
                "it needs Nomad 1.5 or later and an allocation folder with a short path",
            ) from None
        finally:
            connection.close()
        if status in (401, 403):
            raise Unauthorized(
                f"Nomad does not let this task {verb} its neighbour: {text}",
                "give the job's workload identity a policy with alloc-lifecycle (docs/registry.md)",
                status,
            )
        if status != 200:
            raise ApiError(f"Nomad did not {verb} task {self.task}: {status} {text}", "", status)


def nomad_task(env: Mapping[str, str], task: str, signal: str = "") -> NomadTask:
    """Our neighbour `task`, out of the environment that Nomad gives every task. Raises ConnectionSettingError."""
    folder, allocation = env.get("NOMAD_SECRETS_DIR"), env.get("NOMAD_ALLOC_ID")
    if not folder or not allocation:
        raise ConnectionSettingError(
            "--task: this is no task of Nomad (NOMAD_SECRETS_DIR and NOMAD_ALLOC_ID are not set)",
            "outside Nomad, give --restart-command",
        )
    return NomadTask(f"{folder}/api.sock", allocation, task, env.get("NOMAD_TOKEN", ""), signal)


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments, run without a shell."""

    arguments: Sequence[str]

    def __call__(self) -> None:
        """Run it to its end."""
        name = self.arguments[0]
        try:
            done = subprocess.run(self.arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PryvNomadError(f"the restart command {name} did not run: {error}") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()[-300:]
            raise PryvNomadError(f"the restart command {name} ended with {done.returncode}: {said}")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket in place of a host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
