"""`run`, from the command line against the simulator over HTTP: order, refusals, failures, and going on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pryv_nomad.simulator.faults import ApiErrors, DroppedConnections, LeaderLost, NeverHealthy, TaskFails
from pryv_nomad.simulator.http.routing import Reply, Request
from tests.rollout.conftest import lab, running
from tests.rollout.platform import Platform

__all__ = ["lab", "running"]

CORE_CHANGE = ("--set", "images.overrides.core=pryvio/core:1.9.2-1")
"""Changes core's image, so that its canary is made."""


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


# -- the plain course --------------------------------------------------------------------------------------------


def test_a_first_run_starts_everything_in_dependency_order(lab: Platform) -> None:
    told = events(lab.run("--json").out)
    order = [event["job"] for event in told if event["kind"] == "registered"]
    assert order[:4] == ["pryv-redis", "pryv-registry", "pryv-dns", "pryv-registry-edge"]
    assert order[-1] == "pryv-static"
    for core in ("co1", "co2"):
        own = [job for job in order if str(job).endswith(core)]
        assert own == [f"pryv-data-{core}", f"pryv-core-{core}", f"pryv-edge-{core}"]


def test_a_job_is_begun_only_when_what_it_needs_is_healthy(lab: Platform) -> None:
    told = [(event["kind"], event["job"]) for event in events(lab.run("--json").out)]
    assert told.index(("healthy", "pryv-redis")) < told.index(("registered", "pryv-registry"))
    assert told.index(("healthy", "pryv-data-co1")) < told.index(("registered", "pryv-core-co1"))


def test_a_second_run_changes_nothing(running: Platform) -> None:
    before = running.indexes()
    result = running.run()
    assert "No changes" in result.out
    assert running.indexes() == before


def test_healthy_cores_are_registered_in_consul_with_their_address_and_hosting(running: Platform) -> None:
    listed = {each["ServiceMeta"]["core"]: each for each in running.consul.catalog_service("pryv-core")}
    assert sorted(listed) == ["co1", "co2"]
    assert listed["co2"]["ServiceAddress"] == "198.51.100.2"
    assert listed["co2"]["ServiceTags"][:2] == ["co2", "ch"]
    assert listed["co2"]["NodeMeta"]["external-node"] == "true"


def test_the_generation_exists_and_counts_each_new_member(running: Platform) -> None:
    found = running.consul.kv_get("pryv-nomad/pryv.example/members/generation")
    assert found is not None
    assert int(found[0]) == 2


def test_an_external_core_is_listed_without_being_run(lab: Platform) -> None:
    lab.run("--only", "pryv-redis")
    text = lab.file.read_text().replace(
        "update:", "  - {name: old1, hosting: ch, ip: 203.0.113.7, external: true}\nupdate:"
    )
    lab.file.write_text(text)
    lab.run("--only", "pryv-redis")
    (found,) = lab.consul.catalog_service("pryv-core")
    assert (found["ServiceMeta"]["core"], found["ServiceAddress"]) == ("old1", "203.0.113.7")


def test_canaries_are_promoted_once_they_are_healthy(running: Platform) -> None:
    result = running.pn(*CORE_CHANGE, "run", "--yes", "--json", "--only", "pryv-core-*")
    assert result.code == 0, result.out + result.err
    assert [event["job"] for event in events(result.out) if event["kind"] == "promoted"] == [
        "pryv-core-co1",
        "pryv-core-co2",
    ]


def test_cores_of_one_hosting_change_one_after_the_other(running: Platform) -> None:
    result = running.pn(*CORE_CHANGE, "run", "--yes", "--json", "--only", "pryv-core-*")
    told = [(event["kind"], event["job"]) for event in events(result.out)]
    assert told.index(("healthy", "pryv-core-co1")) < told.index(("registered", "pryv-core-co2"))


def test_only_takes_the_jobs_of_an_owner(lab: Platform) -> None:
    lab.run("--only", "co1")
    assert sorted(lab.indexes()) == ["pryv-core-co1", "pryv-data-co1", "pryv-edge-co1"]


