"""Identifiers from a seed: they look like Nomad's UUIDs and are the same in every run with the same seed."""

from __future__ import annotations

import random


class Ids:
    """Makes UUIDs; `state` and `restore` carry the generator through a snapshot."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 (repeatable, not secret)

    def uuid(self) -> str:
        """A new identifier: 32 hexadecimal digits, grouped as a UUID's."""
        text = f"{self._random.getrandbits(128):032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def pick(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return self._random.randint(low, high)

    def state(self) -> list[object]:
        version, numbers, gauss = self._random.getstate()
        return [version, list(numbers), gauss]

    def restore(self, state: list[object]) -> None:
        version, numbers, gauss = state
        self._random.setstate((version, tuple(numbers), gauss))  # type: ignore[arg-type]
