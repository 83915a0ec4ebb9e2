"""How a core stands in Consul's catalog: one node, one service instance, one check. Pure, both ways.

The node is `external-node` without `external-probe`: Consul's UI shows it, nobody but the bridge probes it, and no
agent's loss takes it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.bridge.states import PORT, State, is_name

SERVICE = "pryv-core"
CHECK_ID = "pryv-core"
CHECK_NAME = "Serves users"
NODE_META = {"external-node": "true", "external-probe": "false"}
PASSING, WARNING, CRITICAL = "passing", "warning", "critical"
META_KEYS = 5
LONGEST_OUTPUT = 500
_NODE_PREFIX = "pryv-core-"

Json = dict[str, Any]


def node_name(core: str) -> str:
    """The catalog node of a core."""
    return _NODE_PREFIX + core


@dataclass(frozen=True, slots=True)
class Entry:
    """A core in the catalog. `status` and `output` are its check's; `release` is empty where nothing says it."""

    core: str
    hosting: str
    address: str
    port: int = PORT
    release: str = ""
    state: State = State.ACTIVE
    status: str = PASSING
    output: str = ""

    def node(self) -> Json:
        """The catalog node."""
        return {"Node": node_name(self.core), "Address": self.address, "Meta": NODE_META}

    def tags(self) -> list[str]:
        """What the UI shows at a glance."""
        return [tag for tag in (self.core, self.hosting, self.release, str(self.state)) if tag]

    def service(self, domain: str) -> Json:
        """The service instance; its meta is what templates read."""
        return {
            "ID": node_name(self.core),
            "Service": SERVICE,
            "Address": self.address,
            "Port": self.port,
            "Tags": self.tags(),
            "Meta": {
                "core": self.core,
                "hosting": self.hosting,
                "platform": domain,
                "release": self.release,
                "state": str(self.state),
            },
        }

    def check(self) -> Json:
        """The check, which says why."""
        name = node_name(self.core)
        return {
            "Node": name,
            "CheckID": CHECK_ID,
            "Name": CHECK_NAME,
            "Status": self.status,
            "Output": self.output,
            "ServiceID": name,
            "ServiceName": SERVICE,
        }


@dataclass(frozen=True, slots=True)
class Found:
    """What the catalog holds for a core. `whole`: all of it is as an `Entry` writes it, on the node of the core."""

    entry: Entry
    node: str
    service_id: str
    whole: bool = True

    @property
    def own(self) -> bool:
        """Whether it stands where the core's entry belongs."""
        return self.node == self.service_id == node_name(self.entry.core)


def found(item: Mapping[str, Any], domain: str) -> Found | None:
    """One item of `GET /v1/health/service/pryv-core`, None where it is no core of this platform.

    What an earlier version or a person registered without a state counts as listed, since a template would list it.
    """
    service: Json = item["Service"]
    node: Json = item["Node"]
    meta: Json = service.get("Meta") or {}
    core, hosting = meta.get("core", ""), meta.get("hosting", "")
    address = service.get("Address") or node.get("Address") or ""
    if meta.get("platform") != domain or not is_name(core) or not hosting or not address:
        return None
    checks = [each for each in item.get("Checks") or () if each.get("CheckID") == CHECK_ID]
    check = checks[0] if checks else {}
    entry = Entry(
        core,
        hosting,
        address,
        service.get("Port") or PORT,
        meta.get("release", ""),
        _state(meta.get("state", "")),
        check.get("Status", ""),
        check.get("Output", ""),
    )
    return Found(entry, node["Node"], service["ID"], _whole(entry, node, service, check))


def taken(item: Mapping[str, Any], domain: str) -> str:
    """The core whose place in the catalog is held by another platform, empty for any other item."""
    node, platform = item["Node"]["Node"], (item["Service"].get("Meta") or {}).get("platform", domain)
    held = platform != domain and item["Service"]["ID"] == node and node.startswith(_NODE_PREFIX)
    return node[len(_NODE_PREFIX) :] if held else ""


def _whole(entry: Entry, node: Json, service: Json, check: Json) -> bool:
    """Whether all is as `entry` writes it. Compared piece by piece: 10,000 cores are read at once."""
    return (
        node["Address"] == service["Address"] == entry.address
        and node["Meta"] == NODE_META
        and service["Port"] == entry.port
        and service["Tags"] == entry.tags()
        and service["Meta"].get("state") == entry.state
        and len(service["Meta"]) == META_KEYS
        and check.get("Name") == CHECK_NAME
        and check.get("ServiceID") == service["ID"]
        and check.get("Status") in (PASSING, WARNING, CRITICAL)
    )


def _state(text: str) -> State:
    return State(text) if text in (State.JOINING, State.DRAINING) else State.ACTIVE
