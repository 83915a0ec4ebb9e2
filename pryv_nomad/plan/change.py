"""The plan itself: values only, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pryv_nomad.plan.answers import Effect, Field, Group
from pryv_nomad.plan.intent import Intent


class Action(StrEnum):
    """What is to be done with a job."""

    CREATE = "create"
    START = "start"
    """It stands in Nomad, stopped."""
    UPDATE = "update"
    ADOPT = "adopt"
    """Nomad runs what the model says; only our record is missing or old."""
    STOP = "stop"
    """The model no longer has it."""
    WATCH = "watch"
    """Nothing but to see a deployment to its end that an earlier run began. Never part of a plan."""


@dataclass(frozen=True, slots=True)
class Change:
    """One job. `index` is the JobModifyIndex that it must still have (0: it must not exist), `record` the hash and
    index that our record must still have (None: no record). `core` and `hosting` are empty for jobs of other roles.

    `drift` says what somebody else did to it; `notes` what else there is to know. `spec` is the job's JSON text, empty
    for a stop.
    """

    job_id: str
    owner: str
    kind: str
    action: Action
    index: int
    hash: str = ""
    core: str = ""
    hosting: str = ""
    record: tuple[str, int] | None = None
    drift: str = ""
    notes: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    fields: tuple[Field, ...] = ()
    spec: str = field(default="", repr=False)

    @property
    def interrupts(self) -> bool:
        """Whether it may take down what serves: not a first start, nor what touches only the record."""
        return self.action in (Action.UPDATE, Action.WATCH)

    @property
    def effects(self) -> frozenset[Effect]:
        """What happens to its groups."""
        return frozenset(group.effect for group in self.groups)


@dataclass(frozen=True, slots=True)
class Plan:
    """Ordered changes, and what they rest on. `unchanged` maps job → JobModifyIndex. `release_from` are the releases
    that our records name. `records_known` is False where Consul could not be read: such a plan shows, but cannot run.
    """

    intent: Intent
    tool: str
    changes: tuple[Change, ...] = ()
    unchanged: Mapping[str, int] = field(default_factory=dict)
    release_from: tuple[str, ...] = ()
    records_known: bool = True
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is to be done."""
        return not self.changes

    @property
    def drifted(self) -> tuple[Change, ...]:
        """The changes that would overwrite what somebody else did."""
        return tuple(change for change in self.changes if change.drift)

    @property
    def counts(self) -> Counter[Action]:
        """How many jobs by action."""
        return Counter(change.action for change in self.changes)
