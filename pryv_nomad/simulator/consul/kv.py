"""Consul's KV store: check-and-set, prefixes, locks (`agent/consul/state/kvs.go` of Consul 1.14)."""

from __future__ import annotations

import base64
from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True)
class Entry:
    """One key. `session` holds its lock, `lock_index` counts how often it was taken."""

    key: str
    value: bytes
    create_index: int
    modify_index: int
    flags: int = 0
    lock_index: int = 0
    session: str = ""

    def to_json(self, with_value: bool = True) -> Json:
        result: Json = {
            "LockIndex": self.lock_index, "Key": self.key, "Flags": self.flags,
            "Value": base64.b64encode(self.value).decode() if with_value and self.value else None,
            "CreateIndex": self.create_index, "ModifyIndex": self.modify_index,
        }  # fmt: skip
        if self.session:
            result["Session"] = self.session
        return result


class KeyValues:
    """The keys in order. Deletions leave a trace, so that a prefix's index rises when one of its keys goes."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self._order: list[str] = []
        # When deleted keys were deleted.
        self.gone: dict[str, int] = {}

    def under(self, prefix: str) -> list[Entry]:
        """The entries whose keys begin with a prefix, in order."""
        found = []
        for position in range(bisect_left(self._order, prefix), len(self._order)):
            key = self._order[position]
            if not key.startswith(prefix):
                break
            found.append(self.entries[key])
        return found

    def index_under(self, prefix: str) -> int:
        """When anything under a prefix changed last, 0 when nothing ever was there."""
        present = max((entry.modify_index for entry in self.under(prefix)), default=0)
        gone = max((index for key, index in self.gone.items() if key.startswith(prefix)), default=0)
        return max(present, gone)

    def set(self, key: str, value: bytes, index: int, flags: int = 0) -> Entry:
        """Write a key; one that is written with what it holds already stays as it is."""
        entry = self.entries.get(key)
        if entry is None:
            entry = self.entries[key] = Entry(key, value, index, index, flags)
            insort(self._order, key)
            self.gone.pop(key, None)
        elif (entry.value, entry.flags) != (value, flags):
            entry.value, entry.flags, entry.modify_index = value, flags, index
        return entry

    def put_back(self, entry: Entry) -> None:
        """Add an entry of a snapshot as it is."""
        self.entries[entry.key] = entry
        insort(self._order, entry.key)

    def delete(self, key: str, index: int) -> None:
        if self.entries.pop(key, None) is not None:
            del self._order[bisect_left(self._order, key)]
            self.gone[key] = index

    def matches(self, key: str, cas: int) -> bool:
        """Whether a check-and-set with this index may write: 0 for a key that must not exist."""
        entry = self.entries.get(key)
        return entry is None if cas == 0 else entry is not None and entry.modify_index == cas
