"""The platform as the rollout sees it while it is played: each job on its course, and the machines that die."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pryv_nomad.plan.change import Action, Change
from pryv_nomad.rollout.actions import Adopt, CallHook, Enlist, Fail, Promote, Register, Stop, ToDo
from pryv_nomad.rollout.gating import GateReading, Question, Verdict
from pryv_nomad.rollout.state import Phase, Rollout, Sight, State, Step
from pryv_nomad.simulation.course import Course, Frame

# How long a stopped job's tasks take to end.
STOP_S = 10.0
SOON_S = 0.001
DONE = Sight(evaluation="complete")
RECORDED = Course((Frame(0.0, DONE, down=False),))


@dataclass(frozen=True, slots=True)
class Death:
    """A node that is gone from a moment on (seconds), for good."""

    node: str
    at: float


@dataclass(slots=True)
class Moving:
    """A job on its course. `since` counts for the frames, `died` is when its machine was lost, if it was."""

    change: Change
    frames: tuple[Frame, ...]
    since: float
    course: Course
    died: float | None = None
    failed: str = ""
    down: bool = False

    def frame(self, now: float) -> Frame:
        """What holds now; time stands still on a machine that is gone."""
        at = now if self.died is None else min(now, self.died)
        place = bisect_right([each.at for each in self.frames], at - self.since + 1e-9) - 1
        return self.frames[max(place, 0)]


@dataclass
class World:
    """Replays courses. `homes` maps core → node; `deadline_s` is Nomad's progress deadline."""

    courses: Mapping[tuple[str, str, str], Course]
    homes: Mapping[str, str]
    deaths: Iterable[Death]
    deadline_s: float
    dead: dict[str, float] = field(default_factory=dict)
    moving: dict[str, Moving] = field(default_factory=dict)
    events: list[float] = field(default_factory=list)
    down: dict[str, set[str]] = field(default_factory=dict)
    hostings: dict[str, str] = field(default_factory=dict)
    per_hosting: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._due = sorted(self.deaths, key=lambda death: death.at)
        self.events = [death.at for death in self._due]
        heapq.heapify(self.events)

    # -- time

    def next_event(self, now: float) -> float | None:
        """When something changes next, after `now`."""
        while self.events and self.events[0] <= now:
            heapq.heappop(self.events)
        return self.events[0] if self.events else None

    def advance(self, now: float) -> None:
        """Let machines die, and note which cores are down now."""
        while self._due and self._due[0].at <= now:
            self._die(self._due.pop(0))
        for job_id, moving in self.moving.items():
            down = moving.frame(now).down
            if down != moving.down:
                moving.down = down
                self._note(moving.change, job_id, down)

    def _die(self, death: Death) -> None:
        self.dead[death.node] = death.at
        for core, node in self.homes.items():
            if node == death.node:
                self._mark(core, "node", True)
        for moving in self.moving.values():
            if moving.change.core and self.homes.get(moving.change.core) == death.node and moving.died is None:
                moving.died = death.at
                heapq.heappush(self.events, death.at + self.deadline_s)

    def _note(self, change: Change, job_id: str, down: bool) -> None:
        # A core that is only being made serves nobody yet.
        if change.core and change.interrupts:
            self._mark(change.core, job_id, down)

    def _mark(self, core: str, why: str, down: bool) -> None:
        reasons = self.down.setdefault(core, set())
        before = bool(reasons)
        (reasons.add if down else reasons.discard)(why)
        if bool(reasons) != before:
            self.per_hosting[self.hostings.get(core, "")] += 1 if reasons else -1

    # -- what the rollout sees

    def look(self, steps: Iterable[Step], now: float) -> dict[str, Sight]:
        """The sights of moving jobs."""
        return {step.job_id: self._sight(self.moving[step.job_id], now) for step in steps}

    def _sight(self, moving: Moving, now: float) -> Sight:
        sight = moving.frame(now).sight
        if moving.failed and sight.rollout:
            return replace(sight, rollout=replace(sight.rollout, status="failed", description=moving.failed))
        if moving.died is None:
            return sight
        if now - moving.died >= self.deadline_s and not (sight.rollout and sight.rollout.status == "successful"):
            lost = sight.rollout or Rollout("", "running")
            description = "Failed due to progress deadline"
            return replace(sight, rollout=replace(lost, status="failed", description=description))
        return sight

    # -- what the rollout does

    def act(self, action: ToDo, state: State, now: float) -> State:
        """Do one action."""
        if isinstance(action, Enlist):
            return replace(state, enlisted=state.enlisted | {action.core})
        if isinstance(action, CallHook):
            return replace(state, called=state.called | {action.call.name})
        step = state.jobs[action.job_id]
        if isinstance(action, Promote):
            moving = self.moving[action.job_id]
            self._follow(action.job_id, replace(moving, frames=moving.course.promoted, since=now))
        elif isinstance(action, Fail):
            self.moving[action.job_id].failed = action.reason
        elif isinstance(action, Register | Adopt | Stop):
            self._begin(step.change, now)
            return state.with_step(replace(step, phase=Phase.MOVING, index=1, evaluation="", since=now))
        return state

    def _begin(self, change: Change, now: float) -> None:
        course = self._course(change)
        home = self.homes.get(change.core, "")
        if change.core and home in self.dead and change.action is not Action.ADOPT:
            unplaced = {"all": (f"node {home} is gone",)}
            course = Course((Frame(0.0, replace(DONE, unplaced=unplaced), down=True),))
        self._follow(change.job_id, Moving(change, course.begun, now, course))
        # The engine gives a job that finds no place half a minute.
        heapq.heappush(self.events, now + 30.0)

    def _course(self, change: Change) -> Course:
        if change.action in (Action.ADOPT, Action.WATCH):
            return RECORDED
        if change.action is Action.STOP:
            return Course((Frame(0.0, Sight(running=1), down=False), Frame(STOP_S, Sight(running=0), down=False)))
        return self.courses[kind_of(change)]

    def _follow(self, job_id: str, moving: Moving) -> None:
        self.moving[job_id] = moving
        for frame in moving.frames:
            # What holds at once is seen at the next look.
            heapq.heappush(self.events, moving.since + max(frame.at, SOON_S))

    def forget(self, done: Iterable[str]) -> None:
        """Jobs that came to their end; what is down stays so only where it failed or its machine is gone."""
        for job_id in done:
            self.moving.pop(job_id, None)


def kind_of(change: Change) -> tuple[str, str, str]:
    """Jobs that take the same course."""
    return change.kind, change.hosting, change.action.value


@dataclass
class AssumedGates:
    """Gates that pass, after the time that their counts take at least."""

    least_s: Mapping[str, tuple[float, frozenset[str]]]
    """Gate → seconds, and the moments at which it applies."""

    def read(self, questions: Iterable[Question], _promoted: frozenset[str], now: float) -> tuple[GateReading, ...]:
        """As `rollout.gating.Gates`."""
        return tuple(
            GateReading(each.point, name, Verdict.PASS if now - each.since >= least - 1e-9 else Verdict.WAIT, "assumed")
            for each in questions
            for name, (least, moments) in self.least_s.items()
            if each.moment in moments
        )

    def next_s(self, questions: Iterable[Question], now: float) -> float | None:
        """When the next of them passes."""
        found = [
            each.since + least
            for each in questions
            for least, moments in self.least_s.values()
            if each.moment in moments and each.since + least > now
        ]
        return min(found, default=None)
