"""The record of a rollout in Consul's KV, under `pryv-nomad/DOMAIN/rollouts/ID/`.

    head          status, wave, who drives …                  written with every save, guarded by its index
    intent        cores, release, policy                       written once
    jobs/JOB      how far one job is                           written when it changed
    events/N      what happened between two saves              written once
    wishes        pause, promotions, abort                     written by anybody, from any machine

The driver writes in transactions that check its lock first. What is saved with the head in one transaction also holds
the platform's records of jobs (`records.py`), so that both tell the same.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pryv_nomad.clients.consul import kv_operation
from pryv_nomad.clients.fence import in_batches
from pryv_nomad.errors import Conflict, NotFound
from pryv_nomad.plan.intent import Intent
from pryv_nomad.plan.observed import Record
from pryv_nomad.rollout.events import Event
from pryv_nomad.rollout.gating import GateReading
from pryv_nomad.rollout.head import Entry, Head, intent_in, intent_out, step_out, wishes_in, wishes_out
from pryv_nomad.rollout.lock import Held, Lock
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.state import State, Step, Wishes

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

Json = dict[str, Any]
KEPT = 10
"""Rollouts whose records are kept."""
ATTEMPTS = 5


def rollouts_prefix(domain: str) -> str:
    """Where the records of a platform's rollouts lie."""
    return f"pryv-nomad/{domain}/rollouts/"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A rollout as it was saved. `texts` maps job → the name of the spec that is registered."""

    head: Head
    head_index: int
    intent: Intent
    state: State
    texts: Mapping[str, str]


class Rollouts:
    """The records of a platform's rollouts: reading, and wishing."""

    def __init__(self, consul: Consul, domain: str) -> None:
        self.consul = consul
        self.domain = domain
        self._prefix = rollouts_prefix(domain)

    def key(self, rollout: str, *rest: str) -> str:
        """The key of a part of a rollout."""
        return "/".join((self._prefix + rollout, *rest))

    @property
    def current_key(self) -> str:
        """The key that names the last rollout."""
        return self._prefix + "current"

    def current(self) -> str:
        """The id of the last rollout, empty when there was none."""
        found = self.consul.kv_get(self.current_key)
        return found[0].decode() if found else ""

    def head(self, rollout: str = "") -> Head:
        """The head of a rollout, by default of the last one. Raises NotFound."""
        rollout = rollout or self.current()
        found = self.consul.kv_get(self.key(rollout, "head")) if rollout else None
        if found is None:
            raise NotFound(
                f"there is no rollout {rollout}" if rollout else "there was no rollout of this platform yet",
                "`pryv-nomad rollout history` lists what there is",
            )
        return Head.from_text(found[0])

    def heads(self) -> list[Head]:
        """The heads of the rollouts that are kept, newest first."""
        last = int(self.current() or 0)
        found = (self.consul.kv_get(self.key(str(number), "head")) for number in range(last, max(0, last - KEPT), -1))
        return [Head.from_text(each[0]) for each in found if each]

    def load(self, rollout: str) -> Loaded:
        """All of a rollout. Raises NotFound, or Conflict where it cannot be read."""
        head = self.consul.kv_get(self.key(rollout, "head"))
        intent = self.consul.kv_get(self.key(rollout, "intent"))
        if head is None or intent is None:
            raise NotFound(f"there is no rollout {rollout}", "`pryv-nomad rollout history` lists what there is")
        read = Head.from_text(head[0])
        entries = sorted(self.entries(rollout), key=lambda entry: entry.place)
        state = State.restored(
            [entry.step for entry in entries],
            halted=read.halted,
            enlisted=frozenset(entry.step.change.core for entry in entries if entry.enlisted),
            status=read.status,
            passed=read.passed,
            reached=read.reached,
            opened=read.opened,
            called=frozenset(read.called),
            awaits=read.awaits,
        )
        return Loaded(read, head[1], intent_in(intent[0]), state, {each.step.job_id: each.text for each in entries})

    def entries(self, rollout: str) -> list[Entry]:
        """The entries of a rollout's jobs, in one request."""
        return [Entry.of(text) for _, text, _ in self.consul.kv_list(self.key(rollout, "jobs") + "/")]

    def events(self, rollout: str, after: int = -1) -> list[tuple[int, Json]]:
        """(number of the save, event) of what happened, those of saves after `after`; an event has `time`, `clock`."""
        found = []
        for key, value, _ in self.consul.kv_list(self.key(rollout, "events") + "/"):
            number = int(key.rpartition("/")[2])
            if number > after:
                found += [(number, event) for event in json.loads(zlib.decompress(value))]
        return found

    def wishes(self, rollout: str) -> Wishes:
        """What people wish of a rollout."""
        found = self.consul.kv_get(self.key(rollout, "wishes"))
        return wishes_in(found[0]) if found else Wishes()

    def wish(self, rollout: str, change: Callable[[Wishes], Wishes]) -> Wishes:
        """Change what is wished. Raises Conflict when others keep doing so at the same time."""
        key = self.key(rollout, "wishes")
        for _ in range(ATTEMPTS):
            found = self.consul.kv_get(key)
            before = wishes_in(found[0]) if found else Wishes()
            after = change(before)
            try:
                if after != before:
                    self.consul.kv_put(key, wishes_out(after), cas=found[1] if found else 0)
                return after
            except Conflict:
                continue
        raise Conflict("the wishes of the rollout change too often", "try again in a moment")


