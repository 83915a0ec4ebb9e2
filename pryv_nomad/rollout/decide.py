"""What to do next: a function of how far the plan has come, what Nomad shows, and the time.

Order: the stages of `plan.order` one after the other, within the cores' stage core by core, at most
`max_unavailable` cores of a hosting under change at once. Cores that are only created do not count: they serve nobody
yet. A failure halts: what moves is watched to its end, nothing new begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pryv_nomad.plan.change import Action
from pryv_nomad.plan.intent import Policy
from pryv_nomad.plan.order import CORES, STOPS
from pryv_nomad.rollout.state import Phase, Rollout, Sight, State, Step

# How many cores may be under way at once, whatever their hostings: what a person can still follow.
MOST_UNITS = 64
# A place may come free a moment later (an old allocation that ends); after that it is a failure to tell.
PLACEMENT_S = 30.0
# What Nomad may need beyond its own deadline before we stop waiting for it.
MARGIN_S = 60.0
ENDED_BADLY = frozenset({"failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Register:
    """Register the job's spec."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """Write our record of a job that runs as it should."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the job."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Promote:
    """Promote the canaries of a deployment."""

    job_id: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Explain:
    """Find out why a job failed, and say it."""

    job_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Enlist:
    """Make a core known to the registry."""

    core: str


ToDo = Register | Adopt | Stop | Promote | Explain | Enlist


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened to a job, to show."""

    kind: str
    job_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The state as it is now, what to do, what to tell, and one sentence of the whole."""

    state: State
    actions: tuple[ToDo, ...]
    told: tuple[Told, ...]
    sentence: str

    @property
    def finished(self) -> bool:
        """Whether nothing moves and nothing more will be begun."""
        return not self.actions and not self.state.phase(Phase.MOVING)


def decide(state: State, sights: Mapping[str, Sight], policy: Policy, now: float) -> Decision:
    """Judge what moves, then begin what may begin."""
    told: list[Told] = []
    actions: list[ToDo] = []
    changed: dict[str, Step] = {}
    for step in state.phase(Phase.MOVING):
        after, action, words = _judge(step, sights.get(step.job_id), policy, now)
        if after != step:
            changed[step.job_id] = after
        told += words
        actions += [action] if action else []
    if changed:
        state = state.with_steps(changed)
    failed = next((step for step in state.steps if step.phase is Phase.FAILED), None)
    if failed and not state.halted:
        state = replace(state, halted=f"{failed.job_id} failed")
    actions += [Enlist(core) for core in _complete(state)]
    if not state.halted:
        actions += [_begin(step) for step in startable(state.steps, policy)]
    return Decision(state, tuple(actions), tuple(told), _sentence(state))


# -- what moves --------------------------------------------------------------------------------------------------

Verdict = tuple[Step, ToDo | None, list[Told]]


def _judge(step: Step, sight: Sight | None, policy: Policy, now: float) -> Verdict:
    if sight is None:
        return step, None, []
    if step.change.action is Action.STOP:
        return _stopping(step, sight, policy, now)
    bad = _failure(sight)
    if bad:
        return _failed(step, bad)
    if _arrived(sight):
        return replace(step, phase=Phase.DONE, progress="healthy"), None, [Told("healthy", step.job_id, "healthy")]
    after, words = _progressed(step, _progress(sight), now)
    unplaced = _unplaced(sight)
    if unplaced and now - after.since >= PLACEMENT_S:
        return _failed(after, unplaced)
    if now - after.since >= policy.progress_deadline_s + MARGIN_S:
        return _failed(after, f"no progress for {now - after.since:.0f} s: {after.progress}")
    rollout = sight.rollout
    if rollout and rollout.unhealthy and not after.explained:
        return replace(after, explained=True), Explain(step.job_id, "an allocation is unhealthy"), words
    promote = Promote(step.job_id, rollout.id) if rollout and rollout.status == "running" and rollout.canaries else None
    return after, promote, words


def _stopping(step: Step, sight: Sight, policy: Policy, now: float) -> Verdict:
    if sight.running == 0:
        return replace(step, phase=Phase.DONE, progress="stopped"), None, [Told("stopped", step.job_id, "stopped")]
    after, words = _progressed(step, f"{sight.running} still running", now)
    if now - after.since >= policy.progress_deadline_s + MARGIN_S:
        return _failed(after, f"does not stop: {after.progress}")
    return after, None, words


