"""What the bridge may do, as values: a decision can be looked at, told and tested without being carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pryv_nomad.bridge.desired import Desired
from pryv_nomad.bridge.entries import Entry
from pryv_nomad.bridge.states import Membership


@dataclass(frozen=True, slots=True)
class Stores:
    """What Consul KV and Nomad Variables hold. The mirror is None until Nomad has been read once: then no core
    begins to join, since the mirror may know it as listed. A generation is that of the list, None where there is none.
    `unreadable` are cores whose record in Consul KV is none that this version knows, `taken` those whose place in the
    catalog another platform holds: nothing is done about them.
    """

    kv: Mapping[str, Membership] = field(default_factory=dict)
    mirror: Mapping[str, Membership] | None = field(default_factory=dict)
    generation: int | None = None
    mirror_generation: int | None = None
    desired: Desired | None = None
    mirror_desired: Desired | None = None
    unreadable: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SaveMember:
    """Write a core's record to Consul KV."""

    member: Membership


@dataclass(frozen=True, slots=True)
class MirrorMember:
    """Write a core's record to Nomad Variables."""

    member: Membership


@dataclass(frozen=True, slots=True)
class SaveDesired:
    """Write the wanted cores to Consul KV, which lost them."""

    desired: Desired


@dataclass(frozen=True, slots=True)
class MirrorDesired:
    """Write the wanted cores to Nomad Variables."""

    desired: Desired


@dataclass(frozen=True, slots=True)
class Register:
    """Register a core in the catalog: node, service and check."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class UpdateCheck:
    """Write the check of a core that is otherwise registered as it should be."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Deregister:
    """Take out a catalog node: of a core that was removed, or a second instance of one that stands where it should."""

    core: str
    node: str
    service_id: str
    whole_node: bool


@dataclass(frozen=True, slots=True)
class BumpGeneration:
    """Count a change of the list."""

    to: int


@dataclass(frozen=True, slots=True)
class MirrorGeneration:
    """Write the count to Nomad Variables, so that it goes on where it was when Consul is emptied."""

    to: int


Action = (
    SaveMember
    | MirrorMember
    | SaveDesired
    | MirrorDesired
    | MirrorGeneration
    | Register
    | UpdateCheck
    | Deregister
    | BumpGeneration
)


@dataclass(frozen=True, slots=True)
class Decision:
    """The actions in the order in which they must be done, the cores as they then are, and one sentence of it all."""

    actions: tuple[Action, ...]
    members: Mapping[str, Membership]
    sentence: str
