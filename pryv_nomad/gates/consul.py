"""Consul's checks of the cores' services."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from pryv_nomad.errors import PryvNomadError
from pryv_nomad.gates.measuring import Measurement, bad, good, several, silent
from pryv_nomad.model.gates import ConsulGate
from pryv_nomad.rollout.gating import PROMOTE, Question

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul


def canary_tag(core: str) -> str:
    """The tag of a core's canary, as the job templates set it."""
    return f"{core}-canary"


class ConsulSource:
    """Reads all checks in one request; those whose service carries a core's name as tag are that core's. Before a
    promotion they are the checks of its canary, with those of what runs beside it."""

    def __init__(self, gate: ConsulGate, consul: Consul) -> None:
        self._gate, self._consul = gate, consul

    def describe(self) -> str:
        """What is asked, in a line."""
        services = self._gate.services
        return f"Consul's checks of {', '.join(services)}" if services else "Consul's checks of the cores' services"

    def measure(self, question: Question) -> Measurement:
        """Ask once."""
        try:
            found: list[dict[str, Any]] = self._consul.get("/v1/health/state/any").body or []
        except PryvNomadError as error:
            return silent(error.message)
        checks = _by_tag(found, self._gate.services)
        canary = question.moment == PROMOTE
        return several({core: _of_core(core, checks, canary) for core in question.cores})


def _by_tag(found: Iterable[Mapping[str, Any]], services: tuple[str, ...]) -> dict[str, list[Mapping[str, Any]]]:
    tagged: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for check in found:
        if check.get("ServiceID") and (not services or check.get("ServiceName") in services):
            for tag in check.get("ServiceTags") or ():
                tagged[tag].append(check)
    return tagged


def _of_core(core: str, tagged: Mapping[str, list[Mapping[str, Any]]], canary: bool) -> Measurement:
    of_canary = tagged.get(canary_tag(core), []) if canary else []
    checks = [*of_canary, *tagged.get(core, ())]
    if not checks:
        # Not "good": a core whose services are not registered is not known to work.
        return bad("no checks in Consul", 0.0)
    failing = [check for check in checks if check.get("Status") != "passing"]
    if failing:
        first = failing[0]
        name = f"{first.get('ServiceName')}: {first.get('Name')} is {first.get('Status')}"
        more = f", and {len(failing) - 1} more" if len(failing) > 1 else ""
        return bad(name + more, float(len(failing)))
    return good(f"{len(checks)} checks passing", 0.0)
