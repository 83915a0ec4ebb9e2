"""Plays a plan through: the rollout's own `decide`, on virtual time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pryv_nomad.dev.nodes import NodeWish
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.intent import Policy
from pryv_nomad.plan.order import CORES
from pryv_nomad.rollout.actions import Promote, Register, Stop
from pryv_nomad.rollout.decide import MOST_UNITS, decide
from pryv_nomad.rollout.gating import Question
from pryv_nomad.rollout.state import Observation, Phase, State, Unit, Wishes
from pryv_nomad.rollout.waves import ALL_AT_ONCE
from pryv_nomad.simulation.course import Course, record, with_another_image
from pryv_nomad.simulation.world import AssumedGates, Death, World, kind_of

# A rollout that takes longer than this is not going to end.
LONGEST_S = 365 * 86_400.0
# The engine looks at most this often (`rollout.watch.SHORTEST_WAIT_S`), so what comes closer together is seen at once.
LOOK_S = 0.2
# And at least this often (`DEPLOYING_WAIT_S` there).
IDLE_S = 10.0
# After so many jobs begun, what a decision is shown is chosen anew: see `Player._narrow`.
BATCH = 24
MOMENTS = frozenset({"wave", "core", "halted", "failed", "paused"})


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened, at a second of the rollout."""

    at: float
    text: str
    job_id: str = ""


@dataclass(frozen=True)
class Played:
    """How a rollout went. Seconds, and counts of cores; `down` are the most cores that served nobody at once and
    `changing` the most that were under change at once, by hosting, each with when that was first so."""

    status: str
    duration_s: float
    cores: int
    changed: int
    waves: tuple[tuple[int, float, float], ...]
    """Of each wave its cores, and when it began and ended."""
    down: Mapping[str, tuple[int, float]]
    changing: Mapping[str, tuple[int, float]]
    told: tuple[Told, ...]
    halted: str = ""
    rounds: int = 0
    dead: Mapping[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "version": 1,
            "status": self.status,
            "duration_s": round(self.duration_s, 1),
            "cores": self.cores,
            "changed_cores": self.changed,
            "halted": self.halted,
            "waves": [
                {"cores": count, "begin_s": round(begin, 1), "end_s": round(end, 1)} for count, begin, end in self.waves
            ],
            "most_down": {name: {"cores": most, "at_s": round(at, 1)} for name, (most, at) in self.down.items()},
            "most_changing": {
                name: {"cores": most, "at_s": round(at, 1)} for name, (most, at) in self.changing.items()
            },
            "nodes_lost": {name: round(at, 1) for name, at in self.dead.items()},
            "events": [{"at_s": round(each.at, 1), "job": each.job_id, "text": each.text} for each in self.told],
        }


def courses_of(
    plan: Plan,
    nodes: Mapping[str, NodeWish],
    running: Callable[[Change], Mapping[str, Any] | None],
    start_s: float,
) -> dict[tuple[str, str, str], Course]:
    """One course for each kind, hosting and action of the plan. `nodes` maps core (or role) → its machine, `running`
    gives the job as it runs now (None: as the new one, with other images)."""
    found: dict[tuple[str, str, str], Course] = {}
    for change in plan.changes:
        key = kind_of(change)
        if key in found or not change.spec or change.action is Action.ADOPT:
            continue
        new: Mapping[str, Any] = json.loads(change.spec)
        old = None
        if change.action is Action.UPDATE:
            old = running(change) or with_another_image(new)
        # A job of a role finds its machine among all that are not a core's.
        own = [nodes[change.core]] if change.core else [node for core, node in nodes.items() if core.startswith("/")]
        found[key] = record(old, new, own or list(nodes.values())[:1], start_s)
    return found


