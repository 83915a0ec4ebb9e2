"""From what was written to what it means: ranges expanded, defaults filled in, the release looked up.

Cores that differ in name only share one `Profile` object, so a fleet of 10,000 costs 10,000 small objects and no more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import repeat
from typing import Any

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model import expansion, paths, ranges, releases
from pryv_nomad.model.cluster import Cluster, Core, Profile, Resources
from pryv_nomad.model.file import ClusterFile, ComponentResources, CoreEntry, Volume, VolumeSet
from pryv_nomad.model.loaded import Loaded
from pryv_nomad.model.release import Release
from pryv_nomad.model.types import label
from pryv_nomad.model.validation import written
from pryv_nomad.model.variables import Catalogue

VOLUME_DEFAULTS = {
    "core_data": "pryv-core-data",
    "mongodb_data": "pryv-mongodb-data",
    "mongodb_backup": "pryv-mongodb-backup",
    "influxdb_data": "pryv-influxdb-data",
    "influxdb_backup": "pryv-influxdb-backup",
    "redis_data": "pryv-redis-data",
    "registry_files": "pryv-registry-files",
}
"""Host volumes where the cluster file names none."""

_HFS = "hfs"
"""The component whose processes `hfs_procs` counts; `procs` counts those of any other that has several."""


def resolve(loaded: Loaded) -> Cluster:
    """The cluster that a file describes. Raises ClusterFileError with all problems found."""
    file = loaded.file
    release, catalogue = _release(loaded)
    problems: list[Problem] = []
    cores = tuple(_cores(file, release, problems))
    by_hosting: dict[str, dict[str, dict[str, str | None]]] = {key: {} for key in file.hostings}
    for core in cores:
        by_hosting.setdefault(core.hosting, {})[core.name] = {"ip": core.ip or None}
    problems += expansion.settings_faults(file.settings, catalogue)
    settings: dict[str, Any] = {}
    if not problems:
        expanded = expansion.Expansion(catalogue, file.settings, expansion.derived_values(file, by_hosting))
        settings = expanded.all()
        problems += expanded.problems
    if problems:
        raise ClusterFileError([_located(problem, loaded) for problem in problems])
    volumes = tuple(sorted(_volumes(file.volumes, {}).items()))
    shared = Profiles(file, release).shared()
    return Cluster(file, release, catalogue, cores, settings, volumes, shared, loaded.where_text)


def _release(loaded: Loaded) -> tuple[Release, Catalogue]:
    folder = None
    if loaded.file.releases is not None:
        folder = loaded.folder / loaded.file.releases
        if not os.path.isdir(folder):  # noqa: PTH112 - Path.is_dir raises for a name that is too long
            problem = Problem("releases", f"there is no folder {written(str(folder))}")
            raise ClusterFileError([_located(problem, loaded)])
    try:
        release = releases.load_release(loaded.file.release, folder)
        return release, releases.load_catalogue(release.settings, folder)
    except ClusterFileError as error:
        raise ClusterFileError([_located(problem, loaded) for problem in error.problems], error.remedy) from None


def _located(problem: Problem, loaded: Loaded) -> Problem:
    return (
        problem
        if problem.where or not problem.path
        else replace(problem, where=loaded.where(paths.parse(problem.path)))
    )


def _cores(file: ClusterFile, release: Release, problems: list[Problem]) -> Iterator[Core]:
    """All cores, in the order written; up to MAX_CORES of them."""
    profiles = Profiles(file, release)
    total = 0
    for index, entry in enumerate(file.cores):
        path = f"cores[{index}]"
        try:
            names = ranges.expand(entry.name)
            label(max(names, key=len))
        except ValueError as error:
            problems.append(Problem(f"{path}.name", str(error)))
            continue
        total += len(names)
        if total > ranges.MAX_CORES:
            problems.append(Problem(f"{path}.name", f"makes it more than {ranges.MAX_CORES:,} cores"))
            return
        addresses = _addresses(entry, names, path, problems)
        profile = profiles.of(entry)
        node, external, hosting = entry.node or "", entry.external, entry.hosting
        for name, ip in zip(names, addresses, strict=False):
            yield Core(name, hosting, profile, ip, node, external, path)
    if not file.cores:
        problems.append(Problem("cores", "there is no core", remedy="a platform has at least one"))


def _addresses(entry: CoreEntry, names: list[str], path: str, problems: list[Problem]) -> Any:
    if entry.ip is None:
        return repeat("")
    addresses = (entry.ip,) if isinstance(entry.ip, str) else entry.ip
    if len(addresses) != len(names):
        problems.append(
            Problem(f"{path}.ip", f"{len(addresses)} addresses for {len(names)} cores", remedy="give one each")
        )
    return addresses


class Profiles:
    """Makes the profile of each entry; equal entries get the same object."""

    def __init__(self, file: ClusterFile, release: Release) -> None:
        self._file, self._release = file, release
        self._made: dict[Any, Profile] = {}
        self._volumes = _volumes(file.volumes, {})
        several = {name: each.procs for name, each in release.components.items() if each.has_processes}
        self._hfs_procs = several.pop(_HFS, 1)
        self._procs = next(iter(several.values()), 1)
        self._several = several

    def of(self, entry: CoreEntry) -> Profile:
        """The profile of an entry's cores."""
        key = (
            entry.hosting, entry.procs, entry.hfs_procs, entry.canary_weight, entry.node is None, entry.node_class,
            entry.constraints, entry.volumes, tuple(sorted(entry.resources.items())),
        )  # fmt: skip
        profile = self._made.get(key)
        if profile is None:
            profile = self._made[key] = self._make(entry)
        return profile

    def _make(self, entry: CoreEntry) -> Profile:
        file = self._file
        procs, hfs_procs = entry.procs or self._procs, entry.hfs_procs or self._hfs_procs
        hosting = file.hostings.get(entry.hosting)
        weight = file.update.canary_weight if entry.canary_weight is None else entry.canary_weight
        return Profile(
            datacenter=hosting.datacenter if hosting else "",
            procs=procs,
            hfs_procs=hfs_procs,
            canary=file.update.canary,
            canary_weight=weight,
            pinned_by_name=entry.node is None,
            node_class=entry.node_class or "",
            constraints=entry.constraints,
            volumes=tuple(sorted(_volumes(entry.volumes, self._volumes).items())),
            resources=self.resources(procs, hfs_procs, file.resources, entry.resources),
        )

    def shared(self) -> tuple[tuple[str, Resources], ...]:
        """What each component may use where no core says otherwise."""
        return self.resources(self._procs, self._hfs_procs, self._file.resources)

    def resources(
        self, procs: int, hfs_procs: int, *layers: Mapping[str, ComponentResources]
    ) -> tuple[tuple[str, Resources], ...]:
        """What each component may use: the release's for each process, unless a layer says otherwise; the last wins."""
        counts = {**dict.fromkeys(self._several, procs), _HFS: hfs_procs}
        result = []
        for name, component in sorted(self._release.components.items()):
            count = counts.get(name, 1)
            cpu, memory, memory_max = component.cpu * count, component.memory * count, 0
            for layer in layers:
                said = layer.get(name)
                if said is not None:
                    cpu, memory, memory_max = said.cpu or cpu, said.memory or memory, said.memory_max or memory_max
            result.append((name, Resources(cpu, memory, memory_max)))
        return tuple(result)


def _volumes(said: VolumeSet, under: Mapping[str, Volume]) -> dict[str, Volume]:
    """Volume by key: what is said, else what lies under it, else the default."""
    result: dict[str, Volume] = {}
    for key, default in VOLUME_DEFAULTS.items():
        value = getattr(said, key)
        if isinstance(value, str):
            value = Volume(type="host", source=value)
        result[key] = value or under.get(key) or Volume(type="host", source=default)
    return result
