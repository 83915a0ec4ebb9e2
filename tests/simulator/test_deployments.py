"""Deployments over simulated hours."""

from __future__ import annotations

import pytest

from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.faults import NeverHealthy, SlowStart, TaskFails
from simulator.specs import (
    SECOND,
    allocs,
    changed,
    cluster,
    deployed,
    deployment,
    job,
    live,
    register,
    update,
    with_image,
)


def exponential(first: int, most: int) -> dict[str, object]:
    """Unlimited attempts, the seconds between them doubling."""
    return {"Unlimited": True, "Delay": first * SECOND, "DelayFunction": "exponential", "MaxDelay": most * SECOND}


def test_a_canary_of_each_group_waits_until_all_are_promoted() -> None:
    simulator = cluster()
    spec = job(Count=3, Update=update(Canary=2))
    deployed(simulator, spec)
    register(simulator, with_image(spec, "core:2"))
    simulator.advance(10)
    latest = deployment(simulator)
    assert latest.description == "Deployment is running but requires manual promotion"
    assert len(live(simulator)) == 5
    simulator.advance(3 * 3600)
    assert latest.status == "running"
    simulator.deployments.promote(latest, ["api"])
    assert simulator.run_until(lambda: latest.status == "successful", 60)
    assert [alloc.job.version for alloc in live(simulator)] == [1, 1, 1]


def test_a_canary_is_not_placed_twice() -> None:
    simulator = cluster()
    spec = job(Update=update(Canary=1))
    deployed(simulator, spec)
    register(simulator, with_image(spec, "core:2"))
    for _ in range(5):
        simulator.advance(5)
        register(simulator, with_image(spec, "core:2"))
    assert len([alloc for alloc in allocs(simulator) if alloc.job.version == 1]) == 1


def test_a_promotion_that_names_no_known_group_promotes_nothing() -> None:
    simulator = cluster()
    spec = job(Update=update(Canary=1))
    deployed(simulator, spec)
    register(simulator, with_image(spec, "core:2"))
    simulator.advance(10)
    simulator.deployments.promote(deployment(simulator), ["other"])
    simulator.advance(10)
    assert deployment(simulator).needs_promotion


def test_never_healthy_fails_at_the_healthy_deadline() -> None:
    simulator = cluster()
    spec = job()
    deployed(simulator, spec)
    simulator.inject(NeverHealthy(image="core:2"))
    register(simulator, with_image(spec, "core:2"))
    start = simulator.now
    latest = deployment(simulator)
    assert simulator.run_until(lambda: latest.status == "failed", 120)
    assert simulator.now - start == 20 * SECOND
    assert latest.description == "Failed due to unhealthy allocations"
    assert [alloc.status for alloc in allocs(simulator)] == ["complete", "running"]


def test_a_slow_start_that_is_in_time_is_fine() -> None:
    simulator = cluster()
    simulator.inject(SlowStart(seconds=15))
    start = simulator.now
    deployed(simulator, job())
    assert simulator.now - start == int(17.25 * SECOND)


def test_the_progress_deadline_counts_from_the_last_progress() -> None:
    simulator = cluster()
    simulator.inject(SlowStart(seconds=18))
    spec = job(Count=5, Update=update(ProgressDeadline=25 * SECOND))
    deployed(simulator, spec)
    register(simulator, with_image(spec, "core:2"))
    latest = deployment(simulator)
    # One after the other, 20 s each: longer than the deadline, but each of them is progress.
    assert simulator.run_until(lambda: not latest.active, 600)
    assert latest.status == "successful"


def test_auto_revert_goes_back_to_the_last_stable_version_only() -> None:
    simulator = cluster()
    spec = job(Update=update(AutoRevert=True))
    deployed(simulator, spec)
    simulator.inject(TaskFails(image="bad:*"))
    register(simulator, with_image(spec, "bad:1"))
    first = deployment(simulator)
    assert simulator.run_until(lambda: first.status == "failed", 60)
    assert first.description.endswith("rolling back to job version 0")
    assert simulator.run_until(lambda: deployment(simulator).status == "successful", 60)
    assert simulator.state.jobs["default", "web"].version == 2
    register(simulator, with_image(spec, "bad:2"))
    second = deployment(simulator)
    assert simulator.run_until(lambda: second.status == "failed", 60)
    assert second.description.endswith("rolling back to job version 2")


