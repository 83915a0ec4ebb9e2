"""Nomad Variables in memory, with their check-and-set: enough for what is decided on top of them.

The verbs run against the API itself in tests/cli/test_secrets.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pryv_nomad.errors import Conflict


class MemoryVariables:
    """Variables by path. `before_write` is called before each write, as another operator's chance to be faster."""

    def __init__(self) -> None:
        self.items: dict[str, dict[str, str]] = {}
        self.indexes: dict[str, int] = {}
        self.writes = 0
        self.before_write: Callable[[], None] = lambda: None

    def variable(self, path: str) -> dict[str, Any] | None:
        if path not in self.items:
            return None
        return {"Path": path, "Items": dict(self.items[path]), "ModifyIndex": self.indexes[path]}

    def put_variable(self, path: str, items: Mapping[str, str], cas: int) -> dict[str, Any]:
        self.before_write()
        if self.indexes.get(path, 0) != cas:
            raise Conflict(f"{path}: somebody else wrote it")
        self.writes += 1
        self.items[path] = dict(items)
        self.indexes[path] = self.writes
        return {"ModifyIndex": self.writes}
