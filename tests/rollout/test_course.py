"""Whole rollouts in one process on virtual time: waves, gates, pauses, hooks, budget, wishes, undo, migration."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import pytest

from pryv_nomad.errors import Refused, Unhealthy
from pryv_nomad.plan.intent import Policy
from pryv_nomad.rollout.admit import Consent, admit
from pryv_nomad.rollout.carry_out import Start, begin
from pryv_nomad.rollout.gating import Call, GateReading, Moment, Question, Verdict
from pryv_nomad.rollout.record import Rollouts
from pryv_nomad.rollout.state import Status, Wishes
from pryv_nomad.rollout.undo import Back, plan_back
from pryv_nomad.simulator.faults import NeverHealthy
from tests.rollout.world import DOMAIN, SECOND, Crash, Process, World

GATED = Policy(1, 30.0, strategy="canary", waves=("1", "100%"), gates=({"type": "made"},))


@pytest.fixture(autouse=True)
def _long_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pryv_nomad.rollout.lock.TTL_S", 86_400)


def running(cores: int = 3, policy: Policy | None = None, hostings: int = 1) -> World:
    world = World(cores, policy, hostings)
    quiet = replace(world.intent, policy=Policy(8, 30.0))
    world.process().run(world.specs(), quiet)
    return world


def changed(process: Process, image: str = "core:2") -> None:
    process.run(process.world.specs(image))


def healthy(process: Process) -> list[str]:
    return [job for _, job in process.kinds("healthy")]


@dataclass
class MadeGates:
    """Gates that say what a table says: point → the verdicts, one a reading, the last one for ever."""

    table: dict[str, list[Verdict]]
    asked: list[Question] = field(default_factory=list)

    def read(self, questions: Iterable[Question], _promoted: frozenset[str], _now: float) -> tuple[GateReading, ...]:
        found = []
        for question in questions:
            self.asked.append(question)
            left = self.table.get(question.point, [Verdict.PASS])
            verdict = left.pop(0) if len(left) > 1 else left[0]
            found.append(GateReading(question.point, "errors", verdict, f"said {verdict.value}", 1.0))
        return tuple(found)


@dataclass
class MadeHooks:
    """Hooks at some moments, one of which may fail."""

    wanted: frozenset[Moment]
    failing: str = ""
    calls: list[Call] = field(default_factory=list)

    def call(self, _rollout: str, call: Call) -> str:
        self.calls.append(call)
        if call.name == self.failing:
            raise Refused("the command exited with 1")
        return "did it"


# -- waves -------------------------------------------------------------------------------------------------------


def test_a_wave_begins_when_the_one_before_is_done() -> None:
    world = running(4)
    process = world.process()
    changed(process)
    told = process.kinds("registered", "healthy")
    assert told.index(("healthy", "pryv-core-co1")) < min(
        told.index(("registered", f"pryv-core-co{number}")) for number in (2, 3, 4)
    )
    assert world.head().passed == world.head().waves == 2


def test_a_pause_between_waves_is_kept() -> None:
    world = running(2, Policy(1, 30.0, strategy="canary", waves=("1",), pause_s=600.0))
    begun = world.simulator.now
    changed(world.process())
    assert 600 <= (world.simulator.now - begun) / SECOND < 660


def test_a_machine_whose_clock_is_a_year_behind_goes_on_and_moves_no_deadline() -> None:
    """The rollout's clock counts the seconds for which it was driven; the time of day is for people."""
    world = running(2, Policy(1, 30.0, strategy="canary", waves=("1",), pause_s=600.0))
    first = world.process(wall=lambda: 1_800_000_000.0)
    wishing(world, first, "pause before wave 2", Wishes(paused=True))
    first.requests.die_at = 200
    with pytest.raises(Crash):
        changed(first)
    world.bury()
    driven, begun = world.head().clock, world.simulator.now
    world.process(wall=lambda: 1_768_000_000.0).resume()
    head = world.head()
    assert head.updated < head.started
    assert 540 <= head.clock - driven + 60 < 720
    assert (world.simulator.now - begun) / SECOND > 500


def test_a_failed_wave_starts_no_further_wave_and_its_canary_replaces_nothing() -> None:
    world = running(3)
    before = world.end_state()["running"]
    world.simulator.inject(NeverHealthy(job="pryv-core-co1", image="core:2"))
    process = world.process()
    with pytest.raises(Unhealthy, match="2 jobs not begun"):
        changed(process)
    world.driver.skip(60)
    assert world.head().status is Status.FAILED
    running_now = world.end_state()["running"]
    assert {key.split()[0] for key in running_now} == {key.split()[0] for key in before}
    assert running_now["pryv-core-co2 0"] == 1


