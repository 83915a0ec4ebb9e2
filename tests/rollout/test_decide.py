"""`decide` against a made-up world: invariants 6 and 7 of the design as properties, and a table of single decisions."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.intent import Intent, Member, Platform, Policy
from pryv_nomad.rollout.actions import Adopt, Enlist, Explain, Promote, Register, Stop
from pryv_nomad.rollout.decide import MOST_UNITS, Decision, decide
from pryv_nomad.rollout.judge import MARGIN_S, PLACEMENT_S
from pryv_nomad.rollout.state import Observation, Phase, Rollout, Sight, State, Status
from tests.plan.made import change, core_changes

POLICY = Policy(1, 600.0)
ACTIONS = st.sampled_from([Action.UPDATE, Action.CREATE, Action.ADOPT])


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    hostings = draw(st.lists(st.sampled_from(["ch", "us"]), min_size=1, max_size=7))
    members = tuple(Member(f"co{number}", hosting) for number, hosting in enumerate(hostings))
    changes: list[Change] = [
        change("pryv-redis", draw(ACTIONS), kind="redis"),
        change("pryv-dns", draw(ACTIONS), kind="dns"),
    ]
    for member in members:
        action = draw(ACTIONS)
        own = core_changes(member.name, action, member.hosting)
        changes += own[draw(st.integers(0, 2)) :]
    changes.append(change("pryv-static", draw(ACTIONS), kind="static"))
    policy = Policy(
        draw(st.integers(1, 3)),
        600.0,
        strategy=draw(st.sampled_from(["canary", "rolling"])),
        waves=draw(st.sampled_from([("1", "50%"), ("1", "2", "100%"), ("hosting",), ()])),
        pause_s=draw(st.sampled_from([0.0, 7.0])),
        failure_budget=draw(st.integers(0, 2)),
    )
    return Plan(Intent(Platform("d", "r", "n"), "1.9.2", members=members, policy=policy), "0", tuple(changes))


class World:
    """Answers every registration after a while: with health, or with failure for the jobs in `failing`."""

    def __init__(self, plan: Plan, seed: int, failing: set[str]) -> None:
        self.plan, self.failing, self.random = plan, failing, random.Random(seed)  # noqa: S311 - a world to repeat
        self.state = State.of(plan)
        self.log: list[object] = []
        self.halted_at: int | None = None
        self.now = 0.0

    def run(self) -> State:
        for _ in range(500):
            decision = decide(self.state, Observation(self.sights()), self.plan.intent.policy, self.now)
            self.state = decision.state
            if self.state.halted and self.halted_at is None:
                self.halted_at = len(self.log)
            for action in decision.actions:
                self.act(action)
            self.check()
            if decision.finished:
                return self.state
            self.now += 1
        raise AssertionError("never finished")

    def sights(self) -> dict[str, Sight]:
        seen = {}
        for step in self.state.phase(Phase.MOVING):
            if self.random.random() < 0.4:
                bad = step.job_id in self.failing
                seen[step.job_id] = Sight("complete", rollout=Rollout("d", "failed" if bad else "successful"))
            elif self.random.random() < 0.5:
                seen[step.job_id] = Sight("complete", rollout=Rollout("d", "running", ready=1, desired=2))
        return seen

    def act(self, action: object) -> None:
        self.log.append(action)
        if isinstance(action, Enlist):
            self.state = replace(self.state, enlisted=self.state.enlisted | {action.core})
        elif isinstance(action, Register | Adopt):
            step = next(step for step in self.state.steps if step.job_id == action.job_id)
            phase = Phase.DONE if isinstance(action, Adopt) else Phase.MOVING
            self.state = self.state.with_steps({step.job_id: replace(step, phase=phase, since=self.now)})

    def check(self) -> None:
        """Never more cores of a hosting under change than allowed, and nothing of a wave before the one before it."""
        begun = [step.wave for step in self.state.steps if step.wave and step.phase is not Phase.WAITING]
        assert max(begun, default=0) <= self.state.passed + 1
        down = Counter(
            hosting
            for core, hosting in {
                (step.change.core, step.change.hosting) for step in self.state.steps if step.change.core
            }
            if self.under_change(core)
        )
        assert all(number <= self.plan.intent.policy.max_unavailable for number in down.values()), down

    def under_change(self, core: str) -> bool:
        own = [step for step in self.state.steps if step.change.core == core]
        phases = {step.phase for step in own}
        begun = phases not in ({Phase.WAITING}, {Phase.DONE})
        return begun and any(step.change.interrupts for step in own)

    def registered(self) -> list[str]:
        return [action.job_id for action in self.log if isinstance(action, Register)]


@given(plans(), st.integers(0, 2**16))
def test_without_failures_everything_is_done_once_and_in_order(plan: Plan, seed: int) -> None:
    world = World(plan, seed, set())
    state = world.run()
    assert {step.phase for step in state.steps} == {Phase.DONE}
    begun = [action.job_id for action in world.log if isinstance(action, Register | Adopt)]
    assert sorted(begun) == sorted(each.job_id for each in plan.changes)
    order = {job_id: place for place, job_id in enumerate(begun)}
    for member in plan.intent.members:
        own = [each.job_id for each in plan.changes if each.core == member.name]
        assert own == sorted(own, key=order.__getitem__)
    cores = [order[each.job_id] for each in plan.changes if each.core]
    if cores:
        assert order["pryv-redis"] < order["pryv-dns"] < min(cores) <= max(cores) < order["pryv-static"]


@given(plans(), st.integers(0, 2**16))
def test_each_core_is_enlisted_once_and_after_its_last_job(plan: Plan, seed: int) -> None:
    world = World(plan, seed, set())
    world.run()
    enlisted = [action.core for action in world.log if isinstance(action, Enlist)]
    assert sorted(enlisted) == sorted({each.core for each in plan.changes if each.core})
    for core in enlisted:
        own = [place for place, action in enumerate(world.log) if getattr(action, "job_id", "").endswith(f"-{core}")]
        assert world.log.index(Enlist(core)) > max(own)


@given(plans(), st.integers(0, 2**16), st.data())
def test_more_failures_than_the_budget_begin_nothing_more_and_let_the_rest_come_to_its_end(
    plan: Plan, seed: int, data: st.DataObject
) -> None:
    jobs = [each.job_id for each in plan.changes if each.action is not Action.ADOPT]
    failing = set(data.draw(st.lists(st.sampled_from(jobs or [""]), max_size=4)))
    world = World(plan, seed, failing)
    state = world.run()
    assert not state.phase(Phase.MOVING)
    assert not state.status.open
    budget = plan.intent.policy.failure_budget
    outside = [step for step in state.phase(Phase.FAILED) if not step.change.core]
    if outside or len(state.failed_cores) > budget:
        assert state.status is Status.FAILED
    if state.status is Status.DONE:
        assert len(state.failed_cores) <= budget
        assert all(step.phase is Phase.DONE for step in state.steps if step.unit not in state.failed_cores)
    begun = [place for place, each in enumerate(world.log) if isinstance(each, Register | Adopt)]
    halted = world.halted_at
    assert halted is None or not begun or begun[-1] < halted


@given(plans(), st.integers(0, 2**16))
def test_the_same_observations_give_the_same_decisions(plan: Plan, seed: int) -> None:
    first, second = World(plan, seed, set()), World(plan, seed, set())
    first.run()
    second.run()
    assert first.log == second.log


# -- single decisions --------------------------------------------------------------------------------------------


def state_of(*changes: Change, cores: tuple[str, ...] = ("co1", "co2", "co3")) -> State:
    members = tuple(Member(core, "ch") for core in cores)
    return State.of(Plan(Intent(Platform("d", "r", "n"), "1.9.2", members=members), "0", changes))


def moving(job: Change, since: float = 0.0) -> State:
    state = state_of(job)
    return state.with_steps({job.job_id: replace(state.steps[0], phase=Phase.MOVING, index=7, since=since)})


def after(state: State, sight: Sight, now: float = 1.0) -> Decision:
    return decide(state, Observation({state.steps[0].job_id: sight}), POLICY, now)


REDIS = change("pryv-redis", kind="redis")


@pytest.mark.parametrize(
    ("sight", "phase"),
    [
        (Sight("pending"), Phase.MOVING),
        (Sight("complete"), Phase.DONE),
        (Sight("complete", rollout=Rollout("d", "running", desired=1)), Phase.MOVING),
        (Sight("complete", rollout=Rollout("d", "paused", desired=1)), Phase.MOVING),
        (Sight("complete", rollout=Rollout("d", "successful")), Phase.DONE),
        (Sight("complete", rollout=Rollout("d", "failed", "Failed due to progress deadline")), Phase.FAILED),
        (Sight("complete", rollout=Rollout("d", "cancelled", "newer version")), Phase.FAILED),
        (Sight("failed", "maximum attempts reached (5)"), Phase.FAILED),
        (Sight("complete", unplaced={"g": ("1 node full",)}), Phase.MOVING),
    ],
)
def test_what_was_seen_of_a_job_is_judged(sight: Sight, phase: Phase) -> None:
    assert after(moving(REDIS), sight).state.steps[0].phase is phase


def test_healthy_canaries_are_promoted_and_only_while_the_deployment_runs() -> None:
    running = Sight("complete", rollout=Rollout("d1", "running", canaries=True))
    assert Promote("pryv-redis", "d1") in after(moving(REDIS), running).actions
    paused = Sight("complete", rollout=Rollout("d1", "paused", canaries=True))
    assert after(moving(REDIS), paused).actions == ()


@pytest.mark.parametrize(
    ("group", "ready"),
    [
        ({"DesiredCanaries": 1, "HealthyAllocs": 1}, True),
        ({"DesiredCanaries": 1, "HealthyAllocs": 0}, False),
        ({"DesiredCanaries": 1, "HealthyAllocs": 1, "Promoted": True}, False),
        ({"DesiredCanaries": 1, "HealthyAllocs": 1, "AutoPromote": True}, False),
        ({"DesiredTotal": 2, "HealthyAllocs": 2}, False),
    ],
)
def test_canaries_wait_for_us_only_when_all_are_healthy_and_nomad_does_not_promote(
    group: dict[str, object], ready: bool
) -> None:
    found = Rollout.of({"ID": "d", "Status": "running", "TaskGroups": {"api": group, "hfs": {"DesiredTotal": 1}}})
    assert found.canaries is ready


def test_a_place_that_comes_free_in_time_is_no_failure() -> None:
    waiting = Sight("complete", unplaced={"g": ("1 node full",)}, rollout=Rollout("d", "running", desired=1))
    first = after(moving(REDIS), waiting, now=1.0)
    assert [told.text for told in first.told] == ["group g finds no node: 1 node full"]
    assert after(first.state, waiting, now=PLACEMENT_S).state.steps[0].phase is Phase.MOVING
    late = after(first.state, waiting, now=1.0 + PLACEMENT_S)
    assert late.state.steps[0].phase is Phase.FAILED
    assert Explain("pryv-redis", "group g finds no node: 1 node full") in late.actions


def test_a_deployment_that_nomad_never_ends_is_given_up() -> None:
    hanging = Sight("complete", rollout=Rollout("d", "paused", desired=1))
    first = after(moving(REDIS), hanging, now=1.0)
    assert after(first.state, hanging, now=600.0 + MARGIN_S).state.steps[0].phase is Phase.MOVING
    assert after(first.state, hanging, now=601.0 + MARGIN_S).state.steps[0].phase is Phase.FAILED


def test_progress_starts_the_waiting_anew() -> None:
    first = after(moving(REDIS), Sight("complete", rollout=Rollout("d", "running", desired=2)), now=1.0)
    second = after(first.state, Sight("complete", rollout=Rollout("d", "running", ready=1, desired=2)), now=500.0)
    assert second.state.steps[0].since == 500.0


def test_trouble_is_explained_once_and_while_it_still_may_end_well() -> None:
    unhealthy = Sight("complete", rollout=Rollout("d", "running", ready=0, desired=1, unhealthy=1))
    first = after(moving(REDIS), unhealthy)
    assert first.actions == (Explain("pryv-redis", "an allocation is unhealthy"),)
    failed = Sight("complete", rollout=Rollout("d", "failed", "x"))
    assert after(first.state, failed).actions == ()


def test_cores_that_are_only_created_do_not_wait_for_one_another() -> None:
    changes = [each for core in ("co1", "co2", "co3") for each in core_changes(core, Action.CREATE)]
    found = decide(state_of(*changes), Observation(), POLICY, 0.0)
    assert found.actions == (Register("pryv-data-co1"), Register("pryv-data-co2"), Register("pryv-data-co3"))


def test_no_more_cores_are_under_way_than_a_person_can_follow() -> None:
    cores = tuple(f"co{number}" for number in range(MOST_UNITS + 5))
    changes = [each for core in cores for each in core_changes(core, Action.CREATE)]
    assert len(decide(state_of(*changes, cores=cores), Observation(), POLICY, 0.0).actions) == MOST_UNITS


def test_a_deployment_of_an_interrupted_run_counts_as_under_change() -> None:
    watched = change("pryv-core-co1", Action.WATCH, "co1", "ch")
    members = tuple(Member(core, "ch") for core in ("co1", "co2"))
    plan = Plan(Intent(Platform("d", "r", "n"), "1.9.2", members=members), "0", core_changes("co2"))
    assert decide(State.of(plan, [watched]), Observation(), POLICY, 0.0).actions == ()


def test_a_stop_is_done_when_nothing_runs_any_more() -> None:
    job = change("pryv-data-co1", Action.STOP, "co1", "ch")
    assert decide(state_of(job), Observation(), POLICY, 0.0).actions == (Stop("pryv-data-co1"),)
    assert after(moving(job), Sight(running=1)).state.steps[0].phase is Phase.MOVING
    done = after(moving(job), Sight(running=0))
    assert done.state.steps[0].phase is Phase.DONE
    assert done.finished


def test_the_sentence_says_how_far_it_is_and_what_is_awaited() -> None:
    found = after(moving(REDIS), Sight("complete", rollout=Rollout("d", "running", ready=1, desired=2)))
    assert found.sentence == "0 of 1 jobs done; waiting for pryv-redis (1 of 2 healthy)"
