"""A rollout from its beginning, or from where another driver left it, to its end: lock, record, drive, revision."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pryv_nomad.bridge import desired
from pryv_nomad.bridge.addresses import Unaddressed, record_addresses
from pryv_nomad.bridge.catalog import Catalog
from pryv_nomad.errors import NotFound, Refused, Unhealthy
from pryv_nomad.plan.change import Change, Plan
from pryv_nomad.plan.intent import Intent, Policy
from pryv_nomad.plan.observed import Record
from pryv_nomad.plan.values import counted
from pryv_nomad.rollout.act import Actor, Ledger
from pryv_nomad.rollout.admit import unfinished
from pryv_nomad.rollout.drive import Drive, Watcher
from pryv_nomad.rollout.events import Event, Tell
from pryv_nomad.rollout.gating import Gates, Hooks, NoGates, NoHooks
from pryv_nomad.rollout.head import Head
from pryv_nomad.rollout.interruption import Interruption
from pryv_nomad.rollout.lock import TAKEOVER_S, Card, Lock, own_card
from pryv_nomad.rollout.migration import check_backup
from pryv_nomad.rollout.record import Keeper, Loaded, Rollouts
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.revisions import Kept, Revision, Revisions, name_of
from pryv_nomad.rollout.state import Phase, Rollout, State, Status, Wishes
from pryv_nomad.rollout.watch import StreamWatch

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad

HOW_TO_GO_ON = "`pryv-nomad rollout resume` goes on from here; `pryv-nomad rollout undo` goes back"


def no_gates(_policy: Policy) -> Gates:
    """No gate."""
    return NoGates()


def no_name(_rollout: str) -> None:
    """Nobody wants to know."""


def no_hooks(_policy: Policy) -> Hooks:
    """No hook."""
    return NoHooks()


@dataclass
class Site:
    """What a driver works with. `gates` and `hooks` make those that a policy names; `card` says who drives, `wall` the
    time of day for people to read."""

    nomad: Nomad
    consul: Consul
    domain: str
    tell: Tell
    gates: Callable[[Policy], Gates] = no_gates
    hooks: Callable[[Policy], Hooks] = no_hooks
    named: Callable[[str], None] = no_name
    watch: Callable[[Nomad], Watcher] = StreamWatch
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    card: Card = field(default_factory=own_card)
    interruption: Interruption = field(default_factory=Interruption)
    wall: Callable[[], float] = time.time
    keep_alive: bool = True

    @contextmanager
    def locked(self, patience_s: float = 0.0) -> Iterator[Lock]:
        """The lock of the platform, for the time of the block. Raises Held."""
        lock = Lock(self.consul, self.domain, self.card)
        lock.take(patience_s, lambda text: self.tell(Event("warning", text)))
        if self.keep_alive:
            lock.keep()
        try:
            yield lock
        finally:
            lock.close()


@dataclass(frozen=True)
class Start:
    """What a new rollout begins with. `records` were read just before, `known` is what they held; `machines` are those
    whose address the cluster file leaves to Nomad; `specs` are texts to keep besides those of the plan."""

    plan: Plan
    records: Records
    known: dict[str, Record]
    kind: str = "run"
    backup: str = ""
    machines: tuple[Unaddressed, ...] = ()
    specs: Iterable[str] = ()
    detach: bool = False


# -- beginning, and going on -------------------------------------------------------------------------------------


def begin(site: Site, start: Start) -> State:
    """Carry a plan out. Raises Held, Unhealthy when not all is healthy in the end, KeyboardInterrupt after Ctrl-C."""
    rollouts = Rollouts(site.consul, site.domain)
    with site.locked() as lock:
        keeper = Keeper(rollouts, lock, start.records, site.wall)
        _close_last(site, rollouts, lock, start.records)
        plan = start.plan
        if start.kind == "run":
            check_backup(plan, start.backup, site.hooks(plan.intent.policy).wanted)
        watched, failed = unfinished(plan, start.known, site.nomad.deployments())
        state = State.of(plan, watched)
        actor = _actor(site, keeper, start.known, plan.intent)
        _prepare_membership(site, actor, start, state, failed)
        if state.jobs:
            head = _head(site, start, state)
            texts = _keep_specs(site, start, keeper)
            keeper.create(head, plan.intent, state, texts)
            if start.detach:
                site.tell(Event("detached", f"rollout {keeper.head.id} is recorded; the bridge drives it"))
                return state
            lock.name_rollout(keeper.head.id)
            what = f"{counted(len(state.jobs), 'job')} in {counted(len(state.layout.waves), 'wave')}"
            started = Event("started", f"rollout {keeper.head.id} of release {plan.intent.release}: {what}")
            state = _drive(site, keeper, actor, plan.intent, state, started)
        _conclude(state, failed)
    return state


def resume(site: Site, rollout: str = "", patience_s: float = TAKEOVER_S, *, unpause: bool = True) -> State:
    """Go on with a rollout whose driver is gone, also with one that is paused, which stays so unless `unpause`. Raises
    Held where a driver lives, Refused for a rollout that is at its end."""
    rollouts = Rollouts(site.consul, site.domain)
    rollout = rollouts.head(rollout).id
    with site.locked(patience_s) as lock:
        records = Records(site.consul, site.domain)
        known = records.read()
        loaded = rollouts.load(rollout)
        if not loaded.head.status.open:
            raise Refused(f"rollout {rollout} is at its end: {loaded.head.status}", "`pryv-nomad run` makes a new plan")
        if unpause:
            rollouts.wish(rollout, lambda wishes: replace(wishes, paused=False))
        keeper = Keeper(rollouts, lock, records, site.wall)
        keeper.take_over(loaded)
        lock.name_rollout(rollout)
        actor = _actor(site, keeper, known, loaded.intent, loaded)
        resumed = Event("resumed", f"rollout {rollout} goes on")
        state = _drive(site, keeper, actor, loaded.intent, loaded.state, resumed)
        _conclude(state, {})
    return state


def stop(site: Site, plan: Plan, records: Records, known: dict[str, Record]) -> State:
    """Carry out a plan of stops only: the registry's list of cores stays as it is, and no revision is made."""
    with site.locked():
        keeper = Unkept(records)
        actor = _actor(site, keeper, known, plan.intent)
        drive = Drive(
            actor, site.watch(site.nomad), keeper, plan.intent.policy, site.tell, interruption=site.interruption,
            clock=site.clock, sleep=site.sleep,
        )  # fmt: skip
        state = _run(site, drive, State.of(plan), "`pryv-nomad stop` goes on from here")
        _conclude(state, {})
    return state