def test_the_failure_budget_lets_some_cores_fail() -> None:
    policy = Policy(1, 30.0, strategy="canary", waves=("1", "100%"), failure_budget=1)
    world = running(4, policy)
    world.simulator.inject(NeverHealthy(job="pryv-core-co2", image="core:2"))
    process = world.process()
    with pytest.raises(Unhealthy, match="pryv-core-co2"):
        changed(process)
    assert healthy(process) == ["pryv-core-co1", "pryv-core-co3", "pryv-core-co4"]
    assert world.head().status is Status.DONE
    assert world.head().revision_to == 0


# -- gates -------------------------------------------------------------------------------------------------------


def test_gates_are_asked_before_each_promotion_and_after_each_wave() -> None:
    world = running(2, GATED)
    gates = MadeGates({})
    changed(world.process(gates=lambda _policy: gates))
    assert list(dict.fromkeys(each.point for each in gates.asked)) == [
        "promote pryv-core-co1",
        "wave 1",
        "promote pryv-core-co2",
        "wave 2",
    ]
    assert next(each.cores for each in gates.asked if each.point == "wave 1") == ("co1",)


def test_a_gate_that_waits_holds_the_promotion_until_it_passes() -> None:
    world = running(1, GATED)
    wait = [Verdict.WAIT] * 100
    gates = MadeGates({"promote pryv-core-co1": [*wait, Verdict.PASS]})
    process = world.process(gates=lambda _policy: gates)
    changed(process)
    assert healthy(process) == ["pryv-core-co1"]
    assert "waiting: errors: said wait" in str([event.text for event in process.told])


def test_a_gate_that_fails_before_a_promotion_gives_the_canary_up_and_nothing_is_replaced() -> None:
    world = running(3, GATED)
    gates = MadeGates({"promote pryv-core-co1": [Verdict.WAIT, Verdict.FAIL]})
    process = world.process(gates=lambda _policy: gates)
    with pytest.raises(Unhealthy, match="gate errors: said fail"):
        changed(process)
    assert process.kinds("promoted") == []
    world.driver.skip(60)
    assert world.end_state()["deployments"]["pryv-core-co1: failed"] == 1


def test_a_gate_that_fails_after_a_wave_stops_the_rollout() -> None:
    world = running(3, GATED)
    gates = MadeGates({"wave 1": [Verdict.FAIL]})
    process = world.process(gates=lambda _policy: gates)
    with pytest.raises(Unhealthy, match="gate errors after wave 1: said fail; 2 jobs not begun"):
        changed(process)
    assert healthy(process) == ["pryv-core-co1"]


# -- hooks -------------------------------------------------------------------------------------------------------


def test_hooks_are_called_once_around_the_rollout_and_each_wave() -> None:
    world = running(2)
    hooks = MadeHooks(frozenset(Moment))
    changed(world.process(hooks=lambda _policy: hooks))
    assert [call.name for call in hooks.calls] == [
        "before rollout",
        "before wave 1",
        "after wave 1",
        "before wave 2",
        "after wave 2",
        "after rollout",
    ]


def test_a_hook_that_fails_before_a_wave_stops_the_rollout() -> None:
    world = running(2)
    hooks = MadeHooks(frozenset({Moment.BEFORE_WAVE, Moment.ON_FAILURE}), failing="before wave 2")
    process = world.process(hooks=lambda _policy: hooks)
    with pytest.raises(Unhealthy, match="before wave 2: the command exited with 1"):
        changed(process)
    assert healthy(process) == ["pryv-core-co1"]
    assert hooks.calls[-1].moment is Moment.ON_FAILURE


# -- wishes ------------------------------------------------------------------------------------------------------


def wishing(world: World, process: Process, at: str, wishes: Wishes) -> None:
    """Once the record says `at` of its sentence, these are the wishes."""
    rollouts = Rollouts(world.process().consul, DOMAIN)
    done: list[bool] = []

    def interfere(_number: int) -> None:
        if not done and at in rollouts.head("2" if rollouts.current() == "2" else "1").sentence:
            done.append(True)
            rollouts.wish("2", lambda _before: wishes)

    process.requests.interfere = interfere


def test_abort_gives_canaries_up_and_leaves_what_ran() -> None:
    world = running(3)
    process = world.process()
    wishing(world, process, "waiting for pryv-core-co2", Wishes(aborted="ben@there"))
    with pytest.raises(Unhealthy):
        changed(process)
    world.driver.skip(60)
    head = world.head()
    assert (head.status, head.halted) == (Status.ABORTED, "aborted by ben@there")
    running_now = world.end_state()["running"]
    assert running_now["pryv-core-co1 1"] == 1
    assert running_now["pryv-core-co3 0"] == 1
    assert sum(running_now[key] for key in running_now if "core-co2" in key) == 1


