"""Reads what the bridge decides on, and no more than it must: what did not change is not read again.

Consul tells with every answer the index at which it last changed. Asked with a filter that nothing passes, the answer
is empty and the index still there; so one small question tells whether the large answer of before still holds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge import mirror
from pryv_nomad.bridge.desired import Desired, decode, desired_key
from pryv_nomad.bridge.entries import SERVICE, Found, found, node_name, taken
from pryv_nomad.bridge.membership import address_of, generation_key
from pryv_nomad.bridge.mirror import Mirror
from pryv_nomad.bridge.observed import API_GROUP, CORE, EDGE, NomadView, newest
from pryv_nomad.bridge.states import Membership, generation_of
from pryv_nomad.errors import Conflict, NotFound, PryvNomadError
from pryv_nomad.plan.intent import Member
from pryv_nomad.plan.observed import Record

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad

# Nobody's service has this ID, so the filter lets nothing through.
NOTHING = {"filter": 'Service.ID == ""'}
CHECKS = {"filter": f'ServiceName matches "^pryv-" and ServiceName != "{SERVICE}"'}
ALLOCATIONS = {
    "filter": f'JobID matches "^({EDGE}|{CORE})" and DesiredStatus == "run" and '
    f'(TaskGroup == "{API_GROUP}" or TaskGroup == "edge")',
    "task_states": "false",
}
NODE_READERS = 8


def members_prefix(domain: str) -> str:
    """Where the records of members lie in Consul KV, one key a core."""
    return f"pryv-nomad/{domain}/members/core/"


def list_prefix(domain: str) -> str:
    """Where records and count lie."""
    return f"pryv-nomad/{domain}/members/"


@dataclass
class ConsulState:
    """What Consul held when it was last read, kept up to date with what we wrote since.

    `indexes` are those of the records' keys, also of keys that hold no record. The other indexes are Consul's own for
    the whole list of keys and for the whole service.
    """

    members: dict[str, Membership] = field(default_factory=dict)
    indexes: dict[str, int] = field(default_factory=dict)
    generation: int | None = None
    generation_index: int = 0
    keys_index: int = -1
    catalog: dict[tuple[str, str], Found] = field(default_factory=dict)
    taken: frozenset[str] = frozenset()
    catalog_index: int = -1
    desired: Desired | None = None
    desired_index: int = 0
    failing: tuple[Mapping[str, Any], ...] = ()
    releases: dict[str, str] = field(default_factory=dict)
    releases_index: int = -1


class ConsulReader:
    """Reads Consul's part. Errors of the client pass through: without Consul there is nothing to decide."""

    def __init__(self, consul: Consul, domain: str) -> None:
        self._consul = consul
        self._domain = domain
        self.state = ConsulState()

    def forget(self) -> None:
        """Read everything anew next time."""
        self.state = ConsulState()

    def read(self) -> ConsulState:
        """Bring `state` up to date."""
        self._read_keys()
        self._read_desired()
        self._read_catalog()
        self.state.failing = tuple(self._consul.get("/v1/health/state/critical", CHECKS).body or ())
        self._read_releases()
        return self.state

    def _read_keys(self) -> None:
        path = f"/v1/kv/{list_prefix(self._domain)}"
        index = self._consul.get(path, {"keys": "", "separator": "/"}).index
        if index == self.state.keys_index:
            return
        answer = self._consul.get(path, {"recurse": ""})
        state, prefix = self.state, members_prefix(self._domain)
        state.members, state.indexes, state.generation, state.generation_index = {}, {}, None, 0
        for item in answer.body or ():
            text = base64.b64decode(item["Value"] or "")
            if item["Key"] == generation_key(self._domain):
                state.generation, state.generation_index = generation_of(text), item["ModifyIndex"]
            elif item["Key"].startswith(prefix):
                core = item["Key"][len(prefix) :]
                state.indexes[core] = item["ModifyIndex"]
                record = Membership.from_text(core, text)
                if record:
                    state.members[core] = record
        state.keys_index = answer.index

    def _read_desired(self) -> None:
        kept = self._consul.kv_get(desired_key(self._domain))
        if kept is None:
            self.state.desired, self.state.desired_index = None, 0
        elif kept[1] != self.state.desired_index:
            self.state.desired, self.state.desired_index = decode(kept[0]), kept[1]

    def _read_catalog(self) -> None:
        path = f"/v1/health/service/{SERVICE}"
        if self._consul.get(path, NOTHING).index == self.state.catalog_index:
            return
        answer = self._consul.get(path)
        items = answer.body or ()
        instances = (found(item, self._domain) for item in items)
        self.state.taken = frozenset(filter(None, (taken(item, self._domain) for item in items)))
        self.state.catalog = {(each.node, each.service_id): each for each in instances if each}
        self.state.catalog_index = answer.index

    def _read_releases(self) -> None:
        """The release that was last rolled out to each core, as `run` recorded it."""
        base = f"/v1/kv/pryv-nomad/{self._domain}/jobs/"
        index = self._consul.get(base, {"keys": "", "separator": "-"}).index
        if index == self.state.releases_index:
            return
        prefix = f"pryv-nomad/{self._domain}/jobs/{node_name('')}"
        answer = self._consul.get(f"/v1/kv/{prefix}", {"recurse": ""})
        kept = {}
        for item in answer.body or ():
            record = Record.from_text(base64.b64decode(item["Value"] or ""))
            if record and record.release:
                kept[item["Key"][len(prefix) :]] = record.release
        self.state.releases, self.state.releases_index = kept, index