def test_a_failure_of_what_is_stable_is_not_reverted_to_itself() -> None:
    simulator = cluster()
    spec = job(Update=update(AutoRevert=True))
    deployed(simulator, spec)
    # The old version fails as well when it comes back.
    simulator.inject(TaskFails(image="bad:1"), TaskFails(version=2))
    register(simulator, with_image(spec, "bad:1"))
    first = deployment(simulator)
    simulator.run_until(lambda: first.status == "failed", 60)
    simulator.run_until(lambda: deployment(simulator).status == "failed", 60)
    found = deployment(simulator).description
    assert found.endswith("not rolling back to stable job version 2 as current job has same specification")


def test_restarts_come_before_a_failure_and_rescheduling_after_it() -> None:
    simulator = cluster(nodes=2)
    simulator.inject(TaskFails(times=3, after=5))
    spec = job(
        RestartPolicy={"Attempts": 1, "Delay": 2 * SECOND, "Interval": 600 * SECOND, "Mode": "fail"},
        ReschedulePolicy=exponential(30, 3600),
        Update={"MaxParallel": 0},
    )
    register(simulator, spec)
    simulator.advance(20)
    (failed,) = allocs(simulator)
    assert (failed.status, failed.tasks["main"].restarts) == ("failed", 1)
    assert simulator.run_until(lambda: len(allocs(simulator)) == 2, 60)
    again = allocs(simulator)[1]
    assert (again.previous, failed.next) == (failed.id, again.id)
    # Not where it failed, where there is another place.
    assert again.node_id != failed.node_id
    assert again.reschedules[0]["Delay"] == 30 * SECOND
    assert simulator.run_until(lambda: [a.status for a in live(simulator)] == ["running"], 60)
    assert again.tasks["main"].restarts == 1 or simulator.run_until(lambda: again.tasks["main"].restarts == 1, 60)


def test_the_delay_between_attempts_doubles() -> None:
    simulator = cluster(nodes=2)
    simulator.inject(TaskFails())
    spec = job(
        ReschedulePolicy=exponential(10, 60),
        Update={"MaxParallel": 0},
    )
    register(simulator, spec)
    simulator.advance(600)
    delays = [alloc.reschedules[-1]["Delay"] // SECOND for alloc in allocs(simulator) if alloc.reschedules]
    assert delays[:5] == [10, 20, 40, 60, 60]


def test_a_lost_promotion_race_is_a_refusal() -> None:
    simulator = cluster()
    deployed(simulator, job())
    for call in (
        lambda: simulator.deployments.promote(deployment(simulator), None),
        lambda: simulator.deployments.fail(deployment(simulator)),
        lambda: simulator.deployments.pause(deployment(simulator), True),
    ):
        with pytest.raises(Refusal, match="terminal deployment"):
            call()


def test_manual_health_waits_for_the_operator() -> None:
    simulator = cluster()
    register(simulator, job(Update=update(HealthCheck="manual")))
    simulator.advance(30)
    latest = deployment(simulator)
    assert latest.status == "running"
    simulator.deployments.set_health(latest, [alloc.id for alloc in live(simulator)], [])
    simulator.settle()
    assert simulator.run_until(lambda: latest.status == "successful", 10)


def test_scaling_down_stops_the_highest_numbers() -> None:
    simulator = cluster()
    spec = job(Count=4)
    deployed(simulator, spec)
    register(simulator, changed(spec, lambda group: group.update(Count=2)))
    simulator.advance(5)
    assert sorted(alloc.name for alloc in live(simulator)) == ["web.api[0]", "web.api[1]"]
