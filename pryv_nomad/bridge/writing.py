"""Carries decisions out. Every write to Consul is a transaction that first checks that we still hold the lock.

So a bridge that lost its lock without noticing (a pause, a partition) changes nothing, whatever it had in mind. Records
are guarded by their own indexes besides, since `pryv-nomad core` writes them too, and the catalog is written only while
the count of changes is the one that was read. Nomad's variables know no lock of Consul's: they are guarded by their
indexes, and records merge whatever the order in which they arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pryv_nomad.bridge import mirror
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
    UpdateCheck,
)
from pryv_nomad.bridge.desired import desired_key, encode
from pryv_nomad.bridge.entries import SERVICE, Entry, Found, node_name
from pryv_nomad.bridge.membership import generation_key
from pryv_nomad.bridge.reading import ConsulReader, NomadReader, members_prefix
from pryv_nomad.clients.consul import LONGEST_TRANSACTION, kv_operation
from pryv_nomad.clients.fence import Fence
from pryv_nomad.errors import PryvNomadError, Refused

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul

Json = dict[str, Any]
T = TypeVar("T")


class LeadershipLost(Refused):
    """Another bridge may lead by now: nothing more is written."""


class Writer:
    """Writes to both services, and keeps what the readers hold up to date with it."""

    def __init__(
        self,
        consul: Consul,
        domain: str,
        readers: tuple[ConsulReader, NomadReader],
        fence: Callable[[], Fence | None],
    ) -> None:
        self._consul = consul
        self._domain = domain
        self._consul_reader, self._nomad_reader = readers
        self._fence = fence
        self.faults: list[str] = []

    def carry_out(self, decision: Decision) -> None:
        """Do all actions in their order. What Nomad refuses is left for the next time and stands in `faults`.

        Raises LeadershipLost when the lock is not ours any more, Conflict when somebody changed a record meanwhile,
        and what the client raises when Consul does not answer. What was read before is forgotten then.
        """
        self.faults = []
        try:
            self._save_records(_only(decision.actions, SaveMember))
            self._save_desired(_only(decision.actions, SaveDesired))
            self._write_mirror(decision)
            self._write_catalog(decision.actions)
            self._bump(_only(decision.actions, BumpGeneration))
        except PryvNomadError:
            self._consul_reader.forget()
            raise

    # -- Consul's keys

    def _save_records(self, actions: list[SaveMember]) -> None:
        state, prefix = self._consul_reader.state, members_prefix(self._domain)
        for batch in _batches(actions, LONGEST_TRANSACTION - 1):
            operations = [
                kv_operation(
                    "cas",
                    prefix + action.member.core,
                    action.member.to_text().encode(),
                    index=state.indexes.get(action.member.core, 0),
                )
                for action in batch
            ]
            index = self._transact(operations)
            for action in batch:
                state.members[action.member.core] = action.member
                state.indexes[action.member.core] = index
            state.keys_index = index

    def _save_desired(self, actions: list[SaveDesired]) -> None:
        state = self._consul_reader.state
        for action in actions:
            value = encode(action.desired)
            index = self._transact([kv_operation("cas", desired_key(self._domain), value, index=state.desired_index)])
            state.desired, state.desired_index = action.desired, index

    def _bump(self, actions: list[BumpGeneration]) -> None:
        state = self._consul_reader.state
        for action in actions:
            value = str(action.to).encode()
            key = generation_key(self._domain)
            index = self._transact([kv_operation("cas", key, value, index=state.generation_index)])
            state.generation, state.generation_index, state.keys_index = action.to, index, index

    # -- Consul's catalog

    def _write_catalog(self, actions: Iterable[Action]) -> None:
        pieces = [(action, _operations(action, self._domain)) for action in actions]
        guard = self._unchanged_list()
        for batch in _packed([each for each in pieces if each[1]], LONGEST_TRANSACTION - 2):
            index = self._transact([guard, *(operation for _, operations in batch for operation in operations)])
            state = self._consul_reader.state
            for action, _ in batch:
                self._note(action)
            state.catalog_index = index

    def _unchanged_list(self) -> Json:
        key, index = generation_key(self._domain), self._consul_reader.state.generation_index
        return kv_operation("check-index", key, index=index) if index else kv_operation("check-not-exists", key)

    def _note(self, action: Action) -> None:
        catalog = self._consul_reader.state.catalog
        if isinstance(action, Register | UpdateCheck):
            name = node_name(action.entry.core)
            catalog[name, name] = Found(action.entry, name, name)
        elif isinstance(action, Deregister):
            gone = [
                place
                for place in catalog
                if place == (action.node, action.service_id) or (action.whole_node and place[0] == action.node)
            ]
            for place in gone:
                del catalog[place]

    def _transact(self, operations: Sequence[Json]) -> int:
        """Carry out a fenced transaction; the index at which it happened."""
        results = self._consul.txn([self._held().operation(), *operations])
        return max((int(value["ModifyIndex"]) for each in results for value in each.values() if value), default=0)

    def _held(self) -> Fence:
        """The lock, while it is ours."""
        fence = self._fence()
        if fence is None:
            raise LeadershipLost("the lock of the bridge may have passed to another", "the next look tells")
        return fence

    # -- Nomad's variables

    def _write_mirror(self, decision: Decision) -> None:
        reader = self._nomad_reader
        changed = {action.member.core for action in _only(decision.actions, MirrorMember)}
        desired = _only(decision.actions, MirrorDesired)
        counts = _only(decision.actions, MirrorGeneration)
        if not changed and not desired and not counts:
            return
        variables = self._member_variables(decision, changed)
        for count in counts:
            variables |= mirror.variables_of_generation(count.to)
        for action in desired:
            variables |= mirror.variables_of_desired(action.desired)
        try:
            reader.write(variables, self._held)
        except LeadershipLost:
            raise
        except PryvNomadError as error:
            self.faults.append(error.message)

    def _member_variables(self, decision: Decision, changed: set[str]) -> dict[str, mirror.Items]:
        if not changed:
            return {}
        present = self._nomad_reader.state.mirror
        before = present.shards if present else 0
        # What the decision leaves out (a record that cannot be read) stays in its shard as it is.
        members = {**(present.members if present else {}), **decision.members}
        shards = mirror.shards_for(len(members), before)
        bumps = _only(decision.actions, BumpGeneration)
        known = present.generation if present else None
        generation = bumps[-1].to if bumps else max(self._consul_reader.state.generation or 0, known or 0)
        moved = members.keys() if shards != before else changed
        return mirror.variables_of(members.values(), moved, shards, generation)


def _operations(action: Action, domain: str) -> list[Json]:
    """The operations of a transaction that do an action of the catalog, none for another action."""
    if isinstance(action, Register):
        return _register(action.entry, domain)
    if isinstance(action, UpdateCheck):
        return [{"Check": {"Verb": "set", "Check": action.entry.check()}}]
    if isinstance(action, Deregister):
        if action.whole_node:
            return [{"Node": {"Verb": "delete", "Node": {"Node": action.node}}}]
        service = {"ID": action.service_id, "Service": SERVICE}
        return [{"Service": {"Verb": "delete", "Node": action.node, "Service": service}}]
    return []


def _register(entry: Entry, domain: str) -> list[Json]:
    return [
        {"Node": {"Verb": "set", "Node": entry.node()}},
        {"Service": {"Verb": "set", "Node": node_name(entry.core), "Service": entry.service(domain)}},
        {"Check": {"Verb": "set", "Check": entry.check()}},
    ]


def _only(actions: Iterable[Action], kind: type[T]) -> list[T]:
    return [action for action in actions if isinstance(action, kind)]


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


Piece = tuple[Action, list[Json]]


def _packed(pieces: Iterable[Piece], size: int) -> Iterator[list[Piece]]:
    """Pieces together as long as their operations fit into one transaction; a piece is never split."""
    batch: list[Piece] = []
    filled = 0
    for piece in pieces:
        if batch and filled + len(piece[1]) > size:
            yield batch
            batch, filled = [], 0
        batch.append(piece)
        filled += len(piece[1])
    if batch:
        yield batch
