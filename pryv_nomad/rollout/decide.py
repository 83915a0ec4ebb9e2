"""What to do next: a function of how far the rollout has come, what is observed, and the time.

Order: the stages of `plan.order` one after the other; within the cores' stage wave by wave, and within a wave core by
core, at most `max_unavailable` cores of a hosting under change at once. Cores that are only created do not count: they
serve nobody yet. A wave ends with its gates, and a pause. A failure halts: what moves comes to its end, canaries that
wait are given up, nothing new begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from pryv_nomad.plan.change import Action
from pryv_nomad.plan.intent import Policy
from pryv_nomad.plan.order import CORES, STOPS
from pryv_nomad.rollout.actions import Adopt, CallHook, Enlist, Register, Stop, ToDo
from pryv_nomad.rollout.gating import Call, Moment, Question, Verdict, wave_point
from pryv_nomad.rollout.judge import Told, judge
from pryv_nomad.rollout.state import NEVER, Observation, Phase, State, Status, Step, Unit, ended
from pryv_nomad.rollout.waves import ALL_AT_ONCE

# How many cores may be under way at once, whatever their hostings: what a person can still follow.
MOST_UNITS = 64


@dataclass(frozen=True, slots=True)
class Decision:
    """The state as it is now, what to do, what to tell, what to ask the gates next, and one sentence of the whole.

    `wake_s` is in how many seconds there is something to decide whatever happens (a pause that ends), None when not.
    """

    state: State
    actions: tuple[ToDo, ...]
    told: tuple[Told, ...]
    sentence: str
    questions: tuple[Question, ...] = ()
    wake_s: float | None = None

    @property
    def finished(self) -> bool:
        """Whether nothing moves and nothing more will be begun."""
        return not self.actions and not self.state.status.open


@dataclass
class _Draft:
    """A decision in the making."""

    state: State
    actions: list[ToDo] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    awaits: list[str] = field(default_factory=list)
    waiting: str = ""
    wake_s: float | None = None

    def halt(self, why: str) -> None:
        """Begin nothing more."""
        if not self.state.halted:
            self.state = replace(self.state, halted=why)
            self.told.append(Told("halted", "", why))


def decide(state: State, observation: Observation, policy: Policy, now: float) -> Decision:
    """Judge what moves, then begin what may begin."""
    draft = _Draft(state)
    _heed(draft, observation)
    _judge_all(draft, observation, policy, now)
    _count_failures(draft, policy)
    draft.actions += [Enlist(core) for core in _complete(draft.state)]
    if not draft.state.halted and draft.state.status is Status.RUNNING:
        _go_on(draft, observation, policy, now)
    _conclude(draft, observation)
    final = replace(draft.state, awaits=tuple(draft.awaits))
    return Decision(
        final,
        tuple(draft.actions),
        tuple(draft.told),
        _sentence(final, draft.waiting),
        tuple(draft.questions),
        draft.wake_s,
    )


def _heed(draft: _Draft, observation: Observation) -> None:
    """What people want."""
    wishes = observation.wishes
    if wishes.aborted:
        draft.halt(f"aborted by {wishes.aborted}")
    status = draft.state.status
    if status.open and not draft.state.halted:
        wanted = Status.PAUSED if wishes.paused else Status.RUNNING
        if wanted is not status:
            draft.told.append(Told("paused", "", "paused") if wishes.paused else Told("resumed", "", "goes on"))
            draft.state = replace(draft.state, status=wanted)


def _judge_all(draft: _Draft, observation: Observation, policy: Policy, now: float) -> None:
    changed: dict[str, Step] = {}
    for step in draft.state.phase(Phase.MOVING):
        found = judge(step, draft.state, observation, policy, now)
        if found.step is not step:
            changed[step.job_id] = found.step
        draft.told += found.told
        draft.actions += [found.action] if found.action else []
        draft.questions += [found.question] if found.question else []
        draft.awaits += [found.awaits] if found.awaits else []
    draft.state = draft.state.with_steps(changed)


def _count_failures(draft: _Draft, policy: Policy) -> None:
    state = draft.state
    if not state.failed or state.halted:
        return
    first = state.phase(Phase.FAILED)
    outside = next((step for step in first if not step.change.core), None)
    if outside or len(state.failed_cores) > policy.failure_budget:
        draft.halt(f"{(outside or first[0]).job_id} failed")


# -- waves -------------------------------------------------------------------------------------------------------


def _go_on(draft: _Draft, observation: Observation, policy: Policy, now: float) -> None:
    """End the wave whose cores are done, and begin what may begin now."""
    if _calls(draft, observation, Call(Moment.BEFORE_ROLLOUT)):
        return
    while _wave_ends(draft, observation, policy, now):
        pass
    state = draft.state
    place, units = _current(state)
    next_wave = (CORES, state.passed + 1)
    if place is None or state.halted or (state.passed < len(state.layout.waves) and place > next_wave):
        return
    if place == next_wave and _calls(draft, observation, _wave_call(state, Moment.BEFORE_WAVE, place[1])):
        return
    steps = [[state.jobs[job_id] for job_id in unit] for unit in units]
    draft.actions += [_begin(step) for step in startable(steps, policy, _elsewhere(state, place))]


def _current(state: State) -> tuple[tuple[int, int] | None, tuple[Unit, ...]]:
    """The first place that is not at its end, with its units."""
    return next(((place, units) for place, units in state.left.items() if units), (None, ()))


def _wave_ends(draft: _Draft, observation: Observation, policy: Policy, now: float) -> bool:
    """Take the wave whose cores are done through its gates and its pause; whether it is behind us now."""
    number, total = draft.state.passed + 1, len(draft.state.layout.waves)
    place = _current(draft.state)[0]
    listing = any(isinstance(action, Enlist) for action in draft.actions)
    if number > total or listing or (place is not None and place <= (CORES, number)):
        return False
    if draft.state.reached == NEVER:
        draft.state = replace(draft.state, reached=now)
        draft.told.append(Told("wave", "", f"wave {number} of {total}: {_cores(draft.state, number)} done"))
    if draft.state.opened == NEVER:
        if not _gates_pass(draft, observation, number):
            return False
        if _calls(draft, observation, _wave_call(draft.state, Moment.AFTER_WAVE, number)):
            return False
        draft.state = replace(draft.state, opened=now)
    left = policy.pause_s - (now - draft.state.opened)
    if number < total and left > 0:
        draft.waiting, draft.wake_s = f"pause before wave {number + 1}: {left:.0f} s", left
        return False
    draft.state = replace(draft.state, passed=number, reached=NEVER, opened=NEVER)
    return True


def _gates_pass(draft: _Draft, observation: Observation, number: int) -> bool:
    if observation.asked is None:
        return True
    state, point = draft.state, wave_point(number)
    draft.questions.append(Question(point, state.layout.waves[number - 1], state.reached))
    if point not in observation.asked:
        draft.waiting = f"the gates after wave {number}"
        return False
    readings = [reading for reading in observation.readings if reading.point == point]
    failing = next((reading for reading in readings if reading.verdict is Verdict.FAIL), None)
    if failing:
        draft.halt(f"gate {failing.name} after wave {number}: {failing.reason}")
        return False
    waiting = [reading for reading in readings if reading.verdict is Verdict.WAIT]
    if waiting:
        draft.waiting = "; ".join(f"gate {each.name} after wave {number}: {each.reason}" for each in waiting)
    if any(reading.person for reading in waiting):
        draft.awaits.append(point)
    return not waiting


def _wave_call(state: State, moment: Moment, number: int) -> Call:
    return Call(moment, number, state.layout.waves[number - 1])


def _calls(draft: _Draft, observation: Observation, call: Call) -> bool:
    """Whether a hook has to be called first."""
    if call.moment not in observation.hooks or call.name in draft.state.called:
        return False
    if CallHook(call) not in draft.actions:
        draft.actions.append(CallHook(call))
    return True


def _cores(state: State, number: int) -> str:
    cores = state.layout.waves[number - 1]
    return f"core {cores[0]}" if len(cores) == 1 else f"{len(cores)} cores"


# -- what may begin ----------------------------------------------------------------------------------------------


def startable(units: Iterable[list[Step]], policy: Policy, elsewhere: Counter[str]) -> Iterator[Step]:
    """The waiting steps that may begin now, of the units at one place that are not at their end. `elsewhere` counts
    the cores of each hosting that may be down besides these."""
    units = list(units)
    if units and units[0][0].stage not in (CORES, STOPS):
        yield from (step for unit in units for step in unit if step.phase is Phase.WAITING)
        return
    most = None if policy.strategy == ALL_AT_ONCE else policy.max_unavailable
    begun = [unit for unit in units if _begun(unit)]
    down = elsewhere + Counter(unit[0].change.hosting for unit in begun if _down(unit))
    under_way = len(begun)
    for unit in units:
        if not _begun(unit):
            hosting, interrupts = unit[0].change.hosting, _interrupts(unit)
            if under_way >= MOST_UNITS or (interrupts and most is not None and down[hosting] >= most):
                continue
            under_way += 1
            down[hosting] += interrupts
        following = next(step for step in unit if step.phase is not Phase.DONE)
        if following.phase is Phase.WAITING:
            yield following


def _begun(unit: Iterable[Step]) -> bool:
    """Whether some steps of a core that is not at its end are not waiting."""
    return any(step.phase is not Phase.WAITING for step in unit)


def _down(unit: list[Step]) -> bool:
    """Whether a core that was begun may not serve. One whose canary failed still does."""
    failed = [step for step in unit if step.phase is Phase.FAILED]
    return _interrupts(unit) and not (failed and all(step.kept for step in failed))


def _elsewhere(state: State, here: tuple[int, int]) -> Counter[str]:
    """How many cores of each hosting may be down besides those at this place that are under change."""
    found: dict[str, str] = {}
    for job_id in state.moving | state.failed:
        step = state.jobs[job_id]
        unit = [state.jobs[each] for each in state.layout.units[job_id]]
        if step.change.core and (step.place != here or ended(unit)) and _down(unit):
            found[step.change.core] = step.change.hosting
    return Counter(found.values())


def _interrupts(unit: Iterable[Step]) -> bool:
    return any(step.change.interrupts for step in unit)


def _begin(step: Step) -> ToDo:
    if step.change.action is Action.ADOPT:
        return Adopt(step.job_id)
    return Stop(step.job_id) if step.change.action is Action.STOP else Register(step.job_id)


def _complete(state: State) -> Iterator[str]:
    """The cores all of whose steps are done and which the registry has not been told of."""
    for place, units in state.layout.places:
        if place[0] != CORES or place[1] <= state.passed:
            continue
        if place[1] > state.passed + 1:
            return
        for unit in units:
            core = state.jobs[unit[0]].change.core
            last = state.jobs[unit[-1]].phase is Phase.DONE
            if last and core not in state.enlisted and all(state.jobs[each].phase is Phase.DONE for each in unit):
                yield core


# -- the end -----------------------------------------------------------------------------------------------------


def _conclude(draft: _Draft, observation: Observation) -> None:
    """The status, when nothing moves and nothing is to be done."""
    state = draft.state
    if draft.actions or state.moving or not state.status.open:
        return
    if state.halted:
        reason = state.halted
        call = Call(Moment.ON_FAILURE, 0, tuple(sorted(state.failed_cores)), reason)
        if not observation.wishes.aborted and _calls(draft, observation, call):
            return
        draft.state = replace(state, status=Status.ABORTED if observation.wishes.aborted else Status.FAILED)
    elif state.status is Status.RUNNING and _current(state)[0] is None and state.passed == len(state.layout.waves):
        if not _calls(draft, observation, Call(Moment.AFTER_ROLLOUT)):
            draft.state = replace(state, status=Status.DONE)
    elif state.status is Status.RUNNING and not draft.waiting and not draft.questions:
        # What failed holds the places of its hosting, and nothing else moves that could free one.
        failed = next((step.job_id for step in state.phase(Phase.FAILED)), "")
        draft.halt(f"{failed or 'something'} failed, and no other core of its hosting may go down meanwhile")
        _conclude(draft, observation)


def _sentence(state: State, waiting: str) -> str:
    moving = [
        f"{step.job_id} ({step.progress})" if step.progress else step.job_id for step in state.phase(Phase.MOVING)
    ]
    text = f"{state.done} of {len(state.jobs)} jobs done"
    total = len(state.layout.waves)
    if total > 1 and state.passed < total:
        text += f", wave {state.passed + 1} of {total}"
    if state.failed:
        text += f", {len(state.failed)} failed"
    if state.status is Status.PAUSED:
        text += ", paused"
    if moving:
        return f"{text}; waiting for {', '.join(moving[:3])}{' …' if len(moving) > 3 else ''}"
    return f"{text}; {waiting}" if waiting else text
