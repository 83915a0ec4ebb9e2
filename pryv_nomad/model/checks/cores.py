"""Cores: names, addresses and places that clash."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from pryv_nomad.model.checks.finding import Finding, error, nearest, some
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.validation import written

JOB_PREFIX = "pryv-core-"
"""The longest of a core's job names begins so (as do pryv-data- and pryv-edge-)."""
MAX_NAME = 63


def hosting_is_known(cluster: Cluster) -> Iterator[Finding]:
    """Each core names a hosting that is there."""
    for index, entry in enumerate(cluster.file.cores):
        if entry.hosting not in cluster.hostings:
            text = f"there is no hosting {written(entry.hosting)}"
            yield error(f"cores[{index}].hosting", text, nearest(entry.hosting, cluster.hostings))


def names_are_unique(cluster: Cluster) -> Iterator[Finding]:
    """No name stands twice, within a range or in two."""
    first: dict[str, str] = {}
    clashes: dict[tuple[str, str], list[str]] = defaultdict(list)
    for core in cluster.cores:
        if core.name in first:
            clashes[core.path, first[core.name]].append(core.name)
        first.setdefault(core.name, core.path)
    for (path, other), names in clashes.items():
        place = "in its own range" if path == other else f"at {other}"
        yield error(f"{path}.name", f"{some(names)}: a core of that name is {place} already")


def addresses_are_unique(cluster: Cluster) -> Iterator[Finding]:
    """No two cores share an address."""
    first: dict[str, str] = {}
    for core in cluster.cores:
        if core.ip and core.ip in first:
            yield error(f"{core.path}.ip", f"{core.name} has the address of {first[core.ip]}: {core.ip}")
        elif core.ip:
            first[core.ip] = core.name


def names_do_not_end_one_another(cluster: Cluster) -> Iterator[Finding]:
    """The register finds a core by `base_url.includes(serverName)`: `co1` would get the users of `eu-co1`."""
    paths = {core.name: core.path for core in cluster.cores}
    clashes: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for name, path in paths.items():
        for cut in range(1, len(name)):
            if name[cut:] in paths:
                clashes[path, paths[name[cut:]]].append((name, name[cut:]))
    for (path, _), names in clashes.items():
        long, short = names[0]
        more = f" (and {len(names) - 1} more such pairs)" if len(names) > 1 else ""
        text = f"the name {long} ends in that of the core {short}{more}; the register would mix up their users"
        yield error(f"{path}.name", text, "rename one of them")


def job_names_fit(cluster: Cluster) -> Iterator[Finding]:
    """Nomad and Consul names hold 63 characters, and a core's jobs are named pryv-core-NAME."""
    longest: dict[str, str] = {}
    for core in cluster.deployed_cores:
        if len(core.name) > len(longest.get(core.path, "")):
            longest[core.path] = core.name
    for path, name in longest.items():
        job = JOB_PREFIX + name
        if len(job) > MAX_NAME:
            text = f"its job {job} has {len(job)} characters; a name holds {MAX_NAME}"
            yield error(f"{path}.name", text, f"use at most {MAX_NAME - len(JOB_PREFIX)} characters")


def names_are_free(cluster: Cluster) -> Iterator[Finding]:
    """A core's name is one in the platform's domain, and some of those are taken."""
    custom = cluster.settings.get("DNS_CUSTOM_ENTRIES")
    customs = set(custom) if isinstance(custom, Mapping) else set()
    for core in cluster.cores:
        host = f"{core.name}.{cluster.domain}"
        if core.name in cluster.release.reserved_names:
            yield error(f"{core.path}.name", f"the platform needs {host} for itself", "pick another name")
        elif core.name in customs:
            yield error(f"{core.path}.name", f"DNS_CUSTOM_ENTRIES has an entry for {host} too", "rename one of them")


def external_has_address(cluster: Cluster) -> Iterator[Finding]:
    """Nobody can look up the address of a core outside Nomad."""
    for index, entry in enumerate(cluster.file.cores):
        if entry.external and entry.ip is None:
            yield error(f"cores[{index}]", "an external core needs its address", "give it `ip`")


def nodes_are_not_shared(cluster: Cluster) -> Iterator[Finding]:
    """Two edges cannot both have ports 80 and 443 of a node."""
    first: dict[str, str] = {}
    for core in cluster.deployed_cores:
        if core.node and core.node in first:
            text = f"{core.name} is pinned to {core.node}, as {first[core.node]} is; their ports 80 and 443 clash"
            yield error(f"{core.path}.node", text, "one core a node")
        elif core.node:
            first[core.node] = core.name


CHECKS = (
    hosting_is_known,
    names_are_unique,
    addresses_are_unique,
    names_do_not_end_one_another,
    job_names_fit,
    names_are_free,
    external_has_address,
    nodes_are_not_shared,
)