class Unkept:
    """Where nothing but the records of jobs is saved: for stops, which may be asked for again."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._staged: dict[str, Record | None] = {}

    def stage(self, job_id: str, record: Record | None) -> None:
        """Write a record with the next save."""
        self._staged[job_id] = record

    def tell(self, _event: Event) -> None:
        """No event is kept."""

    def wishes(self) -> Wishes:
        """Nobody can wish anything."""
        return Wishes()

    def save(self, _state: State, _clock: float, _sentence: str = "", _readings: object = None) -> None:
        """Write the records."""
        for job_id, record in list(self._staged.items()):
            if record is None:
                self._records.delete(job_id)
            else:
                self._records.write(job_id, record)
            del self._staged[job_id]


# -- parts -------------------------------------------------------------------------------------------------------


def _actor(site: Site, ledger: Ledger, known: dict[str, Record], intent: Intent, loaded: Loaded | None = None) -> Actor:
    hooks = site.hooks(intent.policy)
    actor = Actor(site.nomad, site.consul, ledger, known, intent, site.tell, hooks)
    if loaded is not None:
        specs, texts = Revisions(site.consul, site.domain).specs, loaded.texts

        def spec_of(change: Change) -> str:
            return change.spec or specs.text(texts[change.job_id])

        actor.spec_of, actor.rollout = spec_of, loaded.head.id
    return actor


def _head(site: Site, start: Start, state: State) -> Head:
    plan = start.plan
    return Head(
        "",
        start.kind,
        strategy=plan.intent.policy.strategy,
        release=plan.intent.release,
        release_from=plan.release_from,
        who=f"{site.card.name}@{site.card.host}",
        revision_from=Revisions(site.consul, site.domain).latest(),
        backup=start.backup,
    ).of_state(state)


def _keep_specs(site: Site, start: Start, keeper: Keeper) -> dict[str, str]:
    """Keep the specs, and name that of each job."""
    changes = [change for change in start.plan.changes if change.spec]
    specs = Revisions(site.consul, site.domain).specs
    specs.keep([*(change.spec for change in changes), *start.specs], keeper.transact)
    return {change.job_id: name_of(change.spec) for change in changes}


def _close_last(site: Site, rollouts: Rollouts, lock: Lock, records: Records) -> None:
    """A rollout whose driver is gone ends where it is: the new plan has what is left of it. Raises Refused for one that
    somebody paused."""
    try:
        head = rollouts.head()
    except NotFound:
        return
    if not head.status.open:
        return
    if head.status is Status.PAUSED or rollouts.wishes(head.id).paused:
        raise Refused(
            f"rollout {head.id} is paused: {head.sentence}",
            "`pryv-nomad rollout resume` goes on with it, `rollout abort` ends it; nothing was changed",
        )
    loaded = rollouts.load(head.id)
    keeper = Keeper(rollouts, lock, records, site.wall)
    keeper.take_over(loaded)
    keeper.save(replace(loaded.state, status=Status.SUPERSEDED), loaded.head.clock, "a later run went on from here")
    site.tell(Event("warning", f"rollout {head.id} was left unfinished; this run goes on with what is left of it"))


def _drive(site: Site, keeper: Keeper, actor: Actor, intent: Intent, state: State, first: Event) -> State:
    policy = intent.policy

    def tell(event: Event) -> None:
        keeper.tell(event)
        site.tell(event)

    actor.tell, actor.rollout = tell, keeper.head.id
    site.named(keeper.head.id)
    tell(first)
    drive = Drive(
        actor,
        site.watch(site.nomad),
        keeper,
        policy,
        site.tell,
        site.gates(policy),
        bool(policy.gates),
        site.interruption,
        site.clock,
        site.sleep,
        keeper.clock,
        lambda done: None if done.failed else _add_revision(site, keeper, actor, intent),
    )
    state = _run(site, drive, state, f"rollout {keeper.head.id}: {HOW_TO_GO_ON}")
    tell(Event("finished", f"rollout {keeper.head.id} is {state.status.value}: {keeper.head.sentence}"))
    keeper.save(state, drive.now)
    if drive.refusal:
        raise drive.refusal
    return state


def _run(site: Site, drive: Drive, state: State, how_to_go_on: str) -> State:
    with site.interruption.watched():
        try:
            return drive.run(state)
        except KeyboardInterrupt:
            site.tell(Event("interrupted", f"interrupted; what was begun goes on in Nomad; {how_to_go_on}"))
            raise
        finally:
            drive.watch.close()


def _add_revision(site: Site, keeper: Keeper, actor: Actor, intent: Intent) -> None:
    """Record what runs now as a revision."""
    revisions = Revisions(site.consul, site.domain)
    latest = revisions.latest()
    before = revisions.read(latest).jobs if latest else {}
    names = revisions.specs.names()
    jobs = {
        job_id: Kept(record.hash, _text_of(job_id, record, keeper.texts, before, names), record.owner, record.kind)
        for job_id, record in sorted(actor.known.items())
    }
    revision = Revision(0, intent.release, keeper.head.updated, keeper.head.who, keeper.head.id, jobs, intent)
    keeper.conclude(revisions.add(revision, keeper.transact, keeper.texts.values()))


def _text_of(
    job_id: str, record: Record, texts: Mapping[str, str], before: Mapping[str, Kept], names: frozenset[str]
) -> str:
    if job_id in texts:
        return texts[job_id]
    kept = before.get(job_id)
    if kept is not None and kept.hash == record.hash and kept.text:
        return kept.text
    return record.hash if record.hash in names else ""


def _prepare_membership(site: Site, actor: Actor, start: Start, state: State, failed: Mapping[str, Rollout]) -> None:
    """The generation key exists before any job waits for it, and the bridge is told which cores are wanted. Cores
    outside Nomad are listed at once, and so are those that run unchanged and are missing, as after a Consul that was
    emptied."""
    Catalog(site.consul, site.domain).ensure_generation()
    if start.kind == "run":
        desired.record(site.consul, site.domain, desired.desired_of_intent(start.plan.intent))
    for warning in record_addresses(site.consul, site.nomad, site.domain, start.machines):
        site.tell(Event("warning", warning))

    def core_of(job_id: str) -> str:
        record = start.known.get(job_id)
        return record.owner if record and record.hosting else ""

    running = {core_of(job_id) for job_id in start.plan.unchanged}
    running -= {step.change.core for step in state.steps} | {core_of(job_id) for job_id in failed}
    for member in start.plan.intent.members:
        if member.external or (member.name in running and member.name not in actor.listed):
            actor.enlist(member)


def _conclude(state: State, failed: Mapping[str, Rollout]) -> None:
    bad = [f"{step.job_id}: {step.progress}" for step in state.phase(Phase.FAILED)]
    left = len(state.phase(Phase.WAITING))
    rest = f"; {counted(left, 'job')} not begun" if left else ""
    if bad:
        raise Unhealthy(f"the platform did not become healthy: {'; '.join(bad)}{rest}", HOW_TO_END)
    if state.status in (Status.FAILED, Status.ABORTED):
        raise Unhealthy(f"the rollout stopped: {state.halted}{rest}", HOW_TO_END)
    if failed:
        told = "; ".join(f"{job_id}: deployment {each.status}, {each.description}" for job_id, each in failed.items())
        raise Unhealthy(
            f"nothing is left to do, but these did not become healthy: {told}",
            "`pryv-nomad status` shows them; a changed spec, or `nomad job restart`, is the next try",
        )


HOW_TO_END = "`pryv-nomad run` tries again, `pryv-nomad rollout undo` goes back; `pryv-nomad status` shows what runs"
