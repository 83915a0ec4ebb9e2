"""From a cluster file to what is played: the change that is assumed, the machines, the gates' least times."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click

from pryv_nomad import __version__
from pryv_nomad.dev.nodes import NodeWish, wishes
from pryv_nomad.model.gates import Gate
from pryv_nomad.model.types import seconds
from pryv_nomad.plan.build import in_order
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.intent import Policy, intent_of
from pryv_nomad.simulation.world import Death

if TYPE_CHECKING:
    from pryv_nomad.model.cluster import Cluster
    from pryv_nomad.specs.render import Spec

_DEATH = re.compile(r"(?P<node>.+)@(?P<at>[^@]+)")


def assumed_plan(cluster: Cluster, specs: Iterable[Spec], kinds: frozenset[str]) -> Plan:
    """The plan of a new release whose images are all that changes: an update of every job of these kinds."""
    intent = intent_of(cluster)
    hostings = intent.hostings
    changes = []
    texts: dict[tuple[str, str], str] = {}
    for spec in specs:
        if spec.kind not in kinds:
            continue
        core = spec.owner if spec.job_id == f"pryv-{spec.kind}-{spec.owner}" and spec.owner in hostings else ""
        hosting = hostings.get(core, "")
        # One text stands for all of its kind and hosting: a course is recorded of the first only.
        text = texts.setdefault((spec.kind, hosting), "") or spec.json_text
        texts[spec.kind, hosting] = text
        changes.append(
            Change(spec.job_id, spec.owner, spec.kind, Action.UPDATE, 1, core=core, hosting=hosting, spec=text)
        )
    return Plan(intent=intent, tool=__version__, changes=in_order(changes, intent))


def machines(cluster: Cluster) -> dict[str, NodeWish]:
    """Core → its machine; machines of roles under `/` and their name."""
    found: dict[str, NodeWish] = {}
    for wish in wishes(cluster):
        core = dict(wish.meta).get("pryv_core")
        found[core or f"/{wish.name}"] = wish
    if cluster.file.platform.single_machine:
        one = next(iter(found.values()))
        found |= {core.name: one for core in cluster.deployed_cores} | {"/one": one}
    return found


def least_times(policy: Policy) -> dict[str, tuple[float, frozenset[str]]]:
    """How long each gate takes at least, and at which moments it is asked."""
    gates = [Gate.model_validate(each) for each in policy.gates]
    return {gate.name: (seconds(gate.interval) * (gate.count - 1), frozenset(gate.at)) for gate in gates}


def homes_of(nodes: Mapping[str, NodeWish], allocations: Iterable[Mapping[str, Any]] = ()) -> dict[str, str]:
    """Core → the name of its node: where its core job runs, else where the cluster file puts it."""
    homes = {core: wish.name for core, wish in nodes.items() if not core.startswith("/")}
    for each in allocations:
        core = str(each.get("JobID", "")).removeprefix("pryv-core-")
        if core in homes and each.get("ClientStatus") == "running" and core != each.get("JobID"):
            homes[core] = str(each.get("NodeName") or homes[core])
    return homes


def deaths_of(texts: Iterable[str], homes: Mapping[str, str]) -> tuple[Death, ...]:
    """Read `NAME@30m`. Raises click.BadParameter."""
    found = []
    for text in texts:
        parts = _DEATH.fullmatch(text)
        try:
            at = seconds(parts["at"]) if parts else None
        except ValueError:
            at = None
        if parts is None or at is None:
            raise click.BadParameter(f"{text}: write NODE@TIME, such as co7@30m", param_hint="--node-dies")
        if parts["node"] not in homes.values():
            raise click.BadParameter(f"no core's node is called {parts['node']!r}", param_hint="--node-dies")
        found.append(Death(parts["node"], at))
    return tuple(found)
