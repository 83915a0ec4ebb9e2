"""What a plan needs of the model, and carries with it, so that a saved plan can be run as it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    """How a plan is carried out. `max_unavailable` cores of a hosting at once; `progress_deadline_s` seconds until a
    deployment counts as failed.

    `strategy`, `waves`, `first`, `pause_s`, `failure_budget` and `manual` (promotion) are the section `rollout` of the
    cluster file. `gates`, `hooks` and `notifications` (at most one) are its entries as JSON objects, so that whoever
    drives the rollout needs no cluster file.
    """

    max_unavailable: int = 1
    progress_deadline_s: float = 600.0
    strategy: str = "rolling"
    waves: tuple[str, ...] = ()
    first: str = ""
    pause_s: float = 0.0
    failure_budget: int = 0
    manual: bool = False
    gates: tuple[Mapping[str, Any], ...] = ()
    hooks: tuple[Mapping[str, Any], ...] = ()
    notifications: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Policy:
        """From its JSON; what an older document lacks has its default. Raises TypeError for what is no policy."""
        lists = {name: tuple(value[name]) for name in ("waves", "gates", "hooks", "notifications") if name in value}
        return cls(**{**value, **lists})


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
    platform = cluster.file.platform
    return Intent(
        platform=Platform(cluster.domain, platform.region, platform.namespace),
        release=cluster.release.name,
        migrates=cluster.release.migrates,
        members=tuple(Member(each.name, each.hosting, each.ip, each.node, each.external) for each in cluster.cores),
        policy=policy_of(cluster),
    )


HOSTING = "hosting"
"""In place of the sizes of waves: one hosting after the other."""


def policy_of(cluster: Cluster) -> Policy:
    """How the cluster file wants changes carried out."""
    from pryv_nomad.model.gates import as_json
    from pryv_nomad.model.types import seconds

    update, rollout = cluster.file.update, cluster.file.rollout
    return Policy(
        max_unavailable=update.max_unavailable,
        progress_deadline_s=seconds(update.progress_deadline),
        strategy=rollout.strategy,
        waves=(HOSTING,) if rollout.waves == HOSTING else tuple(rollout.waves),
        first=rollout.first or "",
        pause_s=seconds(rollout.pause),
        failure_budget=rollout.failure_budget,
        manual=rollout.promotion == "manual",
        gates=as_json(rollout.gates),
        hooks=as_json(rollout.hooks),
        notifications=tuple(each for each in as_json((rollout.notifications,)) if each),
    )
