"""Whether a gate passes, waits or fails: a pure function of what was counted so far, one measurement, and the time.

A gate passes after `count` good measurements in a row, and for as long as they stay good. It fails after
`failure_limit` in a row that were bad or that the source did not give, or when it does not pass within `timeout_s`.
So a source that cannot be asked waits and then fails; nothing but good measurements lets a gate pass. What failed
stays failed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pryv_nomad.gates.measuring import Measurement, Outcome
from pryv_nomad.rollout.gating import Verdict


@dataclass(frozen=True, slots=True)
class Rules:
    """How a gate counts. `timeout_s` 0 means that there is no limit (a person's gate)."""

    interval_s: float = 10.0
    count: int = 1
    failure_limit: int = 3
    timeout_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted of one gate at one point.

    `seen` is the last time on the clock, None before the first; `waited` counts the seconds since then, and `idle`
    those since the last measurement. Both only ever grow by what the clock went forward, so that a clock that goes back
    neither ends a time limit early nor keeps the gate from being asked for ever.
    """

    seen: float | None = None
    waited: float = 0.0
    idle: float = 0.0
    asked: int = 0
    good: int = 0
    bad: int = 0
    verdict: Verdict = Verdict.WAIT
    reason: str = "not asked yet"
    value: float | None = None


def at(tally: Tally, now: float) -> Tally:
    """The tally with the time that has passed."""
    passed = max(0.0, now - tally.seen) if tally.seen is not None else 0.0
    return replace(tally, seen=now, waited=tally.waited + passed, idle=tally.idle + passed)


def due(tally: Tally, rules: Rules, now: float) -> bool:
    """Whether the source is to be asked now."""
    if tally.verdict is Verdict.FAIL:
        return False
    return tally.asked == 0 or at(tally, now).idle >= rules.interval_s


def judge(tally: Tally, measurement: Measurement | None, rules: Rules, now: float) -> Tally:
    """The tally after a measurement, or after time alone (None)."""
    if tally.verdict is Verdict.FAIL:
        return tally
    after = at(tally, now)
    if measurement is not None:
        after = _counted(after, measurement, rules)
    late = 0 < rules.timeout_s <= after.waited
    if late and after.verdict is Verdict.WAIT and after.asked:
        reason = f"did not pass within {rules.timeout_s:g} s; last: {after.reason}"
        return replace(after, verdict=Verdict.FAIL, reason=reason)
    return after


def _counted(tally: Tally, measurement: Measurement, rules: Rules) -> Tally:
    said = measurement.outcome
    after = replace(tally, asked=tally.asked + 1, idle=0.0, value=measurement.value, reason=measurement.reason)
    if said is Outcome.GOOD:
        after = replace(after, good=tally.good + 1, bad=0)
        passes = after.good >= rules.count
        counted = "" if passes else f" ({after.good} of {rules.count} good in a row)"
        verdict = Verdict.PASS if passes else Verdict.WAIT
        return replace(after, verdict=verdict, reason=measurement.reason + counted)
    if said is Outcome.WAIT:
        return replace(after, good=0, verdict=Verdict.WAIT)
    after = replace(after, good=0, bad=tally.bad + 1)
    if after.bad >= rules.failure_limit:
        times = f", {after.bad} times in a row" if after.bad > 1 else ""
        return replace(after, verdict=Verdict.FAIL, reason=measurement.reason + times)
    counted = f" ({after.bad} of {rules.failure_limit} before it fails)"
    return replace(after, verdict=Verdict.WAIT, reason=measurement.reason + counted)
