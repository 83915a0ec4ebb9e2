"""The configuration of the local cluster's agents, as pure values: a `Program` each, with its files.

One Consul agent a Nomad client, because a client deregisters every Nomad service that it does not know from the agent
it talks to (Nomad command/agent/consul/service_client.go, sync): two clients on one agent would undo each other's work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pryv_nomad.dev.nodes import NodeWish

SERVER = "127.0.0.1"

_SERVER_NAME = "dev_server"
"""No core or node of a platform can be called so: an underscore is not in a DNS name."""

# These look for a cloud's metadata service at 169.254.169.254, which costs seconds where there is none.
_CLOUD_FINGERPRINTS = "env_aws,env_azure,env_digitalocean,env_gce"

_SERVES: dict[str, Any] = {
    "server": {"enabled": True, "bootstrap_expect": 1, "raft_multiplier": 1},
    "ui": {"enabled": True},
}


@dataclass(frozen=True, slots=True)
class Program:
    """A process that should run: what to start, and the files and folders that must be there before.

    `volumes` are folders that belong to the containers' user (9999) where we may give them away.
    """

    name: str
    argv: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Equal for programs that would be started alike."""
        return hashlib.sha256(json.dumps([self.argv, self.files, self.folders, self.volumes]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything of a local cluster is. `region` is Nomad's; `cgroup` is the parent of its tasks' cgroups."""

    folder: Path
    ports: Mapping[str, int]
    nomad: str
    consul: str
    region: str = "global"
    cgroup: str = "/nomad"


PORTS = ("nomad", "nomad_rpc", "nomad_serf", "consul", "consul_rpc", "consul_serf")
"""Names of the ports that agents need on their address."""


def node_folder(folder: Path, node: str) -> Path:
    """Everything of one node: the data of its agents, its volumes."""
    return folder / "nodes" / node


def programs(layout: Layout, nodes: Sequence[NodeWish], interfaces: Mapping[str, str]) -> list[Program]:
    """All agents: servers first. `interfaces` names the interface of each node.

    A node that shares the servers' address shares their agents, too: one Nomad is server and client then.
    """
    if [node.address for node in nodes] == [SERVER]:
        return [_consul_server(layout), _nomad_client(layout, nodes[0], interfaces[nodes[0].name], **_SERVES)]
    clients = [
        program
        for node in nodes
        for program in (_consul_client(layout, node), _nomad_client(layout, node, interfaces[node.name]))
    ]
    return [_consul_server(layout), _nomad_server(layout), *clients]


def _consul_server(layout: Layout) -> Program:
    return _consul(layout, _SERVER_NAME, layout.folder / "server", SERVER, {"server": True, "bootstrap_expect": 1})


def _consul_client(layout: Layout, node: NodeWish) -> Program:
    join = {"retry_join": [f"{SERVER}:{layout.ports['consul_serf']}"], "retry_interval": "1s"}
    return _consul(layout, node.name, node_folder(layout.folder, node.name), node.address, join)


def _consul(layout: Layout, name: str, folder: Path, address: str, role: Mapping[str, Any]) -> Program:
    ports = layout.ports
    config = {
        "node_name": name,
        "datacenter": "dc1",
        "data_dir": str(folder / "consul"),
        "bind_addr": address,
        "client_addr": address,
        "ports": {
            "http": ports["consul"],
            "server": ports["consul_rpc"],
            "serf_lan": ports["consul_serf"],
            "serf_wan": -1,
            "dns": -1,
            "grpc": -1,
            "grpc_tls": -1,
        },
        "performance": {"raft_multiplier": 1},
        "leave_on_terminate": False,
        "disable_update_check": True,
        "ui_config": {"enabled": True},
        **role,
    }
    file = folder / "consul.json"
    argv = (layout.consul, "agent", f"-config-file={file}")
    return Program(f"consul-{name}", argv, ((str(file), _json(config)),), (str(folder / "consul"),))


def _nomad_server(layout: Layout) -> Program:
    config = {
        **_nomad_common(layout, _SERVER_NAME, layout.folder / "server", SERVER),
        **_SERVES,
    }
    return _nomad(layout, _SERVER_NAME, layout.folder / "server", config, ())


def _nomad_client(layout: Layout, node: NodeWish, interface: str, **more: Any) -> Program:
    folder = node_folder(layout.folder, node.name)
    volumes = {name: str(folder / "volumes" / name) for name in node.volumes}
    config = {
        **_nomad_common(layout, node.name, folder, node.address),
        "datacenter": node.datacenter,
        "client": {
            "enabled": True,
            "servers": [f"{SERVER}:{layout.ports['nomad_rpc']}"],
            "node_class": node.node_class,
            "meta": dict(node.meta),
            "network_interface": interface,
            "host_network": {name: {"cidr": f"{node.address}/32"} for name in node.networks},
            "host_volume": {name: {"path": path, "read_only": False} for name, path in volumes.items()},
            "cpu_total_compute": node.cpu,
            "memory_total_mb": node.memory,
            "max_kill_timeout": "10m",
            "cgroup_parent": layout.cgroup,
            "options": {"fingerprint.denylist": _CLOUD_FINGERPRINTS},
        },
        "plugin": [{"docker": [{"config": [_docker()]}]}],
        **more,
    }
    return _nomad(layout, node.name, folder, config, tuple(volumes.values()))


def _nomad_common(layout: Layout, name: str, folder: Path, address: str) -> dict[str, Any]:
    ports = layout.ports
    return {
        "name": name,
        "region": layout.region,
        "data_dir": str(folder / "nomad"),
        "bind_addr": address,
        "advertise": {"http": address, "rpc": address, "serf": address},
        "ports": {"http": ports["nomad"], "rpc": ports["nomad_rpc"], "serf": ports["nomad_serf"]},
        "consul": {
            "address": f"{address}:{ports['consul']}",
            "server_auto_join": False,
            "client_auto_join": False,
            "checks_use_advertise": True,
        },
        "leave_on_interrupt": False,
        "leave_on_terminate": False,
        "disable_update_check": True,
    }


def _docker() -> dict[str, Any]:
    """Several clients share one Docker engine: none may take away images or containers that it does not know."""
    return {
        "volumes": {"enabled": True},
        "gc": [{"image": False, "container": True, "dangling_containers": [{"enabled": False}]}],
    }


def _nomad(layout: Layout, name: str, folder: Path, config: Mapping[str, Any], volumes: tuple[str, ...]) -> Program:
    file = folder / "nomad.json"
    argv = (layout.nomad, "agent", f"-config={file}")
    return Program(f"nomad-{name}", argv, ((str(file), _json(config)),), (str(folder / "nomad"),), volumes)


def _json(config: Mapping[str, Any]) -> str:
    return json.dumps(config, indent=2) + "\n"
