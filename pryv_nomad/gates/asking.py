"""Asks the gates of a rollout: when they are due, at the points where they apply, and keeps the count of each.

gates = gates_of(policy.gates, nomad, consul)          # None where there is no gate at all
gates.read(questions, promoted, now)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pryv_nomad.gates.counting import Rules, Tally, due, judge
from pryv_nomad.gates.measuring import Measurement, Source, good, silent, wait
from pryv_nomad.model.gates import Gate
from pryv_nomad.model.types import seconds
from pryv_nomad.rollout.gating import GateReading, Question

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad

DEFAULT_TIMEOUT_S = 600.0


@dataclass(frozen=True)
class Asked:
    """A gate with what it asks; no source for a person's gate."""

    gate: Gate
    source: Source | None

    @property
    def rules(self) -> Rules:
        """How it counts."""
        gate = self.gate
        # A person's gate has nothing to poll: a wish counts at once.
        interval = 0.0 if gate.manual else seconds(gate.interval)
        default = 0.0 if gate.manual else DEFAULT_TIMEOUT_S
        timeout = seconds(gate.timeout) if gate.timeout else default
        return Rules(interval, 1 if gate.manual else gate.count, gate.failure_limit, timeout)

    def describe(self) -> str:
        """What is asked, in a line."""
        return self.source.describe() if self.source else "a person: `pryv-nomad rollout promote`"


@dataclass
class AskedGates:
    """The gates of one rollout. Counts are kept by point and gate, for the life of this object: a rollout that is
    resumed counts anew."""

    asked: tuple[Asked, ...]
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)

    def read(self, questions: Iterable[Question], promoted: frozenset[str], now: float) -> tuple[GateReading, ...]:
        """One reading of each gate that applies to each question; sources are asked when they are due."""
        return tuple(
            self._reading(asked, question, promoted, now)
            for question in questions
            for asked in self.asked
            if question.moment in asked.gate.at
        )

    def _reading(self, asked: Asked, question: Question, promoted: frozenset[str], now: float) -> GateReading:
        key, rules = (question.point, asked.gate.name), asked.rules
        tally = self.tallies.get(key, Tally())
        measured = _measured(asked, question, promoted) if due(tally, rules, now) else None
        tally = self.tallies[key] = judge(tally, measured, rules, now)
        person = asked.gate.manual is not None
        return GateReading(question.point, asked.gate.name, tally.verdict, tally.reason, tally.value, person)


def _measured(asked: Asked, question: Question, promoted: frozenset[str]) -> Measurement:
    if asked.source is None:
        text = asked.gate.manual.text if asked.gate.manual else ""
        return good("a person let it pass") if question.point in promoted else wait(text)
    try:
        return asked.source.measure(question)
    except Exception as error:  # noqa: BLE001, RUF100 - a fault of a source must not end a rollout, nor let it pass
        return silent(f"could not be asked: {type(error).__name__}")


def gates_of(entries: Iterable[Mapping[str, Any]], nomad: Nomad, consul: Consul) -> AskedGates:
    """The gates that a policy carries (`Policy.gates`)."""
    return AskedGates(tuple(Asked(gate, _source(gate, nomad, consul)) for gate in map(Gate.model_validate, entries)))


def _source(gate: Gate, nomad: Nomad, consul: Consul) -> Source | None:
    if gate.nomad:
        from pryv_nomad.gates.nomad import NomadSource

        return NomadSource(gate.nomad, nomad)
    if gate.consul:
        from pryv_nomad.gates.consul import ConsulSource

        return ConsulSource(gate.consul, consul)
    if gate.http:
        from pryv_nomad.gates.http import HttpSource

        return HttpSource(gate.http, consul)
    if gate.prometheus:
        from pryv_nomad.gates.prometheus import PrometheusSource

        return PrometheusSource(gate.prometheus)
    if gate.command:
        from pryv_nomad.gates.command import CommandSource

        return CommandSource(gate.command)
    return None