class Player:
    """Drives `decide` until the rollout ends."""

    def __init__(self, plan: Plan, world: World, gates: AssumedGates, policy: Policy, batch: int = BATCH) -> None:
        self._world, self._gates, self._policy = world, gates, policy
        self._state = State.of(plan)
        self._layout = self._state.layout
        self._batch, self._begun_since, self._narrowed = batch, 0, -1
        # No decision begins more than this of one hosting; cores that are only made have no limit of their own.
        unlimited = policy.strategy == ALL_AT_ONCE or not all(change.interrupts for change in plan.changes)
        self._most = MOST_UNITS if unlimited else min(MOST_UNITS, policy.max_unavailable)
        self._told: list[Told] = []
        self._down: dict[str, tuple[int, float]] = dict.fromkeys(sorted(set(world.hostings.values())), (0, 0.0))
        self._changing: dict[str, tuple[int, float]] = dict(self._down)
        self._waves: list[tuple[int, float, float]] = []
        self._questions: tuple[Question, ...] = ()
        self._begun = 0.0
        self._rounds = 0

    def play(self) -> Played:
        """To the end."""
        now: float | None = 0.0
        last = 0.0
        while now is not None and now < LONGEST_S:
            last = now
            if self._round(now):
                break
            now = self._next(now)
        return self._played(last)

    def _round(self, now: float) -> bool:
        """One look, one decision, its actions; again as long as actions call for it. Whether it is over."""
        world = self._world
        while True:
            self._rounds += 1
            world.advance(now)
            self._measure(now)
            self._narrow()
            before = self._state
            decision = decide(before, self._observation(now), self._policy, now)
            fresh = {each.point for each in decision.questions} - {each.point for each in self._questions}
            self._questions = decision.questions
            self._tell(decision.told, now)
            state = decision.state
            for action in decision.actions:
                state = world.act(action, state, now)
                self._begun_since += isinstance(action, Register)
            world.forget(before.moving - state.moving)
            self._note_waves(before, state, now)
            self._state, self._wake = state, decision.wake_s
            if decision.finished:
                return True
            # These make their news later; what else was done is over at once, and is looked at again.
            if not fresh and all(isinstance(each, Promote | Register | Stop) for each in decision.actions):
                return False

    def _narrow(self) -> None:
        """Leave out of a decision's sight what cannot matter to it: cores that are done, and those far from their turn.

        A decision looks at every core of a wave; with thousands of them that is what takes the time.
        """
        state = self._state
        if self._begun_since < self._batch and self._narrowed == state.passed:
            return
        here = (CORES, state.passed + 1)
        places = tuple((place, self._near(units) if place == here else units) for place, units in self._layout.places)
        self._state = replace(state, layout=replace(self._layout, places=places))
        self._begun_since, self._narrowed = 0, state.passed

    def _near(self, units: tuple[Unit, ...]) -> tuple[Unit, ...]:
        found, waiting = [], Counter[str]()
        for unit in units:
            steps = [self._state.jobs[job_id] for job_id in unit]
            phases, change = {step.phase for step in steps}, steps[0].change
            if phases == {Phase.DONE} and change.core in self._state.enlisted:
                continue
            waiting[change.hosting] += phases == {Phase.WAITING}
            if phases != {Phase.WAITING} or waiting[change.hosting] <= self._batch + self._most:
                found.append(unit)
        return tuple(found)

    def _observation(self, now: float) -> Observation:
        asked = frozenset(each.point for each in self._questions) if self._gates.least_s else None
        readings = self._gates.read(self._questions, frozenset(), now) if asked else ()
        # A person is assumed to say yes at once.
        promoted = frozenset(f"promote {job_id}" for job_id in self._state.moving)
        sights = self._world.look(self._state.phase(Phase.MOVING), now)
        return Observation(sights, readings, asked, Wishes(promoted=promoted))

    def _next(self, now: float) -> float | None:
        found = [self._world.next_event(now), self._gates.next_s(self._questions, now)]
        found += [now + self._wake] if self._wake else []
        # Where a machine is gone nothing happens, and the engine counts the time.
        found += [now + IDLE_S] if self._world.dead and self._state.moving else []
        times = [each for each in found if each is not None]
        return max(min(times), now + LOOK_S) if times else None

    def _measure(self, now: float) -> None:
        for hosting, count in self._world.per_hosting.items():
            if count > self._down.get(hosting, (0, 0.0))[0]:
                self._down[hosting] = (count, now)
        under: dict[str, set[str]] = {}
        for job_id in self._state.moving:
            change = self._state.jobs[job_id].change
            if change.core and change.interrupts:
                under.setdefault(change.hosting, set()).add(change.core)
        for hosting, cores in under.items():
            if len(cores) > self._changing.get(hosting, (0, 0.0))[0]:
                self._changing[hosting] = (len(cores), now)

    def _note_waves(self, before: State, after: State, now: float) -> None:
        for number in range(before.passed, after.passed):
            self._waves.append((len(after.layout.waves[number]), self._begun, now))
            self._begun = now

    def _tell(self, told: Iterable[Any], now: float) -> None:
        self._told += [Told(now, each.text, each.job_id) for each in told if each.kind in MOMENTS]

    def _played(self, now: float) -> Played:
        state = self._state
        jobs: dict[str, bool] = {}
        for step in state.steps:
            if step.change.core:
                jobs[step.change.core] = jobs.get(step.change.core, True) and step.phase is Phase.DONE
        return Played(
            status=state.status.value,
            duration_s=now,
            cores=len(jobs),
            changed=sum(jobs.values()),
            waves=tuple(self._waves),
            down=self._down,
            changing=self._changing,
            told=tuple(self._told),
            halted=state.halted,
            rounds=self._rounds,
            dead=dict(self._world.dead),
        )


def play(
    plan: Plan,
    courses: Mapping[tuple[str, str, str], Course],
    homes: Mapping[str, str],
    deaths: Iterable[Death] = (),
    gates: Mapping[str, tuple[float, frozenset[str]]] | None = None,
    batch: int = BATCH,
) -> Played:
    """Play a plan. `homes` maps core → its node; `gates` see `AssumedGates`. Deterministic."""
    policy = plan.intent.policy
    hostings = dict(plan.intent.hostings)
    world = World(courses, homes, tuple(deaths), policy.progress_deadline_s, hostings=hostings)
    return Player(plan, world, AssumedGates(gates or {}), policy, batch).play()
