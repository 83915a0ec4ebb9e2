"""The tasks of an allocation: their state, and what happened to them with the texts that users see.

An event is kept small (a simulation of thousands of cores has many) and becomes Nomad's TaskEvent (`nomad/structs`,
1.6.5) when somebody asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pryv_nomad.simulator.durations import go_duration
from pryv_nomad.simulator.times import optional_rfc3339

Json = dict[str, Any]

# Nomad keeps ten events a task.
_KEPT = 10

_EMPTY: Json = {
    "Details": {}, "DiskLimit": 0, "DisplayMessage": "", "DownloadError": "", "DriverError": "", "DriverMessage": "",
    "ExitCode": 0, "FailedSibling": "", "FailsTask": False, "GenericSource": "", "KillError": "", "KillReason": "",
    "KillTimeout": 0, "Message": "", "RestartReason": "", "SetupError": "", "Signal": 0, "StartDelay": 0,
    "TaskSignal": "", "TaskSignalReason": "", "Time": 0, "Type": "", "ValidationError": "", "VaultError": "",
}  # fmt: skip


class TaskEvent(NamedTuple):
    """What happened: when, Nomad's type, the text for people, and the other fields that are not empty."""

    time: int
    type: str
    display: str
    extra: Json

    def to_json(self) -> Json:
        return {**_EMPTY, "Time": self.time, "Type": self.type, "DisplayMessage": self.display, **self.extra}


@dataclass(slots=True)
class TaskState:
    """A task of an allocation: `state` is pending, running or dead; moments in nanoseconds, 0 for never."""

    state: str = "pending"
    failed: bool = False
    restarts: int = 0
    started: int = 0
    finished: int = 0
    last_restart: int = 0
    events: tuple[TaskEvent, ...] = field(default=())

    def to_json(self) -> Json:
        return {
            "Events": [event.to_json() for event in self.events], "Failed": self.failed,
            "FinishedAt": optional_rfc3339(self.finished), "LastRestart": optional_rfc3339(self.last_restart),
            "Restarts": self.restarts, "StartedAt": optional_rfc3339(self.started), "State": self.state,
            "TaskHandle": None,
        }  # fmt: skip

    def restarts_since(self, moment: int) -> int:
        """How often it was restarted after a moment."""
        return sum(1 for event in self.events if event.type == "Restarting" and event.time > moment)


_NOTHING: Json = {}


def _add(task: TaskState, now: int, kind: str, display: str, **extra: object) -> None:
    task.events = (*task.events, TaskEvent(now, kind, display, extra or _NOTHING))[-_KEPT:]


def received(task: TaskState, now: int) -> None:
    _add(task, now, "Received", "Task received by client")


def setup(task: TaskState, now: int) -> None:
    message = "Building Task Directory"
    _add(task, now, "Task Setup", message, Details={"message": message}, Message=message)


def downloading(task: TaskState, now: int, image: str) -> None:
    _add(task, now, "Driver", "Downloading image", Details={"image": image}, DriverMessage="Downloading image")


def started(task: TaskState, now: int) -> None:
    _add(task, now, "Started", "Task started by client")


def terminated(task: TaskState, now: int, exit_code: int) -> None:
    display = f"Exit Code: {exit_code}"
    message = "" if exit_code == 0 else f"exited with status {exit_code}"
    if message:
        display += f', Exit Message: "{message}"'
    details = {"exit_code": str(exit_code), "signal": "0", "oom_killed": "false"}
    if message:
        details["exit_message"] = message
    _add(task, now, "Terminated", display, ExitCode=exit_code, Message=message, Details=details)


def restarting(task: TaskState, now: int, delay: int) -> None:
    reason = "Restart within policy"
    details = {"restart_reason": reason, "start_delay": str(delay)}
    display = f"Task restarting in {go_duration(delay)}"
    _add(task, now, "Restarting", display, RestartReason=reason, StartDelay=delay, Details=details)


def not_restarting(task: TaskState, now: int, policy: Json) -> None:
    attempts, interval = policy["Attempts"], go_duration(policy["Interval"])
    reason = f'Exceeded allowed attempts {attempts} in interval {interval} and mode is "fail"'
    if attempts == 0:
        reason = "Policy allows no restarts"
    details = {"fails_task": "true", "restart_reason": reason}
    _add(task, now, "Not Restarting", reason, RestartReason=reason, FailsTask=True, Details=details)


def unhealthy(task: TaskState, now: int, reason: str) -> None:
    _add(task, now, "Alloc Unhealthy", reason, Message=reason, Details={"message": reason})


def sibling_failed(task: TaskState, now: int, sibling: str) -> None:
    display = f'Task\'s sibling "{sibling}" failed'
    _add(task, now, "Sibling Task Failed", display, FailedSibling=sibling, Details={"failed_sibling": sibling})


def killing(task: TaskState, now: int, timeout: int) -> None:
    display = f"Sent interrupt. Waiting {go_duration(timeout)} before force killing"
    _add(task, now, "Killing", display, KillTimeout=timeout, Details={"kill_timeout": go_duration(timeout)})


def killed(task: TaskState, now: int) -> None:
    _add(task, now, "Killed", "Task successfully killed")


def restart_signaled(task: TaskState, now: int) -> None:
    _add(task, now, "Restart Signaled", "User requested running tasks to restart", RestartReason="User requested")
