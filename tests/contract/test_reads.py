"""Reading: lists and pages, nodes, namespaces, variables, logs, blocking queries, the event stream."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from contract.world import MS, World, changed, job_spec, task, with_env
from pryv_nomad.errors import ApiError, Conflict, NotFound

Json = dict[str, Any]


def test_the_list_of_jobs_tells_each_jobs_index(nomad: World) -> None:
    stem = nomad.name("listed")
    ids = [f"{stem}-{number}" for number in range(3)]
    nomad.jobs += ids
    indexes = {job_id: nomad.register(job_spec(job_id, Count=0))["JobModifyIndex"] for job_id in ids}
    stubs = nomad.client.list_jobs(prefix=stem)
    assert {stub["ID"]: stub["JobModifyIndex"] for stub in stubs} == indexes
    stub = stubs[0]
    assert (stub["Type"], stub["Stop"], stub["Periodic"], stub["Namespace"]) == ("service", False, False, "default")
    assert stub["JobSummary"]["Summary"]["api"]["Running"] == 0
    assert [stub["ID"] for stub in nomad.client.list_jobs(prefix=stem, per_page=2)] == ids


def test_a_job_that_is_not_there_is_not_found(nomad: World) -> None:
    for read in (nomad.client.job, nomad.client.job_versions, nomad.client.job_summary):
        with pytest.raises(NotFound, match="not found"):
            read("never-registered")
    assert nomad.client.allocations_for_job("never-registered") == []
    assert nomad.client.deployments_for_job("never-registered") == []
    assert nomad.client.evaluations_for_job("never-registered") == []
    assert nomad.client.latest_deployment("never-registered") is None


def test_unknown_identifiers_are_not_found(nomad: World) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    for read in (nomad.client.evaluation, nomad.client.allocation, nomad.client.deployment, nomad.client.node):
        with pytest.raises(NotFound):
            read(unknown)


def test_a_node_shows_what_placement_looks_at(nomad: World) -> None:
    (stub,) = nomad.client.nodes()
    assert (stub["Name"], stub["Datacenter"], stub["Status"]) == ("contract", "dc1", "ready")
    assert (stub["SchedulingEligibility"], stub["Drain"], stub["NodeClass"]) == ("eligible", False, "")
    assert stub["Address"] == "127.0.0.1"
    assert stub["Drivers"]["raw_exec"]["Healthy"] is True
    assert stub["NodeResources"]["Cpu"]["CpuShares"] == 8000
    assert stub["NodeResources"]["Memory"]["MemoryMB"] == 4096
    node = nomad.client.node(stub["ID"])
    assert node["Meta"]["pryv_core"] == "co1"
    assert node["Attributes"]["nomad.version"].startswith("1.")
    assert node["Attributes"]["driver.raw_exec"] == "1"
    assert node["HostNetworks"]["private"]["CIDR"] == "127.0.0.1/32"
    assert node["HostVolumes"]["data1"]["ReadOnly"] is False
    aliases = {
        address["Alias"] for network in node["NodeResources"]["NodeNetworks"] for address in network["Addresses"] or []
    }
    assert {"default", "private"} <= aliases


def test_the_servers_say_who_they_are(nomad: World) -> None:
    assert ":" in nomad.client.leader()
    assert nomad.client.regions() == ["global"]
    agent = nomad.client.agent_self()
    assert agent["config"]["Region"] == "global"
    assert agent["config"]["Version"]["Version"].startswith("1.")
    assert agent["member"]["Tags"]["build"].startswith("1.")
    assert ("simulator" in agent["member"]["Tags"]) is (nomad.kind == "simulator")


def test_namespaces_keep_jobs_apart(nomad: World) -> None:
    from dataclasses import replace

    from pryv_nomad.clients.nomad import Nomad
    from pryv_nomad.clients.retries import NEVER

    nomad.client.library.namespace.create_namespace({"Name": "lab", "Description": "a lab"})
    assert {"default", "lab"} <= {item["Name"] for item in nomad.client.namespaces()}
    assert nomad.client.namespace("lab")["Description"] == "a lab"
    with pytest.raises(NotFound):
        nomad.client.namespace("nowhere")
    job_id = nomad.name("apart")
    with Nomad(replace(nomad.client.options, namespace="lab"), retries=NEVER) as lab:
        lab.register({**job_spec(job_id, Count=0), "Namespace": "lab"}, enforce_index=0)
        assert [stub["ID"] for stub in lab.list_jobs(prefix=job_id)] == [job_id]
        assert nomad.client.list_jobs(prefix=job_id) == []
        with pytest.raises(NotFound):
            nomad.client.job(job_id)
        lab.put_variable(f"nomad/jobs/{job_id}", {"k": "v"}, 0)
        assert nomad.client.variable(f"nomad/jobs/{job_id}") is None
        lab.stop(job_id, purge=True)


# -- variables


@pytest.fixture
def path(nomad: World) -> Iterator[str]:
    found = f"nomad/jobs/{nomad.name('variable')}"
    yield found
    written = nomad.client.variable(found)
    if written is not None:
        nomad.client.delete_variable(found, written["ModifyIndex"])


def test_a_variable_is_written_with_its_index(nomad: World, path: str) -> None:
    assert nomad.client.variable(path) is None
    first = nomad.client.put_variable(path, {"KEY": "one", "text": 'ü "${x}"\n'}, 0)
    read = nomad.client.variable(path)
    assert read is not None
    assert read["Items"] == {"KEY": "one", "text": 'ü "${x}"\n'}
    assert read["ModifyIndex"] == first["ModifyIndex"]
    with pytest.raises(Conflict):
        nomad.client.put_variable(path, {"KEY": "two"}, 0)
    with pytest.raises(Conflict):
        nomad.client.put_variable(path, {"KEY": "two"}, first["ModifyIndex"] + 1)
    second = nomad.client.put_variable(path, {"KEY": "two"}, first["ModifyIndex"])
    assert second["CreateIndex"] == first["CreateIndex"]
    assert second["ModifyIndex"] > first["ModifyIndex"]
    with pytest.raises(Conflict):
        nomad.client.delete_variable(path, first["ModifyIndex"])
    assert [item["Path"] for item in nomad.client.variables(path)] == [path]
    assert "Items" not in nomad.client.variables(path)[0]
    nomad.client.delete_variable(path, second["ModifyIndex"])
    assert nomad.client.variable(path) is None


def test_a_variable_holds_64_kib(nomad: World, path: str) -> None:
    written = nomad.client.put_variable(path, {"k": "v" * (64 * 1024 - 1)}, 0)
    with pytest.raises(ApiError, match="variables are limited to 64KiB in total size"):
        nomad.client.put_variable(path, {"k": "v" * (64 * 1024)}, written["ModifyIndex"])


def test_an_empty_variable_is_refused(nomad: World, path: str) -> None:
    with pytest.raises(ApiError, match="variable missing required Items object"):
        nomad.client.put_variable(path, {}, 0)


# -- logs


def test_the_end_of_a_tasks_log(nomad: World) -> None:
    script = "echo first; echo last; echo trouble >&2; exec sleep 600"
    job = job_spec(nomad.name("logs"), Tasks=[task(Config={"command": "/bin/sh", "args": ["-c", script]})])
    nomad.healthy(job)
    (alloc,) = nomad.running(job["ID"])
    lines = nomad.client.task_log_tail(alloc["ID"], "main", "stdout", 1)
    assert len(lines) == 1
    with pytest.raises(ApiError):
        nomad.client.task_log_tail(alloc["ID"], "nothing", "stdout", 1)


# -- waiting


def test_a_blocking_query_returns_at_a_change_and_not_before(nomad: World) -> None:
    job = job_spec(nomad.name("blocking"), Count=0)
    nomad.register(job)
    path = f"job/{job['ID']}"
    quiet = nomad.until(path, lambda body: body["Status"] == "dead")
    answer = nomad.client.get(path, index=0)
    assert answer.index == quiet["ModifyIndex"]
    begun = time.monotonic()
    same = nomad.client.get(path, index=answer.index, wait_s=0.3)
    assert same.index == answer.index
    assert time.monotonic() - begun >= 0.25
    timer = threading.Timer(0.2, lambda: nomad.register(with_env(job, "2")))
    timer.start()
    begun = time.monotonic()
    newer = nomad.client.get(path, index=answer.index, wait_s=10)
    timer.join()
    assert newer.index > answer.index
    assert newer.body["Version"] == 1
    assert time.monotonic() - begun < 8


def test_a_blocking_query_for_deployments_wakes_up(nomad: World) -> None:
    job = job_spec(nomad.name("waking"))
    path = f"job/{job['ID']}/deployments"
    answer = nomad.client.get(path, index=0)
    timer = threading.Timer(0.2, lambda: nomad.register(job))
    timer.start()
    end = time.monotonic() + 10
    while not answer.body and time.monotonic() < end:
        answer = nomad.client.get(path, index=max(answer.index, 1), wait_s=10)
    timer.join()
    assert [item["JobVersion"] for item in answer.body] == [0]


# -- events


def _batches(nomad: World, index: int, topics: list[str]) -> Iterator[Json]:
    """Batches of events; a heartbeat, which comes when nothing else does, is one time too many."""
    beats = 0
    for batch in nomad.client.event_stream(index, topics, heartbeats=True):
        if batch:
            yield batch
        else:
            # One may come at the beginning too.
            beats += 1
            assert beats < 3, "no further events"


def _events(nomad: World, index: int, topics: list[str], count: int) -> list[Json]:
    found: list[Json] = []
    for batch in _batches(nomad, index, topics):
        assert all(event["Index"] == batch["Index"] for event in batch["Events"])
        found += batch["Events"]
        if len(found) >= count:
            return found
    return found


def test_the_event_stream_tells_of_a_jobs_life(nomad: World) -> None:
    job = job_spec(nomad.name("events"))
    index = nomad.register(job)["JobModifyIndex"]
    nomad.deployed(job, register=False)
    topics = ("Job", "Evaluation", "Allocation", "Deployment")
    events = _events(nomad, index, [f"{topic}:{job['ID']}" for topic in topics], 8)
    first = [event for event in events if event["Index"] == index]
    assert {event["Topic"] for event in first} == {"Job", "Evaluation"}
    assert {event["Type"] for event in first} == {"JobRegistered"}
    (registered,) = [event for event in first if event["Topic"] == "Job"]
    assert registered["Key"] == job["ID"]
    assert registered["Namespace"] == "default"
    assert registered["Payload"]["Job"]["Version"] == 0
    by_topic = {topic: [event for event in events if event["Topic"] == topic] for topic in topics}
    alloc = by_topic["Allocation"][0]
    assert alloc["FilterKeys"] == [job["ID"], alloc["Payload"]["Allocation"]["DeploymentID"]]
    assert alloc["Payload"]["Allocation"]["JobID"] == job["ID"]
    assert alloc["Type"] == "PlanResult"
    deployment = by_topic["Deployment"][0]
    assert deployment["FilterKeys"] == [job["ID"]]
    assert deployment["Payload"]["Deployment"]["JobID"] == job["ID"]
    indexes = [event["Index"] for event in events]
    assert indexes == sorted(indexes)


def test_the_event_stream_tells_of_nodes(nomad: World) -> None:
    (node,) = nomad.client.nodes()
    nomad.client.node_eligibility(node["ID"], False)
    index = nomad.client.node(node["ID"])["ModifyIndex"]
    nomad.client.node_eligibility(node["ID"], True)
    for batch in _batches(nomad, index, ["Node"]):
        (event,) = batch["Events"]
        if event["Payload"]["Node"]["SchedulingEligibility"] == "eligible":
            break
    # Nomad gives a change of eligibility the type of a drain.
    found = {key: event[key] for key in ("Key", "Topic", "Namespace", "Type")}
    assert found == {"Key": node["ID"], "Topic": "Node", "Namespace": "", "Type": "NodeDrain"}


def test_the_event_stream_filters_by_job(nomad: World) -> None:
    one, other = job_spec(nomad.name("mine"), Count=0), job_spec(nomad.name("theirs"), Count=0)
    index = nomad.register(one)["JobModifyIndex"]
    nomad.register(other)
    nomad.register(changed(one, lambda group: group.update(ShutdownDelay=50 * MS)))
    events = _events(nomad, index, [f"Job:{one['ID']}"], 2)
    assert {event["Key"] for event in events} == {one["ID"]}
