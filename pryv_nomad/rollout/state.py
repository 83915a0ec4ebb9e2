"""How far a rollout has come: one step a job, frozen, so that deciding is a function of values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.intent import Intent
from pryv_nomad.plan.order import CORES, Position, position
from pryv_nomad.rollout.gating import GateReading, Moment
from pryv_nomad.rollout.waves import waves

NEVER = -1.0


class Phase(StrEnum):
    """Where a step is."""

    WAITING = "waiting"
    MOVING = "moving"
    DONE = "done"
    FAILED = "failed"


class Status(StrEnum):
    """Where a rollout is. The first two are open."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"
    """A later run made a new plan and went on from there."""

    @property
    def open(self) -> bool:
        """Whether it may still be driven."""
        return self in (Status.RUNNING, Status.PAUSED)


@dataclass(frozen=True, slots=True)
class Step:
    """One change. `wave` counts from 1 among the cores, 0 for other jobs. `index` is the JobModifyIndex that our
    registration got, `evaluation` Nomad's evaluation of it.

    `since` is when it last made progress, on the rollout's clock; `progress` the last word on it. `held` is since when
    its healthy canaries wait for gates or a person (NEVER: they do not). `doomed` says why its deployment is to be
    failed. `kept` is whether it failed with the old version still in its place. `explained` is whether its trouble was
    looked into.
    """

    change: Change
    stage: int
    phase: Phase = Phase.WAITING
    index: int = 0
    evaluation: str = ""
    since: float = 0.0
    progress: str = ""
    explained: bool = False
    wave: int = 0
    held: float = NEVER
    doomed: str = ""
    kept: bool = False

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.change.job_id

    @property
    def place(self) -> tuple[int, int]:
        """Steps of one place wait for all that come before it."""
        return self.stage, self.wave

    @property
    def unit(self) -> str:
        """What changes as one: a core's jobs, or a job by itself."""
        return self.change.core or self.change.job_id


Unit = tuple[str, ...]
"""The ids of the jobs that change one after the other."""


@dataclass(frozen=True)
class Layout:
    """What never changes in a rollout: the units at each place in order, the cores of each wave, each job's place in
    the order, and its unit."""

    places: tuple[tuple[tuple[int, int], tuple[Unit, ...]], ...]
    waves: tuple[tuple[str, ...], ...]
    order: Mapping[str, int]
    units: Mapping[str, Unit]

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Layout:
        """Of steps in their order."""
        places: dict[tuple[int, int], dict[str, list[str]]] = {}
        cores: dict[int, dict[str, None]] = {}
        order: dict[str, int] = {}
        for step in steps:
            order[step.job_id] = len(order)
            places.setdefault(step.place, {}).setdefault(step.unit, []).append(step.job_id)
            if step.wave:
                cores.setdefault(step.wave, {})[step.change.core] = None
        ordered = tuple((place, tuple(tuple(unit) for unit in places[place].values())) for place in sorted(places))
        found = {job_id: unit for _, units in ordered for unit in units for job_id in unit}
        return cls(ordered, tuple(tuple(cores[number]) for number in sorted(cores)), order, found)


