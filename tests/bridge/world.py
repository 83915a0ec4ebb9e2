"""Two stores and a catalog in memory, on which a decision can be carried out, and what makes such worlds at random."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from pryv_nomad.bridge.actions import (
    Action,
    BumpGeneration,
    Decision,
    Deregister,
    MirrorDesired,
    MirrorGeneration,
    MirrorMember,
    Register,
    SaveDesired,
    SaveMember,
    Stores,
    UpdateCheck,
)
from pryv_nomad.bridge.desired import Desired, DesiredCore
from pryv_nomad.bridge.entries import CRITICAL, PASSING, WARNING, Entry, Found, node_name
from pryv_nomad.bridge.observed import Observed
from pryv_nomad.bridge.reconcile import reconcile
from pryv_nomad.bridge.states import LISTED, Membership, State

NOW = "2026-01-01T00:00:00Z"
NAMES = [f"co{number}" for number in range(1, 6)]
ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


@dataclass
class World:
    """Consul (records, count, catalog, wanted cores) and Nomad (mirror)."""

    kv: dict[str, Membership] = field(default_factory=dict)
    mirror: dict[str, Membership] = field(default_factory=dict)
    generation: int | None = None
    mirror_generation: int | None = None
    desired: Desired | None = None
    mirror_desired: Desired | None = None
    catalog: dict[tuple[str, str], Found] = field(default_factory=dict)

    def decide(self, observed: dict[str, Observed], nomad: bool = True, now: str = NOW) -> Decision:
        """What is to be done; without `nomad` its variables cannot be read."""
        mirror = self.mirror if nomad else None
        generation, wanted = (self.mirror_generation, self.mirror_desired) if nomad else (None, None)
        stores = Stores(self.kv, mirror, self.generation, generation, self.desired, wanted)
        return reconcile(self.desired or wanted, observed, self.catalog.values(), stores, now)

    def apply(self, actions: tuple[Action, ...]) -> None:
        """Do it all."""
        for action in actions:
            self._do(action)

    def tick(self, observed: dict[str, Observed], nomad: bool = True) -> Decision:
        decision = self.decide(observed, nomad)
        self.apply(decision.actions)
        return decision

    def _do(self, action: Action) -> None:
        match action:
            case SaveMember(member):
                self.kv[member.core] = member
            case MirrorMember(member):
                self.mirror[member.core] = member
            case SaveDesired(desired):
                self.desired = desired
            case MirrorDesired(desired):
                self.mirror_desired = desired
            case Register(entry) | UpdateCheck(entry):
                name = node_name(entry.core)
                self.catalog[name, name] = Found(entry, name, name)
            case Deregister(node=node, service_id=service_id, whole_node=True):
                self.catalog = {place: each for place, each in self.catalog.items() if place[0] != node}
                assert service_id
            case Deregister(node=node, service_id=service_id):
                self.catalog.pop((node, service_id), None)
            case MirrorGeneration(to):
                self.mirror_generation = to
            case BumpGeneration(to):
                self.generation = to

    def listed(self) -> set[str]:
        """What a template would list."""
        return {each.entry.core for each in self.catalog.values() if each.entry.state in LISTED}

    def wipe_consul(self) -> None:
        self.kv, self.generation, self.desired, self.catalog = {}, None, None, {}

    def wipe_nomad(self) -> None:
        self.mirror, self.mirror_generation, self.mirror_desired = {}, None, None


def seen(status: str = PASSING, address: str = "192.0.2.1", *cores: str) -> dict[str, Observed]:
    return {core: Observed(core, status, f"it is {status}", address) for core in cores}


def wanting(*cores: str, ip: str = "") -> Desired:
    return Desired("1.9.2", tuple(DesiredCore(core, "ch", ip) for core in cores))


# -- at random ---------------------------------------------------------------------------------------------------

names = st.sampled_from(NAMES)
statuses = st.sampled_from([PASSING, WARNING, CRITICAL])
hostings = st.sampled_from(["ch", "us"])
addresses = st.sampled_from(ADDRESSES)


@st.composite
def observations(draw: st.DrawFn) -> dict[str, Observed]:
    cores = draw(st.lists(names, unique=True))
    return {core: Observed(core, draw(statuses), "so", draw(st.sampled_from(["", *ADDRESSES]))) for core in cores}


@st.composite
def desires(draw: st.DrawFn) -> Desired:
    cores = draw(st.lists(names, unique=True))
    external = st.booleans()
    ips = st.sampled_from(["", *ADDRESSES])
    wanted = tuple(DesiredCore(core, draw(hostings), draw(ips), draw(external)) for core in cores)
    return Desired("1.9.2", wanted, generation=draw(st.integers(1, 5)))


@st.composite
def records(draw: st.DrawFn) -> dict[str, Membership]:
    cores = draw(st.lists(names, unique=True))
    return {
        core: Membership(
            core,
            draw(st.sampled_from(State)),
            draw(hostings),
            draw(addresses),
            generation=draw(st.integers(1, 6)),
        )
        for core in cores
    }


@st.composite
def instances(draw: st.DrawFn) -> Found:
    core = draw(names)
    entry = Entry(core, draw(hostings), draw(addresses), status=draw(st.sampled_from(["", PASSING, CRITICAL])))
    entry = replace(entry, state=draw(st.sampled_from([State.JOINING, State.ACTIVE, State.DRAINING])))
    node = draw(st.sampled_from([node_name(core), node_name(core), "some-machine"]))
    service_id = draw(st.sampled_from([node_name(core), node_name(core), "by-hand"]))
    return Found(entry, node, f"{service_id}-{core}" if service_id == "by-hand" else service_id, draw(st.booleans()))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    found = draw(st.lists(instances(), max_size=6))
    return World(
        kv=draw(records()),
        mirror=draw(records()),
        generation=draw(st.none() | st.integers(0, 9)),
        mirror_generation=draw(st.none() | st.integers(0, 9)),
        desired=draw(st.none() | desires()),
        mirror_desired=draw(st.none() | desires()),
        catalog={(each.node, each.service_id): each for each in found},
    )
