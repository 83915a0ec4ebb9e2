"""How numbers and Nomad's durations read in a sentence."""

from __future__ import annotations

NANOSECONDS = 1_000_000_000


def counted(number: int, noun: str) -> str:
    """`1 node`, `3 nodes`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