@dataclass(frozen=True)
class State:
    """All steps by job, in the plan's order, and how far the waves have come.

    `passed` waves are done, with their gates and pauses. Of the wave after them: `reached` is when its cores were
    done, `opened` when its gates let it pass (NEVER: not yet). `halted` says why nothing new is begun; `enlisted` are
    the cores that were made known to the registry, `called` the hooks that were called; `awaits` the points that wait
    for a person. `left` are the units at each place that are not at their end: what a round has to look at.
    """

    jobs: Mapping[str, Step]
    layout: Layout
    left: Mapping[tuple[int, int], tuple[Unit, ...]]
    halted: str = ""
    enlisted: frozenset[str] = frozenset()
    status: Status = Status.RUNNING
    passed: int = 0
    reached: float = NEVER
    opened: float = NEVER
    called: frozenset[str] = frozenset()
    awaits: tuple[str, ...] = ()
    moving: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    done: int = 0

    @classmethod
    def of(cls, plan: Plan, watched: Iterable[Change] = (), now: float = 0.0) -> State:
        """Nothing done yet, but for the deployments in `watched` that an earlier run began."""
        changes = (*plan.changes, *watched)
        numbers = _waves_of(changes, plan.intent)
        ranks = {name: place for place, name in enumerate(numbers)}

        def position_of(change: Change) -> Position:
            rank = ranks.get(change.core, len(ranks)) if change.core else None
            return position(change.job_id, change.owner, change.kind, rank, change.action is Action.STOP)

        placed = sorted(((position_of(change), change) for change in changes), key=lambda pair: pair[0])
        steps = [_step(change, where.stage, numbers, now) for where, change in placed]
        return cls.restored(steps)

    @classmethod
    def restored(cls, steps: Iterable[Step], **values: Any) -> State:
        """Of steps in their order, as they were saved."""
        jobs = {step.job_id: step for step in steps}
        layout = Layout.of(jobs.values())
        return cls(
            jobs,
            layout,
            {place: _unended(units, jobs) for place, units in layout.places},
            moving=frozenset(job_id for job_id, step in jobs.items() if step.phase is Phase.MOVING),
            failed=frozenset(job_id for job_id, step in jobs.items() if step.phase is Phase.FAILED),
            done=sum(step.phase is Phase.DONE for step in jobs.values()),
            **values,
        )

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, in order."""
        return tuple(self.jobs.values())

    def with_steps(self, changed: Mapping[str, Step]) -> State:
        """With some steps replaced, by job id."""
        if not changed:
            return self
        jobs = dict(self.jobs)
        moving, failed, done = set(self.moving), set(self.failed), self.done
        ended = {step.place for step in changed.values() if step.phase in (Phase.DONE, Phase.FAILED)}
        for job_id, step in changed.items():
            done += (step.phase is Phase.DONE) - (jobs[job_id].phase is Phase.DONE)
            jobs[job_id] = step
            (moving.add if step.phase is Phase.MOVING else moving.discard)(job_id)
            (failed.add if step.phase is Phase.FAILED else failed.discard)(job_id)
        left = {**self.left, **{place: _unended(self.left[place], jobs) for place in ended}} if ended else self.left
        return replace(self, jobs=jobs, left=left, moving=frozenset(moving), failed=frozenset(failed), done=done)

    def with_step(self, step: Step) -> State:
        """With one step replaced."""
        return self.with_steps({step.job_id: step})

    def phase(self, phase: Phase) -> tuple[Step, ...]:
        """The steps that are in a phase, in order."""
        if phase in (Phase.MOVING, Phase.FAILED):
            chosen = self.moving if phase is Phase.MOVING else self.failed
            return tuple(self.jobs[job_id] for job_id in sorted(chosen, key=self.layout.order.__getitem__))
        return tuple(step for step in self.jobs.values() if step.phase is phase)

    @property
    def failed_cores(self) -> frozenset[str]:
        """The cores one of whose jobs failed."""
        return frozenset(self.jobs[job_id].change.core for job_id in self.failed if self.jobs[job_id].change.core)


def _unended(units: Iterable[Unit], jobs: Mapping[str, Step]) -> tuple[Unit, ...]:
    return tuple(unit for unit in units if not ended([jobs[job_id] for job_id in unit]))


def ended(unit: Iterable[Step]) -> bool:
    """Whether nothing of a unit will be done any more: all of it is, or one of its jobs failed and none moves."""
    phases = [step.phase for step in unit]
    if Phase.MOVING in phases:
        return False
    return Phase.FAILED in phases or Phase.WAITING not in phases


def _step(change: Change, stage: int, numbers: Mapping[str, int], now: float) -> Step:
    wave = numbers[change.core] if stage == CORES else 0
    if change.action is Action.WATCH:
        return Step(change, stage, Phase.MOVING, index=change.index, since=now, wave=wave)
    return Step(change, stage, wave=wave)


def _waves_of(changes: Iterable[Change], intent: Intent) -> dict[str, int]:
    """Core → its wave, in the order in which the cores change.

    Cores that nothing of is interrupted, such as new ones, come with the last wave: by then it is known to be good.
    """
    changes = [change for change in changes if change.core and change.action is not Action.STOP]
    hostings = {change.core: change.hosting for change in changes}
    interrupted = {change.core for change in changes if change.interrupts}
    ranks = intent.ranks
    cores = sorted(hostings, key=lambda core: (ranks.get(core, len(ranks)), core))
    cut = waves([(core, hostings[core]) for core in cores if core in interrupted], intent.policy, alone=intent.migrates)
    numbers = {core: number for number, wave in enumerate(cut, start=1) for core in wave}
    last = max(len(cut), 1)
    return numbers | {core: last for core in cores if core not in numbers}


@dataclass(frozen=True, slots=True)
class Rollout:
    """The part of a deployment that matters here. `ready` counts healthy allocations of `desired`; `canaries` is
    whether all canaries are healthy and wait for a promotion that is ours to give, `unpromoted` whether canaries were
    asked for and none is promoted, `intact` whether besides nothing else was placed: what ran before still runs."""

    id: str
    status: str
    description: str = ""
    ready: int = 0
    desired: int = 0
    unhealthy: int = 0
    canaries: bool = False
    unpromoted: bool = False
    intact: bool = False

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> Rollout:
        """From Nomad's JSON of a deployment."""
        groups = list((deployment.get("TaskGroups") or {}).values())
        waiting = [group for group in groups if group.get("DesiredCanaries") and not group.get("Promoted")]
        placed = [group for group in groups if group.get("PlacedAllocs") and not group.get("DesiredCanaries")]
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
            unpromoted=bool(waiting),
            intact=bool(waiting) and not placed,
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


@dataclass(frozen=True, slots=True)
class Wishes:
    """What people want of a rollout: that it stands still, that points pass, that it ends (`aborted` says who wants
    it)."""

    paused: bool = False
    promoted: frozenset[str] = frozenset()
    aborted: str = ""


@dataclass(frozen=True, slots=True)
class Observation:
    """What `decide` looks at: sights of moving jobs; what the gates said, and the points at which they were `asked`
    (None: there are no gates at all); wishes; and the moments at which there are hooks."""

    sights: Mapping[str, Sight] = field(default_factory=dict)
    readings: tuple[GateReading, ...] = ()
    asked: frozenset[str] | None = None
    wishes: Wishes = Wishes()
    hooks: frozenset[Moment] = frozenset()