def _failed(step: Step, reason: str) -> Verdict:
    after = replace(step, phase=Phase.FAILED, progress=reason, explained=True)
    action = None if step.explained else Explain(step.job_id, reason)
    return after, action, [Told("failed", step.job_id, reason)]


def _failure(sight: Sight) -> str:
    if sight.rollout and sight.rollout.status in ENDED_BADLY:
        return f"deployment {sight.rollout.status}: {sight.rollout.description}"
    if sight.evaluation == "failed":
        return f"evaluation failed: {sight.evaluation_description}"
    return ""


def _arrived(sight: Sight) -> bool:
    if sight.rollout:
        return sight.rollout.status == "successful"
    # Without a deployment (a batch or system job, a change that moves nothing) the evaluation's end is the end.
    return sight.evaluation == "complete" and not sight.unplaced


def _unplaced(sight: Sight) -> str:
    return "; ".join(f"group {name} finds no node: {', '.join(why)}" for name, why in sorted(sight.unplaced.items()))


def _progress(sight: Sight) -> str:
    rollout: Rollout | None = sight.rollout
    if sight.unplaced:
        return _unplaced(sight)
    if rollout is None:
        return f"evaluation {sight.evaluation or 'pending'}"
    if rollout.canaries:
        return "canaries are healthy"
    return f"{rollout.ready} of {rollout.desired} healthy" + (
        "" if rollout.status == "running" else f", {rollout.status}"
    )


def _progressed(step: Step, progress: str, now: float) -> tuple[Step, list[Told]]:
    if progress == step.progress:
        return step, []
    return replace(step, progress=progress, since=now), [Told("progress", step.job_id, progress)]


# -- what may begin ----------------------------------------------------------------------------------------------


def startable(steps: Iterable[Step], policy: Policy) -> Iterator[Step]:
    """The waiting steps that may begin now."""
    left = [step for step in steps if step.phase is not Phase.DONE]
    if not left:
        return
    stage = min(step.stage for step in left)
    here = [step for step in steps if step.stage == stage]
    if stage not in (CORES, STOPS):
        yield from (step for step in here if step.phase is Phase.WAITING)
        return
    units: dict[str, list[Step]] = {}
    for step in here:
        units.setdefault(step.change.core, []).append(step)
    yield from _next_of_units(units.values(), policy)


def _next_of_units(units: Iterable[list[Step]], policy: Policy) -> Iterator[Step]:
    units = list(units)
    begun = [unit for unit in units if _begun(unit)]
    down = Counter(unit[0].change.hosting for unit in begun if _interrupts(unit))
    under_way = len(begun)
    for unit in units:
        if not _begun(unit):
            hosting = unit[0].change.hosting
            interrupts = _interrupts(unit)
            if all(step.phase is Phase.DONE for step in unit) or under_way >= MOST_UNITS:
                continue
            if interrupts and down[hosting] >= policy.max_unavailable:
                continue
            under_way += 1
            down[hosting] += interrupts
        following = next((step for step in unit if step.phase is not Phase.DONE), None)
        if following is not None and following.phase is Phase.WAITING:
            yield following


def _begun(unit: list[Step]) -> bool:
    """Whether a core is under change: some of its steps are not waiting, and not all are done."""
    phases = {step.phase for step in unit}
    return phases != {Phase.WAITING} and phases != {Phase.DONE}


def _interrupts(unit: Iterable[Step]) -> bool:
    return any(step.change.interrupts for step in unit)


def _begin(step: Step) -> ToDo:
    if step.change.action is Action.ADOPT:
        return Adopt(step.job_id)
    return Stop(step.job_id) if step.change.action is Action.STOP else Register(step.job_id)


def _complete(state: State) -> Iterator[str]:
    """The cores all of whose steps are done and which the registry has not been told of."""
    phases: dict[str, set[Phase]] = {}
    for step in state.steps:
        if step.stage == CORES and step.change.core not in state.enlisted:
            phases.setdefault(step.change.core, set()).add(step.phase)
    return (core for core, found in phases.items() if found == {Phase.DONE})


def _sentence(state: State) -> str:
    counts = Counter(step.phase for step in state.steps)
    moving = [
        f"{step.job_id} ({step.progress})" if step.progress else step.job_id for step in state.phase(Phase.MOVING)
    ]
    text = f"{counts[Phase.DONE]} of {len(state.steps)} jobs done"
    if counts[Phase.FAILED]:
        text += f", {counts[Phase.FAILED]} failed"
    return f"{text}; waiting for {', '.join(moving[:3])}{' …' if len(moving) > 3 else ''}" if moving else text
