"""What the clients do: start tasks, restart them when they fail, watch their health, stop them.

Each step is an event on the timeline that names the allocation and its `generation`; a restart or a stop raises the
generation, so that what was planned for the former life is ignored. Delays come from `Timing`, what goes wrong from the
faults. Source of the behaviour: `client/allocrunner`, `client/allochealth` of Nomad 1.6.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from pryv_nomad.simulator import tasks as task_events
from pryv_nomad.simulator.clock import MILLISECOND, SECOND
from pryv_nomad.simulator.durations import go_duration
from pryv_nomad.simulator.faults import NeverHealthy, Script, SlowStart, StartFault, TaskFails
from pryv_nomad.simulator.objects import Alloc
from pryv_nomad.simulator.state import State
from pryv_nomad.simulator.tasks import TaskState

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in nanoseconds: `start` from the placement to the running task, `stop` from the wish to the
    end (a group's shutdown_delay comes on top), `check` to the first passing check, `batch` what a batch task runs."""

    start: int = 250 * MILLISECOND
    stop: int = 100 * MILLISECOND
    check: int = 100 * MILLISECOND
    batch: int = SECOND


class Runner:
    """The clients of all nodes. `state` is changed; `reported` collects the allocations whose client status changed in
    a way that the scheduler must know of (failed, or done), `decided` those whose health was decided."""

    def __init__(self, state: State, faults: Script, timing: Timing) -> None:
        self._state = state
        self._faults = faults
        self._timing = timing
        self._starting: dict[str, list[tuple[int, StartFault]]] = {}
        self.reported: list[Alloc] = []
        self.decided: list[Alloc] = []
        self.logs: dict[str, dict[str, list[str]]] = {}

    def memory(self) -> Json:
        """Which faults meet which allocations, and the logs, for a snapshot."""
        starting = {key: [number for number, _ in found] for key, found in self._starting.items() if found}
        return {"starting": starting, "logs": self.logs}

    def remember(self, given: Json) -> None:
        self.logs = given["logs"]
        for key, numbers in given["starting"].items():
            faults = [(number, self._faults.armed(number)) for number in numbers]
            self._starting[key] = [(number, fault) for number, fault in faults if isinstance(fault, StartFault)]

    # -- commands of the server

    def receive(self, alloc: Alloc) -> None:
        """A new allocation: its tasks start after the start time, and after its predecessor on the node has ended."""
        now = self._state.now
        images = set()
        for task in alloc.job.groups[alloc.group]["Tasks"]:
            state = alloc.tasks[task["Name"]] = TaskState()
            task_events.received(state, now)
            task_events.setup(state, now)
            image = (task["Config"] or {}).get("image") or (task["Config"] or {}).get("command") or ""
            images.add(image)
            if task["Driver"] == "docker" and image:
                task_events.downloading(state, now, image)
        faults = self._faults.at_start(alloc.job.id, alloc.group, alloc.job.version, images, alloc.node_name)
        self._starting[alloc.id] = faults
        self._state.timeline.after(self._start_delay(faults), "start", alloc.id, str(alloc.generation))
        self._watch(alloc)

    def _start_delay(self, faults: list[tuple[int, StartFault]]) -> int:
        delay = self._timing.start
        for number, fault in faults:
            if isinstance(fault, SlowStart):
                self._faults.strike(number)
                delay += int(fault.seconds * SECOND)
        return delay

    def update(self, alloc: Alloc) -> None:
        """The allocation has a new version that changes it in place; a new deployment asks for its health again."""
        if alloc.health is None or alloc.health.healthy is None:
            self._watch(alloc)
            if alloc.status == "running":
                self._await_health(alloc)

    def stop(self, alloc: Alloc) -> None:
        """The server wants the allocation to end; it does after its shutdown delay."""
        if alloc.client_terminal:
            return
        group = alloc.job.groups[alloc.group]
        delay = self._timing.stop + (group["ShutdownDelay"] or 0)
        for task in group["Tasks"]:
            state = alloc.tasks.get(task["Name"])
            if state is not None and state.state == "running":
                task_events.killing(state, self._state.now, task["KillTimeout"])
                delay = max(delay, self._timing.stop + (task["ShutdownDelay"] or 0))
        alloc.generation += 1
        self._state.timeline.after(delay, "stopped", alloc.id)

    def restart(self, alloc: Alloc, task_name: str = "") -> None:
        """An operator restarts the tasks in place."""
        self._state.commit()
        for name, state in alloc.tasks.items():
            if state.state == "running" and task_name in ("", name):
                task_events.restart_signaled(state, self._state.now)
                self._begin_restart(alloc, state)
        self._state.alloc_changed(alloc, "AllocationUpdated", by_server=False)

    def node_died(self, alloc: Alloc) -> None:
        """The machine is gone: nothing that was planned for its tasks happens any more."""
        alloc.generation += 1

    def node_returned(self, alloc: Alloc) -> None:
        """The machine is back: what should not run any more ends, the rest starts again."""
        if alloc.desired != "run" or alloc.status in ("lost", "complete", "failed"):
            self._state.timeline.after(self._timing.stop, "stopped", alloc.id)
            return
        for state in alloc.tasks.values():
            state.state = "pending"
        alloc.generation += 1
        self._state.timeline.after(self._timing.start, "start", alloc.id, str(alloc.generation))

    # -- events of the timeline

    def handle(self, kind: str, key: tuple[str, ...]) -> bool:
        """Carry out an event of the timeline; False when its kind is not ours."""
        handler = {
            "start": self._start, "fail": self._fail, "restart": self._restarted, "healthy": self._healthy,
            "deadline": self._deadline, "stopped": self._stopped, "done": self._done, "exit": self._exit,
        }.get(kind)  # fmt: skip
        if handler is None:
            return False
        alloc = self._state.allocs.get(key[0])
        if alloc is not None and self._reachable(alloc):
            handler(alloc, key)
        return True

    def _reachable(self, alloc: Alloc) -> bool:
        node = self._state.nodes.get(alloc.node_id)
        return node is not None and node.processes

    def _current(self, alloc: Alloc, key: tuple[str, ...]) -> bool:
        return int(key[1]) == alloc.generation and not alloc.client_terminal

    def _start(self, alloc: Alloc, key: tuple[str, ...]) -> None:
        if not self._current(alloc, key) or alloc.desired != "run":
            return
        previous = self._state.allocs.get(alloc.previous)
        if previous is not None and previous.node_id == alloc.node_id and not previous.client_terminal:
            self._state.timeline.after(self._timing.stop, "start", alloc.id, key[1])
            return
        self._state.commit()
        for task in alloc.job.groups[alloc.group]["Tasks"]:
            state = alloc.tasks[task["Name"]]
            hook = (task["Lifecycle"] or {}).get("Hook", "")
            if hook == "poststop":
                continue
            self._run(alloc, task["Name"])
            if hook == "prestart" and not task["Lifecycle"]["Sidecar"]:
                self._end(alloc, task["Name"], state, 0)
        self._began(alloc)

    def _run(self, alloc: Alloc, name: str) -> None:
        state = alloc.tasks[name]
        task_events.started(state, self._state.now)
        state.state, state.started, state.failed = "running", self._state.now, False
        self.log(alloc, name, f"{name} of {alloc.name} (version {alloc.job.version}) started")

    def _began(self, alloc: Alloc) -> None:
        alloc.status, alloc.description = "running", "Tasks are running"
        self._state.alloc_changed(alloc, "AllocationUpdated", by_server=False)
        faults = self._starting.get(alloc.id, [])
        generation = str(alloc.generation)
        for number, fault in faults:
            if isinstance(fault, TaskFails) and self._faults.armed(number) is fault:
                for task in self._matching_tasks(alloc, fault):
                    delay = int(fault.after * SECOND)
                    self._state.timeline.after(delay, "fail", alloc.id, generation, task, str(number))
        for task in alloc.job.groups[alloc.group]["Tasks"]:
            code = program_end(task)
            if code is not None and alloc.tasks[task["Name"]].state == "running":
                self._state.timeline.after(MILLISECOND, "exit", alloc.id, generation, task["Name"], str(code))
        if alloc.job.type in ("batch", "sysbatch"):
            self._state.timeline.after(self._timing.batch, "done", alloc.id, generation)
        self._await_health(alloc)

    def _matching_tasks(self, alloc: Alloc, fault: TaskFails) -> list[str]:
        names = []
        for task in alloc.job.groups[alloc.group]["Tasks"]:
            config = task["Config"] or {}
            image = config.get("image") or config.get("command") or ""
            fits = fnmatchcase(task["Name"], fault.task) and fnmatchcase(image, fault.image)
            if fits and alloc.tasks[task["Name"]].state == "running":
                names.append(task["Name"])
        return names

    # -- failure and restart

    def _fail(self, alloc: Alloc, key: tuple[str, ...]) -> None:
        if not self._current(alloc, key):
            return
        name, number = key[2], int(key[3])
        fault = self._faults.armed(number)
        if not isinstance(fault, TaskFails):
            return
        self._faults.strike(number)
        if fault.log:
            self.log(alloc, name, fault.log, "stderr")
        self._state.commit()
        self.task_failed(alloc, name, fault.exit_code)

    def _exit(self, alloc: Alloc, key: tuple[str, ...]) -> None:
        """A program has ended as its name says."""
        if not self._current(alloc, key):
            return
        if key[3] == "0" and alloc.job.type in ("batch", "sysbatch"):
            self._done(alloc, key)
            return
        self._state.commit()
        self.task_failed(alloc, key[2], int(key[3]))

    def task_failed(self, alloc: Alloc, name: str, exit_code: int) -> None:
        """A task has ended by itself: it restarts as long as its policy allows, else the allocation has failed."""
        state = alloc.tasks[name]
        now = self._state.now
        task = next(task for task in alloc.job.groups[alloc.group]["Tasks"] if task["Name"] == name)
        policy = task["RestartPolicy"]
        task_events.terminated(state, now, exit_code)
        self.log(alloc, name, f"{name} ended with status {exit_code}", "stderr")
        recent = state.restarts_since(now - policy["Interval"])
        if recent >= policy["Attempts"] and policy["Mode"] == "fail":
            task_events.not_restarting(state, now, policy)
            self._failed(alloc, name)
            return
        delay = policy["Delay"] if recent < policy["Attempts"] else policy["Interval"]
        task_events.restarting(state, now, delay)
        self._begin_restart(alloc, state, delay)
        self._state.alloc_changed(alloc, "AllocationUpdated", by_server=False)

    def _begin_restart(self, alloc: Alloc, state: TaskState, delay: int = 0) -> None:
        state.state = "pending"
        state.restarts += 1
        state.last_restart = self._state.now
        alloc.generation += 1
        self._state.timeline.after(max(delay, self._timing.stop), "restart", alloc.id, str(alloc.generation))

    def _restarted(self, alloc: Alloc, key: tuple[str, ...]) -> None:
        if not self._current(alloc, key) or alloc.desired != "run":
            return
        self._state.commit()
        for name, state in alloc.tasks.items():
            if state.state == "pending" and state.started:
                self._run(alloc, name)
        self._began(alloc)

    def _failed(self, alloc: Alloc, name: str) -> None:
        now = self._state.now
        for other, state in alloc.tasks.items():
            if other == name:
                state.state, state.failed, state.finished = "dead", True, now
            elif state.state != "dead":
                task_events.sibling_failed(state, now, name)
                task_events.killed(state, now)
                state.state, state.finished = "dead", now
        alloc.generation += 1
        alloc.status, alloc.description = "failed", "Failed tasks"
        self._decide(alloc, False, "Unhealthy because of failed task", commit=False)
        self._state.alloc_changed(alloc, "AllocationUpdated", by_server=False)
        self.reported.append(alloc)

    # -- health

    def _watch(self, alloc: Alloc) -> None:
        """Start the clock of the healthy deadline."""
        policy = health_policy(alloc)
        if policy is not None:
            self._state.timeline.after(policy["HealthyDeadline"], "deadline", alloc.id, alloc.deployment_id)

    def _await_health(self, alloc: Alloc) -> None:
        policy = health_policy(alloc)
        decided = alloc.health is not None and alloc.health.healthy is not None
        if policy is None or decided or policy["HealthCheck"] == "manual":
            return
        delay = policy["MinHealthyTime"]
        never = [number for number, fault in self._starting.get(alloc.id, []) if isinstance(fault, NeverHealthy)]
        if never:
            self._faults.strike(never[0])
            return
        if policy["HealthCheck"] == "checks" and has_checks(alloc):
            delay += self._timing.check
        self._state.timeline.after(delay, "healthy", alloc.id, str(alloc.generation), alloc.deployment_id)

    def _healthy(self, alloc: Alloc, key: tuple[str, ...]) -> None:
        if self._current(alloc, key) and key[2] == alloc.deployment_id and alloc.status == "running":
            self._decide(alloc, True, "")

    def _deadline(self, alloc: Alloc, key: tuple[str, ...]) -> None:
        if alloc.terminal or key[1] != alloc.deployment_id:
            return
        policy = health_policy(alloc)
        if policy is None:
            return
        deadline = go_duration(policy["HealthyDeadline"])
        running = alloc.status == "running" and all(task.state != "pending" for task in alloc.tasks.values())
        reason = f"Task not running by healthy_deadline of {deadline}"
        if running:
            reason = f"Task not running for min_healthy_time of {go_duration(policy['MinHealthyTime'])}"
            reason += f" by healthy_deadline of {deadline}"
            if has_checks(alloc):
                reason = f"Services not healthy by deadline: {', '.join(checked_services(alloc))}"
        self._decide(alloc, False, reason)

    def _decide(self, alloc: Alloc, healthy: bool, reason: str, commit: bool = True) -> None:
        """Write down whether an allocation is healthy, once."""
        if alloc.health is not None and alloc.health.healthy is not None:
            return
        index = self._state.commit() if commit else self._state.index
        alloc.decide(healthy, self._state.now, index)
        if not healthy:
            for state in alloc.tasks.values():
                task_events.unhealthy(state, self._state.now, reason)
        self._state.alloc_changed(alloc, "AllocationUpdated", by_server=False)
        self.decided.append(alloc)

    # -- the end

    def _stopped(self, alloc: Alloc, key: tuple[str, ...]) -> None:
        del key
        if alloc.status in ("complete", "failed") or (alloc.desired == "run" and alloc.status != "lost"):
            return
        self._state.commit()
        for name, state in alloc.tasks.items():
            if state.state != "dead":
                self._end(alloc, name, state, 0)
                task_events.killed(state, self._state.now)
        if alloc.status != "lost":
            alloc.status = "complete"
        alloc.description = "All tasks have completed"
        self._state.alloc_changed(alloc, "AllocationUpdated", by_server=False)
        self._starting.pop(alloc.id, None)
        self.reported.append(alloc)

    def _end(self, alloc: Alloc, name: str, state: TaskState, exit_code: int) -> None:
        task_events.terminated(state, self._state.now, exit_code)
        state.state, state.finished = "dead", self._state.now
        self.log(alloc, name, f"{name} ended with status {exit_code}")

    def _done(self, alloc: Alloc, key: tuple[str, ...]) -> None:
        """A batch task has done its work."""
        if not self._current(alloc, key) or alloc.status != "running":
            return
        self._state.commit()
        for name, state in alloc.tasks.items():
            if state.state == "running":
                self._end(alloc, name, state, 0)
        alloc.generation += 1
        alloc.status, alloc.description = "complete", "All tasks have completed"
        self._state.alloc_changed(alloc, "AllocationUpdated", by_server=False)
        self.reported.append(alloc)

    # -- logs

    def log(self, alloc: Alloc, task: str, line: str, stream: str = "stdout") -> None:
        """Add a line to a task's log; only the last hundred are kept."""
        lines = self.logs.setdefault(f"{alloc.id}/{task}", {}).setdefault(stream, [])
        lines.append(line)
        del lines[:-100]


def program_end(task: Json) -> int | None:
    """The exit code of a task that ends at once: `/bin/true` and `/bin/false` do what they are named for, everything
    else is taken to run."""
    command = str((task["Config"] or {}).get("command") or "")
    return {"true": 0, "false": 1}.get(command.rsplit("/", 1)[-1])


def health_policy(alloc: Alloc) -> Json | None:
    """What decides an allocation's health: the update block inside a deployment, else the migrate block."""
    group = alloc.job.groups[alloc.group]
    if not alloc.deployment_id:
        migrate: Json | None = group["Migrate"]
        return migrate
    update: Json | None = group["Update"]
    if update is None or update["MaxParallel"] == 0 or update["HealthCheck"] == "manual":
        return None
    return update


def checked_services(alloc: Alloc) -> list[str]:
    """The services of a group that have checks."""
    group = alloc.job.groups[alloc.group]
    services = list(group["Services"] or [])
    for task in group["Tasks"]:
        services += task["Services"] or []
    return [service["Name"] for service in services if service["Checks"]]


def has_checks(alloc: Alloc) -> bool:
    return bool(checked_services(alloc))
