"""What a plan needs of the model, and carries with it, so that a saved plan can be run as it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pryv_nomad.model.cluster import Cluster


@dataclass(frozen=True, slots=True)
class Platform:
    """Which platform this is about, and where in Nomad it lives."""

    domain: str
    region: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Member:
    """A core as the registry is to know it. `ip` and `node` are empty where they are found from Nomad."""

    name: str
    hosting: str
    ip: str = ""
    node: str = ""
    external: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """How fast a plan may be carried out. `max_unavailable` cores of a hosting at once; `progress_deadline_s` seconds
    until a deployment counts as failed."""

    max_unavailable: int = 1
    progress_deadline_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Intent:
    """The platform, the release it is to run, its cores in the file's order, and the policy."""

    platform: Platform
    release: str
    migrates: bool = False
    members: tuple[Member, ...] = ()
    policy: Policy = Policy()

    @property
    def ranks(self) -> dict[str, int]:
        """Core → its place in the cluster file."""
        return {member.name: rank for rank, member in enumerate(self.members)}

    @property
    def hostings(self) -> dict[str, str]:
        """Core → its hosting."""
        return {member.name: member.hosting for member in self.members}


def intent_of(cluster: Cluster) -> Intent:
    """What the cluster file asks for."""
    from pryv_nomad.model.types import seconds

    platform, update = cluster.file.platform, cluster.file.update
    return Intent(
        platform=Platform(cluster.domain, platform.region, platform.namespace),
        release=cluster.release.name,
        migrates=cluster.release.migrates,
        members=tuple(Member(each.name, each.hosting, each.ip, each.node, each.external) for each in cluster.cores),
        policy=Policy(update.max_unavailable, seconds(update.progress_deadline)),
    )
