"""How each core is, worked out of what Nomad, Consul's checks and the probes say: pure.

A core serves when its edge and its API run, Nomad's deployment found them healthy, and no check of what it needs fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pryv_nomad.bridge.entries import CRITICAL, PASSING, SERVICE, WARNING

EDGE, CORE = "pryv-edge", "pryv-core"
API_GROUP = "api"
# A core serves without these; all other services named pryv-* it needs.
HELPERS = ("pryv-hfs", "pryv-preview", "pryv-webhooks", "pryv-mfa")
# The registry's own services carry the tags of their machines, and those are no cores' names.
OWN_PREFIX = "pryv-"
ENDED = frozenset({"complete", "failed", "lost"})

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Observed:
    """How a core is; `address` and `release` are empty where they are not known. `why` says in a few words what the
    status is for, and is the same text as long as nothing changes."""

    core: str
    status: str
    why: str
    address: str = ""
    release: str = ""

    @property
    def passing(self) -> bool:
        """Whether nothing is wrong."""
        return self.status == PASSING


@dataclass(frozen=True, slots=True)
class NomadView:
    """What Nomad, Consul's checks and our own records said: stubs of allocations, failing checks, the public address of
    each node that was asked for (by Nomad's identifier of the node), the release that was last rolled out to a core."""

    allocations: Sequence[Json] = ()
    failing: Sequence[Json] = ()
    addresses: Mapping[str, str] = field(default_factory=dict)
    releases: Mapping[str, str] = field(default_factory=dict)


def core_of(job_id: str) -> tuple[str, str]:
    """(kind, core) of a core's job: `pryv-edge-co1` is ("pryv-edge", "co1"). The shared edge has no core's name."""
    for kind in (EDGE, CORE):
        if job_id == kind or job_id.startswith(kind + "-"):
            return kind, job_id[len(kind) + 1 :]
    return "", ""


def newest(allocations: Iterable[Json]) -> dict[tuple[str, str], Json]:
    """By (kind, core), the newest allocation that is meant to run, canaries left out."""
    found: dict[tuple[str, str], Json] = {}
    for stub in allocations:
        kind, core = core_of(stub["JobID"])
        if not kind or stub["DesiredStatus"] != "run" or (kind == CORE and stub["TaskGroup"] != API_GROUP):
            continue
        if (stub.get("DeploymentStatus") or {}).get("Canary"):
            continue
        before = found.get((kind, core))
        if before is None or _age(stub) > _age(before):
            found[kind, core] = stub
    return found


def observe(cores: Iterable[str], view: NomadView) -> dict[str, Observed]:
    """How each of `cores` is, going by Nomad. A core of which Nomad knows nothing is critical.

    On a platform of one machine, one edge without a core's name serves all roles.
    """
    running, failing = newest(view.allocations), failing_by_core(view.failing)
    shared = running.get((EDGE, ""))
    seen = {}
    for core in cores:
        edge = running.get((EDGE, core)) or shared
        api = running.get((CORE, core))
        address = view.addresses.get(edge["NodeID"], "") if edge else ""
        status, why = judged(edge, api, failing.get(core, ()))
        seen[core] = Observed(core, status, why, address, view.releases.get(core, ""))
    return seen


def judged(edge: Json | None, api: Json | None, failing: Iterable[Json]) -> tuple[str, str]:
    """(status, why) of one core."""
    for name, stub in (("nginx", edge), ("the API", api)):
        fault = _fault(stub)
        if fault:
            return CRITICAL, f"{name}: {fault}"
    needed = [check for check in failing if not check["ServiceName"].startswith(HELPERS)]
    if needed:
        return CRITICAL, _told(needed)
    helpers = list(failing)
    if helpers:
        return WARNING, f"serves, but {_told(helpers)}"
    return PASSING, f"nginx and the API run on {edge['NodeName']}" if edge else ""


def _fault(stub: Json | None) -> str:
    if stub is None:
        return "no allocation in Nomad"
    status = stub["ClientStatus"]
    if status != "running":
        return f"the allocation on {stub.get('NodeName') or 'no node'} is {status}"
    healthy = (stub.get("DeploymentStatus") or {}).get("Healthy")
    if healthy is None:
        return "runs, not found healthy yet" if stub.get("DeploymentID") else ""
    return "" if healthy else "runs, but its deployment found it unhealthy"


def _told(checks: list[Json]) -> str:
    services = sorted({check["ServiceName"] for check in checks})
    return f"{', '.join(services)}: check fails"


def failing_by_core(checks: Iterable[Json]) -> dict[str, list[Json]]:
    """Failing checks of our services, by the tags of their service: a core's services carry its name."""
    found: dict[str, list[Json]] = {}
    for check in checks:
        name = check.get("ServiceName") or ""
        if name.startswith(OWN_PREFIX) and name != SERVICE:
            for tag in check.get("ServiceTags") or ():
                found.setdefault(tag, []).append(check)
    return found


def _age(stub: Json) -> tuple[bool, int]:
    """A live allocation is preferred to one that has ended, then the newer one."""
    return stub["ClientStatus"] not in ENDED, int(stub["CreateIndex"])
