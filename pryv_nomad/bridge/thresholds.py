"""When a core that is probed counts as failing, and when as well again: pure.

One lost packet must not turn a check red, and one lucky answer must not make a core a member.
"""

from __future__ import annotations

from dataclasses import dataclass

from pryv_nomad.bridge.entries import CRITICAL, PASSING


@dataclass(frozen=True, slots=True)
class Thresholds:
    """`failures` in a row make a core critical, `passes` in a row passing."""

    failures: int = 3
    passes: int = 2

    def __post_init__(self) -> None:
        if self.failures < 1 or self.passes < 1:
            raise ValueError("a threshold is at least 1")


@dataclass(frozen=True, slots=True)
class Health:
    """A core's standing: `status` is passing, critical, or empty until enough is known; `why` is what it is for. The
    last `streak` answers were alike, and `passed` says how."""

    status: str = ""
    why: str = ""
    streak: int = 0
    passed: bool = True

    def after(self, passed: bool, why: str, thresholds: Thresholds) -> Health:
        """The standing after one more answer."""
        streak = self.streak + 1 if passed == self.passed else 1
        needed = thresholds.passes if passed else thresholds.failures
        if streak >= needed:
            return Health(PASSING if passed else CRITICAL, why, min(streak, needed), passed)
        return Health(self.status, self.why, streak, passed)
