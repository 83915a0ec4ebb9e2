"""Does what was decided, one action at a time.

A registration is recorded twice: that it is about to happen (`prepare`), and what it became. So a driver that dies in
between is known for ours by the next one, which finds out whether the registration arrived.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from pryv_nomad.bridge.catalog import Catalog
from pryv_nomad.bridge.membership import Listed
from pryv_nomad.errors import ApiError, Conflict, NotFound, PryvNomadError, Refused, Unreachable
from pryv_nomad.plan.answers import Answer
from pryv_nomad.plan.change import Change
from pryv_nomad.plan.history import History
from pryv_nomad.plan.intent import Intent, Member
from pryv_nomad.plan.observed import Record
from pryv_nomad.rollout import explain
from pryv_nomad.rollout.actions import Adopt, CallHook, Enlist, Explain, Fail, Promote, Register, Stop, ToDo
from pryv_nomad.rollout.events import Event, Tell
from pryv_nomad.rollout.gating import Hooks, NoHooks
from pryv_nomad.rollout.state import Phase, State

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad

NEVER_REGISTERED = -1


class Ledger(Protocol):
    """Takes the records of jobs (None: forget it), to be written with the next save."""

    def stage(self, job_id: str, record: Record | None) -> None: ...


def own_spec(change: Change) -> str:
    """The spec that a change carries."""
    return change.spec


@dataclass
class Actor:
    """Carries actions out. `known` are our records as they were read; they are kept up to date. `spec_of` gives the
    JSON text that a change registers, `rollout` the id for the hooks."""

    nomad: Nomad
    consul: Consul
    ledger: Ledger
    known: dict[str, Record]
    intent: Intent
    tell: Tell
    hooks: Hooks = field(default_factory=NoHooks)
    spec_of: Callable[[Change], str] = own_spec
    rollout: str = ""

    def prepare(self, actions: Iterable[ToDo], state: State) -> None:
        """Stage what is to be saved before the actions: which registrations are about to happen."""
        for action in actions:
            if isinstance(action, Register):
                change = state.jobs[action.job_id].change
                self._save(change.job_id, replace(self._record_before(change), pending=change.hash))

    def act(self, action: ToDo, state: State, now: float) -> State:
        """Do one action and return the state after it. Errors of Nomad and Consul pass through."""
        if isinstance(action, Enlist):
            self.enlist(next(member for member in self.intent.members if member.name == action.core))
            return replace(state, enlisted=state.enlisted | {action.core})
        if isinstance(action, CallHook):
            said = self.hooks.call(self.rollout, action.call)
            self.tell(Event("hook", f"{action.call.name}: {said or 'done'}"))
            return replace(state, called=state.called | {action.call.name})
        step = state.jobs[action.job_id]
        if isinstance(action, Register):
            index, evaluation = self._register(step.change)
            moved = replace(step, phase=Phase.MOVING, index=index, evaluation=evaluation, since=now)
            return state.with_step(moved)
        if isinstance(action, Adopt):
            self._adopt(step.change)
            # A run that died may have left its deployment open: it is watched to its end like our own.
            adopted = replace(step, phase=Phase.MOVING, index=step.change.index, since=now, progress="recorded")
            return state.with_step(adopted)
        if isinstance(action, Stop):
            self._stop(step.change)
            return state.with_step(replace(step, phase=Phase.MOVING, since=now))
        if isinstance(action, Promote):
            self._promote(action)
        elif isinstance(action, Fail):
            self._fail(action)
        else:
            self._explain(action, step.change.job_id)
        return state

    # -- jobs

    def _register(self, change: Change) -> tuple[int, str]:
        before = self._record_before(change)
        try:
            answer = self._registered(change, before)
        except (ApiError, Refused) as error:
            if not isinstance(error, Unreachable):
                # Refused for certain: nothing is pending, and the next change of the job will not be ours.
                self._save(change.job_id, before)
            raise
        job = self.nomad.job(change.job_id)
        self._save(change.job_id, self._record(change, job))
        warning = (str(answer.get("Warnings") or "").strip(),)
        self.tell(
            Event("registered", f"registered ({change.action.value})", change.job_id, tuple(filter(None, warning)))
        )
        return int(job["JobModifyIndex"]), str(answer.get("EvalID") or "")

    def _registered(self, change: Change, before: Record) -> Mapping[str, Any]:
        spec = self.spec_of(change)
        try:
            return self.nomad.register(spec, enforce_index=change.index)
        except Conflict:
            # An answer that was lost, or a driver that died: then the first try may be what stands in its way.
            if Answer.of(self.nomad.plan(spec)).differs:
                self._check_rolled_back(change, before)
                raise
            evaluations = self.nomad.evaluations_for_job(change.job_id)
            newest = max(evaluations, key=lambda each: int(each.get("CreateIndex") or 0), default={})
            return {"EvalID": newest.get("ID", "")}

    def _check_rolled_back(self, change: Change, before: Record) -> None:
        """Raise Refused when what moved the job is that Nomad rolled our own registration back."""
        job_id = change.job_id
        history = History.of(self.nomad.job_versions(job_id), self.nomad.deployments_for_job(job_id))
        why = history.rolled_back(replace(before, pending=change.hash))
        if why:
            raise Refused(f"{job_id}: registered before, and Nomad rolled it back: {why}", "`pryv-nomad plan` shows it")

    def _record_before(self, change: Change) -> Record:
        """Our record, true to the job as it is: a registration makes exactly one version after it."""
        record = self.known.get(change.job_id)
        if record is not None and record.index == change.index and record.pending in ("", change.hash):
            return replace(record, pending="")
        try:
            version = int(self.nomad.job(change.job_id)["Version"]) if change.index else NEVER_REGISTERED
        except NotFound:
            version = NEVER_REGISTERED
        known = record or Record("", 0, owner=change.owner, kind=change.kind, hosting=change.hosting)
        return replace(known, index=change.index, version=version, pending="")

    def _record(self, change: Change, job: Mapping[str, Any]) -> Record:
        return Record(
            hash=change.hash,
            index=int(job["JobModifyIndex"]),
            version=int(job["Version"]),
            owner=change.owner,
            kind=change.kind,
            hosting=change.hosting,
            release=self.intent.release,
        )

    def _adopt(self, change: Change) -> None:
        job = self._as_planned(change)
        self._save(change.job_id, self._record(change, job))
        self.tell(Event("adopted", "runs as it should; recorded", change.job_id))

    def _stop(self, change: Change) -> None:
        job = self.nomad.job(change.job_id)
        if not job.get("Stop"):
            self._as_planned(change)
            self.nomad.stop(change.job_id)
        if change.hash:
            record = self.known.get(change.job_id) or Record("", 0, owner=change.owner, kind=change.kind)
            job = self.nomad.job(change.job_id)
            stopped = replace(record, index=int(job["JobModifyIndex"]), version=int(job["Version"]), pending="")
            self._save(change.job_id, stopped)
        else:
            self.ledger.stage(change.job_id, None)
            self.known.pop(change.job_id, None)
        self.tell(Event("stopping", "told to stop", change.job_id))

    def _as_planned(self, change: Change) -> Mapping[str, Any]:
        """The job, which must be as the plan saw it: stopping has no check index, so this is read just before."""
        job = self.nomad.job(change.job_id)
        if int(job["JobModifyIndex"]) != change.index:
            raise Conflict(
                f"{change.job_id}: somebody else changed it meanwhile"
                f" (JobModifyIndex {job['JobModifyIndex']}, planned with {change.index})",
                "make a new plan and look at it",
            )
        return job

    def _save(self, job_id: str, record: Record) -> None:
        self.ledger.stage(job_id, record)
        self.known[job_id] = record

    def _promote(self, action: Promote) -> None:
        """Promote the deployment that was seen, if it still is the job's newest one."""
        latest = self.nomad.latest_deployment(action.job_id)
        if latest is None or latest["ID"] != action.deployment or latest["Status"] != "running":
            return
        try:
            self.nomad.promote(action.deployment)
        except ApiError as error:
            if error.exit_code != ApiError.exit_code:
                raise
            # A canary that became unhealthy meanwhile: Nomad judges it, and the next look tells.
            self.tell(Event("warning", f"not promoted: {error.message}", action.job_id))
            return
        self.tell(Event("promoted", "canaries are healthy: promoted", action.job_id))

    def _fail(self, action: Fail) -> None:
        """Fail the deployment that was seen, if it still is the job's newest one and not at its end."""
        latest = self.nomad.latest_deployment(action.job_id)
        if latest is None or latest["ID"] != action.deployment or latest["Status"] not in ("running", "paused"):
            return
        self.nomad.fail_deployment(action.deployment)
        self.tell(Event("failing", f"told Nomad to give the canaries up: {action.reason}", action.job_id))

    # -- the membership

    @cached_property
    def listed(self) -> dict[str, Listed]:
        """The cores that the catalog had when it was first asked."""
        return Catalog(self.consul, self.intent.platform.domain).members()

    def enlist(self, member: Member) -> None:
        """Make a core known to the registry, at the address of the node that runs it where the file gives none."""
        catalog = Catalog(self.consul, self.intent.platform.domain)
        node = None if member.ip or member.external else self._node_of(member)
        changed, warning = catalog.enlist(member, node, self.listed.get(member.name))
        if warning:
            self.tell(Event("warning", warning))
        if changed:
            catalog.bump_generation()
            self.tell(Event("member", f"core {member.name} ({member.hosting}) is registered in Consul"))

    def _node_of(self, member: Member) -> Mapping[str, Any] | None:
        """The node that runs a core: where its edge is, else where its core is."""
        for kind in ("edge", "core"):
            stubs = self.nomad.allocations_for_job(f"pryv-{kind}-{member.name}")
            running = [each for each in stubs if each.get("ClientStatus") == "running"]
            if running:
                newest = max(running, key=lambda each: int(each.get("CreateIndex") or 0))
                return self.nomad.node(newest["NodeID"])
        return None

    # -- failures

    def _explain(self, action: Explain, job_id: str) -> None:
        text: list[str] = []
        for culprit in explain.culprits(self.nomad.allocations_for_job(job_id), self._failed_version(job_id)):
            log, stream = self._log(culprit)
            checks = () if culprit.failed else explain.failing_checks(self._critical_checks(), culprit.allocation)
            text += explain.lines(culprit, log, stream, checks)
        if text:
            self.tell(Event("explained", action.reason, job_id, tuple(text)))

    def _failed_version(self, job_id: str) -> int | None:
        record = self.known.get(job_id)
        return record.version if record else None

    def _log(self, culprit: explain.Culprit) -> tuple[list[str], str]:
        for stream in ("stderr", "stdout"):
            try:
                tail = self.nomad.task_log_tail(culprit.allocation, culprit.task, stream, explain.LOG_LINES)
            except PryvNomadError as error:
                return [f"(no log: {error.message})"], stream
            if any(line.strip() for line in tail):
                return tail, stream
        return [], "stdout"

    def _critical_checks(self) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self.consul.get("/v1/health/state/critical").body or []
        except PryvNomadError as error:
            self.tell(Event("warning", f"Consul's checks cannot be read: {error.message}"))
            return []
        return found
