"""The virtual clock: a heap of what is due when.

Nothing in the simulator reads the machine's clock. Time is a number of nanoseconds since 1970 that moves from one due
event to the next, so an hour costs as much as what happens in it. Events are plain data (a kind and a key), hence a
snapshot can hold them.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

SECOND = 1_000_000_000
MILLISECOND = 1_000_000

# 2026-01-01T00:00:00Z: where a simulator starts unless told otherwise, so that two runs print the same times.
EPOCH = 1_767_225_600 * SECOND


class Due(NamedTuple):
    """One event: `at` in nanoseconds, `order` breaks ties by age, `kind` names the handler, `key` what it is about."""

    at: int
    order: int
    kind: str
    key: tuple[str, ...]


class Timeline:
    """The clock's now and the events that are still to come, earliest first, ties in the order of their scheduling."""

    def __init__(self, now: int = EPOCH) -> None:
        self.now = now
        self._heap: list[Due] = []
        self._order = 0

    def after(self, delay: int, kind: str, *key: str) -> None:
        """Schedule an event `delay` nanoseconds from now (a negative delay counts as 0)."""
        self.at(self.now + max(delay, 0), kind, *key)

    def at(self, moment: int, kind: str, *key: str) -> None:
        """Schedule an event at a moment; one in the past is due at once."""
        self._order += 1
        heapq.heappush(self._heap, Due(max(moment, self.now), self._order, kind, key))

    def next_due(self) -> int | None:
        """When the next event is due, in nanoseconds, or None when nothing is waiting."""
        return self._heap[0].at if self._heap else None

    def pop(self, until: int) -> Due | None:
        """The next event due at or before `until`, with the clock moved to it; None when there is none."""
        if not self._heap or self._heap[0].at > until:
            return None
        due = heapq.heappop(self._heap)
        self.now = max(self.now, due.at)
        return due

    def restore(self, pending: list[Due]) -> None:
        """Take over what was still to come in a snapshot."""
        self._heap = sorted(pending)
        self._order = max((due.order for due in pending), default=0)

    def pending(self) -> list[Due]:
        """What is still to come, earliest first: for snapshots."""
        return sorted(self._heap)
