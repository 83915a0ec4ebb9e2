"""Writes to Consul that happen only while a lock is ours, and lists of operations cut to what a transaction holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pryv_nomad.clients.consul import LONGEST_TRANSACTION, kv_operation

Json = dict[str, Any]

# Consul refuses a transaction's request of more than 512 KiB (`limits.txn_max_req_len`); JSON around the values is
# not in our count.
LARGEST_TRANSACTION = 384 * 1024


@dataclass(frozen=True, slots=True)
class Fence:
    """The lock that every write checks: its key and our session."""

    key: str
    session: str

    def operation(self) -> Json:
        """The first operation of every transaction."""
        return kv_operation("check-session", self.key, session=self.session)


def in_batches(operations: Iterable[Json], reserved: int = 1) -> Iterator[list[Json]]:
    """The operations in order, in lists that fit into a transaction with `reserved` further operations."""
    batch: list[Json] = []
    size = 0
    for operation in operations:
        weight = len(operation["KV"].get("Value", "")) + len(operation["KV"]["Key"])
        if batch and (len(batch) + reserved >= LONGEST_TRANSACTION or size + weight > LARGEST_TRANSACTION):
            yield batch
            batch, size = [], 0
        batch.append(operation)
        size += weight
    if batch:
        yield batch
