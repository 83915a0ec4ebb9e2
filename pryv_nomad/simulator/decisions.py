"""What a reconciliation looks at and what it decides, as data: nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pryv_nomad.simulator.nodes import Node
from pryv_nomad.simulator.objects import Alloc, Deployment, GroupState, Job

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """What the decision is made from. `stays_in_place(alloc)`: whether its node still suits the new version."""

    job: Job | None
    job_id: str
    deployment: Deployment | None
    allocs: Iterable[Alloc]
    nodes: Mapping[str, Node]
    now: int
    eval_id: str
    stays_in_place: Callable[[Alloc], bool]


@dataclass(slots=True)
class Stop:
    """An allocation to stop. `status`: what the server says of its client where the client cannot (lost)."""

    alloc: Alloc
    description: str
    status: str = ""
    followup: str = ""


@dataclass(slots=True)
class Place:
    """An allocation to place. `replaces` is stopped when (and only when) the placement succeeds."""

    name: str
    group: Json
    previous: Alloc | None = None
    canary: bool = False
    reschedule: bool = False
    # Not a canary while canaries run: it gets the version that was healthy before.
    downgrade: bool = False
    replaces: Alloc | None = None
    # The only node that counts (system jobs).
    node_id: str = ""


@dataclass(slots=True)
class Followup:
    """A later evaluation: when, why, and the allocations that wait for it."""

    at: int
    trigger: str
    description: str
    allocs: list[Alloc] = field(default_factory=list)


@dataclass(slots=True)
class Counts:
    """Nomad's DesiredUpdates of one group."""

    ignore: int = 0
    place: int = 0
    migrate: int = 0
    stop: int = 0
    in_place: int = 0
    destructive: int = 0
    canary: int = 0
    # Of the ignored: those that wait for their turn (system jobs).
    waiting: int = 0

    def to_json(self) -> Json:
        return {
            "Canary": self.canary, "DestructiveUpdate": self.destructive, "Ignore": self.ignore,
            "InPlaceUpdate": self.in_place, "Migrate": self.migrate, "Place": self.place, "Preemptions": 0,
            "Stop": self.stop,
        }  # fmt: skip


@dataclass(slots=True)
class Decision:
    """What must change."""

    stops: list[Stop] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    destructive: list[Place] = field(default_factory=list)
    in_place: list[Alloc] = field(default_factory=list)
    unknown: list[Alloc] = field(default_factory=list)
    reconnected: list[Alloc] = field(default_factory=list)
    followups: list[Followup] = field(default_factory=list)
    # The groups of a deployment to be created; None: no new deployment.
    new_deployment: dict[str, GroupState] | None = None
    # Groups that join the deployment that runs already.
    joining: dict[str, GroupState] = field(default_factory=dict)
    cancel: tuple[Deployment, str] | None = None
    successful: bool = False
    counts: dict[str, Counts] = field(default_factory=dict)
