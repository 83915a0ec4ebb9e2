"""The catalog's operations of a transaction: Node, Service and Check (`agent/consul/state/txn.go` of Consul 1.14).

They are checked first, together with the KV operations, and carried out when none has failed. Of their verbs there are
`set` and `delete`; neither can fail but for a node that is not there.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator.consul.catalog import Catalog
from pryv_nomad.simulator.errors import Refusal

Json = dict[str, Any]

KINDS = ("Node", "Service", "Check")


def kind_of(operation: Json) -> str:
    """Node, Service or Check; empty for an operation of another kind."""
    return next((kind for kind in KINDS if isinstance(operation.get(kind), dict)), "")


def node_of(operation: Json) -> str:
    """The node that an operation is about."""
    kind = kind_of(operation)
    given = operation[kind]
    return str((given if kind == "Service" else given.get(kind) or {}).get("Node") or "")


def fault(catalog: Catalog, operation: Json, made: set[str]) -> str:
    """Why an operation cannot be done, or empty; `made` are the nodes that earlier ones have made, this one's included
    from now on. Raises `Refusal` (400) for what is no operation."""
    kind, node = kind_of(operation), node_of(operation)
    verb = operation[kind].get("Verb")
    if verb not in ("set", "delete"):
        raise Refusal(400, f"the simulator's transactions set and delete in the catalog; not {verb!r}")
    if kind == "Service" and not (operation[kind].get("Service") or {}).get("Service"):
        raise Refusal(400, "Must provide service name (Service.Service) when service ID is provided")
    if kind == "Node":
        (made.add if verb == "set" else made.discard)(node)
        return ""
    there = node in catalog.nodes or node in made
    return "" if there or verb == "delete" else f"failed {kind.lower()} registration: missing node registration: {node}"


def carry_out(catalog: Catalog, operation: Json, index: int) -> list[Json]:
    """Do an operation; its result, none for what was deleted."""
    kind, name = kind_of(operation), node_of(operation)
    given: Json = operation[kind].get(kind) or {}
    if operation[kind]["Verb"] == "delete":
        catalog.deregister({"Node": name, **_part(kind, given)}, index)
        return []
    known = catalog.nodes.get(name)
    if kind == "Node":
        node = {"Node": name, "ID": given.get("ID"), "Address": given.get("Address"), "NodeMeta": given.get("Meta")}
        catalog.register(node, index)
        return [{"Node": catalog.nodes[name].to_json()}]
    assert known is not None  # `fault` has seen it  # noqa: S101
    catalog.register({"Node": name, "SkipNodeUpdate": True, kind: given}, index)
    if kind == "Service":
        return [{"Service": known.services[given.get("ID") or given["Service"]].to_json()}]
    return [{"Check": known.checks[given.get("CheckID") or given.get("Name") or ""]}]


def _part(kind: str, given: Json) -> Json:
    if kind == "Service":
        return {"ServiceID": given.get("ID") or given["Service"]}
    return {"CheckID": given.get("CheckID") or given.get("Name")} if kind == "Check" else {}
