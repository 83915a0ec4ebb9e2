"""Consul's catalog: nodes, the services on them, and their checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pryv_nomad.simulator.errors import Refusal

Json = dict[str, Any]


@dataclass(slots=True)
class Service:
    """One instance of a service on a node."""

    id: str
    name: str
    tags: list[str]
    meta: dict[str, str]
    address: str
    port: int
    create_index: int
    modify_index: int

    def to_json(self) -> Json:
        """As the health API shows it."""
        return {
            "ID": self.id, "Service": self.name, "Tags": list(self.tags), "Address": self.address,
            "TaggedAddresses": None, "Meta": dict(self.meta), "Port": self.port,
            "Weights": {"Passing": 1, "Warning": 1}, "EnableTagOverride": False, "CreateIndex": self.create_index,
            "ModifyIndex": self.modify_index,
        }  # fmt: skip


@dataclass(slots=True)
class CatalogNode:
    """A node of the catalog: the services and checks on it, by their identifiers."""

    name: str
    id: str
    address: str
    meta: dict[str, str]
    tagged: dict[str, str] | None
    create_index: int
    modify_index: int
    services: dict[str, Service] = field(default_factory=dict)
    checks: dict[str, Json] = field(default_factory=dict)

    def to_json(self) -> Json:
        return {
            "ID": self.id, "Node": self.name, "Address": self.address, "Datacenter": "dc1",
            "TaggedAddresses": self.tagged, "Meta": dict(self.meta), "CreateIndex": self.create_index,
            "ModifyIndex": self.modify_index,
        }  # fmt: skip

    def instance(self, service: Service) -> Json:
        """A service as `GET /v1/catalog/service/NAME` shows it."""
        return {
            "ID": self.id, "Node": self.name, "Address": self.address, "Datacenter": "dc1",
            "TaggedAddresses": self.tagged, "NodeMeta": dict(self.meta), "ServiceKind": "", "ServiceID": service.id,
            "ServiceName": service.name, "ServiceTags": list(service.tags), "ServiceAddress": service.address,
            "ServiceWeights": {"Passing": 1, "Warning": 1}, "ServiceMeta": dict(service.meta),
            "ServicePort": service.port, "ServiceSocketPath": "", "ServiceEnableTagOverride": False,
            "ServiceProxy": {}, "ServiceConnect": {}, "CreateIndex": service.create_index,
            "ModifyIndex": service.modify_index,
        }  # fmt: skip

    def entry(self, service: Service) -> Json:
        """A service as `GET /v1/health/service/NAME` shows it."""
        checks = [check for check in self.checks.values() if check["ServiceID"] in ("", service.id)]
        return {"Node": self.to_json(), "Service": service.to_json(), "Checks": checks}

    def passing(self, service: Service) -> bool:
        return all(c["Status"] == "passing" for c in self.checks.values() if c["ServiceID"] in ("", service.id))


class Catalog:
    """The nodes by name. `service_index` tells when the instances of a name changed last."""

    def __init__(self) -> None:
        self.nodes: dict[str, CatalogNode] = {}
        self.by_service: dict[str, dict[tuple[str, str], None]] = {}
        self.service_index: dict[str, int] = {}
        self.index = 1

    def register(self, given: Json, index: int) -> None:
        """`PUT /v1/catalog/register`; raises `Refusal` (400). What equals what is there changes nothing."""
        name, address = given.get("Node"), given.get("Address")
        if not name or not (address or name in self.nodes):
            raise Refusal(400, "Must provide node and address")
        node = self.nodes.get(name)
        wanted = (given.get("ID") or "", address or "", given.get("NodeMeta") or {}, given.get("TaggedAddresses"))
        if node is None:
            node = self.nodes[name] = CatalogNode(name, *wanted, index, index)
            self._changed(node, index)
        elif not given.get("SkipNodeUpdate") and wanted != (node.id, node.address, node.meta, node.tagged):
            node.id, node.address, node.meta, node.tagged = wanted
            node.modify_index = index
            self._changed(node, index)
        if given.get("Service"):
            self._put_service(node, given["Service"], index)
        for check in [given.get("Check"), *(given.get("Checks") or [])]:
            if check:
                self._put_check(node, check, index)

    def _put_service(self, node: CatalogNode, given: Json, index: int) -> None:
        name = given.get("Service") or ""
        if not name:
            raise Refusal(400, "Must provide service name with ID")
        identifier = given.get("ID") or name
        known = node.services.get(identifier)
        service = Service(
            identifier, name, list(given.get("Tags") or []), dict(given.get("Meta") or {}),
            given.get("Address") or "", int(given.get("Port") or 0), known.create_index if known else index, index,
        )  # fmt: skip
        if known is not None:
            service.modify_index = known.modify_index
            if service == known:
                return
            service.modify_index = index
            self._forget(node, known)
        node.services[identifier] = service
        self.by_service.setdefault(name, {})[node.name, identifier] = None
        self._service_changed(name, index)

    def _put_check(self, node: CatalogNode, given: Json, index: int) -> None:
        identifier = given.get("CheckID") or given.get("Name") or ""
        service = node.services.get(given.get("ServiceID") or "")
        known = node.checks.get(identifier)
        check = {
            "Node": node.name, "CheckID": identifier, "Name": given.get("Name") or identifier,
            "Status": given.get("Status") or "critical", "Notes": given.get("Notes") or "",
            "Output": given.get("Output") or "", "ServiceID": service.id if service else "",
            "ServiceName": service.name if service else "", "ServiceTags": list(service.tags) if service else [],
            "Type": given.get("Type") or "", "Interval": "", "Timeout": "", "ExposedPort": 0,
            "Definition": given.get("Definition") or {}, "CreateIndex": known["CreateIndex"] if known else index,
            "ModifyIndex": known["ModifyIndex"] if known else index,
        }  # fmt: skip
        if check == known:
            return
        check["ModifyIndex"] = index
        node.checks[identifier] = check
        for name in [service.name] if service else [item.name for item in node.services.values()]:
            self._service_changed(name, index)
        self.index = index

    def deregister(self, given: Json, index: int) -> None:
        """`PUT /v1/catalog/deregister`: a service, a check, or the whole node; what is not there is no error."""
        if not given.get("Node"):
            raise Refusal(400, "Must provide node")
        node = self.nodes.get(given["Node"])
        if node is None:
            return
        if given.get("ServiceID"):
            service = node.services.pop(given["ServiceID"], None)
            if service is not None:
                self._forget(node, service)
                node.checks = {k: c for k, c in node.checks.items() if c["ServiceID"] != service.id}
                self._service_changed(service.name, index)
        elif given.get("CheckID"):
            check = node.checks.pop(given["CheckID"], None)
            if check is not None:
                self._changed(node, index)
        else:
            del self.nodes[node.name]
            self._changed(node, index)
            for service in node.services.values():
                self._forget(node, service)

    def _forget(self, node: CatalogNode, service: Service) -> None:
        instances = self.by_service.get(service.name, {})
        instances.pop((node.name, service.id), None)
        if not instances:
            self.by_service.pop(service.name, None)

    def _service_changed(self, name: str, index: int) -> None:
        self.service_index[name] = index
        self.index = index

    def _changed(self, node: CatalogNode, index: int) -> None:
        self.index = index
        for service in node.services.values():
            self._service_changed(service.name, index)

    def instances(self, name: str, tags: list[str]) -> list[tuple[CatalogNode, Service]]:
        """The instances of a service that carry all the tags, by node and identifier."""
        found = []
        for node_name, identifier in sorted(self.by_service.get(name, {})):
            node = self.nodes[node_name]
            service = node.services[identifier]
            if set(tags) <= set(service.tags):
                found.append((node, service))
        return found

    def names(self) -> dict[str, list[str]]:
        """Every service with all the tags of its instances."""
        result: dict[str, list[str]] = {}
        for name in sorted(self.by_service):
            tags = {tag for _, service in self.instances(name, []) for tag in service.tags}
            result[name] = sorted(tags)
        return result
