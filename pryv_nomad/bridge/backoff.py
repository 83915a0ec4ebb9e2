"""How long to wait after a failure: longer each time up to a bound, and never all at the same moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits between half and the whole of a bound that doubles from `base_s` to `cap_s`."""

    base_s: float = 0.2
    cap_s: float = 10.0

    def pause(self, failures: int, roll: float) -> float:
        """Seconds to wait after `failures` failures in a row; `roll` is a random number in [0, 1)."""
        bound = min(self.cap_s, self.base_s * 2.0 ** min(max(failures - 1, 0), 30))
        return bound * (0.5 + roll / 2)


LONGEST_GAP_S = 3.0


def tick_gap(last_s: float, smallest_s: float) -> float:
    """Seconds to leave between two looks when changes never stop: as long as the last one took, within bounds.

    So the bridge never uses more than half a processor, however many cores change.
    """
    return max(smallest_s, min(last_s, LONGEST_GAP_S))
