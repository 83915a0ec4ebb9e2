"""What `pryv-nomad secrets` does: fill in what is missing, tell what is there, replace a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pryv_nomad.errors import SecretsError
from pryv_nomad.secrets.generate import check_key, new_key
from pryv_nomad.secrets.needs import Need
from pryv_nomad.secrets.store import SecretStore, Stored


@dataclass(frozen=True, slots=True)
class State:
    """A needed secret, and whether it is stored."""

    need: Need
    stored: Stored | None


def states(needed: Sequence[Need], store: SecretStore) -> list[State]:
    """Each needed secret with what is stored of it, in the order of `needed`."""
    found = {(entry.path, entry.key): entry for entry in store.stored(need.path for need in needed)}
    return [State(need, found.get((need.path, need.key))) for need in needed]


def missing(needed: Sequence[Need], store: SecretStore) -> list[Need]:
    """The needed secrets that are not stored."""
    return [state.need for state in states(needed, store) if state.stored is None]


def require(needed: Sequence[Need], store: SecretStore) -> None:
    """Raise SecretsError that names every missing secret and the command that stores it."""
    absent = missing(needed, store)
    if absent:
        lines = [f"{need.key} is not in the Nomad Variable {need.path}" for need in absent]
        raise SecretsError("\n".join(lines), "; ".join(dict.fromkeys(need.remedy for need in absent)))


def init(needed: Sequence[Need], store: SecretStore, given: Mapping[str, str]) -> list[Need]:
    """Store what is missing: the value in `given` where there is one, else a new key. Returns what was stored.

    A key that is stored already stays, so a second call does nothing. A malformed value in `given` stops it all before
    anything is written. Raises SecretsError, Conflict.
    """
    absent = missing(needed, store)
    values = {need: given.get(need.key) or (new_key(need.length) if need.generated else "") for need in absent}
    for need, value in values.items():
        if need.generated:
            check_key(need.key, value)
    filled = [need for need in absent if values[need]]
    for path in dict.fromkeys(need.path for need in filled):
        store.put(path, {need.key: values[need] for need in filled if need.path == path})
    return filled


def rotate(keys: Sequence[str], needed: Sequence[Need], store: SecretStore) -> list[Need]:
    """Replace each of `keys` by a new one. Raises SecretsError for a key that is unknown or not ours to make."""
    chosen = [find(key, needed) for key in dict.fromkeys(keys)]
    for need in chosen:
        if not need.generated:
            raise SecretsError(f"{need.key}: this secret is given, not made", f"store the new one with `{need.remedy}`")
    for path in dict.fromkeys(need.path for need in chosen):
        store.put(path, {need.key: new_key(need.length) for need in chosen if need.path == path})
    return chosen


def find(key: str, needed: Sequence[Need]) -> Need:
    """The needed secret `key`. Raises SecretsError with those that there are."""
    for need in needed:
        if need.key == key:
            return need
    raise SecretsError(f"{key}: not a secret of this platform", f"there are {', '.join(need.key for need in needed)}")
