"""What to make of one job that moves: done, failed, still under way, or to be promoted. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pryv_nomad.plan.change import Action
from pryv_nomad.plan.intent import Policy
from pryv_nomad.rollout.actions import Explain, Fail, Promote, ToDo
from pryv_nomad.rollout.gating import Question, Verdict, promotion_point
from pryv_nomad.rollout.state import NEVER, Observation, Phase, Rollout, Sight, State, Status, Step

# A place may come free a moment later (an old allocation that ends); after that it is a failure to tell.
PLACEMENT_S = 30.0
# What Nomad may need beyond its own deadline before we stop waiting for it.
MARGIN_S = 60.0
ENDED_BADLY = frozenset({"failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened, to show. `job_id` is empty for what concerns the whole."""

    kind: str
    job_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What came of judging a step: the step after it, what to do, what to tell, what to ask the gates, and whether it
    waits for a person."""

    step: Step
    action: ToDo | None = None
    told: tuple[Told, ...] = ()
    question: Question | None = None
    awaits: str = ""


def judge(step: Step, state: State, observation: Observation, policy: Policy, now: float) -> Verdicts:
    """Judge a moving step by what was seen of its job."""
    sight = observation.sights.get(step.job_id)
    if sight is None:
        return Verdicts(step)
    if step.change.action is Action.STOP:
        return _stopping(step, sight, policy, now)
    bad = _failure(sight)
    if bad:
        return _failed(step, step.doomed or bad, sight.rollout)
    if _arrived(sight):
        done = replace(step, phase=Phase.DONE, progress="healthy", held=NEVER)
        return Verdicts(done, None, (Told("healthy", step.job_id, "healthy"),))
    after, told = _progressed(step, _progress(sight), now)
    rollout = sight.rollout
    if after.doomed or (rollout and rollout.unpromoted and state.halted):
        return _given_up(after, rollout, state.halted, told)
    if rollout and rollout.status == "running" and rollout.canaries:
        return _ready(after, rollout, state, observation, policy, now, told)
    unplaced = _unplaced(sight)
    if unplaced and now - after.since >= PLACEMENT_S:
        return _failed(after, unplaced, rollout)
    if now - after.since >= policy.progress_deadline_s + MARGIN_S:
        return _failed(after, f"no progress for {now - after.since:.0f} s: {after.progress}", rollout)
    if rollout and rollout.unhealthy and not after.explained:
        explained = replace(after, explained=True)
        return Verdicts(explained, Explain(step.job_id, "an allocation is unhealthy"), told)
    return Verdicts(after, None, told)


# -- canaries ----------------------------------------------------------------------------------------------------


def _ready(
    step: Step,
    rollout: Rollout,
    state: State,
    observation: Observation,
    policy: Policy,
    now: float,
    told: tuple[Told, ...],
) -> Verdicts:
    """Healthy canaries: promoted when nothing that is asked first stands in the way."""
    point = promotion_point(step.job_id)
    since = now if step.held == NEVER else step.held
    held = replace(step, held=since)
    if state.status is Status.PAUSED:
        return Verdicts(replace(held, progress="canaries are healthy; paused"), None, told)
    question = Question(point, (step.change.core,), since) if observation.asked is not None else None
    if observation.asked is not None and point not in observation.asked:
        return Verdicts(held, None, told, question)
    readings = [reading for reading in observation.readings if reading.point == point]
    failing = next((reading for reading in readings if reading.verdict is Verdict.FAIL), None)
    if failing:
        reason = f"gate {failing.name}: {failing.reason}"
        doomed = replace(held, doomed=reason, progress=reason)
        return Verdicts(doomed, Fail(step.job_id, rollout.id, reason), (*told, Told("gate", step.job_id, reason)))
    waiting = [reading for reading in readings if reading.verdict is Verdict.WAIT]
    manual = policy.manual and point not in observation.wishes.promoted
    person = point if manual or any(reading.person for reading in waiting) else ""
    if waiting or manual:
        why = "; ".join(f"{reading.name}: {reading.reason}" for reading in waiting) or "a person promotes"
        text = f"canaries are healthy; waiting: {why}"
        news = () if text == step.progress else (Told("progress", step.job_id, text),)
        return Verdicts(replace(held, progress=text), None, (*told, *news), question, person)
    return Verdicts(held, Promote(step.job_id, rollout.id), told)


def _given_up(step: Step, rollout: Rollout | None, halted: str, told: tuple[Told, ...]) -> Verdicts:
    """Canaries that will not be promoted, since something else went wrong or their gates said no."""
    reason = step.doomed or f"not promoted: {halted}"
    doomed = replace(step, doomed=reason)
    if rollout is None or rollout.status not in ("running", "paused"):
        return Verdicts(doomed, None, told)
    return Verdicts(doomed, Fail(step.job_id, rollout.id, reason), told)


# -- the rest ----------------------------------------------------------------------------------------------------


def _stopping(step: Step, sight: Sight, policy: Policy, now: float) -> Verdicts:
    if sight.running == 0:
        done = replace(step, phase=Phase.DONE, progress="stopped")
        return Verdicts(done, None, (Told("stopped", step.job_id, "stopped"),))
    after, told = _progressed(step, f"{sight.running} still running", now)
    if now - after.since >= policy.progress_deadline_s + MARGIN_S:
        return _failed(after, f"does not stop: {after.progress}", None)
    return Verdicts(after, None, told)


def _failed(step: Step, reason: str, rollout: Rollout | None) -> Verdicts:
    kept = rollout is not None and rollout.intact
    after = replace(step, phase=Phase.FAILED, progress=reason, explained=True, kept=kept, held=NEVER)
    quiet = step.explained or bool(step.doomed)
    action = None if quiet else Explain(step.job_id, reason)
    return Verdicts(after, action, (Told("failed", step.job_id, reason),))


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
    rollout = sight.rollout
    if sight.unplaced:
        return _unplaced(sight)
    if rollout is None:
        return f"evaluation {sight.evaluation or 'pending'}"
    if rollout.canaries:
        return "canaries are healthy"
    return f"{rollout.ready} of {rollout.desired} healthy" + (
        "" if rollout.status == "running" else f", {rollout.status}"
    )


def _progressed(step: Step, progress: str, now: float) -> tuple[Step, tuple[Told, ...]]:
    if progress == step.progress or (step.held != NEVER and progress == "canaries are healthy"):
        return step, ()
    return replace(step, progress=progress, since=now), (Told("progress", step.job_id, progress),)
