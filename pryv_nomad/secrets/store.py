"""Secrets in Nomad Variables: shared ones in `nomad/jobs`, a role's own in `nomad/jobs/JOB`.

Every write is a check-and-set on the variable as it was read, so two operators cannot undo each other's keys.
A variable holds at most 64 KiB (Nomad, structs/variables.go `maxVariableSize`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol


class Variables(Protocol):
    """What the store needs of Nomad's API (`clients.nomad.Nomad` has it)."""

    def variable(self, path: str) -> dict[str, Any] | None:
        """The variable {"Items": {key: value}, "ModifyIndex": …}, or None."""

    def put_variable(self, path: str, items: Mapping[str, str], cas: int) -> dict[str, Any]:
        """Write it if its index is still `cas` (0: if there is none). Raises Conflict."""


@dataclass(frozen=True, slots=True)
class Stored:
    """That a key is stored; its value is not here, so it cannot be printed by mistake."""

    path: str
    key: str
    length: int


class SecretStore:
    """Reads which keys are there, and writes keys."""

    def __init__(self, nomad: Variables) -> None:
        self._nomad = nomad

    def stored(self, paths: Iterable[str]) -> list[Stored]:
        """Every key at `paths`, sorted."""
        return sorted(
            (
                Stored(path, key, len(value))
                for path in dict.fromkeys(paths)
                for key, value in self._items(path)[0].items()
            ),
            key=lambda entry: (entry.path, entry.key),
        )

    def value(self, path: str, key: str) -> str | None:
        """The value of one key, for checks that need it (a certificate against its key). Never print it."""
        return self._items(path)[0].get(key)

    def put(self, path: str, values: Mapping[str, str]) -> None:
        """Add or replace keys of one variable, leaving its others. Raises Conflict when somebody else wrote it."""
        items, index = self._items(path)
        self._nomad.put_variable(path, {**items, **values}, cas=index)

    def _items(self, path: str) -> tuple[dict[str, str], int]:
        variable = self._nomad.variable(path)
        if variable is None:
            return {}, 0
        return dict(variable.get("Items") or {}), int(variable.get("ModifyIndex") or 0)