class Keeper:
    """Saves one rollout for the one that drives it. `records` were read just before."""

    def __init__(
        self,
        rollouts: Rollouts,
        lock: Lock,
        records: Records,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._rollouts, self._consul = rollouts, rollouts.consul
        self._lock = lock
        self._records = records
        self._now = now
        self._staged: dict[str, Record | None] = {}
        self._events: list[Json] = []
        self._steps: dict[str, Step] = {}
        self._enlisted: frozenset[str] = frozenset()
        self._head_index = 0
        self.head = Head("")
        self.texts: Mapping[str, str] = {}
        self._readings: tuple[GateReading, ...] = ()
        self._clock = 0.0

    # -- beginning

    def create(self, head: Head, intent: Intent, state: State, texts: Mapping[str, str]) -> Head:
        """Write a new rollout; `texts` names the spec of each job. Its id is the next number."""
        last = self._consul.kv_get(self._rollouts.current_key)
        number = str(int(last[0]) + 1 if last else 1)
        moment = self._moment()
        self.head = replace(head, id=number, started=moment, updated=moment, driver=self._lock.card.text)
        self.texts = texts
        self._head_index = 0
        # What a run that died while it wrote this very number left behind.
        self.transact([{"KV": {"Verb": "delete-tree", "Key": self._rollouts.key(number) + "/"}}])
        operations = [kv_operation("set", self._rollouts.key(number, "intent"), intent_out(intent))]
        operations += self._changed_entries(state)
        for batch in in_batches(operations, reserved=3):
            self.transact(batch)
        self.head = replace(self.head.of_state(state), saves=1)
        value = self.head.to_text()
        final = [
            kv_operation("cas", self._rollouts.key(number, "head"), value, index=0),
            kv_operation("cas", self._rollouts.current_key, number.encode(), index=last[1] if last else 0),
        ]
        self._head_index = self.transact(final)[self._rollouts.key(number, "head")]
        self._note(state)
        self._forget(int(number) - KEPT)
        return self.head

    def take_over(self, loaded: Loaded) -> None:
        """Go on with a rollout that another driver left: from now on that one's writes are refused."""
        self.head, self._head_index, self.texts = loaded.head, loaded.head_index, loaded.texts
        self._clock = loaded.head.clock
        self._readings = loaded.head.readings
        self._note(loaded.state)
        self.head = replace(self.head, driver=self._lock.card.text)
        self._write(loaded.state, [])

    # -- while it is driven

    @property
    def clock(self) -> float:
        """The seconds for which the rollout had been driven when it was saved last."""
        return self._clock

    def stage(self, job_id: str, record: Record | None) -> None:
        """Write a record of a job (None: forget it) with the next save."""
        self._staged[job_id] = record

    def tell(self, event: Event) -> None:
        """Keep an event, written with the next save."""
        if event.kind not in ("waiting", "progress"):
            self._events.append({"time": self._moment(), "clock": round(self._clock, 3), **asdict(event)})

    def wishes(self) -> Wishes:
        """What people wish."""
        return self._rollouts.wishes(self.head.id)

    def save(
        self, state: State, clock: float, sentence: str = "", readings: tuple[GateReading, ...] | None = None
    ) -> None:
        """Write what changed since the last save, and the head.

        Raises Held when somebody else drives by now, and what the client raises when Consul does not answer: then
        nothing or a part was written, and a later save writes it all.
        """
        self._clock = max(clock, self._clock)
        if readings is not None:
            self._readings = readings
        self.head = replace(self.head, sentence=sentence or self.head.sentence)
        self._write(state, self._changed_entries(state))

    def conclude(self, revision: int) -> None:
        """Put the revision that a rollout made into its head."""
        self.head = replace(self.head, revision_to=revision)

    def _write(self, state: State, entries: list[Json]) -> None:
        number = self.head.id
        staged = dict(self._staged)
        operations = entries + [self._records.operation(job_id, record) for job_id, record in staged.items()]
        *first, last = list(in_batches(operations, reserved=4)) or [[]]
        for batch in first:
            self._written(self.transact([self._guard(), *batch]), staged)
        saves, events = self.head.saves + 1, list(self._events)
        head = replace(
            self.head.of_state(state),
            clock=round(self._clock, 3),
            saves=saves,
            updated=self._moment(),
            readings=self._readings,
        )
        final = [kv_operation("cas", self._rollouts.key(number, "head"), head.to_text(), index=self._head_index)]
        if events:
            value = zlib.compress(json.dumps(events, ensure_ascii=False).encode())
            final.append(kv_operation("set", self._rollouts.key(number, "events", f"{saves:08d}"), value))
        indexes = self.transact([*final, *last], value=head.to_text())
        self._head_index, self.head = indexes[self._rollouts.key(number, "head")], head
        self._written(indexes, staged)
        del self._events[: len(events)]
        for job_id, record in staged.items():
            if self._staged.get(job_id, ...) is record:
                del self._staged[job_id]
        self._note(state)

    def _written(self, indexes: Mapping[str, int], staged: Mapping[str, Record | None]) -> None:
        """Remember the indexes of the records that were written."""
        for job_id, record in staged.items():
            key = self._records.key(job_id)
            if key in indexes or record is None:
                self._records.written(job_id, indexes.get(key, 0))

    def _changed_entries(self, state: State) -> list[Json]:
        listed = state.enlisted ^ self._enlisted
        return [
            kv_operation(
                "set",
                self._rollouts.key(self.head.id, "jobs", job_id),
                step_out(
                    step, state.layout.order[job_id], self.texts.get(job_id, ""), step.change.core in state.enlisted
                ),
            )
            for job_id, step in state.jobs.items()
            if self._steps.get(job_id) is not step or (listed and step.change.core in listed)
        ]

    def _note(self, state: State) -> None:
        self._steps, self._enlisted = dict(state.jobs), state.enlisted

    def _guard(self) -> Json:
        return kv_operation("check-index", self._rollouts.key(self.head.id, "head"), index=self._head_index)

    def transact(self, operations: list[Json], *, value: bytes = b"") -> dict[str, int]:
        """A fenced transaction; the index of each key that it wrote. Where Consul let our session go and nobody else
        came, the lock is taken again. `value` is the head that it writes."""
        for attempt in range(ATTEMPTS):
            try:
                results = self._consul.txn([self._lock.fence.operation(), *operations])
                found = (each["KV"] for each in results if each.get("KV"))
                return {each["Key"]: int(each["ModifyIndex"]) for each in found}
            except Conflict:
                if value and self._landed(value):
                    return self._indexes_now(operations)
                if attempt == ATTEMPTS - 1:
                    raise
                lost = not self._lock.mine()
                if lost:
                    self._lock.again()
                self._check_head()
                if not lost:
                    raise
        raise AssertionError("the last attempt ends in either way")

    def _landed(self, value: bytes) -> bool:
        """Whether the head is the one that we just tried to write: the answer was lost."""
        found = self._consul.kv_get(self._rollouts.key(self.head.id, "head"))
        return found is not None and found[0] == value

    def _indexes_now(self, operations: Iterable[Json]) -> dict[str, int]:
        keys = [operation["KV"]["Key"] for operation in operations]
        found = {key: self._consul.kv_get(key) for key in keys}
        return {key: each[1] for key, each in found.items() if each}

    def _check_head(self) -> None:
        """Raises Held when somebody else wrote the head."""
        found = self._consul.kv_get(self._rollouts.key(self.head.id, "head")) if self._head_index else None
        if self._head_index and (found is None or found[1] != self._head_index):
            raise Held(f"somebody else drives rollout {self.head.id} by now", "`pryv-nomad rollout watch` follows it")

    def _forget(self, number: int) -> None:
        if number > 0:
            tree = {"KV": {"Verb": "delete-tree", "Key": self._rollouts.key(str(number)) + "/"}}
            self.transact([tree])

    def _moment(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._now()))
