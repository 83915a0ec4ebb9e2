"""What fits on which class of machines."""

from __future__ import annotations

from collections.abc import Iterator

from pryv_nomad.model.checks.finding import Finding, error, nearest
from pryv_nomad.model.cluster import Cluster, Profile, Resources
from pryv_nomad.model.validation import written


def node_class_is_known(cluster: Cluster) -> Iterator[Finding]:
    """A core's node class is one of `node_classes`."""
    for index, entry in enumerate(cluster.file.cores):
        if entry.node_class is not None and entry.node_class not in cluster.file.node_classes:
            text = f"there is no node class {written(entry.node_class)}"
            yield error(f"cores[{index}].node_class", text, nearest(entry.node_class, cluster.file.node_classes))


def core_fits_its_node(cluster: Cluster) -> Iterator[Finding]:
    """All tasks of a core fit on one machine of its class."""
    judged: set[tuple[str, Profile]] = set()
    for core in cluster.deployed_cores:
        node = cluster.file.node_classes.get(core.profile.node_class)
        if node is None or (core.path, core.profile) in judged:
            continue
        judged.add((core.path, core.profile))
        needed = machine_needs(cluster, core.profile)
        for what, unit in (("cpu", "MHz"), ("memory", "MB")):
            need, have = getattr(needed, what), getattr(node, what)
            if need > have:
                text = f"{core.name} needs {need} {unit} of {what}; its class {core.profile.node_class} has {have}"
                yield error(core.path, text, "lower procs or resources, or pick a larger class")


def machine_needs(cluster: Cluster, profile: Profile) -> Resources:
    """What the tasks of a core's machine may use together; a single machine runs all roles."""
    roles = {"core", "edge"} | ({"registry", "static"} if cluster.file.platform.single_machine else set())
    used = [resources for name, resources in profile.resources if cluster.release.components[name].role in roles]
    return Resources(sum(each.cpu for each in used), sum(each.memory for each in used))


def limit_is_above_share(cluster: Cluster) -> Iterator[Finding]:
    """memory_max is at least memory, else Nomad refuses the job."""
    places = [("resources", cluster.resources, cluster.file.resources)]
    judged: set[str] = set()
    for core in cluster.cores:
        entry = cluster.file.cores[int(core.path[6:-1])]
        if core.path not in judged and entry.resources:
            judged.add(core.path)
            places.append((f"{core.path}.resources", core.profile.resources, entry.resources))
    for path, resolved, said in places:
        for name, resources in resolved:
            if name in said and 0 < resources.memory_max < resources.memory:
                text = f"memory_max of {resources.memory_max} MB is less than its memory of {resources.memory} MB"
                yield error(f"{path}.{name}", text)


CHECKS = (node_class_is_known, core_fits_its_node, limit_is_above_share)