def test_every_registration_is_recorded_with_the_hash_and_the_index(running: Platform) -> None:
    records = {
        key.rpartition("/")[2]: json.loads(value)
        for key, value, _ in running.consul.kv_list("pryv-nomad/pryv.example/jobs/")
    }
    assert {job_id: record["index"] for job_id, record in records.items()} == running.indexes()
    assert all(record["pending"] == "" and record["release"] == "1.9.2" for record in records.values())


def test_a_release_that_migrates_comes_without_a_canary_and_is_then_recorded_as_usual(lab: Platform) -> None:
    assert lab.pn("--set", "release=1.9.0", "run", "--yes", "--only", "co1").code == 0
    refused = lab.pn("run", "--yes", "--only", "co1")
    assert refused.code == 6
    assert "--backup-id" in refused.err
    result = lab.pn("run", "--yes", "--json", "--only", "co1", "--backup-id", "b1")
    assert result.code == 0, result.err
    assert not [event for event in events(result.out) if event["kind"] == "promoted"]
    api = next(group for group in lab.nomad.job("pryv-core-co1")["TaskGroups"] if group["Name"] == "api")
    assert (api["Update"]["Canary"], api["Update"]["AutoRevert"]) == (0, False)
    assert lab.pn("plan", "--only", "co1").code == 0


# -- what is asked and refused -----------------------------------------------------------------------------------


def test_without_a_terminal_it_needs_yes(lab: Platform) -> None:
    result = lab.pn("run")
    assert result.code == 6
    assert "--yes" in result.err
    assert lab.indexes() == {}


def test_it_refuses_while_a_secret_is_missing(lab: Platform) -> None:
    path = "nomad/jobs"
    variable = lab.nomad.variable(path)
    assert variable is not None
    items = {key: value for key, value in variable["Items"].items() if key != "CORE_SYSTEM_KEY"}
    lab.nomad.put_variable(path, items, variable["ModifyIndex"])
    result = lab.pn("run", "--yes")
    assert result.code == 5
    assert "CORE_SYSTEM_KEY" in result.err
    assert lab.indexes() == {}


def test_a_job_that_somebody_else_changed_is_not_overwritten(running: Platform) -> None:
    job = running.nomad.job("pryv-dns")
    job["Priority"] = 77
    running.nomad.register(job, enforce_index=job["JobModifyIndex"])
    before = running.indexes()
    result = running.pn("run", "--yes")
    assert result.code == 6
    assert "pryv-dns" in result.err
    assert "somebody else" in result.err
    assert running.indexes() == before


def test_overwrite_puts_our_spec_back(running: Platform) -> None:
    job = running.nomad.job("pryv-dns")
    job["Priority"] = 77
    running.nomad.register(job, enforce_index=job["JobModifyIndex"])
    running.run("--overwrite")
    assert running.nomad.job("pryv-dns")["Priority"] != 77
    assert running.pn("plan").code == 0


def test_a_job_that_left_the_model_keeps_running_without_prune(running: Platform) -> None:
    before = running.indexes()
    result = running.pn("--set", "registry.dns.enabled=false", "run", "--yes", "--only", "pryv-dns")
    assert result.code == 0
    assert "left running" in result.err
    assert running.indexes() == before


def test_prune_stops_a_job_that_left_the_model_and_forgets_it(running: Platform) -> None:
    running.pn("--set", "registry.dns.enabled=false", "run", "--yes", "--prune", "--only", "pryv-dns")
    assert running.nomad.job("pryv-dns")["Stop"] is True
    assert running.consul.kv_get("pryv-nomad/pryv.example/jobs/pryv-dns") is None


def test_prune_does_not_stop_a_core_without_force(running: Platform) -> None:
    running.write(1)
    before = running.indexes()
    result = running.pn("run", "--yes", "--prune")
    assert result.code == 6
    assert "pryv-data-co2" in result.err
    assert "--force" in result.err
    assert running.indexes() == before


