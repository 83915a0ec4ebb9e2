"""Reloading one after the other, in a world with a virtual clock: instances, their lock, what Consul shows and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from pryv_nomad.registry.reload import Act, Decision, Manner, Phase, Seen, State, Timing, decide

TIMING = Timing()
STEP = 0.25
SHOWN_LATE = 1.0
STARTS_IN = 4.0


@dataclass
class Process:
    """A process and its follower."""

    state: State = field(default_factory=lambda: State(running="0"))
    read: str = "0"
    healthy_from: float = 0.0
    sentence: str = ""
    alarm: bool = False


@dataclass
class World:
    """Everything is well unless a flag says otherwise."""

    count: int
    manner: Manner = field(default_factory=Manner)
    now: float = 0.0
    live: str = "0"
    holder: int | None = None
    consul: bool = True
    breaks: bool = False

    def __post_init__(self) -> None:
        self.processes = [Process() for _ in range(self.count)]
        self.shown: list[tuple[float, tuple[bool, ...]]] = [(-10.0, (True,) * self.count)]
        self.missing = 0
        self.restarts: list[int] = []

    def healthy(self, number: int) -> bool:
        return self.now >= self.processes[number].healthy_from

    def passes(self, number: int) -> bool:
        return self.healthy(number) and (self.processes[number].state.serving(self.manner) or not self.manner.leaves)

    def in_consul(self) -> tuple[bool, ...]:
        """What Consul shows: how it was a moment ago."""
        known = [view for when, view in self.shown if when <= self.now - SHOWN_LATE]
        return known[-1]

    def tick(self) -> None:
        self.now += STEP
        for number in range(self.count):
            self.step(number)
        self.shown.append((self.now, tuple(self.passes(number) for number in range(self.count))))
        gone = sum(
            not (self.healthy(number) and each.state.serving(self.manner)) for number, each in enumerate(self.processes)
        )
        self.missing = max(self.missing, gone)

    def step(self, number: int) -> None:
        process, view = self.processes[number], self.in_consul()
        others = [passing for other, passing in enumerate(view) if other != number]
        told: tuple[bool | None, tuple[int, int] | None] = (None, None)
        if self.consul:
            told = view[number], (len(others), sum(others))
        seen = Seen(self.live, self.healthy(number), self.holder == number, *told)
        decision = decide(process.state, seen, self.now, TIMING, self.manner)
        process.state, process.sentence, process.alarm = decision.state, decision.sentence, decision.alarm
        for act in decision.acts:
            self.do(number, act)

    def do(self, number: int, act: Act) -> None:
        process = self.processes[number]
        match act:
            case Act.TAKE_LOCK:
                if self.holder is None and self.consul:
                    self.holder = number
            case Act.RELEASE_LOCK:
                if self.holder == number:
                    self.holder = None
            case Act.RESTART:
                self.restarts.append(number)
                process.read = self.live
                process.state = replace(process.state, ordered=True)
                if not self.manner.gentle:
                    process.healthy_from = self.now + (1e9 if self.breaks else STARTS_IN)

    def run(self, seconds: float) -> None:
        for _ in range(int(seconds / STEP)):
            self.tick()

    def settled(self) -> bool:
        return all(each.read == self.live and each.state.phase is Phase.IDLE for each in self.processes)


def test_nothing_happens_while_nothing_changes() -> None:
    world = World(2)
    world.run(600)
    assert world.restarts == []
    assert all(each.state.phase is Phase.IDLE for each in world.processes)


def test_two_instances_take_a_change_up_one_after_the_other() -> None:
    world = World(2)
    world.live = "1"
    world.run(90)
    assert world.settled()
    assert sorted(world.restarts) == [0, 1]
    assert world.missing == 1
    assert world.holder is None


def test_changes_that_come_together_are_taken_up_together() -> None:
    world = World(3)
    for change in range(1, 11):
        world.live = str(change)
        world.run(1)
    world.run(240)
    assert world.settled()
    assert world.missing == 1
    assert len(world.restarts) <= 6


def test_changes_that_never_stop_do_not_keep_a_reload_off() -> None:
    world = World(2)
    for change in range(1, 121):
        world.live = str(change)
        world.run(1)
    assert len(world.restarts) >= 2


def test_a_change_that_is_taken_back_restarts_nothing() -> None:
    world = World(2)
    world.live = "1"
    world.run(1)
    world.live = "0"
    world.run(60)
    assert world.restarts == []


def test_a_process_that_does_not_come_back_stops_the_round() -> None:
    world = World(3)
    world.live, world.breaks = "1", True
    world.run(200)
    assert len(world.restarts) == 1
    assert world.missing == 1
    broken = world.processes[world.restarts[0]]
    assert broken.alarm
    assert "not healthy after its restart" in broken.sentence
    world.breaks = False
    broken.healthy_from = world.now
    world.run(200)
    assert world.settled()
    assert world.missing == 1


def test_without_consul_nobody_restarts() -> None:
    world = World(2)
    world.consul = False
    world.live = "1"
    world.run(300)
    assert world.restarts == []
    assert all(each.state.serving(world.manner) for each in world.processes)
    world.consul = True
    world.run(120)
    assert world.settled()


def test_a_single_instance_restarts_and_says_so() -> None:
    world = World(1)
    world.live = "1"
    world.run(30)
    assert world.restarts == [0]
    assert world.settled()


def test_the_only_healthy_instance_waits_for_another_but_not_for_ever() -> None:
    world = World(2)
    world.processes[1].healthy_from = 1e9
    world.processes[1].state = State(running="1")
    world.live = "1"
    world.run(TIMING.patience - 20)
    assert world.restarts == []
    assert world.processes[0].alarm
    world.run(60)
    assert world.restarts == [0]


def test_a_register_that_understands_a_signal_serves_all_the_time() -> None:
    world = World(2, Manner(gentle=True))
    world.live = "1"
    world.run(60)
    assert world.settled()
    assert world.missing == 0


def test_name_servers_restart_in_turn_without_leaving_a_list() -> None:
    world = World(2, Manner(leaves=False))
    world.live = "1"
    world.run(60)
    assert world.settled()
    assert world.missing == 1


def test_an_instance_that_loses_the_lock_while_leaving_comes_back() -> None:
    world = World(2)
    world.live = "1"
    while not any(each.state.phase is Phase.LEAVING for each in world.processes):
        world.tick()
    leaving = next(each for each in world.processes if each.state.phase is Phase.LEAVING)
    world.holder = 99
    world.run(1)
    assert leaving.state.serving(world.manner)
    assert world.restarts == []


def test_every_decision_has_a_sentence() -> None:
    for phase in Phase:
        for locked in (True, False):
            decision: Decision = decide(State(phase, running="0"), Seen("1", True, locked), 1.0, TIMING, Manner())
            assert decision.sentence


EVENTS = st.sampled_from(["change", "back", "consul gone", "consul back", "lock lost", "wait"])


@settings(max_examples=40)
@given(st.integers(2, 4), st.lists(st.tuples(EVENTS, st.floats(0.25, 20)), max_size=12))
def test_whatever_happens_at_most_one_is_missing_and_all_come_to_the_file(
    count: int, script: list[tuple[str, float]]
) -> None:
    world, change = World(count), 0
    for event, wait in script:
        match event:
            case "change":
                change += 1
                world.live = str(change)
            case "back":
                world.live = "0"
            case "consul gone":
                world.consul = False
            case "consul back":
                world.consul = True
            case "lock lost":
                # Its session has ended; nobody else could have had the lock before that.
                world.holder = None
        world.run(wait)
    world.consul = True
    world.run(150 * count)
    assert world.settled()
    assert world.missing <= 1
    assert world.holder is None