@dataclass
class NomadState:
    """What Nomad said last. `index` is that of its allocations; `known` is false until it has answered once, and the
    mirror is None until it has been read once."""

    allocations: tuple[Mapping[str, Any], ...] = ()
    index: int = 0
    known: bool = False
    addresses: dict[str, str] = field(default_factory=dict)
    mirror: Mirror | None = None


class NomadReader:
    """Reads Nomad's part. What cannot be read stays as it was, and `faults` says so."""

    def __init__(self, nomad: Nomad) -> None:
        self._nomad = nomad
        self._nodes: dict[str, int] = {}
        self.variables: dict[str, dict[str, str]] = {}
        self.variable_indexes: dict[str, int] = {}
        self.state = NomadState()
        self.faults: list[str] = []

    def forget_mirror(self) -> None:
        """Read the mirror anew next time; what it said is kept until then."""
        self.variable_indexes = {}

    def read(self, wanted: Iterable[str], *, full: bool) -> NomadState:
        """Bring `state` up to date. `wanted` are the cores whose address Nomad's node has to tell.

        With `full`, nodes and variables that may have changed are read again.
        """
        self.faults = []
        for part in (self._read_allocations, *((self.read_mirror,) if full or self.state.mirror is None else ())):
            try:
                part()
            except PryvNomadError as error:
                self.faults.append(error.message)
                return self.state
        try:
            self._read_addresses(set(wanted), full)
        except PryvNomadError as error:
            self.faults.append(error.message)
        return self.state

    def _read_allocations(self) -> None:
        answer = self._nomad.get("allocations", ALLOCATIONS)
        self.state.allocations, self.state.index = tuple(answer.body or ()), answer.index
        self.state.known = True

    def read_mirror(self) -> None:
        """Read the variables that changed since they were read last. Errors of the client pass through."""
        listed = {each["Path"]: int(each["ModifyIndex"]) for each in self._nomad.variables(mirror.PREFIX)}
        variables = {path: items for path, items in self.variables.items() if path in listed}
        for path, index in listed.items():
            if self.variable_indexes.get(path) != index:
                variable = self._nomad.variable(path)
                if variable:
                    variables[path], listed[path] = variable["Items"], int(variable["ModifyIndex"])
        self.variables, self.variable_indexes = variables, listed
        self.state.mirror = mirror.read(variables)

    def write(self, variables: Mapping[str, dict[str, str]], allowed: Callable[[], object]) -> None:
        """Write variables that are otherwise there. `allowed` raises when we may not write any more.

        Raises Conflict when somebody else changed one meanwhile: then all are read anew next time.
        """
        for path, items in variables.items():
            if self.variables.get(path) == items:
                continue
            allowed()
            try:
                answer = self._nomad.put_variable(path, items, self.variable_indexes.get(path, 0))
            except Conflict:
                self.forget_mirror()
                self.state.mirror = None
                raise
            self.variables[path], self.variable_indexes[path] = items, int(answer["ModifyIndex"])
        self.state.mirror = mirror.read(self.variables)

    def _read_addresses(self, wanted: set[str], full: bool) -> None:
        if not wanted:
            return
        edges = {core: stub["NodeID"] for (kind, core), stub in newest(self.state.allocations).items() if kind == EDGE}
        shared = {edges[""]} if "" in edges else set()
        needed = {edges[core] for core in wanted if core in edges} | shared
        if full and needed:
            current = {each["ID"]: int(each["ModifyIndex"]) for each in self._nomad.nodes(resources=False)}
            self._nodes = {node: index for node, index in self._nodes.items() if current.get(node) == index}
        missing = sorted(needed - self._nodes.keys())
        if missing:
            with ThreadPoolExecutor(NODE_READERS) as pool:
                for node_id, node in zip(missing, pool.map(self._node, missing), strict=True):
                    self._nodes[node_id] = int(node.get("ModifyIndex") or 0)
                    self.state.addresses[node_id] = address_of(Member("", ""), node)[0] if node else ""

    def _node(self, node_id: str) -> dict[str, Any]:
        try:
            return self._nomad.node(node_id)
        except NotFound:
            return {}


def view_of(consul: ConsulState, nomad: NomadState) -> NomadView:
    """What `observe` goes by."""
    return NomadView(nomad.allocations, consul.failing, nomad.addresses, consul.releases)
