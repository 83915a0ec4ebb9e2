"""How far a plan has come: one step a job, frozen, so that deciding is a function of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.order import Position, position


class Phase(StrEnum):
    """Where a step is."""

    WAITING = "waiting"
    MOVING = "moving"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One change. `index` is the JobModifyIndex that our registration got, `evaluation` Nomad's evaluation of it.

    `since` is when it last made progress, on the clock that `decide` is given; `progress` the last word on it.
    `explained` is whether its trouble was looked into.
    """

    change: Change
    stage: int
    phase: Phase = Phase.WAITING
    index: int = 0
    evaluation: str = ""
    since: float = 0.0
    progress: str = ""
    explained: bool = False

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.change.job_id


def _step(change: Change, stage: int, now: float) -> Step:
    if change.action is Action.WATCH:
        return Step(change, stage, Phase.MOVING, index=change.index, since=now)
    return Step(change, stage)


@dataclass(frozen=True, slots=True)
class State:
    """All steps, in the plan's order. `halted` says why nothing new is begun; `enlisted` are the cores that were made
    known to the registry."""

    steps: tuple[Step, ...]
    halted: str = ""
    enlisted: frozenset[str] = frozenset()

    @classmethod
    def of(cls, plan: Plan, watched: Iterable[Change] = (), now: float = 0.0) -> State:
        """Nothing done yet, but for the deployments in `watched` that an earlier run began."""
        ranks = plan.intent.ranks

        def place(change: Change) -> Position:
            rank = ranks.get(change.core, len(ranks)) if change.core else None
            return position(change.job_id, change.owner, change.kind, rank, change.action is Action.STOP)

        ordered = sorted(((place(change), change) for change in (*plan.changes, *watched)), key=lambda pair: pair[0])
        return cls(tuple(_step(change, where.stage, now) for where, change in ordered))

    def with_steps(self, changed: Mapping[str, Step]) -> State:
        """With some steps replaced, by job id."""
        return replace(self, steps=tuple(changed.get(step.job_id, step) for step in self.steps))

    def phase(self, phase: Phase) -> tuple[Step, ...]:
        """The steps that are in a phase."""
        return tuple(step for step in self.steps if step.phase is phase)


@dataclass(frozen=True, slots=True)
class Rollout:
    """The part of a deployment that matters here. `ready` counts healthy allocations of `desired`; `canaries` is
    whether all canaries are healthy and wait for a promotion that is ours to give."""

    id: str
    status: str
    description: str = ""
    ready: int = 0
    desired: int = 0
    unhealthy: int = 0
    canaries: bool = False

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> Rollout:
        """From Nomad's JSON of a deployment."""
        groups = list((deployment.get("TaskGroups") or {}).values())
        waiting = [group for group in groups if group.get("DesiredCanaries") and not group.get("Promoted")]
        return cls(
            id=deployment["ID"],
            status=deployment["Status"],
            description=deployment.get("StatusDescription") or "",
            ready=sum(int(group.get("HealthyAllocs") or 0) for group in groups),
            desired=sum(int(group.get("DesiredTotal") or 0) for group in groups),
            unhealthy=sum(int(group.get("UnhealthyAllocs") or 0) for group in groups),
            canaries=bool(waiting)
            and not any(group.get("AutoPromote") for group in waiting)
            and all(int(group.get("HealthyAllocs") or 0) >= int(group["DesiredCanaries"]) for group in waiting),
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a moving job. `evaluation` is the status of the last evaluation in its chain; `unplaced` maps
    group → why no node takes it; `running` counts allocations that still run (of a job that is being stopped)."""

    evaluation: str = ""
    evaluation_description: str = ""
    unplaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rollout: Rollout | None = None
    running: int = 0
