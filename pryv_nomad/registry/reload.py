"""When a process that reads its file at its start only is restarted for a changed one: pure.

One instance at a time, under one lock of the whole platform: it waits until no change has come for a moment, takes the
lock, makes sure that another instance serves, leaves the edge's list, restarts, is healthy again, and is back on the
list before the lock is free for the next. Whatever goes wrong on the way, at most this one instance is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Phase(StrEnum):
    """What the instance is doing. It is off the edge's list in LEAVING and RESTARTING only."""

    IDLE = "idle"
    GATHERING = "gathering"
    QUEUED = "queued"
    LEAVING = "leaving"
    RESTARTING = "restarting"
    JOINING = "joining"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. `settle` is how long the edge may take from a change in Consul to its last request by the old list."""

    gather: float = 2.0
    gather_most: float = 10.0
    settle: float = 12.0
    leave_most: float = 45.0
    steady: float = 1.0
    restart_most: float = 120.0
    join_most: float = 60.0
    patience: float = 300.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How the process takes a changed file up. `gentle`: it goes on serving meanwhile (a signal that it understands).
    `leaves`: there is an edge in front of it, whose list it must leave."""

    gentle: bool = False
    leaves: bool = True


@dataclass(frozen=True, slots=True)
class State:
    """`running` is the digest of the file that the process has read, empty while that is not known. `target` is what it
    is to read. Times are seconds of a monotonic clock: `since` is when the phase began, `quiet` when the last change
    came, `seen_at` when Consul first showed what the phase waits for (gone, or back), `up` since when the process has
    been healthy. `ordered`: the process that had read the old file has ended, or has heard of the new one.
    """

    phase: Phase = Phase.IDLE
    since: float = 0.0
    running: str = ""
    target: str = ""
    quiet: float = 0.0
    seen_at: float | None = None
    up: float | None = None
    ordered: bool = False

    def serving(self, manner: Manner) -> bool:
        """Whether the edge may lead to the instance."""
        return manner.gentle or self.phase not in (Phase.LEAVING, Phase.RESTARTING)

    def went(self, phase: Phase, now: float) -> State:
        """The state at the beginning of a phase."""
        return replace(self, phase=phase, since=now, seen_at=None, up=None, ordered=False)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen just now. `live` is the digest of the file in place, empty for none. `shown` is whether Consul
    lists the instance as passing, None when it does not answer or does not know the instance; `others` how many other
    instances it lists, and how many of them pass (None when it does not answer)."""

    live: str
    healthy: bool
    locked: bool = False
    shown: bool | None = None
    others: tuple[int, int] | None = None


class Act(StrEnum):
    """What is to be done now."""

    TAKE_LOCK = "take the lock"
    RESTART = "restart"
    RELEASE_LOCK = "release the lock"


@dataclass(frozen=True, slots=True)
class Decision:
    """The next state, what is to be done, and one sentence of it. `alarm`: somebody should look."""

    state: State
    acts: tuple[Act, ...]
    sentence: str
    alarm: bool = False


def decide(state: State, seen: Seen, now: float, timing: Timing, manner: Manner) -> Decision:
    """One step. The caller sets `State.ordered` once a restart has ended the old process."""
    if not seen.live:
        return Decision(state, (), "there is no file yet")
    steps = {
        Phase.IDLE: _idle,
        Phase.GATHERING: _gathering,
        Phase.QUEUED: _queued,
        Phase.LEAVING: _leaving,
        Phase.RESTARTING: _restarting,
        Phase.JOINING: _joining,
    }
    return steps[state.phase](state, seen, now, timing, manner)


def _idle(state: State, seen: Seen, now: float, timing: Timing, manner: Manner) -> Decision:  # noqa: ARG001
    spare = (Act.RELEASE_LOCK,) if seen.locked else ()
    if not state.running:
        return Decision(replace(state, running=seen.live), spare, "the process begins with the file in place")
    if state.running == seen.live:
        return Decision(state, spare, "the process has the file in place")
    begun = replace(state.went(Phase.GATHERING, now), target=seen.live, quiet=now)
    return Decision(begun, spare, "a changed file: waiting for more changes")


def _gathering(state: State, seen: Seen, now: float, timing: Timing, manner: Manner) -> Decision:  # noqa: ARG001
    if seen.live == state.running:
        return Decision(state.went(Phase.IDLE, now), (), "the change was taken back")
    if seen.live != state.target:
        state = replace(state, target=seen.live, quiet=now)
    if now - state.quiet < timing.gather and now - state.since < timing.gather_most:
        return Decision(state, (), "a changed file: waiting for more changes")
    return Decision(state.went(Phase.QUEUED, now), (Act.TAKE_LOCK,), "asking for the lock")


def _queued(state: State, seen: Seen, now: float, timing: Timing, manner: Manner) -> Decision:
    if seen.live == state.running:
        return Decision(state.went(Phase.IDLE, now), (Act.RELEASE_LOCK,), "the change was taken back")
    if not seen.locked:
        return Decision(state, (Act.TAKE_LOCK,), "waiting for the lock, which another instance has")
    if seen.others is None:
        return Decision(state, (), "waiting for Consul to say who else serves")
    count, passing = seen.others
    waited = now - state.since
    if manner.gentle or not seen.healthy:
        return _restart(state, seen, now, "its turn")
    if passing < count and waited < timing.patience:
        told = "another instance is not healthy: waiting for it before this one restarts"
        return Decision(state, (), told, alarm=waited > timing.gather_most)
    if not passing:
        return _restart(state, seen, now, "no other instance serves meanwhile", alarm=True)
    if not manner.leaves:
        return _restart(state, seen, now, "its turn")
    return Decision(state.went(Phase.LEAVING, now), (), "its turn: leaving the edge's list")


def _leaving(state: State, seen: Seen, now: float, timing: Timing, manner: Manner) -> Decision:  # noqa: ARG001
    if not seen.locked:
        return Decision(state.went(Phase.QUEUED, now), (Act.TAKE_LOCK,), "lost the lock: back on the list")
    if seen.others is not None and not seen.others[1]:
        return Decision(state.went(Phase.QUEUED, now), (), "the other instances fail: back on the list", alarm=True)
    if seen.shown is False and state.seen_at is None:
        state = replace(state, seen_at=now)
    left = state.seen_at is not None and now - state.seen_at >= timing.settle
    if left:
        return _restart(state, seen, now, "off the list")
    if now - state.since >= timing.leave_most:
        return _restart(state, seen, now, "still on Consul's list", alarm=True)
    return Decision(state, (), "leaving: the edge is taking it off its list")


def _restart(state: State, seen: Seen, now: float, why: str, alarm: bool = False) -> Decision:
    begun = replace(state.went(Phase.RESTARTING, now), target=seen.live)
    return Decision(begun, (Act.RESTART,), f"{why}: restarting", alarm)


def _restarting(state: State, seen: Seen, now: float, timing: Timing, manner: Manner) -> Decision:  # noqa: ARG001
    late = now - state.since >= timing.restart_most
    if not state.ordered:
        return Decision(state, (Act.RESTART,), "restarting: the process has not ended yet", alarm=late)
    state = replace(state, up=None if not seen.healthy else now if state.up is None else state.up)
    if state.up is not None and now - state.up >= timing.steady:
        return Decision(replace(state.went(Phase.JOINING, now), running=state.target), (), "healthy: back on the list")
    if late:
        told = "not healthy after its restart; the other instances are left as they are"
        return Decision(state, (), told, alarm=True)
    return Decision(state, (), "restarting: waiting for its health")


def _joining(state: State, seen: Seen, now: float, timing: Timing, manner: Manner) -> Decision:
    if seen.shown and state.seen_at is None:
        state = replace(state, seen_at=now)
    settle = timing.settle if manner.leaves and not manner.gentle else 0.0
    back = state.seen_at is not None and now - state.seen_at >= settle
    late = now - state.since >= timing.join_most
    if not back and not late:
        return Decision(state, (), "joining: the edge is taking it on its list")
    done = state.went(Phase.IDLE, now)
    told = "back on the list" if back else "not yet on Consul's list; going on"
    return Decision(done, (Act.RELEASE_LOCK,), told, alarm=not back)
