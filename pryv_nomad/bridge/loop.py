"""The bridge itself: look, decide, do, say so; again when something may have changed, and every few seconds anyway."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge.actions import Decision, Stores
from pryv_nomad.bridge.backoff import Backoff, tick_gap
from pryv_nomad.bridge.desired import Desired
from pryv_nomad.bridge.leadership import LOCK_DELAY_S, TTL_S, Leadership
from pryv_nomad.bridge.metrics import Metrics, StatsdSender
from pryv_nomad.bridge.observed import Observed, core_of, observe
from pryv_nomad.bridge.probing import Prober, ProbeSettings, Target
from pryv_nomad.bridge.reading import ConsulReader, ConsulState, NomadReader, NomadState, view_of
from pryv_nomad.bridge.reconcile import reconcile
from pryv_nomad.bridge.states import Membership, State
from pryv_nomad.bridge.watching import Watch, consul_looks, nomad_look
from pryv_nomad.bridge.writing import Writer
from pryv_nomad.errors import PryvNomadError

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad

SMALLEST_GAP_S = 0.1
STATUSES = ("passing", "warning", "critical")
# Python's usual thresholds make it search 10,000 cores' answers for cycles while they are being read, which doubles
# the time; there are none. The process that runs a bridge gives these to `gc.set_threshold`.
COLLECTION = (100_000, 50, 100)


@dataclass(frozen=True, slots=True)
class Settings:
    """How the bridge runs. `full_s`: how often everything is read again; `name` stands in the lock."""

    domain: str
    name: str
    full_s: float = 15.0
    ttl_s: int = TTL_S
    lock_delay_s: int = LOCK_DELAY_S
    probes: ProbeSettings = field(default_factory=ProbeSettings)


@dataclass(frozen=True, slots=True)
class Tick:
    """What came of one look. `outcome`: steady, changed, standby or failed."""

    outcome: str
    sentence: str
    actions: Mapping[str, int]
    seconds: float = 0.0
    faults: tuple[str, ...] = ()


Say = Callable[[Mapping[str, Any]], None]


def wall_clock() -> str:
    """Now, for people."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Bridge:
    """One bridge of one platform. `say` gets each event as a mapping, a line of the log."""

    def __init__(
        self,
        consul: Consul,
        nomad: Nomad,
        settings: Settings,
        say: Say,
        *,
        statsd: StatsdSender | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], str] = wall_clock,
    ) -> None:
        self.settings, self.metrics = settings, Metrics()
        self._consul_client, self._nomad_client = consul, nomad
        self._say, self._statsd, self._clock, self._now = say, statsd, clock, now
        self._wake, self._stop = threading.Event(), threading.Event()
        self.leadership = Leadership(
            consul,
            settings.domain,
            settings.name,
            wake=self._wake,
            stop=self._stop,
            ttl_s=settings.ttl_s,
            lock_delay_s=settings.lock_delay_s,
            clock=clock,
        )
        self._consul = ConsulReader(consul, settings.domain)
        self._nomad = NomadReader(nomad)
        self._writer = Writer(consul, settings.domain, (self._consul, self._nomad), self.leadership.fence)
        self._prober = Prober(settings.probes, self._wake, self._stop, clock=clock)
        self._term = 0
        self._fresh_until = clock() + 3 * settings.full_s
        self._last = Tick("standby", "begun", {})

    # -- running

    def run(self) -> None:
        """Run until `stop`. Returns when the lock has been given up."""
        self.leadership.start()
        self._prober.start()
        self._watch()
        full_at, failures, backoff = self._clock(), 0, Backoff(base_s=0.5)
        try:
            while not self._stop.is_set():
                self._wake.clear()
                full = self._clock() >= full_at
                tick = self.tick(full=full)
                if full:
                    full_at = self._clock() + self.settings.full_s
                failures = failures + 1 if tick.outcome == "failed" else 0
                if failures:
                    self._stop.wait(backoff.pause(failures, 0.5))
                self._stop.wait(tick_gap(tick.seconds, SMALLEST_GAP_S))
                self._wake.wait(max(0.0, min(full_at - self._clock(), self.settings.full_s)))
        finally:
            self.leadership.close()
            self._say({"event": "stopped", "sentence": "stopped; the lock is free"})

    def stop(self) -> None:
        """Stop soon. Not to be called in a signal handler itself: it may wait for a lock that the main thread holds."""
        self._stop.set()
        self._wake.set()

    def once(self, within_s: float) -> Tick:
        """Look once: as soon as the lock is ours, or not at all when it is not within `within_s` seconds."""
        self.leadership.start()
        end = self._clock() + within_s
        try:
            while not self.leadership.standing.leading and self._clock() < end and not self._stop.is_set():
                self._wake.clear()
                self._wake.wait(min(0.2, max(0.0, end - self._clock())))
            wanted = self._consul.read().desired if self.leadership.standing.leading else None
            self._prober.follow(self._targets(wanted))
            for _ in range(self.settings.probes.thresholds.passes):
                self._prober.round()
            return self.tick(full=True)
        finally:
            self.leadership.close()

    def health(self) -> tuple[bool, str]:
        """(whether the last look that succeeded is fresh, a sentence)."""
        fresh = self._clock() < self._fresh_until
        return fresh, self._last.sentence if fresh else f"stale: {self._last.sentence}"

    def _watch(self) -> None:
        looks = consul_looks(self._consul_client, self.settings.domain)
        looks["nomad"] = nomad_look(self._nomad_client, lambda: self._nomad.state.index, self._wake)
        for name, look in looks.items():
            Watch(name, look, self._wake, self._stop).start()

    # -- one look

    def tick(self, *, full: bool = True) -> Tick:
        """Look once and do what is to be done. Errors of Consul and Nomad end in the tick, not in an exception."""
        begun = self._clock()
        standing = self.leadership.standing
        if not standing.leading:
            tick = self._stand_by(standing.leader, standing.fault)
        else:
            try:
                tick = self._lead(full)
            except PryvNomadError as error:
                self._consul.forget()
                self.metrics.count("faults_total", source="consul")
                tick = Tick("failed", f"nothing done: {error.message}", {}, faults=(error.message,))
        tick = Tick(tick.outcome, tick.sentence, tick.actions, self._clock() - begun, tick.faults)
        self._tell(tick, standing.leading)
        return tick

    def _stand_by(self, leader: str, fault: str) -> Tick:
        if fault:
            return Tick("failed", f"not leading: {fault}", {}, faults=(fault,))
        return Tick("standby", f"standing by; {leader or 'nobody'} leads", {})

    def _lead(self, full: bool) -> Tick:
        if self._term != self.leadership.term:
            # Another bridge led meanwhile, or Consul was emptied: what was read before says nothing.
            self._term, full = self.leadership.term, True
            self._consul.forget()
            self._nomad.forget_mirror()
            self._nomad.state.mirror = None
            self.metrics.count("terms_total")
        decision, faults = self._decide(full)
        if decision.actions:
            self._writer.carry_out(decision)
            faults += self._writer.faults
        self._measure(decision.members, faults)
        done = Counter(type(action).__name__ for action in decision.actions)
        sentence = "; ".join((decision.sentence, *faults))
        return Tick("changed" if done else "steady", sentence, done, faults=tuple(faults))

    def _decide(self, full: bool) -> tuple[Decision, list[str]]:
        consul = self._consul.read()
        kept = self._nomad.state.mirror
        desired = consul.desired or (kept.desired if kept else None)
        wanted = [core for core in desired.cores if not core.external] if desired else []
        nomad = self._nomad.read((core.name for core in wanted if not core.ip), full=full)
        desired = consul.desired or (nomad.mirror.desired if nomad.mirror else None)
        self._prober.follow(self._targets(desired))
        observed = self._observe(desired, consul, nomad)
        unreadable = consul.desired is None and bool(consul.desired_index)
        faults = [*self._nomad.faults, *(["the record of the cluster file cannot be read"] if unreadable else [])]
        stores = Stores(
            consul.members,
            nomad.mirror.members if nomad.mirror else None,
            consul.generation,
            nomad.mirror.generation if nomad.mirror else None,
            # A record of a later version is not written over.
            desired if unreadable else consul.desired,
            nomad.mirror.desired if nomad.mirror else None,
            frozenset(consul.indexes.keys() - consul.members.keys()),
            consul.taken,
        )
        return reconcile(desired, observed, consul.catalog.values(), stores, self._now()), faults

    def _observe(self, desired: Desired | None, consul: ConsulState, nomad: NomadState) -> dict[str, Observed]:
        observed: dict[str, Observed] = {}
        external = {core.name for core in desired.cores if core.external} if desired else set()
        if nomad.known:
            view = view_of(consul, nomad)
            wanted = {core.name for core in desired.cores} if desired else set()
            running = {core_of(stub["JobID"])[1] for stub in nomad.allocations}
            cores = (wanted | (running & consul.members.keys())) - external
            observed |= observe(cores, view)
        return observed | dict(self._prober.observed())

    def _targets(self, desired: Desired | None) -> list[Target]:
        domain = self.settings.domain
        return [
            Target(core.name, f"{core.name}.{domain}", core.ip, core.port)
            for core in (desired.cores if desired else ())
            if core.external and core.ip
        ]

    # -- telling

    def _measure(self, members: Mapping[str, Membership], faults: list[str]) -> None:
        states = Counter(member.state for member in members.values())
        for state in State:
            self.metrics.set("members", states[state], state=state)
        catalog = self._consul.state.catalog.values()
        statuses = Counter(each.entry.status for each in catalog if each.entry.state is not State.JOINING)
        for status in STATUSES:
            self.metrics.set("cores", statuses[status], status=status)
        self.metrics.set("list_generation", self._consul.state.generation or 0)
        self.metrics.set("nomad_up", int(not faults))
        if faults:
            self.metrics.count("faults_total", len(faults), source="nomad")

    def _tell(self, tick: Tick, leading: bool) -> None:
        succeeded = tick.outcome != "failed"
        if succeeded:
            self._fresh_until = self._clock() + 3 * self.settings.full_s
            self.metrics.set("tick_timestamp_seconds", round(time.time()))
        self.metrics.set("leader", int(leading))
        self.metrics.set("consul_up", int(succeeded))
        self.metrics.set("tick_seconds", round(tick.seconds, 4))
        self.metrics.count("ticks_total", outcome=tick.outcome)
        for kind, number in tick.actions.items():
            self.metrics.count("actions_total", number, kind=kind)
        if tick.outcome == "changed" or tick.sentence != self._last.sentence:
            self._say(
                {
                    "event": tick.outcome,
                    "sentence": tick.sentence,
                    "actions": dict(tick.actions),
                    "seconds": round(tick.seconds, 3),
                    "leading": leading,
                }
            )
        self._last = tick
        if self._statsd:
            self._statsd.send(self.metrics)


def log_line(event: Mapping[str, Any], domain: str, name: str) -> str:
    """An event as one line of JSON."""
    return json.dumps({"time": wall_clock(), "platform": domain, "bridge": name, **event}, ensure_ascii=False)
