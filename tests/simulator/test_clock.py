"""Virtual time."""

from __future__ import annotations

from pryv_nomad.simulator import Simulator
from pryv_nomad.simulator.clock import EPOCH, SECOND, Timeline
from simulator.specs import cluster, deployed, job, live


def test_events_come_in_the_order_of_their_time_and_ties_in_that_of_their_scheduling() -> None:
    timeline = Timeline(0)
    timeline.after(5, "late")
    timeline.after(1, "first")
    timeline.after(1, "second")
    kinds = []
    while (due := timeline.pop(4)) is not None:
        kinds.append((due.kind, timeline.now))
    assert kinds == [("first", 1), ("second", 1)]
    assert timeline.next_due() == 5


def test_what_was_due_in_the_past_is_due_now() -> None:
    timeline = Timeline(100)
    timeline.at(3, "late")
    due = timeline.pop(100)
    assert due is not None
    assert due.at == 100


def test_time_passes_only_when_it_is_asked_to() -> None:
    simulator = Simulator()
    assert simulator.now == EPOCH
    simulator.advance(90)
    assert simulator.now == EPOCH + 90 * SECOND


def test_waiting_ends_with_the_event_that_fulfils_the_condition() -> None:
    simulator = cluster()
    start = simulator.now
    deployed(simulator, job())
    # 0.25 s to start, 1 s to be healthy, 1 s until the deployment is looked at again.
    assert simulator.now - start == int(2.25 * SECOND)
    assert not simulator.run_until(lambda: False, 10)
    assert simulator.now - start == int(12.25 * SECOND)


def test_a_call_takes_no_time_and_its_consequences_are_there() -> None:
    simulator = cluster()
    before = simulator.now
    simulator.jobs.register({"Job": job()}, "default")
    simulator.settle()
    assert simulator.now == before
    assert [alloc.status for alloc in simulator.state.allocs.values()] == ["pending"]
    simulator.advance(1)
    assert len(live(simulator)) == 1