def test_prune_with_force_stops_a_core_edge_first_and_leaves_it_listed(running: Platform) -> None:
    running.write(1)
    result = running.pn("run", "--yes", "--prune", "--force", "--json", "--only", "*co2")
    assert result.code == 0, result.err
    stopping = [event["job"] for event in events(result.out) if event["kind"] == "stopping"]
    assert stopping == ["pryv-edge-co2", "pryv-core-co2", "pryv-data-co2"]
    assert "co2" in {each["ServiceMeta"]["core"] for each in running.consul.catalog_service("pryv-core")}


# -- saved plans -------------------------------------------------------------------------------------------------


def saved(lab: Platform) -> Path:
    file = lab.folder / "plan.json"
    assert lab.pn("plan", "--out", str(file)).code == 1
    return file


def test_a_saved_plan_is_carried_out_as_it_was_made(lab: Platform) -> None:
    file = saved(lab)
    assert file.stat().st_mode & 0o777 == 0o600
    lab.run(str(file))
    assert lab.pn("plan").code == 0


def test_a_stale_plan_is_refused(lab: Platform) -> None:
    file = saved(lab)
    lab.run("--only", "pryv-redis")
    before = lab.indexes()
    result = lab.pn("run", "--yes", str(file))
    assert result.code == 6
    assert "moved on" in result.err
    assert "pryv-redis" in result.err
    assert lab.indexes() == before


def test_a_plan_of_another_platform_is_refused(lab: Platform) -> None:
    file = saved(lab)
    result = lab.pn("--set", "platform.domain=other.example", "run", "--yes", str(file))
    assert result.code == 6
    assert "'pryv.example'" in result.err
    assert "'other.example'" in result.err
    assert lab.indexes() == {}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("pryv-redis", "pryv-rodis", 1), "damaged"),
        (lambda text: text[: len(text) // 2], "damaged"),
        (lambda text: text.replace('"version": 1', '"version": 99', 1), "version 99"),
        (lambda text: "[]", "not a plan"),
        (lambda text: "{}", "not a plan"),
    ],
)
def test_a_file_that_is_no_whole_plan_is_refused(lab: Platform, damage: object, said: str) -> None:
    file = saved(lab)
    assert callable(damage)
    file.write_text(damage(file.read_text()))
    result = lab.pn("run", "--yes", str(file))
    assert result.code == 6
    assert said in result.err
    assert lab.indexes() == {}


def test_a_missing_plan_file_is_an_error_of_the_user(lab: Platform) -> None:
    result = lab.pn("run", "--yes", str(lab.folder / "none.json"))
    assert result.code == 6
    assert "none.json" in result.err


# -- what goes wrong ---------------------------------------------------------------------------------------------


def test_a_failing_task_is_explained_with_its_events_and_log(running: Platform) -> None:
    running.simulator.inject(TaskFails(job="pryv-core-co1", group="api", log="cannot open /app/conf/core.yml"))
    result = running.pn(*CORE_CHANGE, "run", "--yes", "--only", "pryv-core-*")
    assert result.code == 10
    assert "api/core" in result.out
    assert "cannot open /app/conf/core.yml" in result.out
    assert "Exit Code: 1" in result.out
    assert "pryv-core-co1" in result.err


def test_a_failure_starts_no_further_core(running: Platform) -> None:
    before = running.index("pryv-core-co2")
    running.simulator.inject(NeverHealthy(job="pryv-core-co1"))
    result = running.pn(*CORE_CHANGE, "run", "--yes", "--only", "pryv-core-*")
    assert result.code == 10
    assert running.index("pryv-core-co2") == before
    assert "1 job not begun" in result.err


def test_after_a_rollback_the_next_plan_says_that_our_run_failed_and_not_a_stranger(running: Platform) -> None:
    running.simulator.inject(NeverHealthy(job="pryv-core-co1"))
    assert running.pn(*CORE_CHANGE, "run", "--yes", "--only", "pryv-core-co1").code == 10
    running.simulator.faults.clear()
    result = running.pn(*CORE_CHANGE, "plan", "--only", "pryv-core-co1")
    assert "rolled it back" in result.out
    assert "drift" not in result.out
    assert running.pn(*CORE_CHANGE, "run", "--yes", "--only", "pryv-core-co1").code == 0


