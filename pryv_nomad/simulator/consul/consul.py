"""Consul as the simulator has it: one server, no agents but the nodes', no ACLs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pryv_nomad.simulator.consul import transactions, workloads
from pryv_nomad.simulator.consul.catalog import Catalog
from pryv_nomad.simulator.consul.kv import KeyValues
from pryv_nomad.simulator.consul.sessions import Session, session_from
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.state import State

Json = dict[str, Any]

# A KV value may have this many bytes.
LARGEST_VALUE = 512 * 1024


class Consul:
    """KV, sessions and catalog. Sessions end and locks open on the simulator's timeline."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.kv = KeyValues()
        self.catalog = Catalog()
        self.sessions: dict[str, Session] = {}
        self.session_index = 1
        self.index = 1
        # Keys that may not be locked yet: until when (nanoseconds).
        self.closed: dict[str, int] = {}
        # Who holds a session renews it by a clock of its own, so its time must run as that clock does: simulated
        # nanoseconds a nanosecond of it. Whoever serves the simulator faster than real time says so here.
        self.pace: Callable[[], float] = lambda: 1.0
        state.changed_allocs = dict.fromkeys(state.allocs)
        own = {
            "Node": "simulator", "Address": "127.0.0.1",
            "Service": {"ID": "consul", "Service": "consul", "Port": 8300},
        }  # fmt: skip
        self.catalog.register(own, self._next())

    def _next(self) -> int:
        self.index += 1
        return self.index

    def sync(self) -> None:
        """Take over what allocations have become since the last time."""
        changed = self._state.changed_allocs
        if not changed:
            return
        self._state.changed_allocs = {}
        before = self.catalog.index
        for alloc_id in changed:
            workloads.sync(self.catalog, self._state, self._state.allocs[alloc_id], self.index + 1)
        if self.catalog.index != before:
            self.index += 1

    # -- KV

    def put(
        self, key: str, value: bytes, flags: int = 0, cas: int | None = None, acquire: str = "", release: str = ""
    ) -> bool:
        """Write a key; False when the index or the lock does not allow it. Raises `Refusal`."""
        if len(value) > LARGEST_VALUE:
            raise Refusal(413, f"Request body(={len(value)} bytes) too large, max size: {LARGEST_VALUE} bytes")
        if cas is not None and not self.kv.matches(key, cas):
            return False
        if acquire:
            return self._acquire(key, value, flags, acquire)
        if release:
            return self._release(key, value, flags, release)
        self.kv.set(key, value, self._next(), flags)
        return True

    def _acquire(self, key: str, value: bytes, flags: int, session: str) -> bool:
        if session not in self.sessions:
            raise Refusal(500, f'invalid session "{session}"')
        entry = self.kv.entries.get(key)
        if entry is not None and entry.session not in ("", session):
            return False
        if self.closed.get(key, 0) > self._state.now:
            return False
        held = entry is not None and entry.session == session
        index = self._next()
        entry = self.kv.set(key, value, index, flags)
        entry.modify_index = index
        entry.session = session
        if not held:
            entry.lock_index += 1
        return True

    def _release(self, key: str, value: bytes, flags: int, session: str) -> bool:
        entry = self.kv.entries.get(key)
        if entry is None or entry.session != session:
            return False
        index = self._next()
        self.kv.set(key, value, index, flags)
        entry.session, entry.modify_index = "", index
        return True

    def delete(self, key: str, recurse: bool = False, cas: int | None = None) -> bool:
        """Delete a key, or all under it; False when the index does not allow it."""
        entry = self.kv.entries.get(key)
        if cas is not None and (cas == 0 or (entry is not None and entry.modify_index != cas)):
            return False
        index = self._next()
        for name in [item.key for item in self.kv.under(key)] if recurse else [key]:
            self.kv.delete(name, index)
        return True

    def transact(self, operations: list[Json]) -> tuple[list[Json], list[Json]]:
        """Run a transaction: (results, errors); with errors nothing has changed."""
        trial, results, errors = transactions.run(self.kv, self.catalog, operations, self.index + 1)
        if not errors:
            self.kv = trial
            self._next()
        return results, errors

    # -- sessions

    def create_session(self, given: Json) -> str:
        index = self._next()
        session = session_from(given, self._state.ids.uuid(), index, self._state.now, self.pace())
        self.sessions[session.id] = session
        self.session_index = index
        self._await_end(session)
        return session.id

    def renew_session(self, identifier: str) -> Session:
        session = self.sessions.get(identifier)
        if session is None:
            raise Refusal(404, f"Session id '{identifier}' not found")
        session.renewed(self._state.now, self.pace())
        self._await_end(session)
        return session

    def destroy_session(self, identifier: str) -> None:
        """End a session: its locks open, or their keys go, and stay closed for the lock delay."""
        session = self.sessions.pop(identifier, None)
        if session is None:
            return
        index = self._next()
        self.session_index = index
        for entry in [item for item in self.kv.entries.values() if item.session == identifier]:
            entry.session, entry.modify_index = "", index
            if session.behavior == "delete":
                self.kv.delete(entry.key, index)
            if session.lock_delay:
                self.closed[entry.key] = self._state.now + int(session.lock_delay * self.pace())

    def _await_end(self, session: Session) -> None:
        if session.ends_at:
            self._state.timeline.at(session.ends_at, "session-end", session.id)

    def handle(self, kind: str, key: tuple[str, ...]) -> bool:
        """Carry out an event of the timeline; False when its kind is not ours."""
        if kind != "session-end":
            return False
        session = self.sessions.get(key[0])
        if session is not None and session.ends_at <= self._state.now:
            self.destroy_session(session.id)
        return True

    # -- catalog

    def register(self, given: Json) -> None:
        before = self.catalog.index
        self.catalog.register(given, self.index + 1)
        if self.catalog.index != before:
            self.index += 1

    def deregister(self, given: Json) -> None:
        before = self.catalog.index
        self.catalog.deregister(given, self.index + 1)
        if self.catalog.index != before:
            self.index += 1