def test_a_manual_promotion_waits_for_its_own_point() -> None:
    world = running(2, Policy(1, 30.0, strategy="canary", waves=("1",), manual=True))
    process = world.process()
    both = frozenset({"promote pryv-core-co1", "promote pryv-core-co2"})
    wishing(world, process, "a person promotes", Wishes(promoted=both))
    changed(process)
    assert healthy(process) == ["pryv-core-co1", "pryv-core-co2"]


# -- going back --------------------------------------------------------------------------------------------------


def undo(world: World, **asked: object) -> Process:
    from pryv_nomad.rollout.records import Records

    process = world.process()
    records = Records(process.consul, DOMAIN)
    known = records.read()
    plan, _, _ = plan_back(process.site, records, Back(**asked))  # type: ignore[arg-type]
    begin(process.site, Start(plan, records, known, kind="undo"))
    return process


def test_undo_ends_in_the_exact_specs_of_the_revision() -> None:
    world = running(3)
    before = world.end_state()
    changed(world.process())
    undo(world)
    after = world.end_state()
    assert after["records"] == before["records"]
    specs = {job: text for job, (_, text) in after["jobs"].items()}
    assert specs == {job: text for job, (_, text) in before["jobs"].items()}


def test_undo_goes_through_waves_and_now_does_not() -> None:
    world = running(3)
    changed(world.process())
    undo(world, policy=world.intent.policy)
    assert (world.head().kind, world.head().waves) == ("undo", 2)
    undo(world, policy=world.intent.policy, now=True)
    assert world.head().waves == 1


def test_ten_revisions_are_kept_with_their_specs_and_no_others() -> None:
    from pryv_nomad.rollout.revisions import Revisions

    world = running(1)
    for number in range(2, 15):
        changed(world.process(), f"core:{number}")
    revisions = Revisions(world.process().consul, DOMAIN)
    assert revisions.numbers() == list(range(5, 15))
    wanted = {kept.text for number in revisions.numbers() for kept in revisions.read(number).jobs.values()}
    assert revisions.specs.names() == wanted
    undo(world, to=5)
    assert '"image":"core:5"' in next(
        iter(revisions.specs.texts([revisions.read(15).jobs["pryv-core-co1"].text]).values())
    )


# -- a release that migrates data --------------------------------------------------------------------------------


def migrating(world: World) -> None:
    world.intent = replace(world.intent, release="2.0", migrates=True)


def test_a_migrating_release_needs_a_backup_or_a_hook_that_makes_one() -> None:
    world = running(3)
    migrating(world)
    with pytest.raises(Refused, match="no backup is named"):
        changed(world.process())
    hooks = MadeHooks(frozenset({Moment.BEFORE_WAVE}))
    changed(world.process(hooks=lambda _policy: hooks))
    assert [call.cores for call in hooks.calls] == [("co1",), ("co2", "co3")]


def test_the_canary_of_a_migrating_release_is_one_whole_core() -> None:
    world = running(3, Policy(3, 30.0, strategy="rolling"))
    migrating(world)
    process = world.process()
    process.run(world.specs("core:2"), backup="b1")
    assert world.head().waves == 2
    told = process.kinds("registered", "healthy")
    assert told.index(("healthy", "pryv-core-co1")) < told.index(("registered", "pryv-core-co2"))


def test_undoing_a_migration_says_that_a_restore_is_needed() -> None:
    world = running(2)
    migrating(world)
    world.process().run(world.specs("core:2"), backup="b1")
    with pytest.raises(Refused, match="migrated the data") as refused:
        undo(world)
    assert "backup b1" in refused.value.remedy
    undo(world, restored="b1")
    assert world.head().kind == "undo"


def test_a_paused_rollout_is_not_trampled_by_a_new_run() -> None:
    world = running(2)
    process = world.process(die_at=40)
    with pytest.raises(Crash):
        changed(process)
    world.bury()
    rollouts = Rollouts(world.process().consul, DOMAIN)
    rollouts.wish("2", lambda wishes: replace(wishes, paused=True))
    with pytest.raises(Refused, match="rollout 2 is paused"):
        changed(world.process())
    world.process().resume()
    assert world.head().status is Status.DONE


def test_a_dead_rollout_is_superseded_by_a_new_run_which_does_what_is_left() -> None:
    world = running(2)
    with pytest.raises(Crash):
        changed(world.process(die_at=45))
    world.bury()
    changed(world.process())
    assert (world.head("2").status, world.head("3").status) == (Status.SUPERSEDED, Status.DONE)
    plan, _ = world.process().plan(world.specs("core:2"))
    admitted, _ = admit(plan, Consent())
    assert admitted.empty
