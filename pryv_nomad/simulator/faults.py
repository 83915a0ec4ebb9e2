"""Faults as data: what goes wrong, when, and how often.

A fault is a frozen dataclass; a list of them is a script that can be replayed. They are given to
`Simulator.inject`, or over HTTP to `PUT /v1/simulator/faults` as JSON objects whose `kind` is the class's name in
snake case: `{"kind": "task_fails", "job": "pryv-core-*", "times": 2}`. Times are seconds. Names may be patterns (`*`).
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from pryv_nomad.simulator.errors import Refusal

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NodeLost:
    """The machine of a node is gone `after` seconds from now, and back `for_seconds` later (0: for ever). A `partition`
    leaves its tasks running; otherwise they die with it."""

    node: str
    after: float = 0.0
    for_seconds: float = 0.0
    partition: bool = False


@dataclass(frozen=True, slots=True)
class TaskFails:
    """Matching tasks end with `exit_code`, `after` seconds from their start, the first `times` times (0: always)."""

    job: str = "*"
    group: str = "*"
    task: str = "*"
    image: str = "*"
    version: int | None = None
    node: str = "*"
    times: int = 0
    after: float = 0.1
    exit_code: int = 1
    log: str = ""


@dataclass(frozen=True, slots=True)
class SlowStart:
    """Matching allocations take `seconds` more to start."""

    seconds: float
    job: str = "*"
    group: str = "*"
    image: str = "*"
    version: int | None = None
    node: str = "*"
    times: int = 0


@dataclass(frozen=True, slots=True)
class NeverHealthy:
    """Matching allocations run, but their checks never pass."""

    job: str = "*"
    group: str = "*"
    image: str = "*"
    version: int | None = None
    node: str = "*"
    times: int = 0


@dataclass(frozen=True, slots=True)
class ApiErrors:
    """The next `requests` requests whose path begins with `path` (and of `method`, if any) answer `status`."""

    requests: int
    path: str = "/v1/"
    method: str = ""
    status: int = 500
    body: str = "simulated failure"


@dataclass(frozen=True, slots=True)
class DroppedConnections:
    """The next `requests` matching requests get no answer; the change is made first when `after_work` is set."""

    requests: int
    path: str = "/v1/"
    method: str = ""
    after_work: bool = False


@dataclass(frozen=True, slots=True)
class SlowAnswers:
    """The next `requests` matching requests are answered `seconds` late (of the real clock)."""

    requests: int
    seconds: float
    path: str = "/v1/"
    method: str = ""


@dataclass(frozen=True, slots=True)
class LeaderLost:
    """From `after` seconds on, for `seconds`, there is no leader: every call but the status ones fails."""

    seconds: float
    after: float = 0.0


Fault = NodeLost | TaskFails | SlowStart | NeverHealthy | ApiErrors | DroppedConnections | SlowAnswers | LeaderLost
StartFault = TaskFails | SlowStart | NeverHealthy
ApiFault = ApiErrors | DroppedConnections | SlowAnswers

_CLASSES: tuple[type[Fault], ...] = (
    NodeLost, TaskFails, SlowStart, NeverHealthy, ApiErrors, DroppedConnections, SlowAnswers, LeaderLost,
)  # fmt: skip


def _kind(of: type[Fault]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", of.__name__).lower()


KINDS: dict[str, type[Fault]] = {_kind(item): item for item in _CLASSES}


def fault_from_json(given: Json) -> Fault:
    """Read one fault; raises `Refusal` (400) naming what is wrong."""
    values = dict(given)
    kind = values.pop("kind", "")
    chosen = KINDS.get(kind)
    if chosen is None:
        raise Refusal(400, f"unknown kind of fault: {kind!r} (known: {', '.join(sorted(KINDS))})")
    unknown = sorted(set(values) - {item.name for item in fields(chosen)})
    if unknown:
        raise Refusal(400, f"unknown key of a {kind} fault: {', '.join(unknown)}")
    try:
        return chosen(**values)
    except TypeError as error:
        raise Refusal(400, f"a {kind} fault lacks a value: {error}") from error


def fault_to_json(fault: Fault) -> Json:
    """A fault as the API shows it."""
    return {"kind": _kind(type(fault)), **asdict(fault)}


class Script:
    """The faults that are armed, by number, with how often each has struck. A number is never given twice."""

    def __init__(self) -> None:
        self._armed: dict[int, Fault] = {}
        self._struck: dict[int, int] = {}
        self._next = 0

    @property
    def faults(self) -> list[Fault]:
        """The armed faults, oldest first."""
        return list(self._armed.values())

    def struck(self) -> list[int]:
        """How often each fault has struck, in the order of `faults`."""
        return [self._struck[number] for number in self._armed]

    def add(self, fault: Fault) -> None:
        self._armed[self._next] = fault
        self._struck[self._next] = 0
        self._next += 1

    def clear(self) -> None:
        """Disarm all."""
        self._armed.clear()
        self._struck.clear()

    def armed(self, number: int) -> Fault | None:
        """The fault of a number, None when it was disarmed or has struck as often as it should."""
        fault = self._armed.get(number)
        times = getattr(fault, "times", 0)
        return fault if times == 0 or self._struck[number] < times else None

    def strike(self, number: int) -> None:
        if number in self._struck:
            self._struck[number] += 1

    def at_start(self, job: str, group: str, version: int, images: set[str], node: str) -> list[tuple[int, StartFault]]:
        """The faults that meet an allocation about to start, with their numbers."""
        found: list[tuple[int, StartFault]] = []
        for number in self._armed:
            fault = self.armed(number)
            if not isinstance(fault, StartFault) or (fault.version is not None and fault.version != version):
                continue
            names = fnmatchcase(job, fault.job) and fnmatchcase(group, fault.group) and fnmatchcase(node, fault.node)
            if names and (fault.image == "*" or any(fnmatchcase(image, fault.image) for image in images)):
                found.append((number, fault))
        return found

    def next_api_fault(self, method: str, path: str) -> ApiFault | None:
        """The fault that meets this request, counted as struck."""
        for number, fault in self._armed.items():
            if not isinstance(fault, ApiFault):
                continue
            matches = path.startswith(fault.path) and fault.method in ("", method)
            if matches and self._struck[number] < fault.requests:
                self.strike(number)
                return fault
        return None

    def to_json(self) -> Json:
        """For a snapshot."""
        return {
            "armed": [[number, fault_to_json(fault), self._struck[number]] for number, fault in self._armed.items()],
            "next": self._next,
        }

    def restore(self, given: Json) -> None:
        for number, fault, struck in given["armed"]:
            self._armed[number] = fault_from_json(fault)
            self._struck[number] = struck
        self._next = given["next"]
