"""Nomad's policies against a real Nomad with ACLs: what each allows is enough, and all else is refused."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.errors import Unauthorized
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.policies import POLICIES
from pryv_nomad.secrets.store import SecretStore
from tests.consul_server import until
from tests.policies.servers import NomadServer, nomad_server, sleeping
from tests.specs.rendered import SMALLEST, cluster

pytestmark = pytest.mark.skipif(shutil.which("nomad") is None, reason="no nomad on PATH")

NAMESPACE = "pryv-lab"
JOB = "pryv-core-co1"


def platform() -> Cluster:
    return cluster(SMALLEST, f"platform.namespace={NAMESPACE}")


@pytest.fixture(scope="module")
def server() -> Iterator[NomadServer]:
    with nomad_server() as made:
        for namespace in (NAMESPACE, "other"):
            made.call("POST", f"namespace/{namespace}", {"Name": namespace})
        for name in ("nomad-operator", "nomad-viewer"):
            made.policy(name, POLICIES[name].text(platform()))
        with made.client(made.token, "other") as root:
            root.register(sleeping("pryv-core-foreign", "other"), enforce_index=0)
            root.put_variable("nomad/jobs", {"KEY": "theirs"}, cas=0)
        yield made


@pytest.fixture
def operator(server: NomadServer) -> Iterator[Nomad]:
    with server.client(server.token_of("nomad-operator"), NAMESPACE) as client:
        yield client


@pytest.fixture
def viewer(server: NomadServer) -> Iterator[Nomad]:
    with server.client(server.token_of("nomad-viewer"), NAMESPACE) as client:
        yield client


def test_an_operator_plans_runs_watches_explains_and_stops(operator: Nomad) -> None:
    job = sleeping(JOB, NAMESPACE, ("/bin/sh", "-c", "echo it runs; exec sleep 3600"))
    assert JOB not in {stub["ID"] for stub in operator.list_jobs()}
    assert operator.plan(json.dumps(job))["JobModifyIndex"] == 0
    assert operator.parse('job "a" {\n  priority = 60\n}\n')["ID"] == "a"

    answer = operator.register(job, enforce_index=0)
    assert operator.evaluation(answer["EvalID"])
    assert operator.evaluations_for_job(JOB)
    until(lambda: (operator.latest_deployment(JOB) or {}).get("Status") == "successful", 30, "it runs")
    assert operator.deployments()
    assert operator.get("deployments", index=0).body
    assert operator.get("allocations").body
    assert operator.job_versions(JOB)
    assert operator.deployments_for_job(JOB)
    allocation = operator.allocations_for_job(JOB)[0]
    assert operator.allocation(allocation["ID"])
    until(lambda: "it runs" in operator.task_log_tail(allocation["ID"], "task", "stdout", 5), 20, "its log is read")
    assert [operator.node(stub["ID"])["Status"] for stub in operator.nodes()] == ["ready"]

    index = operator.job(JOB)["JobModifyIndex"]
    changed = {**job, "Priority": 60}
    operator.register(changed, enforce_index=index)
    operator.stop(JOB)
    assert operator.job(JOB)["Stop"] is True


def test_an_operator_keeps_the_platform_s_secrets(operator: Nomad) -> None:
    store = SecretStore(operator)
    for path in ("nomad/jobs", "nomad/jobs/pryv-registry", "nomad/jobs/pryv-certificate"):
        store.put(path, {"KEY": "value"})
        assert store.value(path, "KEY") == "value"
    assert {each["Path"] for each in operator.variables("nomad/jobs")} >= {"nomad/jobs", "nomad/jobs/pryv-registry"}


def test_an_operator_promotes_and_fails_a_deployment(operator: Nomad) -> None:
    job = sleeping("pryv-core-co2", NAMESPACE)
    job["TaskGroups"][0]["Update"] |= {"Canary": 1, "AutoPromote": False}
    operator.register(job, enforce_index=0)
    until(lambda: (operator.latest_deployment("pryv-core-co2") or {}).get("Status") == "successful", 30, "it runs")
    job["TaskGroups"][0]["Tasks"][0]["Env"] = {"CHANGED": "1"}
    operator.register(job, enforce_index=operator.job("pryv-core-co2")["JobModifyIndex"])

    def healthy() -> bool:
        states = ((operator.latest_deployment("pryv-core-co2") or {}).get("TaskGroups") or {}).values()
        return any(state["HealthyAllocs"] and state["DesiredCanaries"] for state in states)

    until(healthy, 30, "its canary is healthy")
    deployment = operator.latest_deployment("pryv-core-co2")
    assert deployment is not None
    operator.promote(deployment["ID"])
    # Nomad makes no deployment of going back to what still runs: the old allocation has to be gone first.
    until(lambda: operator.deployment(deployment["ID"])["Status"] == "successful", 60, "the canary took over")
    operator.revert("pryv-core-co2", 0, 1)
    until(lambda: (operator.latest_deployment("pryv-core-co2") or {})["ID"] != deployment["ID"], 60, "it goes back")
    latest = operator.latest_deployment("pryv-core-co2")
    assert latest is not None
    operator.pause_deployment(latest["ID"], True)
    operator.fail_deployment(latest["ID"])
    operator.stop("pryv-core-co2")


FOREIGN: dict[str, Callable[[Nomad], object]] = {
    "a variable outside the platform's": lambda nomad: nomad.variable("other/secret"),
    "writing a variable outside the platform's": lambda nomad: nomad.put_variable("other/secret", {"A": "b"}, cas=0),
    "a variable of a job that is not ours": lambda nomad: nomad.variable("nomad/jobs/billing"),
    "draining a node": lambda nomad: nomad.node_eligibility(nomad.nodes()[0]["ID"], False),
    "the agent": lambda nomad: nomad.agent_self(),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_an_operator_does_nothing_beyond_the_platform(operator: Nomad, what: str) -> None:
    with pytest.raises(Unauthorized):
        FOREIGN[what](operator)


def test_an_operator_has_no_say_in_another_namespace(server: NomadServer) -> None:
    with server.client(server.token_of("nomad-operator"), "other") as abroad:
        for call in (
            lambda: abroad.variable("nomad/jobs"),
            lambda: abroad.register(sleeping("pryv-core-x", "other"), enforce_index=0),
            lambda: abroad.stop("pryv-core-foreign"),
        ):
            with pytest.raises(Unauthorized):
                call()


def test_a_viewer_sees_what_status_shows_and_which_secrets_there_are(operator: Nomad, viewer: Nomad) -> None:
    SecretStore(operator).put("nomad/jobs", {"SEEN": "value"})
    viewer.list_jobs()
    viewer.deployments()
    assert viewer.get("allocations").body is not None
    assert [node["Status"] for node in viewer.nodes()] == ["ready"]
    assert {each["Path"] for each in viewer.variables("nomad/jobs")} >= {"nomad/jobs"}


VIEWED: dict[str, Callable[[Nomad], object]] = {
    "reading a secret": lambda nomad: nomad.variable("nomad/jobs"),
    "writing a secret": lambda nomad: nomad.put_variable("nomad/jobs", {"A": "b"}, cas=0),
    "registering a job": lambda nomad: nomad.register(sleeping("pryv-x", NAMESPACE), enforce_index=0),
    "asking for a plan": lambda nomad: nomad.plan(json.dumps(sleeping("pryv-x", NAMESPACE))),
    "stopping a job": lambda nomad: nomad.stop(JOB),
}


@pytest.mark.parametrize("what", VIEWED)
def test_a_viewer_changes_nothing(viewer: Nomad, what: str) -> None:
    with pytest.raises(Unauthorized):
        VIEWED[what](viewer)


RESTART = """
import os, time
from pryv_nomad.errors import PryvNomadError
from pryv_nomad.registry.restarts import nomad_task
try:
    nomad_task(os.environ, "task")()
    print("restarted", flush=True)