def test_a_group_without_a_place_is_explained(lab: Platform) -> None:
    node = next(node for node in lab.simulator.state.nodes.values() if node.spec.meta.get("pryv_core") == "co1")
    lab.nomad.node_eligibility(node.id, False)
    plan = lab.pn("plan", "--only", "pryv-data-co1")
    assert "no place" in plan.out
    assert "meta.pryv_core" in plan.out


def test_a_placement_that_fails_while_running_is_explained_and_ends_the_run(
    lab: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pryv_nomad.rollout.judge.PLACEMENT_S", 0.2)
    result = lab.pn("--set", "resources.redis.memory=900000", "run", "--yes", "--only", "registry")
    assert result.code == 10
    assert "group redis finds no node" in result.err
    assert "memory" in result.err
    assert sorted(lab.indexes()) == ["pryv-redis"]


def test_a_server_error_on_one_job_is_a_failure_that_is_told(lab: Platform) -> None:
    lab.simulator.inject(
        ApiErrors(requests=1, path="/v1/jobs", method="POST", status=400, body="job validation failed")
    )
    result = lab.pn("run", "--yes", "--only", "pryv-redis")
    assert result.code == 9
    assert "job validation failed" in result.err


def test_a_registration_whose_answer_was_lost_is_taken_for_done(lab: Platform) -> None:
    lab.simulator.inject(DroppedConnections(requests=1, path="/v1/jobs", method="POST", after_work=True))
    lab.run("--only", "pryv-redis")
    assert lab.nomad.job("pryv-redis")["Version"] == 0
    assert lab.pn("plan", "--only", "pryv-redis").code == 0


# -- going on ----------------------------------------------------------------------------------------------------


def test_consul_emptied_is_recovered_from_by_comparing_with_nomad(running: Platform) -> None:
    for key, _, _ in running.consul.kv_list("pryv-nomad/"):
        running.consul.kv_delete(key)
    for name in ("co1", "co2"):
        running.consul.catalog_deregister({"Node": f"pryv-core-{name}"})
    before = running.indexes()
    plan = running.pn("plan")
    assert "no record of this platform" in plan.out
    assert "11 to record" in plan.out
    running.run()
    assert running.indexes() == before
    assert running.pn("plan").code == 0
    assert len(running.consul.catalog_service("pryv-core")) == 2


def test_a_run_that_died_between_registering_and_recording_is_known_for_ours(running: Platform) -> None:
    key = "pryv-nomad/pryv.example/jobs/pryv-dns"
    job = running.nomad.job("pryv-dns")
    found = running.consul.kv_get(key)
    assert found is not None
    running.consul.kv_put(key, json.dumps({**json.loads(found[0]), "pending": "0" * 64}).encode())
    job["Priority"] = 77
    running.nomad.register(job, enforce_index=job["JobModifyIndex"])
    plan = running.pn("plan")
    assert "a run of ours ended" in plan.out
    running.run()
    assert running.pn("plan").code == 0


def test_ctrl_c_ends_the_run_with_130_and_the_next_run_goes_on(running: Platform) -> None:
    running.simulator.inject(NeverHealthy(job="pryv-core-co1"))
    argv = [sys.executable, "-m", "pryv_nomad", "-c", str(running.file), *CORE_CHANGE]
    argv += ["run", "--yes", "--json", "--only", "pryv-core-*"]
    environment = {**running.env, "PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        told = []
        for line in process.stdout:
            told.append(json.loads(line))
            if told[-1]["kind"] == "registered":
                process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        assert process.wait(20) == 130, said
    assert told[-1]["kind"] == "interrupted"
    assert "goes on" in told[-1]["text"]
    assert "Traceback" not in said


def test_an_open_deployment_of_an_interrupted_run_is_watched_and_promoted(running: Platform) -> None:
    assert (
        running.pn(*CORE_CHANGE, "plan", "--out", str(running.folder / "p.json"), "--only", "pryv-core-co1").code == 1
    )
    changes = json.loads((running.folder / "p.json").read_text())["changes"]
    spec = json.loads(changes[0]["spec"])
    answer = running.nomad.register(spec, enforce_index=running.index("pryv-core-co1"))
    assert answer["EvalID"]
    job = running.nomad.job("pryv-core-co1")
    key = "pryv-nomad/pryv.example/jobs/pryv-core-co1"
    found = running.consul.kv_get(key)
    assert found is not None
    record = {
        **json.loads(found[0]),
        "hash": changes[0]["hash"],
        "index": job["JobModifyIndex"],
        "version": job["Version"],
    }
    running.consul.kv_put(key, json.dumps(record).encode())
    result = running.pn(*CORE_CHANGE, "run", "--yes", "--json", "--only", "pryv-core-co1")
    assert result.code == 0, result.err
    assert [event["job"] for event in events(result.out) if event["kind"] == "promoted"] == ["pryv-core-co1"]
    latest = running.nomad.latest_deployment("pryv-core-co1")
    assert latest is not None
    assert latest["Status"] == "successful"


def test_a_deployment_of_a_run_that_died_before_recording_is_recorded_watched_and_promoted(running: Platform) -> None:
    key = "pryv-nomad/pryv.example/jobs/pryv-core-co1"
    body = json.loads(running.pn(*CORE_CHANGE, "plan", "--json", "--only", "pryv-core-co1").out)
    found = running.consul.kv_get(key)
    assert found is not None
    running.consul.kv_put(key, json.dumps({**json.loads(found[0]), "pending": body["changes"][0]["hash"]}).encode())
    running.nomad.register(body["changes"][0]["spec"], enforce_index=running.index("pryv-core-co1"))
    result = running.pn(*CORE_CHANGE, "run", "--yes", "--json", "--only", "pryv-core-co1")
    assert result.code == 0, result.err
    assert [
        event["kind"] for event in events(result.out) if event["kind"] in ("adopted", "registered", "promoted")
    ] == [
        "adopted",
        "promoted",
    ]


def test_a_refused_registration_leaves_nothing_pending(lab: Platform) -> None:
    lab.simulator.inject(
        ApiErrors(requests=1, path="/v1/jobs", method="POST", status=400, body="job validation failed")
    )
    assert lab.pn("run", "--yes", "--only", "pryv-redis").code == 9
    found = lab.consul.kv_get("pryv-nomad/pryv.example/jobs/pryv-redis")
    assert found is not None
    assert json.loads(found[0])["pending"] == ""
    lab.run("--only", "pryv-redis")


def test_a_leader_that_is_lost_for_a_while_is_waited_for(running: Platform) -> None:
    server = running.serving._nomad
    answer = server.answer

    def losing(request: Request) -> Reply:
        reply = answer(request)
        if (request.method, request.path) == ("POST", "/v1/jobs"):
            running.serving.driver.call(lambda simulator: simulator.inject(LeaderLost(seconds=800)))
        return reply

    server.answer = losing
    result = running.pn(*CORE_CHANGE, "run", "--yes", "--only", "pryv-core-co1", "--json")
    assert result.code == 0, result.out + result.err
    assert any("No cluster leader" in str(event["text"]) for event in events(result.out))


def test_a_run_without_changes_says_when_something_never_became_healthy(lab: Platform) -> None:
    lab.simulator.inject(NeverHealthy(job="pryv-redis"))
    assert lab.pn("run", "--yes", "--only", "pryv-redis").code == 10
    result = lab.pn("run", "--yes", "--only", "pryv-redis")
    assert result.code == 10
    assert "pryv-redis" in result.err


def test_consul_down_refuses_to_run(lab: Platform) -> None:
    result = lab.pn("run", "--yes", CONSUL_HTTP_ADDR="http://127.0.0.1:9")
    assert result.code == 7
    assert lab.indexes() == {}


def test_the_time_between_events_is_told_in_utc(lab: Platform) -> None:
    told = events(lab.run("--json", "--only", "pryv-redis").out)
    assert str(told[0]["time"]).startswith(time.strftime("%Y-", time.gmtime()))
