"""The services of jobs in the catalog: they come with a running allocation and go when it is to stop.

A canary gets its canary_tags instead of its tags where it has any. Checks pass once the allocation is healthy (or at
once where nothing decides its health), and are critical before.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator.consul.catalog import Catalog
from pryv_nomad.simulator.objects import Alloc
from pryv_nomad.simulator.state import State

Json = dict[str, Any]


def sync(catalog: Catalog, state: State, alloc: Alloc, index: int) -> None:
    """Bring the catalog in line with one allocation."""
    wanted = dict(_wanted(state, alloc)) if alloc.status == "running" and alloc.desired == "run" else {}
    node = catalog.nodes.get(alloc.node_name)
    prefix = f"_nomad-task-{alloc.id}-"
    known = [key for key in node.services if key.startswith(prefix)] if node is not None else []
    for identifier in known:
        if identifier not in wanted:
            catalog.deregister({"Node": alloc.node_name, "ServiceID": identifier}, index)
    machine = state.nodes.get(alloc.node_id)
    if machine is None:
        return
    for identifier, service in wanted.items():
        registration = {
            "ID": machine.id, "Node": machine.name, "Address": machine.address, "NodeMeta": {}, "Service": service,
            "Checks": _checks(alloc, identifier, service),
        }  # fmt: skip
        catalog.register(registration, index)


def _wanted(state: State, alloc: Alloc) -> list[tuple[str, Json]]:
    group = alloc.job.groups[alloc.group]
    found = []
    owners: list[tuple[str, list[Json]]] = [(f"group-{alloc.group}", group["Services"] or [])]
    owners += [(task["Name"], task["Services"] or []) for task in group["Tasks"]]
    for owner, services in owners:
        for service in services:
            if service["Provider"] == "consul":
                identifier = f"_nomad-task-{alloc.id}-{owner}-{service['Name']}-{service['PortLabel']}"
                found.append((identifier, _registration(state, alloc, service, identifier)))
    return found


def _registration(state: State, alloc: Alloc, service: Json, identifier: str) -> Json:
    address, port = _address(state, alloc, service)
    tags, meta = service["Tags"], service["Meta"]
    if alloc.canary:
        tags = service["CanaryTags"] or tags
        meta = service["CanaryMeta"] or meta
    return {
        "ID": identifier, "Service": service["Name"], "Tags": tags or [],
        "Meta": {"external-source": "nomad", **(meta or {})}, "Address": address, "Port": port,
        "Checks": service["Checks"],
    }  # fmt: skip


def _address(state: State, alloc: Alloc, service: Json) -> tuple[str, int]:
    for port in alloc.resources.get("Shared", {}).get("Ports") or []:
        if port["Label"] == service["PortLabel"]:
            return port["HostIP"], port["Value"]
    node = state.nodes.get(alloc.node_id)
    label = service["PortLabel"]
    return (node.address if node is not None else ""), int(label) if label.isdigit() else 0


def _checks(alloc: Alloc, identifier: str, service: Json) -> list[Json]:
    undecided = alloc.health is None or alloc.health.healthy is None
    passing = alloc.healthy or (undecided and alloc.job.type != "service")
    return [
        {
            "CheckID": f"_nomad-check-{number}-{identifier}", "Name": check["Name"],
            "Status": "passing" if passing else "critical", "ServiceID": identifier, "Type": check["Type"],
        }
        for number, check in enumerate(service["Checks"] or [])
    ]  # fmt: skip
