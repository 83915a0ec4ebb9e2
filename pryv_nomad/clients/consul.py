"""The client of Consul's API: py-consul with TLS, time limits, retries and our errors around it.

`Consul(options, *, timeout_s=10, retries=None, timing=None)`; one object may be shared by threads. Indexes are
integers, values are bytes. Errors are those of `pryv_nomad.errors`: Unreachable, Unauthorized, NotFound, Conflict, else
ApiError.

    kv_get(key) -> (value, modify_index) | None                    kv_list(prefix) -> [(key, value, modify_index)]
    kv_put(key, value, cas=None) -> True, or Conflict               kv_delete(key, cas=None) -> True, or Conflict
    txn(operations) -> [result], or Conflict                        kv_operation(verb, key, …) -> operation (a function)
    catalog_register(payload)        catalog_deregister(payload)
    catalog_service(name) -> [instance]     catalog_nodes() -> [node]     health_service(name, passing=False) -> [entry]
    session_create(name, ttl_s=30, lock_delay_s=15, behavior="release") -> session_id
    session_renew(session_id) -> session, or NotFound               session_destroy(session_id)
    session_info(session_id) -> session | None
    acquire(key, value, session_id) -> bool                         release(key, value, session_id) -> bool
    leader() -> "host:port" | ""     agent_self() -> dict
    get(path, params=None, *, index=None, wait_s=None) -> Answer(body, index)
    library -> consul.Consul         close()
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from pryv_nomad.clients.blocking import Answer, next_index, parameters
from pryv_nomad.clients.options import TIMEOUT_S, ConsulOptions
from pryv_nomad.clients.retries import Retries
from pryv_nomad.errors import Conflict

if TYPE_CHECKING:
    from pryv_nomad.clients.consul_library import ConsulLibrary
    from pryv_nomad.clients.transport import Timing

__all__ = ["Answer", "Consul", "kv_operation"]

Json = dict[str, Any]
INDEX_HEADER = "X-Consul-Index"
# Consul's `maxTxnOps` (agent/txn_endpoint.go).
LONGEST_TRANSACTION = 128
FENCED_VERBS = frozenset({"cas", "delete-cas", "check-index", "check-session", "check-not-exists", "get", "get-tree"})


def kv_operation(
    verb: str, key: str, value: bytes | None = None, *, index: int | None = None, session: str | None = None
) -> Json:
    """One operation of a transaction: `set`, `cas`, `delete`, `delete-cas`, `check-index`, `check-session` …"""
    operation: Json = {"Verb": verb, "Key": key}
    if value is not None:
        operation["Value"] = base64.b64encode(value).decode()
    if index is not None:
        operation["Index"] = index
    if session is not None:
        operation["Session"] = session
    return {"KV": operation}


class Consul:
    """Consul's API. Made with `ConsulOptions`; raises ConnectionSettingError for unusable certificate files."""

    def __init__(
        self,
        options: ConsulOptions | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: Retries | None = None,
        timing: Timing | None = None,
    ) -> None:
        from pryv_nomad.clients import consul_library

        self.options = options or ConsulOptions()
        self._library = consul_library.connect(self.options, retries, timeout_s, timing)
        self._own_errors = consul_library.own_errors
        self._failures = self._library.http.session.failures

    def __repr__(self) -> str:
        return f"<Consul at {self.options.address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections."""
        self._library.http.close()

    @property
    def library(self) -> ConsulLibrary:
        """All of py-consul over the same session, for what has no method here."""
        return self._library

    # -- keys and values

    def kv_get(self, key: str) -> tuple[bytes, int] | None:
        """The value of a key and its ModifyIndex, or None."""
        with self._own_errors(self._failures, f"the key {key}"):
            _, item = self._library.kv.get(key)
        return None if item is None else (item["Value"] or b"", item["ModifyIndex"])

    def kv_list(self, prefix: str) -> list[tuple[str, bytes, int]]:
        """Key, value and ModifyIndex of all keys that begin with `prefix`, in one request, sorted by key."""
        with self._own_errors(self._failures, f"the keys {prefix}"):
            _, items = self._library.kv.get(prefix, recurse=True)
        return [(item["Key"], item["Value"] or b"", item["ModifyIndex"]) for item in items or ()]

    def kv_put(self, key: str, value: bytes, cas: int | None = None) -> bool:
        """Write a key; with `cas` only if that is its ModifyIndex (0: it must not exist), Conflict otherwise.

        At most 512 KiB. A guarded write whose answer was lost is repeated; where the first had arrived after all, that
        counts as done.
        """
        done, retried = self._send_key("PUT", key, cas, value)
        if not done and retried:
            found = self.kv_get(key)
            done = found is not None and found[0] == value
        return self._checked(done, key)

    def kv_delete(self, key: str, cas: int | None = None) -> bool:
        """Delete a key; with `cas` (not 0) only if that is its ModifyIndex, Conflict otherwise."""
        done, retried = self._send_key("DELETE", key, cas)
        if not done and retried:
            done = self.kv_get(key) is None
        return self._checked(done, key)

    def txn(self, operations: Sequence[Mapping[str, Any]]) -> list[Json]:
        """Carry out all operations (see `kv_operation`; at most 128) or none: Conflict when a check does not hold.

        The results are those of the operations that have one, values in base64 as Consul gives them.
        """
        if len(operations) > LONGEST_TRANSACTION:
            raise ValueError(f"a transaction holds at most {LONGEST_TRANSACTION} operations, not {len(operations)}")
        verbs = {operation.get("KV", {}).get("Verb") for operation in operations}
        fenced = "check-session" in verbs or verbs <= FENCED_VERBS
        answer: Json | None = self._send("PUT", "/v1/txn", body=list(operations), repeatable=fenced)
        return (answer or {}).get("Results") or []

    # -- the catalog

    def catalog_register(self, payload: Mapping[str, Any]) -> None:
        """Register a node, its services and checks: `{"Node": …, "Address": …, "Service": {…}, "Check": {…}}`."""
        self._send("PUT", "/v1/catalog/register", body=dict(payload))

    def catalog_deregister(self, payload: Mapping[str, Any]) -> None:
        """Take out a node, or its service (`ServiceID`) or check (`CheckID`). An unknown one is no error."""
        self._send("PUT", "/v1/catalog/deregister", body=dict(payload))

    def catalog_service(self, name: str) -> list[Json]:
        """The instances of a service, healthy or not; empty for an unknown one."""
        with self._own_errors(self._failures, f"the service {name}"):
            _, instances = self._library.catalog.service(name)
        return instances or []

    def catalog_nodes(self) -> list[Json]:
        """All nodes of the catalog."""
        with self._own_errors(self._failures, "the nodes"):
            _, nodes = self._library.catalog.nodes()
        return nodes or []

    def health_service(self, name: str, passing: bool = False) -> list[Json]:
        """Node, Service and Checks of each instance of a service; with `passing` of the healthy ones only."""
        with self._own_errors(self._failures, f"the service {name}"):
            _, entries = self._library.health.service(name, passing=passing or None)
        return entries or []

    # -- sessions and locks

    def session_create(self, name: str, ttl_s: int = 30, lock_delay_s: int = 15, behavior: str = "release") -> str:
        """Make a session and return its ID. Consul lets it go up to twice `ttl_s` (10 to 86,400) after its renewal, and
        keeps its locks from others for `lock_delay_s` more.
        """
        with self._own_errors(self._failures, "a session"):
            session_id: str = self._library.session.create(
                name=name, ttl=ttl_s, lock_delay=lock_delay_s, behavior=behavior
            )
        return session_id

    def session_renew(self, session_id: str) -> Json:
        """Renew a session. Raises NotFound for one that has expired."""
        with self._own_errors(self._failures, f"the session {session_id}"):
            session: Json = self._library.session.renew(session_id)
        return session

    def session_destroy(self, session_id: str) -> None:
        """End a session; its locks are released. An unknown one is no error."""
        with self._own_errors(self._failures, f"the session {session_id}"):
            self._library.session.destroy(session_id)

    def session_info(self, session_id: str) -> Json | None:
        """A session, or None when it has expired."""
        with self._own_errors(self._failures, f"the session {session_id}"):
            session: Json | None = self._library.session.info(session_id)[1]
        return session

    def acquire(self, key: str, value: bytes, session_id: str) -> bool:
        """Lock a key with a session and write `value`; False while another session holds it (or lock-delay runs).

        Raises NotFound when the session has expired.
        """
        with self._own_errors(self._failures, f"the lock {key}"):
            return bool(self._library.kv.put(key, value, acquire=session_id))

    def release(self, key: str, value: bytes, session_id: str) -> bool:
        """Unlock a key and write `value`; False when this session did not hold it."""
        with self._own_errors(self._failures, f"the lock {key}"):
            return bool(self._library.kv.put(key, value, release=session_id))

    # -- the agent

    def leader(self) -> str:
        """`address:port` of the leader, empty while there is none."""
        with self._own_errors(self._failures, "the leader"):
            return str(self._library.status.leader() or "")

    def agent_self(self) -> Json:
        """The agent that answers: `Config`, `Member`, `Stats`."""
        with self._own_errors(self._failures, "the agent"):
            found: Json = self._library.agent.self()
        return found

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        index: int | None = None,
        wait_s: float | None = None,
    ) -> Answer:
        """Read `path` (`/v1/health/service/NAME`, not quoted), blocking when `index` is given.

        A blocking query returns when something newer than `index` is there, or after `wait_s` seconds (300 when None).
        A return does not mean a change. Index 0 answers at once. The body is None for a 404 (no such key).
        """
        query = dict(params or {}) | (parameters(index, wait_s) if index is not None else {})
        try:
            found = self._library.http.send("GET", _read_with_index, path, list(query.items()))[0]
        except ValueError:
            found = None
        if found is None:
            raise self._failures.not_json(f"GET {path}")
        return Answer(found[0], next_index(index or 0, found[1]))

    def _send_key(self, method: str, key: str, cas: int | None, value: bytes = b"") -> tuple[bool, bool]:
        """Whether Consul did it, and whether it was asked more than once."""
        guard = [] if cas is None else [("cas", cas)]
        path = f"/v1/kv/{key}"
        try:
            answer = self._library.http.send(method, _read_json, path, guard, data=value, missing_ok=False)
            return bool(answer[0]), answer[1]
        except ValueError:
            pass
        raise self._failures.not_json(f"{method} {path}")

    def _send(self, method: str, path: str, *, body: Any, repeatable: bool = False) -> Any:
        data = json.dumps(body)
        try:
            return self._library.http.send(
                method, _read_json, path, data=data, repeatable=repeatable, missing_ok=False
            )[0]
        except ValueError:
            pass
        raise self._failures.not_json(f"{method} {path}")

    def _checked(self, done: bool, key: str) -> bool:
        if not done:
            raise Conflict(
                f"Consul refused to write {key}: its index does not match",
                "somebody else changed it meanwhile: look at what is there now, then plan again",
            )
        return True


def _read_json(response: Any) -> Any:
    """The body of py-consul's Response; None where it is empty or tells of nothing (404)."""
    return json.loads(response.body) if response.code < 300 and response.body.strip() else None


def _read_with_index(response: Any) -> tuple[Any, int]:
    return _read_json(response), int(response.headers.get(INDEX_HEADER) or 0)
