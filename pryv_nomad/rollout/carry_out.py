"""One run from an admitted plan to its end: membership first, then the jobs, then what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pryv_nomad.bridge.addresses import Unaddressed, record_addresses
from pryv_nomad.bridge.catalog import Catalog
from pryv_nomad.errors import Unhealthy
from pryv_nomad.plan.change import Plan
from pryv_nomad.plan.observed import Record
from pryv_nomad.plan.values import counted
from pryv_nomad.rollout.act import Actor
from pryv_nomad.rollout.admit import unfinished
from pryv_nomad.rollout.events import Event, Tell
from pryv_nomad.rollout.execute import Execution, Interruption
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.state import Phase, Rollout, State
from pryv_nomad.rollout.watch import Watch

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad

HOW_TO_GO_ON = "`pryv-nomad run` goes on from here; `pryv-nomad status` shows what runs"


@dataclass
class Run:
    """A plan to be carried out. `records` were read just before, `known` is what they held; `machines` are those whose
    address the cluster file leaves to Nomad."""

    nomad: Nomad
    consul: Consul
    records: Records
    known: dict[str, Record]
    plan: Plan
    tell: Tell
    clock: Callable[[], float] = time.monotonic
    machines: tuple[Unaddressed, ...] = ()

    def carry_out(self) -> State:
        """Do it all. Raises Unhealthy when something did not become healthy, KeyboardInterrupt after Ctrl-C."""
        actor = self._actor()
        watched, failed = unfinished(self.plan, self.known, self.nomad.deployments())
        state = State.of(self.plan, watched, self.clock())
        self._prepare_membership(actor, state, failed)
        return self._execute(actor, state, failed)

    def stop(self) -> State:
        """Carry out a plan of stops only: the registry's list of cores stays as it is."""
        return self._execute(self._actor(), State.of(self.plan), {})

    def _actor(self) -> Actor:
        return Actor(self.nomad, self.consul, self.records, self.known, self.plan.intent, self.tell)

    def _execute(self, actor: Actor, state: State, failed: dict[str, Rollout]) -> State:
        execution = Execution(actor, Watch(self.nomad), self.plan.intent.policy, self.tell, Interruption(), self.clock)
        with execution.interruption.watched():
            try:
                state = execution.run(state)
            except KeyboardInterrupt:
                self.tell(Event("interrupted", f"interrupted; what was begun goes on in Nomad; {HOW_TO_GO_ON}"))
                raise
        if execution.refusal:
            raise execution.refusal
        self._conclude(state, failed)
        return state

    def _prepare_membership(self, actor: Actor, state: State, failed: dict[str, Rollout]) -> None:
        """The generation key exists before any job waits for it; cores outside Nomad are listed at once, and so are
        those that run unchanged and are missing, as after a Consul that was emptied."""
        domain = self.plan.intent.platform.domain
        Catalog(self.consul, domain).ensure_generation()
        for warning in record_addresses(self.consul, self.nomad, domain, self.machines):
            self.tell(Event("warning", warning))
        running = {self._core_of(job_id) for job_id in self.plan.unchanged}
        running -= {step.change.core for step in state.steps} | {self._core_of(job_id) for job_id in failed}
        for member in self.plan.intent.members:
            if member.external or (member.name in running and member.name not in actor.listed):
                actor.enlist(member)

    def _core_of(self, job_id: str) -> str:
        record = self.known.get(job_id)
        return record.owner if record and record.hosting else ""

    def _conclude(self, state: State, failed: dict[str, Rollout]) -> None:
        bad = [f"{step.job_id}: {step.progress}" for step in state.phase(Phase.FAILED)]
        left = len(state.phase(Phase.WAITING))
        if bad:
            rest = f"; {counted(left, 'job')} not begun" if left else ""
            raise Unhealthy(f"the platform did not become healthy: {'; '.join(bad)}{rest}", HOW_TO_GO_ON)
        if failed:
            told = "; ".join(
                f"{job_id}: deployment {each.status}, {each.description}" for job_id, each in failed.items()
            )
            raise Unhealthy(
                f"nothing is left to do, but these did not become healthy: {told}",
                "`pryv-nomad status` shows them; a changed spec, or `nomad job restart`, is the next try",
            )
        if state.steps:
            self.tell(Event("finished", f"{counted(len(state.phase(Phase.DONE)), 'job')} done"))