except PryvNomadError as error:
    print(type(error).__name__, flush=True)
time.sleep(3600)
"""


def test_a_follower_restarts_its_neighbour_with_the_policy_of_its_job_only(server: NomadServer) -> None:
    job = sleeping("pryv-registry", NAMESPACE)
    (group,) = job["TaskGroups"]
    follow = {
        "Name": "follow",
        "Driver": "raw_exec",
        "Config": {"command": sys.executable, "args": ["-c", RESTART]},
        "Env": {"PYTHONPATH": str(Path(__file__).parents[2])},
        "Identity": {"Env": True},
        "Resources": {"CPU": 20, "MemoryMB": 64},
    }
    group["Tasks"].append(follow)

    def told(client: Nomad) -> tuple[str, int]:
        """What the follower said, and how often its neighbour was restarted."""
        for each in client.allocations_for_job("pryv-registry"):
            if each["ClientStatus"] == "running":
                found = client.allocation(each["ID"])
                return client.task_log_tail(each["ID"], "follow", "stdout", 5), found["TaskStates"]["task"]["Restarts"]
        return "", 0

    with server.client(server.token, NAMESPACE) as root:
        root.register(job, enforce_index=0)
        until(lambda: "Unauthorized" in told(root)[0], 30, "the follower is refused")
        assert told(root)[1] == 0
        root.stop("pryv-registry")
        until(lambda: not told(root)[0], 30, "the job is stopped")
        text = POLICIES["nomad-follower"].text(platform())
        server.policy("pryv-registry", text, Namespace=NAMESPACE, JobID="pryv-registry")
        root.register({**job, "Stop": False}, enforce_index=root.job("pryv-registry")["JobModifyIndex"])
        until(lambda: "restarted" in told(root)[0], 30, "the follower restarts its neighbour")
        until(lambda: told(root)[1] == 1, 10, "it was restarted once")
        root.stop("pryv-registry")


def test_the_bridge_reads_what_runs_keeps_its_copies_and_nothing_else(server: NomadServer) -> None:
    server.policy("nomad-bridge", POLICIES["nomad-bridge"].text(platform()))
    with server.client(server.token_of("nomad-bridge"), NAMESPACE) as bridge:
        assert bridge.get("allocations").body is not None
        assert [bridge.node(stub["ID"])["Status"] for stub in bridge.nodes()] == ["ready"]
        bridge.put_variable("pryv-nomad/generation", {"count": "1"}, cas=0)
        assert [each["Path"] for each in bridge.variables("pryv-nomad/")] == ["pryv-nomad/generation"]
        assert bridge.variable("pryv-nomad/generation") is not None
        with pytest.raises(Unauthorized):
            bridge.variable("nomad/jobs")
        with pytest.raises(Unauthorized):
            bridge.register(sleeping(JOB, NAMESPACE), enforce_index=0)
