"""Consul's `/v1/txn`: several operations that all happen or none (`agent/consul/state/txn.go` of Consul 1.14)."""

from __future__ import annotations

import base64
import binascii
import copy
from collections.abc import Callable
from typing import Any

from pryv_nomad.simulator.consul import catalog_operations
from pryv_nomad.simulator.consul.catalog import Catalog
from pryv_nomad.simulator.consul.kv import KeyValues
from pryv_nomad.simulator.errors import Refusal

Json = dict[str, Any]

LIMIT = 128


class _Failed(Exception):
    """One operation cannot be done; the whole transaction is not."""


def run(
    store: KeyValues, catalog: Catalog, operations: list[Json], index: int
) -> tuple[KeyValues, list[Json], list[Json]]:
    """Try the operations on a copy of the store: (the copy, results, errors). With errors the copy is of no use.

    The catalog's operations are carried out when there are no errors.
    """
    if len(operations) > LIMIT:
        raise Refusal(413, f"Transaction contains too many operations ({len(operations)} > {LIMIT})")
    trial = _copy(store, operations)
    results: list[Json] = []
    errors: list[Json] = []
    made: set[str] = set()
    for number, operation in enumerate(operations):
        if catalog_operations.kind_of(operation):
            reason = catalog_operations.fault(catalog, operation, made)
            errors += [{"OpIndex": number, "What": reason}] if reason else []
            continue
        given = operation.get("KV")
        if not isinstance(given, dict):
            raise Refusal(400, "the simulator's transactions know KV, Node, Service and Check operations only")
        verb = _VERBS.get(str(given.get("Verb")))
        if verb is None:
            raise Refusal(400, f'unknown KV verb "{given.get("Verb")}"')
        try:
            results += [{"KV": entry} for entry in verb(trial, given, index)]
        except _Failed as failure:
            errors.append({"OpIndex": number, "What": str(failure)})
    if not errors:
        for operation in filter(catalog_operations.kind_of, operations):
            results += catalog_operations.carry_out(catalog, operation, index)
    return trial, results, errors


def _copy(store: KeyValues, operations: list[Json]) -> KeyValues:
    """The store with copies of the entries that the operations name; the others are shared, as they do not change."""
    trial = KeyValues()
    trial.__dict__.update(copy.copy(store.__dict__))
    trial.entries = dict(store.entries)
    trial._order = list(store._order)
    trial.gone = dict(store.gone)
    for operation in operations:
        key = (operation.get("KV") or {}).get("Key")
        if key in trial.entries:
            trial.entries[key] = copy.copy(trial.entries[key])
    return trial


def _value(given: Json) -> bytes:
    try:
        return base64.b64decode(given.get("Value") or "")
    except binascii.Error as error:
        raise Refusal(400, f"cannot decode the value of {given.get('Key')!r}: {error}") from error


def _set(store: KeyValues, given: Json, index: int) -> list[Json]:
    entry = store.set(given["Key"], _value(given), index, int(given.get("Flags") or 0))
    return [entry.to_json(with_value=False)]


def _cas(store: KeyValues, given: Json, index: int) -> list[Json]:
    if not store.matches(given["Key"], int(given.get("Index") or 0)):
        raise _Failed(f'failed to set key "{given["Key"]}", index is stale')
    return _set(store, given, index)


def _delete(store: KeyValues, given: Json, index: int) -> list[Json]:
    store.delete(given["Key"], index)
    return []


def _delete_cas(store: KeyValues, given: Json, index: int) -> list[Json]:
    entry = store.entries.get(given["Key"])
    if entry is not None and entry.modify_index != int(given.get("Index") or 0):
        raise _Failed(f'failed to delete key "{given["Key"]}", index is stale')
    return _delete(store, given, index)


def _delete_tree(store: KeyValues, given: Json, index: int) -> list[Json]:
    for entry in store.under(given["Key"]):
        store.delete(entry.key, index)
    return []


def _get(store: KeyValues, given: Json, _index: int) -> list[Json]:
    entry = store.entries.get(given["Key"])
    if entry is None:
        raise _Failed(f'key "{given["Key"]}" doesn\'t exist')
    return [entry.to_json()]


def _get_tree(store: KeyValues, given: Json, _index: int) -> list[Json]:
    return [entry.to_json() for entry in store.under(given["Key"])]


def _check_session(store: KeyValues, given: Json, _index: int) -> list[Json]:
    entry, wanted = store.entries.get(given["Key"]), given.get("Session") or ""
    if entry is None:
        raise _Failed(f'failed to check session, key "{given["Key"]}" doesn\'t exist')
    if entry.session != wanted:
        text = f'failed session check for key "{given["Key"]}", current session "{entry.session}" != "{wanted}"'
        raise _Failed(text)
    return [entry.to_json(with_value=False)]


def _check_index(store: KeyValues, given: Json, _index: int) -> list[Json]:
    entry, wanted = store.entries.get(given["Key"]), int(given.get("Index") or 0)
    if entry is None:
        raise _Failed(f'failed to check index, key "{given["Key"]}" doesn\'t exist')
    if entry.modify_index != wanted:
        found = entry.modify_index
        raise _Failed(f'failed index check for key "{given["Key"]}", current modify index {found} != {wanted}')
    return [entry.to_json(with_value=False)]


def _check_not_exists(store: KeyValues, given: Json, _index: int) -> list[Json]:
    if given["Key"] in store.entries:
        raise _Failed(f'key "{given["Key"]}" exists')
    return []


_VERBS: dict[str, Callable[[KeyValues, Json, int], list[Json]]] = {
    "set": _set, "cas": _cas, "delete": _delete, "delete-cas": _delete_cas, "delete-tree": _delete_tree, "get": _get,
    "get-tree": _get_tree, "check-session": _check_session, "check-index": _check_index,
    "check-not-exists": _check_not_exists,
}  # fmt: skip
