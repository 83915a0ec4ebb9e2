"""When a failed allocation may be tried again elsewhere (reschedule policy; `nomad/structs` of Nomad 1.6.5)."""

from __future__ import annotations

from typing import Any

from pryv_nomad.simulator.objects import Alloc

Json = dict[str, Any]

# Reschedule events that an unlimited policy carries from allocation to allocation.
_KEPT_EVENTS = 5


def policy_of(alloc: Alloc) -> Json | None:
    """The reschedule policy of the allocation's group; None for system jobs."""
    group = alloc.job.groups.get(alloc.group)
    return None if group is None else group["ReschedulePolicy"]


def attempts_left(alloc: Alloc, policy: Json | None, failed_at: int) -> bool:
    """Whether the policy allows another attempt, whenever that may be."""
    if policy is None:
        return False
    if policy["Unlimited"]:
        return True
    return bool(_attempted(alloc, policy, failed_at) < policy["Attempts"])


def _attempted(alloc: Alloc, policy: Json, failed_at: int) -> int:
    return sum(1 for event in alloc.reschedules if failed_at - event["RescheduleTime"] < policy["Interval"])


def next_delay(alloc: Alloc, policy: Json, failed_at: int) -> int:
    """How long after the failure the next attempt comes, in nanoseconds."""
    events = alloc.reschedules
    delay: int = policy["Delay"]
    if not events:
        return delay
    if policy["DelayFunction"] == "exponential":
        delay = events[-1]["Delay"] * 2
    elif policy["DelayFunction"] == "fibonacci" and len(events) >= 2:
        delay = events[-1]["Delay"] + events[-2]["Delay"]
    if policy["MaxDelay"] and delay > policy["MaxDelay"]:
        delay = policy["MaxDelay"]
        if failed_at - events[-1]["RescheduleTime"] > delay:
            delay = policy["Delay"]
    return delay


def failed_at(alloc: Alloc) -> int:
    """When the allocation failed: when its last task ended."""
    finished = max((task.finished for task in alloc.tasks.values()), default=0)
    return finished or alloc.modify_time


def next_time(alloc: Alloc, since: int | None = None) -> int | None:
    """When a failed allocation may be replaced, None when never. `since` stands in for the moment of failure where the
    allocation did not fail but lost its node."""
    policy = policy_of(alloc)
    if policy is None or not (policy["Unlimited"] or policy["Attempts"]):
        return None
    if since is None:
        if alloc.desired == "stop" or alloc.status != "failed":
            return None
        since = failed_at(alloc)
    delay = next_delay(alloc, policy, since)
    if alloc.reschedules and not policy["Unlimited"]:
        allowed = _attempted(alloc, policy, since) < policy["Attempts"] and delay < policy["Interval"]
        return since + delay if allowed else None
    return since + delay


def carried_events(previous: Alloc, now: int) -> list[Json]:
    """The reschedule events of the allocation that takes the place of `previous`."""
    policy = policy_of(previous)
    if policy is None:
        return []
    if policy["Unlimited"] or not policy["Attempts"]:
        kept = previous.reschedules[-_KEPT_EVENTS:]
    else:
        kept = [event for event in previous.reschedules if now - event["RescheduleTime"] <= policy["Interval"]]
    delay = next_delay(previous, policy, failed_at(previous))
    event = {"Delay": delay, "PrevAllocID": previous.id, "PrevNodeID": previous.node_id, "RescheduleTime": now}
    return [*kept, event]
