"""What the tests see of a backend: a client, what to wait with, and jobs to register."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

import requests

from pryv_nomad.clients.nomad import Nomad

Json = dict[str, Any]

MS = 1_000_000
SECOND = 1_000_000_000

_numbers = itertools.count(1)


def job_spec(job_id: str, **group: Any) -> Json:
    """A service job of one group with one sleeping task; keywords change the group."""
    return {
        "ID": job_id,
        "Name": job_id,
        "Type": "service",
        "Datacenters": ["dc1"],
        "TaskGroups": [
            {
                "Name": "api",
                "Count": 1,
                "RestartPolicy": {"Attempts": 0, "Mode": "fail", "Interval": 60 * SECOND, "Delay": SECOND},
                "ReschedulePolicy": {"Attempts": 0, "Unlimited": False, "Interval": 0},
                "Update": update(),
                "Tasks": [task()],
                **group,
            }
        ],
    }


def task(name: str = "main", **values: Any) -> Json:
    return {
        "Name": name,
        "Driver": "raw_exec",
        "Config": {"command": "/bin/sleep", "args": ["600"]},
        "KillTimeout": SECOND,
        "KillSignal": "SIGKILL",
        "Resources": {"CPU": 20, "MemoryMB": 16},
        **values,
    }


def failing_task() -> Json:
    return task(Config={"command": "/bin/false"})


def fail(group: Json) -> None:
    """A change whose task fails at once, with so much time to become healthy that it never counts as healthy before."""
    group["Tasks"] = [failing_task()]
    group["Update"]["MinHealthyTime"] = 4 * SECOND


def update(**values: Any) -> Json:
    return {
        "MaxParallel": 1,
        "HealthCheck": "task_states",
        "MinHealthyTime": 100 * MS,
        "HealthyDeadline": 5 * SECOND,
        "ProgressDeadline": 10 * SECOND,
        **values,
    }


def changed(job: Json, change: Callable[[Json], Any]) -> Json:
    """A copy of a job whose first group was given to `change`."""
    result = copy.deepcopy(job)
    change(result["TaskGroups"][0])
    return result


def with_env(job: Json, value: str) -> Json:
    """A change that replaces the allocation."""
    return changed(job, lambda group: group["Tasks"][0].update(Env={"VALUE": value}))


def without_order(diff: Any) -> Any:
    """A diff whose lists are sorted: Nomad sorts most of them, but not all."""
    if isinstance(diff, dict):
        return {key: without_order(value) for key, value in diff.items()}
    if isinstance(diff, list):
        return sorted((without_order(item) for item in diff), key=repr)
    return diff


class World:
    """A backend: `kind` is simulator or real."""

    def __init__(self, kind: str, client: Nomad) -> None:
        self.kind = kind
        self.client = client
        self.jobs: list[str] = []

    def name(self, stem: str) -> str:
        """A job's ID that no other test has."""
        job_id = f"{stem}-{next(_numbers)}"
        self.jobs.append(job_id)
        return job_id

    def until(
        self, path: str, condition: Callable[[Any], bool], seconds: float = 20.0, params: Json | None = None
    ) -> Any:
        """The body of `path` as soon as `condition` holds of it, by blocking queries."""
        end = time.monotonic() + seconds
        index = 0
        while True:
            answer = self.client.get(path, params, index=index, wait_s=max(end - time.monotonic(), 0.001))
            if condition(answer.body):
                return answer.body
            assert time.monotonic() < end, f"{path} never became as expected: {answer.body}"
            index = answer.index

    def register(self, job: Json) -> Json:
        """Register with the index that the job has now."""
        stubs = [stub for stub in self.client.list_jobs(prefix=job["ID"]) if stub["ID"] == job["ID"]]
        return self.client.register(job, enforce_index=stubs[0]["JobModifyIndex"] if stubs else 0)

    def evaluated(self, evaluation_id: str) -> Json:
        """An evaluation that is done."""
        found: Json = self.until(f"evaluation/{evaluation_id}", lambda body: body["Status"] != "pending")
        return found

    def deployment(self, job_id: str, version: int, accept: Callable[[Json], bool], seconds: float = 20.0) -> Json:
        """The deployment of a version, once `accept` holds of it."""

        def chosen(body: list[Json]) -> list[Json]:
            return [item for item in body or [] if item["JobVersion"] == version]

        found = self.until(
            f"job/{job_id}/deployments", lambda body: any(accept(item) for item in chosen(body)), seconds
        )
        return chosen(found)[0]

    def deployed(self, job: Json, version: int = 0, register: bool = True) -> Json:
        """The successful deployment of a job's version (registered first)."""
        if register:
            self.register(job)
        return self.deployment(job["ID"], version, lambda item: item["Status"] == "successful")

    def healthy(self, job: Json) -> None:
        """Register a job's first version and wait until all of it is healthy: sooner than its deployment is over, hence
        for tests that need no stable version to go back to."""
        self.register(job)
        wanted = sum(group["Count"] for group in job["TaskGroups"])

        def count(item: Json) -> bool:
            return sum(group["HealthyAllocs"] for group in item["TaskGroups"].values()) == wanted

        self.deployment(job["ID"], 0, count)

    def allocs(self, job_id: str, accept: Callable[[list[Json]], bool], seconds: float = 20.0) -> list[Json]:
        """A job's allocations, once `accept` holds of the list."""
        found: list[Json] = self.until(f"job/{job_id}/allocations", lambda body: accept(body or []), seconds)
        return found

    def running(self, job_id: str, count: int = 1) -> list[Json]:
        """A job's running allocations, once there are `count`."""

        def live(body: Iterable[Json]) -> list[Json]:
            return [a for a in body if a["ClientStatus"] == "running" and a["DesiredStatus"] == "run"]

        return live(self.allocs(job_id, lambda body: len(live(body)) == count))

    def arm(self, *faults: Json) -> None:
        """Make the simulator do what a script makes a real task do."""
        url = f"{self.client.options.address}/v1/simulator/faults"
        requests.put(url, json={"faults": faults}, timeout=5).raise_for_status()

    def clean_up(self) -> None:
        for job_id in self.jobs:
            self.client.stop(job_id, purge=True)
        self.jobs.clear()
