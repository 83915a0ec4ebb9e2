"""The loop that carries a plan out: observe, decide, act, wait; interrupted only between actions.

It ends when all is done, or when something failed and what moved has come to its end.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TypeVar

from pryv_nomad.errors import ApiError, PryvNomadError, Refused, Unauthorized, Unreachable
from pryv_nomad.plan.intent import Policy
from pryv_nomad.rollout.act import Actor
from pryv_nomad.rollout.decide import Adopt, Decision, Register, Stop, ToDo, decide
from pryv_nomad.rollout.events import Event, Tell
from pryv_nomad.rollout.state import Phase, Sight, State
from pryv_nomad.rollout.watch import Watch

# How long Nomad may be unreachable while we only look; nothing is done meanwhile.
PATIENCE_S = 120.0
RETRY_S = 2.0
T = TypeVar("T")


class Interruption:
    """Ctrl-C, held back while an action is under way."""

    def __init__(self) -> None:
        self.asked = False
        self._held = False

    @contextmanager
    def watched(self) -> Iterator[Interruption]:
        """Take SIGINT for the time of the block (only in the main thread does Python allow it)."""
        before = signal.signal(signal.SIGINT, self._arrived)
        try:
            yield self
        finally:
            signal.signal(signal.SIGINT, before)

    @contextmanager
    def held(self) -> Iterator[None]:
        """An action: an interruption waits for its end."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True
        if not self._held:
            raise KeyboardInterrupt


@dataclass
class Execution:
    """One run of a plan. `clock` counts seconds from anywhere."""

    actor: Actor
    watch: Watch
    policy: Policy
    tell: Tell
    interruption: Interruption = field(default_factory=Interruption)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    refusal: PryvNomadError | None = None

    def run(self, state: State) -> State:
        """Carry the plan out and return how far it came. Raises KeyboardInterrupt between two actions.

        What Nomad refuses to do with one job is a failure of that job, told when all that moves has come to its end:
        `refusal` is the first such error.
        """
        while True:
            decision = decide(state, self._look(state), self.policy, self.clock())
            state = self._carry_out(decision)
            if decision.finished:
                return state
            # What was only recorded makes no news to wait for: it is looked at once more.
            if state.phase(Phase.MOVING) and not any(isinstance(action, Adopt) for action in decision.actions):
                self._wait(state)

    def _carry_out(self, decision: Decision) -> State:
        for told in decision.told:
            self.tell(Event(told.kind, told.text, told.job_id))
        self.tell(Event("waiting", decision.sentence))
        state = decision.state
        for action in decision.actions:
            with self.interruption.held():
                state = self._act(action, state)
            if self.interruption.asked:
                raise KeyboardInterrupt
        return state

    def _act(self, action: ToDo, state: State) -> State:
        try:
            return self._patiently(lambda: self.actor.act(action, state, self.clock()), Unreachable)
        except (ApiError, Refused) as error:
            # No answer, or no right to anything: there is no use in going on.
            if isinstance(error, Unreachable | Unauthorized) or not isinstance(action, Register | Adopt | Stop):
                raise
            self.refusal = self.refusal or error
            step = next(step for step in state.steps if step.job_id == action.job_id)
            self.tell(Event("failed", error.message, action.job_id))
            return state.with_steps({action.job_id: replace(step, phase=Phase.FAILED, progress=error.message)})

    def _look(self, state: State) -> dict[str, Sight]:
        moving = state.phase(Phase.MOVING)
        return self._patiently(lambda: self.watch.look(moving)) if moving else {}

    def _wait(self, state: State) -> None:
        self._patiently(lambda: self.watch.wait(state.phase(Phase.MOVING)))

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
            if self.interruption.asked:
                raise KeyboardInterrupt
