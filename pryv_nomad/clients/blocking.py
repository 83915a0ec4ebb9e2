"""Blocking queries: the server holds the answer back until something newer than an index is there.

The rules are the same for Nomad and Consul; a return does not mean a change, and an index may go back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Nomad's `MaxBlockingRPCQueryTime`; a longer wait is cut to it.
LONGEST_WAIT_S = 300.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The JSON that came, and the index to ask with next (0: ask afresh)."""

    body: Any
    index: int


def next_index(asked: int, answered: int) -> int:
    """The index to ask with next: the server's, or 0 (ask afresh) when it went back, as after a restored snapshot.

    Source: Nomad's and Consul's documentation of blocking queries.
    """
    return 0 if answered < asked else answered


def parameters(index: int, wait_s: float | None) -> dict[str, str]:
    """The query parameters of a blocking query; `wait_s` None means the longest wait."""
    wait = LONGEST_WAIT_S if wait_s is None else min(wait_s, LONGEST_WAIT_S)
    return {"index": str(index), "wait": f"{int(wait * 1000)}ms"}


def patience(timeout_s: float, wait_s: float | None) -> float:
    """How long such an answer may take: its wait, the sixteenth that servers add at random, and the usual time."""
    wait = LONGEST_WAIT_S if wait_s is None else min(wait_s, LONGEST_WAIT_S)
    return timeout_s + wait + wait / 16
