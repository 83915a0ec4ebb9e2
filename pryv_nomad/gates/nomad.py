"""Nomad's deployment health of the cores in question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pryv_nomad.errors import PryvNomadError
from pryv_nomad.gates.measuring import Measurement, bad, good, several, silent, wait
from pryv_nomad.model.gates import NomadGate
from pryv_nomad.rollout.gating import Question

if TYPE_CHECKING:
    from pryv_nomad.clients.nomad import Nomad

ENDED_BADLY = frozenset({"failed", "cancelled"})


class NomadSource:
    """Looks at the newest deployment of each job, all in one request. A job that never had one is left out."""

    def __init__(self, gate: NomadGate, nomad: Nomad) -> None:
        self._gate, self._nomad = gate, nomad

    def describe(self) -> str:
        """What is asked, in a line."""
        return f"Nomad's deployments of the jobs {', '.join(self._gate.kinds)}"

    def measure(self, question: Question) -> Measurement:
        """Ask once."""
        jobs = {f"pryv-{kind}-{core}" for core in question.cores for kind in self._gate.kinds}
        try:
            found = self._nomad.deployments()
        except PryvNomadError as error:
            return silent(error.message)
        newest: dict[str, Mapping[str, Any]] = {}
        for each in sorted(found, key=lambda each: int(each.get("CreateIndex") or 0)):
            if each["JobID"] in jobs:
                newest[each["JobID"]] = each
        if not newest:
            return wait("no deployment of these jobs")
        return several({job: _judged(each) for job, each in sorted(newest.items())})


def _judged(deployment: Mapping[str, Any]) -> Measurement:
    status = deployment["Status"]
    if status in ENDED_BADLY:
        return bad(f"{status}: {deployment.get('StatusDescription') or ''}")
    if status == "successful":
        return good("successful")
    groups = list((deployment.get("TaskGroups") or {}).values())
    unhealthy = sum(int(group.get("UnhealthyAllocs") or 0) for group in groups)
    if unhealthy:
        return bad(f"{unhealthy} unhealthy", float(unhealthy))
    lacking = sum(max(0, _wanted(group) - int(group.get("HealthyAllocs") or 0)) for group in groups)
    return wait(f"{lacking} not healthy yet", float(lacking)) if lacking else good("healthy")


def _wanted(group: Mapping[str, Any]) -> int:
    """Until its promotion a group with canaries has those only."""
    canaries = int(group.get("DesiredCanaries") or 0)
    if canaries and not group.get("Promoted"):
        return canaries
    return int(group.get("DesiredTotal") or 0) if group.get("PlacedAllocs") else 0
