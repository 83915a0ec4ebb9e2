"""Jobs and clusters for the simulator's tests."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from pryv_nomad.simulator import NodeSpec, Simulator
from pryv_nomad.simulator.objects import Alloc, Deployment, Job

Json = dict[str, Any]

MS = 1_000_000
SECOND = 1_000_000_000


def cluster(nodes: int = 3, **options: Any) -> Simulator:
    """A simulator with nodes n0, n1 …, each with the meta `pryv_core = coN`."""
    simulator = Simulator(keep_log=True, **options)
    for number in range(nodes):
        simulator.add_node(
            NodeSpec(f"n{number}", meta={"pryv_core": f"co{number}"}, host_networks={"private": "10.1.0.1"})
        )
    return simulator


def update(**values: Any) -> Json:
    return {
        "MaxParallel": 1,
        "HealthCheck": "task_states",
        "MinHealthyTime": SECOND,
        "HealthyDeadline": 20 * SECOND,
        "ProgressDeadline": 60 * SECOND,
        **values,
    }


def task(name: str = "main", image: str = "pryvio/core:1", **values: Any) -> Json:
    resources = {"CPU": 100, "MemoryMB": 100}
    return {"Name": name, "Driver": "docker", "Config": {"image": image}, "Resources": resources, **values}


def job(job_id: str = "web", **group: Any) -> Json:
    """A service job of one group; keywords change the group."""
    return {
        "ID": job_id,
        "Name": job_id,
        "Type": "service",
        "Datacenters": ["dc1"],
        "TaskGroups": [
            {
                "Name": "api",
                "Count": 1,
                "Update": update(),
                "RestartPolicy": {"Attempts": 0, "Mode": "fail"},
                "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
                "Tasks": [task()],
                **group,
            }
        ],
    }


def pinned(spec: Json, core: str) -> Json:
    return {**spec, "Constraints": [{"LTarget": "${meta.pryv_core}", "Operand": "=", "RTarget": core}]}


def changed(spec: Json, change: Callable[[Json], Any]) -> Json:
    """A copy of a job whose first group was given to `change`."""
    result = copy.deepcopy(spec)
    change(result["TaskGroups"][0])
    return result


def with_image(spec: Json, image: str) -> Json:
    return changed(spec, lambda group: group["Tasks"][0]["Config"].update(image=image))


def register(simulator: Simulator, spec: Json) -> Job:
    """Register a job and let what follows at once happen."""
    simulator.jobs.register({"Job": spec}, "default")
    simulator.settle()
    return simulator.state.jobs["default", spec["ID"]]


def allocs(simulator: Simulator, job_id: str = "web") -> list[Alloc]:
    """A job's allocations, oldest first."""
    return list(simulator.state.job_allocs.get(("default", job_id), {}).values())


def live(simulator: Simulator, job_id: str = "web") -> list[Alloc]:
    """Those that run and are to run."""
    return [a for a in allocs(simulator, job_id) if a.status == "running" and a.desired == "run"]


def deployment(simulator: Simulator, job_id: str = "web") -> Deployment:
    """A job's latest deployment."""
    found = simulator.state.latest_deployment(("default", job_id))
    assert found is not None
    return found


def deployed(simulator: Simulator, spec: Json) -> Deployment:
    """Register a job and wait until its deployment has ended well."""
    register(simulator, spec)
    assert simulator.run_until(lambda: not deployment(simulator, spec["ID"]).active, 600)
    found = deployment(simulator, spec["ID"])
    assert found.status == "successful", found.description
    return found
