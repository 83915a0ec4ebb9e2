"""What stands between a wave and the next: points at which gates are asked, and what they answer, as values.

A *point* is a text: `wave 2` (the cores of wave 2 are done) or `promote pryv-core-co1` (its canaries are healthy).
Whoever drives a rollout asks the gates of the points that `decide` names; the answers are part of the next observation.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

WAVE, PROMOTE = "wave", "promote"


def wave_point(number: int) -> str:
    """After a wave (counted from 1)."""
    return f"{WAVE} {number}"


def promotion_point(job_id: str) -> str:
    """Before a promotion."""
    return f"{PROMOTE} {job_id}"


class Verdict(StrEnum):
    """What a gate says."""

    PASS = "pass"  # noqa: S105 - no password
    WAIT = "wait"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class GateReading:
    """What a gate said at a point, and why. `value` is what was measured, None where there is no number; `person` is
    whether a person is asked (`rollout promote` lets the point pass)."""

    point: str
    name: str
    verdict: Verdict
    reason: str = ""
    value: float | None = None
    person: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """A point at which the gates are to be asked: `cores` are those that it is about (of the wave, or of the canary),
    `since` when it was reached on the rollout's clock."""

    point: str
    cores: tuple[str, ...]
    since: float = 0.0

    @property
    def moment(self) -> str:
        """`wave` or `promote`."""
        return self.point.partition(" ")[0]


class Gates(Protocol):
    """The gates of one rollout. They keep their own counts of readings from one call to the next.

    `read` answers for each question with one reading a gate that applies to it, none where no gate applies. `now`
    counts seconds on the rollout's clock; `promoted` are the points that a person let pass. It does not raise: a source
    that cannot be asked is `wait`, and later `fail`.
    """

    def read(self, questions: Iterable[Question], promoted: frozenset[str], now: float) -> tuple[GateReading, ...]: ...


class NoGates:
    """No gate applies anywhere."""

    def read(self, _questions: Iterable[Question], _promoted: frozenset[str], _now: float) -> tuple[GateReading, ...]:
        """Nothing."""
        return ()


class Moment(StrEnum):
    """When hooks are called."""

    BEFORE_ROLLOUT = "before rollout"
    BEFORE_WAVE = "before wave"
    AFTER_WAVE = "after wave"
    AFTER_ROLLOUT = "after rollout"
    ON_FAILURE = "on failure"


@dataclass(frozen=True, slots=True)
class Call:
    """A hook's call: the moment, the number of the wave (0 outside of waves), its cores, and why (of a failure)."""

    moment: Moment
    wave: int = 0
    cores: tuple[str, ...] = ()
    reason: str = ""

    @property
    def name(self) -> str:
        """By which it is remembered that it was made."""
        return f"{self.moment} {self.wave}" if self.wave else str(self.moment)


class Hooks(Protocol):
    """The hooks of one rollout. `wanted` are the moments at which there is one; `call` does it and returns what to
    tell, or raises PryvNomadError: that stops the rollout, but for calls on a failure or after the rollout."""

    @property
    def wanted(self) -> frozenset[Moment]: ...

    def call(self, rollout: str, call: Call) -> str: ...


class NoHooks:
    """No hook anywhere."""

    wanted: frozenset[Moment] = frozenset()

    def call(self, _rollout: str, _call: Call) -> str:
        """Nothing."""
        return ""
