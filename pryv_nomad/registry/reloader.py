"""Brings the process to the file in place, one step at a time: the second half of a follower. It sees, lets `decide`
judge, and does."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pryv_nomad.bridge.metrics import Metrics
from pryv_nomad.errors import PryvNomadError
from pryv_nomad.registry.lock import ReloadLock
from pryv_nomad.registry.neighbours import standing
from pryv_nomad.registry.reload import Act, Decision, Manner, Phase, Seen, State, Timing, decide
from pryv_nomad.registry.restarts import Restarter
from pryv_nomad.registry.swapper import Say

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

RETRY_S = 3.0
PAUSES = {Phase.IDLE: 5.0, Phase.GATHERING: 0.25, Phase.QUEUED: 0.5}
PAUSE_S = 0.1
"""Seconds until the next look in the other phases."""


@dataclass(frozen=True, slots=True)
class Instance:
    """Our process as others know it: its Consul service, address and port there."""

    service: str
    address: str
    port: int


class Reloader:
    """Used by one thread; `state`, `sentence` and `alarm` may be read from any."""

    def __init__(
        self,
        consul: Consul,
        lock: ReloadLock,
        instance: Instance,
        probe: Callable[[], bool],
        restart: Restarter,
        *,
        say: Say,
        metrics: Metrics,
        timing: Timing,
        manner: Manner,
        running: str,
        note: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consul, self._lock, self._instance = consul, lock, instance
        self._probe, self._restart, self._note = probe, restart, note
        self._say, self._metrics, self._clock = say, metrics, clock
        self._timing, self._manner = timing, manner
        self._order: _Order | None = None
        self._began = 0.0
        self.state = State(running=running, since=clock())
        self.sentence, self.alarm = "", False
        if running:
            # Before anything changes, so that whoever follows after us knows what the process began with.
            self._remember(running)

    def step(self, live: str) -> float:
        """One look at the file in place; the seconds until the next."""
        state = self._heard(self.state)
        decision = decide(state, self._see(state, live), self._clock(), self._timing, self._manner)
        self._tell(self.state, decision)
        if decision.state.running != self.state.running:
            self._remember(decision.state.running)
        self.state = decision.state
        for act in decision.acts:
            self._do(act)
        return PAUSES.get(self.state.phase, PAUSE_S)

    @property
    def serving(self) -> bool:
        """Whether the edge may lead to the process."""
        return self.state.serving(self._manner)

    # -- see

    def _see(self, state: State, live: str) -> Seen:
        shown, others = None, None
        if state.phase in (Phase.QUEUED, Phase.LEAVING, Phase.JOINING):
            try:
                entries = self._consul.health_service(self._instance.service)
                shown, others = standing(entries, self._instance.address, self._instance.port)
            except PryvNomadError as error:
                self._metrics.count("faults_total", source="consul")
                self._say("warning", "consul", error.message)
        healthy = state.phase is Phase.IDLE or self._probe()
        return Seen(live, healthy, self._lock.held, shown, others)

    def _heard(self, state: State) -> State:
        """The state with what became of a restart that was ordered."""
        order = self._order
        if order is None or not order.done:
            return state
        if order.error:
            if self._clock() - order.ended < RETRY_S:
                return state
            self._order = None
            return state
        self._order = None
        return replace(state, ordered=True) if state.phase is Phase.RESTARTING else state

    # -- do

    def _do(self, act: Act) -> None:
        try:
            match act:
                case Act.TAKE_LOCK:
                    self._lock.take()
                case Act.RELEASE_LOCK:
                    self._lock.release()
                case Act.RESTART:
                    if self._order is None:
                        self._order = _Order(self._restart, self._failed, self._clock)
        except PryvNomadError as error:
            self._metrics.count("faults_total", source="consul")
            self._say("warning", "lock", error.message)

    def _failed(self, error: PryvNomadError) -> None:
        self._metrics.count("faults_total", source="restart")
        self._say("error", "restart", f"{error.message}; {error.remedy}" if error.remedy else error.message)

    def _remember(self, running: str) -> None:
        try:
            self._note(running)
        except OSError as error:
            self._say("warning", "note", f"cannot note what the process has read: {error}")

    def _tell(self, before: State, decision: Decision) -> None:
        after = decision.state
        if decision.sentence != self.sentence:
            self._say("warning" if decision.alarm else "info", after.phase, decision.sentence)
        self.sentence, self.alarm = decision.sentence, decision.alarm
        self._metrics.set("serving", float(after.serving(self._manner)))
        self._metrics.set("alarm", float(decision.alarm))
        self._metrics.set("lock_held", float(self._lock.held))
        if before.phase is Phase.QUEUED and after.phase in (Phase.LEAVING, Phase.RESTARTING):
            self._began = self._clock()
        if before.phase is Phase.JOINING and after.phase is Phase.IDLE:
            self._metrics.count("reloads_total")
            self._metrics.set("reload_seconds", self._clock() - self._began)


class _Order:
    """A restart under way in a thread of its own, since it may take as long as the process takes to end."""

    def __init__(
        self, restart: Restarter, failed: Callable[[PryvNomadError], None], clock: Callable[[], float]
    ) -> None:
        self._restart, self._failed, self._clock = restart, failed, clock
        self.done, self.error, self.ended = False, True, 0.0
        threading.Thread(target=self._run, name="restart", daemon=True).start()

    def _run(self) -> None:
        try:
            self._restart()
            self.error = False
        except PryvNomadError as error:
            self._failed(error)
        finally:
            self.ended = self._clock()
            self.done = True
