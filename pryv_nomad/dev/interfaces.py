"""A network interface a node, with a loopback address of its own, so that static ports of several nodes live side by
side on one machine. Linux, as root: a bridge without members, because the type dummy is not built into every kernel.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import subprocess
from collections.abc import Iterable
from pathlib import Path

from pryv_nomad.errors import MissingPrerequisite


def prefix(folder: Path) -> str:
    """How the names of the interfaces of the cluster in `folder` begin (a name has at most 15 characters)."""
    return f"pn{hashlib.sha256(str(folder).encode()).hexdigest()[:5]}"


def name_for(folder: Path, address: str) -> str:
    """The interface that holds `address`."""
    return f"{prefix(folder)}-{int(ipaddress.ip_address(address)) & 0xFFFF:x}"


def add(name: str, address: str) -> None:
    """Make the interface where it is missing, and give it the address. Raises MissingPrerequisite."""
    if name not in _names():
        _ip("link", "add", name, "type", "bridge")
    _ip("address", "replace", f"{address}/32", "dev", name)
    _ip("link", "set", name, "up")


def remove_all(folder: Path, recorded: Iterable[str] = ()) -> list[str]:
    """Remove the interfaces of the cluster in `folder`: those recorded, and any that its names give away."""
    ours = sorted(name for name in _names() if name in set(recorded) or name.startswith(f"{prefix(folder)}-"))
    for name in ours:
        _ip("link", "delete", name)
    return ours


def free_network(wanted: str) -> str:
    """`wanted` (CIDR), or the next of its size that no interface of this machine has an address in."""
    network = ipaddress.ip_network(wanted)
    used = _addresses()
    while any(address in network for address in used):
        following = int(network.network_address) + network.num_addresses
        network = ipaddress.ip_network(f"{ipaddress.ip_address(following)}/{network.prefixlen}")
        if not network.network_address.is_loopback:
            raise MissingPrerequisite("no loopback network is free for the nodes", "pass --network")
    return str(network)


def _names() -> set[str]:
    return {link["ifname"] for link in json.loads(_ip("-json", "link", "show")) if "ifname" in link}


def _addresses() -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """Addresses of every interface but those of the loopback interface itself (127.0.0.1/8 holds all of them)."""
    links = json.loads(_ip("-json", "address", "show"))
    return [
        ipaddress.ip_address(entry["local"])
        for link in links
        if link.get("ifname") != "lo"
        for entry in link.get("addr_info", ())
        if "local" in entry
    ]


def _ip(*arguments: str) -> str:
    answer = subprocess.run(["ip", *arguments], capture_output=True, text=True, timeout=20, check=False)
    if answer.returncode:
        raise MissingPrerequisite(
            f"ip {' '.join(arguments)}: {answer.stderr.strip()}", "the local cluster's nodes need root and iproute2"
        )
    return answer.stdout
