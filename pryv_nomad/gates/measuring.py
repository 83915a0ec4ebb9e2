"""What a source of gates answers, as values, and the interface that each source has."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from pryv_nomad.rollout.gating import Question


class Outcome(StrEnum):
    """What one measurement says. `WAIT` is the source's own word for "not yet"; `SILENT` means that it could not be
    asked, or said nothing that can be judged."""

    GOOD = "good"
    BAD = "bad"
    WAIT = "wait"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One answer: what it says, why, and the number behind it (None where there is none)."""

    outcome: Outcome
    reason: str
    value: float | None = None


def good(reason: str, value: float | None = None) -> Measurement:
    """As it should be."""
    return Measurement(Outcome.GOOD, reason, value)


def bad(reason: str, value: float | None = None) -> Measurement:
    """Not as it should be."""
    return Measurement(Outcome.BAD, reason, value)


def wait(reason: str, value: float | None = None) -> Measurement:
    """Too early to say."""
    return Measurement(Outcome.WAIT, reason, value)


def silent(reason: str) -> Measurement:
    """The source could not be asked."""
    return Measurement(Outcome.SILENT, reason)


class Source(Protocol):
    """A kind of gate. `measure` asks once, within the source's own time limit, and does not raise for a source that is
    down, slow, or says nonsense: that is a silent measurement. `describe` says in a line what is asked."""

    def measure(self, question: Question) -> Measurement: ...

    def describe(self) -> str: ...


def several(found: dict[str, Measurement]) -> Measurement:
    """One measurement of many, by what they are about: the worst outcome, with up to three of its reasons."""
    for outcome in (Outcome.BAD, Outcome.SILENT, Outcome.WAIT):
        which = {name: each for name, each in found.items() if each.outcome is outcome}
        if which:
            shown = [f"{name}: {each.reason}" for name, each in list(which.items())[:3]]
            more = f" and {len(which) - 3} more" if len(which) > 3 else ""
            return Measurement(outcome, "; ".join(shown) + more, next(iter(which.values())).value)
    values = [each.value for each in found.values() if each.value is not None]
    if len(found) == 1:
        return next(iter(found.values()))
    return good(f"all {len(found)} good", max(values, default=None))
