"""Drives a rollout: observe, decide, save, act, save. One `step` is one round; nothing is done before it was saved.

Whoever has the lock drives: the process of `run`, `rollout resume`, or a bridge. An interruption takes effect between
two actions, after a save.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from pryv_nomad.errors import ApiError, PryvNomadError, Refused, Unauthorized, Unreachable
from pryv_nomad.plan.intent import Policy
from pryv_nomad.rollout.act import Actor, Ledger
from pryv_nomad.rollout.actions import Adopt, CallHook, Register, Stop, ToDo
from pryv_nomad.rollout.decide import Decision, decide
from pryv_nomad.rollout.events import Event, Tell
from pryv_nomad.rollout.gating import GateReading, Gates, Moment, NoGates, Question
from pryv_nomad.rollout.interruption import Interruption
from pryv_nomad.rollout.lock import Held
from pryv_nomad.rollout.state import Observation, Phase, Sight, State, Status, Step, Wishes

# How long Nomad or Consul may be unreachable; nothing is done meanwhile.
PATIENCE_S = 120.0
RETRY_S = 2.0
# How often the record shows that the driver lives and how late it is, when nothing else is to be saved.
HEARTBEAT_S = 15.0
# How long a round may last while gates, a person or a pause are waited for.
IDLE_S = 1.0
# How long a round may last in any case: so soon a wish is heard.
LISTEN_S = 2.0
T = TypeVar("T")


class Watcher(Protocol):
    """Sights of moving jobs, and waiting for news of them, for at most `limit_s` seconds where that is given."""

    def look(self, moving: Iterable[Step]) -> dict[str, Sight]: ...

    def wait(self, moving: Iterable[Step], limit_s: float | None = None) -> None: ...

    def close(self) -> None: ...


class Keeping(Ledger, Protocol):
    """Where a rollout is saved: see `record.Keeper`."""

    def tell(self, event: Event) -> None: ...

    def wishes(self) -> Wishes: ...

    def save(
        self, state: State, clock: float, sentence: str = "", readings: tuple[GateReading, ...] | None = None
    ) -> None: ...


def _nothing(_state: State) -> None:
    """Nothing is to be done at the end."""


@dataclass
class Drive:
    """One driver of one rollout. `clock` counts seconds from anywhere; the rollout's own clock goes on from `begun`,
    the seconds for which it was driven before. `finish` is called when all is done, before that is saved: so it is
    called again when the driver died meanwhile.

    What Nomad refuses to do with one job is a failure of that job: `refusal` is the first such error.
    """

    actor: Actor
    watch: Watcher
    keeper: Keeping
    policy: Policy
    tell: Tell
    gates: Gates = field(default_factory=NoGates)
    gated: bool = False
    interruption: Interruption = field(default_factory=Interruption)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    begun: float = 0.0
    finish: Callable[[State], None] = _nothing
    refusal: PryvNomadError | None = None
    _questions: tuple[Question, ...] = ()
    _readings: tuple[GateReading, ...] = ()
    _saved: State | None = None
    _saved_at: float = 0.0

    def __post_init__(self) -> None:
        self._origin = self.clock() - self.begun

    @property
    def now(self) -> float:
        """The rollout's clock: seconds for which it has been driven. It never goes back."""
        return self.clock() - self._origin

    def run(self, state: State) -> State:
        """Drive to the end and return how far it came. Raises KeyboardInterrupt between two actions."""
        while True:
            state, decision = self.step(state)
            if decision.finished:
                return state
            self.wait(state, decision)

    def step(self, state: State) -> tuple[State, Decision]:
        """One round. Raises what the clients raise when they have been unreachable for too long, and Held when
        somebody else drives by now."""
        observation = self._observe(state)
        decision = decide(state, observation, self.policy, self.now)
        events = [Event(told.kind, told.text, told.job_id) for told in decision.told]
        for event in events:
            self.keeper.tell(event)
        fresh = {each.point for each in decision.questions} - {each.point for each in self._questions}
        self._questions = decision.questions
        with self.interruption.held():
            self._patiently(lambda: self.actor.prepare(decision.actions, decision.state))
            if decision.finished and decision.state.status is Status.DONE:
                self._patiently(lambda: self.finish(decision.state))
            self._save(decision.state, decision.sentence, force=bool(decision.actions))
        for event in [*events, Event("waiting", decision.sentence)]:
            self.tell(event)
        state = decision.state
        try:
            for action in decision.actions:
                self.interruption.check()
                with self.interruption.held():
                    state = self._act(action, state)
        finally:
            # What was done is saved, whatever came then.
            with self.interruption.held():
                self._save(state, decision.sentence)
        self.interruption.check()
        if fresh:
            decision = replace(decision, wake_s=0.0)
        return state, decision

    def wait(self, state: State, decision: Decision) -> None:
        """Wait for news, or until something is to be decided anyway."""
        # What was only recorded makes no news to wait for: it is looked at once more.
        if decision.wake_s == 0 or any(isinstance(action, Adopt | CallHook) for action in decision.actions):
            return
        idle = bool(decision.questions) or decision.wake_s is not None or bool(state.awaits)
        limits = [IDLE_S if idle or not state.moving else LISTEN_S]
        limits += [decision.wake_s] if decision.wake_s else []
        moving = state.phase(Phase.MOVING)
        if moving:
            self._patiently(lambda: self.watch.wait(moving, min(limits)))
        elif not decision.actions:
            self.sleep(min(limits))
        self.interruption.check()

    # -- looking

    def _observe(self, state: State) -> Observation:
        moving = state.phase(Phase.MOVING)
        sights: Mapping[str, Sight] = self._patiently(lambda: self.watch.look(moving)) if moving else {}
        wishes = self._patiently(self.keeper.wishes)
        asked: frozenset[str] | None = None
        if self.gated:
            asked = frozenset(each.point for each in self._questions)
            readings = self.gates.read(self._questions, wishes.promoted, self.now) if self._questions else ()
            self._tell_readings(readings)
            self._readings = readings
        wanted: frozenset[Moment] = self.actor.hooks.wanted
        return Observation(sights, self._readings, asked, wishes, wanted)

    def _tell_readings(self, readings: Iterable[GateReading]) -> None:
        before = {(each.point, each.name): (each.verdict, each.value) for each in self._readings}
        for each in readings:
            if before.get((each.point, each.name)) != (each.verdict, each.value):
                text = f"{each.point}: gate {each.name}: {each.verdict.value}: {each.reason}"
                self._say(Event("gate", text, detail=() if each.value is None else (f"value {each.value:g}",)))

    # -- doing

    def _save(self, state: State, sentence: str, force: bool = False) -> None:
        due = self.now - self._saved_at >= HEARTBEAT_S
        if state is self._saved and not force and not due:
            return
        self._patiently(lambda: self.keeper.save(state, self.now, sentence, self._readings))
        self._saved, self._saved_at = state, self.now

    def _act(self, action: ToDo, state: State) -> State:
        try:
            return self._patiently(lambda: self.actor.act(action, state, self.now), Unreachable)
        except PryvNomadError as error:
            if isinstance(action, CallHook):
                return self._hook_failed(action, state, error)
            # No answer, or no right to anything: there is no use in going on. So is a lock that somebody else has.
            ends = isinstance(error, Unreachable | Unauthorized | Held)
            if ends or not isinstance(error, ApiError | Refused) or not isinstance(action, Register | Adopt | Stop):
                raise
            self.refusal = self.refusal or error
            step = state.jobs[action.job_id]
            self._say(Event("failed", error.message, action.job_id))
            return state.with_step(replace(step, phase=Phase.FAILED, progress=error.message))

    def _say(self, event: Event) -> None:
        self.keeper.tell(event)
        self.tell(event)

    def _hook_failed(self, action: CallHook, state: State, error: PryvNomadError) -> State:
        call = action.call
        self._say(Event("warning", f"hook {call.name}: {error.message}"))
        called = replace(state, called=state.called | {call.name})
        if call.moment in (Moment.AFTER_ROLLOUT, Moment.ON_FAILURE):
            return called
        return replace(called, halted=state.halted or f"hook {call.name}: {error.message}")

    def _patiently(self, call: Callable[[], T], *passing: type[ApiError]) -> T:
        """Try again while there is no answer or no leader. Looking changes nothing, and every action is guarded by an
        index or may be done twice, so both may take their time. An action ends where Nomad itself answers with an error
        (`passing` names what is waited out; nothing named: server errors, too)."""
        begun = self.clock()
        while True:
            try:
                return call()
            except ApiError as error:
                passes = (
                    isinstance(error, passing) if passing else isinstance(error, Unreachable) or error.status >= 500
                )
                if not passes or self.clock() - begun >= PATIENCE_S:
                    raise
                self.tell(Event("warning", f"{error.message}; trying again"))
            self.sleep(RETRY_S)
            self.interruption.check()
