"""Each method sends what Nomad's API documents, and gives back what Nomad says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import NomadOptions
from pryv_nomad.clients.retries import NEVER
from pryv_nomad.errors import ApiError, Conflict, Unreachable

from .conftest import Reply, ScriptedServer, VirtualTime

JOB = {"ID": "pryv-redis", "Name": "Redis"}
CALLS: list[tuple[Callable[[Nomad], Any], str, dict[str, Any] | None]] = [
    (lambda n: n.list_jobs(), "GET /v1/jobs", None),
    (lambda n: n.list_jobs("pryv-", meta=True), "GET /v1/jobs?prefix=pryv-&meta=true", None),
    (lambda n: n.job("a"), "GET /v1/job/a", None),
    (lambda n: n.job("backup/periodic-1"), "GET /v1/job/backup%2Fperiodic-1", None),
    (lambda n: n.job("été ?#&"), "GET /v1/job/%C3%A9t%C3%A9%20%3F%23%26", None),
    (lambda n: n.job_summary("a"), "GET /v1/job/a/summary", None),
    (lambda n: n.plan(JOB), "POST /v1/job/pryv-redis/plan", {"Job": JOB, "Diff": True, "PolicyOverride": False}),
    (
        lambda n: n.plan(json.dumps(JOB), diff=False, policy_override=True),
        "POST /v1/job/pryv-redis/plan",
        {"Job": JOB, "Diff": False, "PolicyOverride": True},
    ),
    (lambda n: n.stop("a"), "DELETE /v1/job/a", None),
    (lambda n: n.stop("a", purge=True), "DELETE /v1/job/a?purge=true", None),
    (
        lambda n: n.revert("a", 3, 5),
        "POST /v1/job/a/revert",
        {"JobID": "a", "JobVersion": 3, "EnforcePriorVersion": 5},
    ),
    (
        lambda n: n.parse("job", "x = 1"),
        "POST /v1/jobs/parse",
        {"JobHCL": "job", "Canonicalize": False, "Variables": "x = 1"},
    ),
    (lambda n: n.evaluation("e"), "GET /v1/evaluation/e", None),
    (lambda n: n.evaluations_for_job("a"), "GET /v1/job/a/evaluations", None),
    (lambda n: n.evaluation_allocations("e"), "GET /v1/evaluation/e/allocations", None),
    (lambda n: n.allocations_for_job("a"), "GET /v1/job/a/allocations", None),
    (lambda n: n.allocations_for_job("a", all=True), "GET /v1/job/a/allocations?all=true", None),
    (lambda n: n.allocation("x"), "GET /v1/allocation/x", None),
    (lambda n: n.deployments(), "GET /v1/deployments", None),
    (lambda n: n.deployments("ab"), "GET /v1/deployments?prefix=ab", None),
    (lambda n: n.deployment("d"), "GET /v1/deployment/d", None),
    (lambda n: n.deployments_for_job("a"), "GET /v1/job/a/deployments", None),
    (lambda n: n.latest_deployment("a"), "GET /v1/job/a/deployment", None),
    (lambda n: n.promote("d"), "POST /v1/deployment/promote/d", {"DeploymentID": "d", "All": True}),
    (
        lambda n: n.promote("d", groups=["api"]),
        "POST /v1/deployment/promote/d",
        {"DeploymentID": "d", "Groups": ["api"]},
    ),
    (lambda n: n.fail_deployment("d"), "POST /v1/deployment/fail/d", {}),
    (lambda n: n.pause_deployment("d", True), "POST /v1/deployment/pause/d", {"DeploymentID": "d", "Pause": True}),
    (lambda n: n.nodes(), "GET /v1/nodes?resources=true", None),
    (lambda n: n.nodes("ab", resources=False), "GET /v1/nodes?prefix=ab", None),
    (lambda n: n.node("n"), "GET /v1/node/n", None),
    (
        lambda n: n.drain_node("n", 90),
        "POST /v1/node/n/drain",
        {"DrainSpec": {"Deadline": 90_000_000_000, "IgnoreSystemJobs": False}, "MarkEligible": False},
    ),
    (lambda n: n.drain_node("n", enable=False), "POST /v1/node/n/drain", {"DrainSpec": None, "MarkEligible": True}),
    (lambda n: n.node_eligibility("n", True), "POST /v1/node/n/eligibility", {"Eligibility": "eligible"}),
    (lambda n: n.node_eligibility("n", False), "POST /v1/node/n/eligibility", {"Eligibility": "ineligible"}),
    (lambda n: n.namespaces(), "GET /v1/namespaces", None),
    (lambda n: n.namespace("pryv"), "GET /v1/namespace/pryv", None),
    (lambda n: n.regions(), "GET /v1/regions", None),
    (lambda n: n.agent_self(), "GET /v1/agent/self", None),
    (lambda n: n.acl_policies(), "GET /v1/acl/policies", None),
    (lambda n: n.variable("nomad/jobs/a b"), "GET /v1/var/nomad/jobs/a%20b", None),
    (
        lambda n: n.put_variable("nomad/jobs", {"k": "v"}, 7),
        "PUT /v1/var/nomad/jobs?cas=7",
        {"Path": "nomad/jobs", "Items": {"k": "v"}},
    ),
    (lambda n: n.delete_variable("nomad/jobs", 7), "DELETE /v1/var/nomad/jobs?cas=7", None),
    (lambda n: n.variables("nomad/"), "GET /v1/vars?prefix=nomad%2F", None),
]


@pytest.mark.parametrize(("call", "line", "body"), CALLS, ids=[line for _, line, _ in CALLS])
def test_a_method_sends_its_request(
    server: ScriptedServer, nomad: Nomad, call: Callable[[Nomad], Any], line: str, body: dict[str, Any] | None
) -> None:
    server.script(Reply(200, []))
    call(nomad)
    (request,) = server.requests
    assert f"{request.method} {request.target}" == line
    assert (request.json if request.body else None) == body


def test_namespace_and_region_go_with_every_call(server: ScriptedServer, virtual: VirtualTime) -> None:
    server.script(Reply(200, []))
    options = NomadOptions(address=server.url, namespace="pryv", region="eu")
    with Nomad(options, timing=virtual.timing) as nomad:
        for call, _, _ in CALLS:
            call(nomad)
        nomad.get("job/a/allocations", {"namespace": "other"})
    *of_methods, with_own = server.requests
    assert all((r.query["namespace"], r.query["region"]) == (["pryv"], ["eu"]) for r in of_methods)
    assert with_own.query == {"namespace": ["other"], "region": ["eu"]}


def test_bodies_come_back_unchanged(server: ScriptedServer, nomad: Nomad) -> None:
    body = {"ID": "a", "Meta": None, "Ünï": ["{{ x }}", 1.5, True]}
    server.script(Reply(200, body))
    assert nomad.job("a") == body


@pytest.mark.parametrize("as_text", [True, False], ids=["text", "mapping"])
def test_register_enforces_the_index(server: ScriptedServer, nomad: Nomad, as_text: bool) -> None:
    server.script(Reply(200, {"EvalID": "e"}))
    assert nomad.register(json.dumps(JOB) if as_text else JOB, enforce_index=9) == {"EvalID": "e"}
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/v1/jobs")
    assert request.json == {
        "Job": JOB,
        "EnforceIndex": True,
        "JobModifyIndex": 9,
        "PreserveCounts": False,
        "PolicyOverride": False,
    }


LOST = Reply(500, "rpc error: leadership lost while committing log", kind="text/plain")
STALE = Reply(500, "Enforcing job modify index 9: job exists with conflicting job modify index: 12", kind="text/plain")


def test_a_registration_that_arrived_unanswered_counts_as_done(server: ScriptedServer, nomad: Nomad) -> None:
    evaluations = [
        {"ID": "old", "JobModifyIndex": 9, "CreateIndex": 9},
        {"ID": "ours", "JobModifyIndex": 12, "CreateIndex": 12},
    ]
    plan = {"Diff": {"Type": "None"}, "JobModifyIndex": 12, "Warnings": "mind this"}
    server.script(LOST, STALE, Reply(200, plan), Reply(200, evaluations))
    answer = nomad.register(JOB, enforce_index=9)
    assert answer == {"EvalID": "ours", "EvalCreateIndex": 12, "JobModifyIndex": 12, "Warnings": "mind this"}


def test_a_registration_that_met_somebody_elses_is_a_conflict(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(LOST, STALE, Reply(200, {"Diff": {"Type": "Edited"}, "JobModifyIndex": 12}))
    with pytest.raises(Conflict, match="Enforcing job modify index") as caught:
        nomad.register(JOB, enforce_index=9)
    assert "earlier try" in caught.value.remedy


def test_a_variable_that_arrived_unanswered_counts_as_done(server: ScriptedServer, nomad: Nomad) -> None:
    ours = {"Path": "p", "Items": {"k": "v"}, "ModifyIndex": 8}
    server.script(LOST, Reply(409, ours), Reply(200, ours))
    assert nomad.put_variable("p", {"k": "v"}, 7) == ours
    server.script(LOST, Reply(409, ours), Reply(200, ours | {"Items": {"k": "of-another"}}))
    with pytest.raises(Conflict):
        nomad.put_variable("p", {"k": "v"}, 7)


def test_a_deletion_that_arrived_unanswered_counts_as_done(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(LOST, Reply(409, {}), Reply(404, "variable not found"))
    nomad.delete_variable("p", 7)
    server.script(LOST, Reply(409, {}), Reply(200, {"Items": {}}))
    with pytest.raises(Conflict):
        nomad.delete_variable("p", 7)


def test_pages_of_a_list_are_followed_to_the_end(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(
        Reply(200, [{"ID": "a"}, {"ID": "b"}], headers={"X-Nomad-NextToken": "default.c"}),
        Reply(200, [{"ID": "c"}]),
    )
    assert [stub["ID"] for stub in nomad.list_jobs(per_page=2)] == ["a", "b", "c"]
    assert [request.query for request in server.requests] == [
        {"per_page": ["2"]},
        {"per_page": ["2"], "next_token": ["default.c"]},
    ]


def test_null_instead_of_a_list_is_an_empty_one(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, None))
    assert nomad.deployments_for_job("a") == []
    assert nomad.latest_deployment("a") is None
    server.script(Reply(200, {"Versions": None}))
    assert nomad.job_versions("a") == []


def test_a_missing_variable_is_none(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(404, "variable not found"))
    assert nomad.variable("nomad/jobs") is None


def test_the_leader_is_empty_while_there_is_none(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, ""), Reply(200, '""'), Reply(200, '"127.0.0.1:4647"'))
    assert [nomad.leader(), nomad.leader(), nomad.leader()] == ["", "", "127.0.0.1:4647"]


def test_a_blocking_query_carries_index_and_wait_and_gives_the_next_index(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, [1], headers={"X-Nomad-Index": "12"}), Reply(200, [], headers={"X-Nomad-Index": "3"}))
    first = nomad.get("/v1/job/a/allocations", index=7, wait_s=2.5)
    assert (first.body, first.index) == ([1], 12)
    assert server.requests[0].path == "/v1/job/a/allocations"
    assert server.requests[0].query == {"index": ["7"], "wait": ["2500ms"]}
    assert nomad.get("job/a/allocations", index=first.index).index == 0


def test_a_blocking_query_outlasts_the_usual_time_limit(server: ScriptedServer) -> None:
    server.script(Reply(silent=True))
    nomad = Nomad(NomadOptions(address=server.url), timeout_s=0.05, retries=NEVER)
    with pytest.raises(Unreachable, match=r"within 0\.156"):
        nomad.get("jobs", index=1, wait_s=0.1)


def test_the_tail_of_a_log_is_its_last_lines(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(chunks=[b"one\ntwo\nthr", b"ee \xff\n"], kind="text/plain"))
    assert nomad.task_log_tail("x", "core", lines=2) == ["two", "three �"]
    (request,) = server.requests
    assert request.path == "/v1/client/fs/logs/x"
    assert request.query == {
        "task": ["core"],
        "type": ["stderr"],
        "plain": ["true"],
        "origin": ["end"],
        "offset": ["1024"],
        "follow": ["false"],
    }


def test_a_line_that_the_tail_cuts_is_left_out(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(chunks=[b"x" * 500 + b"\n" + b"y" * 600 + b"\nend\n"], kind="text/plain"))
    assert nomad.task_log_tail("x", "core", lines=2) == ["y" * 600, "end"]
    server.script(Reply(chunks=[b"<html> said the task\n"], kind="text/plain"))
    assert nomad.task_log_tail("x", "core", "stdout", lines=2) == ["<html> said the task"]


def test_a_log_that_is_gone_says_so(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(400, 'unknown task name "core"', kind="text/plain"))
    with pytest.raises(ApiError, match="unknown task name"):
        nomad.task_log_tail("x", "core")


def test_the_library_shares_the_session(server: ScriptedServer, nomad: Nomad) -> None:
    server.script(Reply(200, {"JobID": "a"}))
    assert nomad.library.job.get_summary("a") == {"JobID": "a"}
    assert repr(nomad) == f"<Nomad at {server.url}>"
