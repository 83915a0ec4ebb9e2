"""`plan`, from the command line: what it shows, what it costs, and every way in which a cluster may not answer."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pryv_nomad.secrets.self_signed import self_signed
from pryv_nomad.simulator.faults import SlowAnswers
from tests.rollout.conftest import lab, running
from tests.rollout.platform import Platform
from tests.rollout.proxies import answering

__all__ = ["lab", "running"]


# -- what it shows -----------------------------------------------------------------------------------------------


def test_a_first_plan_creates_everything_and_changes_nothing(lab: Platform) -> None:
    result = lab.pn("plan")
    assert result.code == 1
    assert "+ pryv-core-co1 (ch): create" in result.out
    assert result.out.endswith("Plan: 11 to create.\n")
    assert lab.indexes() == {}


def test_a_running_platform_has_no_changes(running: Platform) -> None:
    result = running.pn("plan")
    assert result.code == 0
    assert result.out == "No changes: 11 jobs as the cluster file says.\n"


def test_without_changes_nomad_gets_one_request_and_consul_one(running: Platform) -> None:
    asked: list[str] = []
    nomad_answer, consul_answer = running.serving._nomad.answer, running.serving._consul.answer
    running.serving._nomad.answer = lambda request: (asked.append(request.path), nomad_answer(request))[1]
    running.serving._consul.answer = lambda request: (asked.append(request.path), consul_answer(request))[1]
    assert running.pn("plan").code == 0
    assert sorted(asked) == ["/v1/jobs", "/v1/kv/pryv-nomad/pryv.example/jobs/"]


def test_a_group_that_grows_and_changes_is_replaced_and_not_only_scaled(running: Platform) -> None:
    more = ("--set", "registry.register.instances=3", "--set", "settings.SUPPORT_URL=https://pryv.example/new")
    result = running.pn(*more, "plan", "--only", "pryv-registry")
    assert "± pryv-registry: replace" in result.out
    assert "group register: replace" in result.out


def test_a_changed_image_is_shown_with_its_field_and_its_effect(running: Platform) -> None:
    result = running.pn("--set", "images.overrides.core=pryvio/core:1.9.2-1", "plan", "--only", "pryv-core-co1")
    assert "± pryv-core-co1 (ch): replace" in result.out
    assert "group api: canary (1 canary)" in result.out
    assert 'Config / image: "pryvio/core:1.9.2" → "pryvio/core:1.9.2-1"' in result.out
    assert result.out.endswith("Plan: 1 to replace.\n")


def test_a_change_of_core_touches_no_data_job(running: Platform) -> None:
    result = running.pn("--set", "images.overrides.core=pryvio/core:1.9.2-1", "plan")
    assert "pryv-data" not in result.out


def test_a_replaced_database_is_warned_of(running: Platform) -> None:
    result = running.pn("--set", "images.overrides.mongodb=pryvio/mongodb:1.9.1", "plan", "--only", "co1")
    assert "warning: pryv-data-co1: mongodb keeps data and is replaced" in result.out


def test_a_job_that_left_the_model_is_shown(running: Platform) -> None:
    result = running.pn("--set", "registry.dns.enabled=false", "plan", "--only", "pryv-dns")
    assert "- pryv-dns: stop (no longer in the cluster file)" in result.out
    assert "Plan: 1 to stop." in result.out


def test_drift_is_shown_without_what_the_stranger_wrote_into_free_text(running: Platform) -> None:
    job = running.nomad.job("pryv-dns")
    job["TaskGroups"][0]["Tasks"][0]["Env"] = {"ADDED": "hunter2"}
    running.nomad.register(job, enforce_index=job["JobModifyIndex"])
    result = running.pn("plan")
    assert "drift: changed by somebody else" in result.out
    assert "Env[ADDED]" in result.out
    assert "hunter2" not in result.out
    assert "hunter2" not in running.pn("plan", "--json").out


def test_a_job_that_somebody_else_stopped_is_drift(running: Platform) -> None:
    running.nomad.stop("pryv-dns")
    result = running.pn("plan", "--only", "pryv-dns")
    assert "start again" in result.out
    assert "stopped by somebody else" in result.out


def test_json_is_the_documented_format_and_nothing_else(lab: Platform) -> None:
    body = json.loads(lab.pn("plan", "--json").out)
    assert (body["format"], body["version"]) == ("pryv-nomad/plan", 1)
    assert body["platform"] == {"domain": "pryv.example", "region": "global", "namespace": "default"}
    assert [change["job"] for change in body["changes"]][:2] == ["pryv-redis", "pryv-registry"]
    assert {change["action"] for change in body["changes"]} == {"create"}


def test_no_color_leaves_no_escape_sequences(lab: Platform) -> None:
    assert "\x1b" not in lab.pn("plan").out


def test_nodes_that_lack_something_are_named_with_the_configuration_to_add(lab: Platform) -> None:
    for node in lab.simulator.state.nodes.values():
        if node.spec.meta.get("pryv_core") == "co1":
            lab.nomad.node_eligibility(node.id, False)
    result = lab.pn("plan")
    assert "no node in datacenter dc1 has meta.pryv_core = co1" in result.out
    assert 'pryv_core = "co1"' in result.out
    assert 'host_volume "pryv-mongodb-data"' in result.out
    assert "Nodes lack" not in lab.pn("plan", "--no-nodes").out
    (lack,) = json.loads(lab.pn("plan", "--json").out)["nodes"]
    assert (lack["owner"], lack["problems"]) == ("co1", ["no node in datacenter dc1 has meta.pryv_core = co1"])


def test_with_consul_away_it_asks_nomad_for_each_job_and_says_so(running: Platform) -> None:
    result = running.pn("plan", CONSUL_HTTP_ADDR="http://127.0.0.1:9")
    assert result.code == 1
    assert "note: Consul could not be read" in result.out
    assert "11 to record" in result.out


# -- a cluster that does not answer ------------------------------------------------------------------------------


def test_nomad_down_is_an_error_that_names_it(lab: Platform) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    result = lab.pn("plan", NOMAD_ADDR=address)
    assert result.code == 255
    assert address in result.err
    assert "Traceback" not in result.err


def test_a_slow_nomad_is_waited_for(lab: Platform) -> None:
    lab.simulator.inject(SlowAnswers(requests=1, seconds=0.5, path="/v1/jobs"))
    assert lab.pn("plan", "--only", "pryv-redis").code == 1


@pytest.mark.parametrize(
    ("status", "body", "content_type", "code", "said"),
    [
        (403, b"Permission denied", "text/plain", 8, "NOMAD_TOKEN"),
        (500, b"No cluster leader", "text/plain", 7, "No cluster leader"),
        (500, b"state store is broken", "text/plain", 9, "state store is broken"),
        (200, b"<html><body>Sign in</body></html>", "text/html", 7, "proxy"),
        (502, b"<html><body>Bad gateway</body></html>", "text/html", 7, ""),
    ],
)
def test_what_is_not_nomads_answer_has_its_exit_code_and_changes_nothing(
    lab: Platform, status: int, body: bytes, content_type: str, code: int, said: str
) -> None:
    with answering(status, body, content_type) as address:
        for verb in (("plan",), ("run", "--yes"), ("status",), ("stop", "--yes")):
            result = lab.pn(*verb, NOMAD_ADDR=address)
            assert result.code == (255 if verb == ("plan",) else code), result.err
            assert said in result.err
            assert "Traceback" not in result.err
    assert lab.consul.kv_list("pryv-nomad/") == []
    assert lab.indexes() == {}


def test_a_certificate_of_an_unknown_authority_names_the_variable(lab: Platform, tmp_path: Path) -> None:
    certificate = tmp_path / "server.pem"
    certificate.write_bytes(b"".join(self_signed("nomad.example", datetime.now(UTC))))
    with answering(200, b"[]", "application/json", certificate) as address:
        result = lab.pn("plan", NOMAD_ADDR=address)
    assert result.code == 255
    assert "TLS" in result.err
    assert "NOMAD_CACERT" in result.err


def test_a_token_never_shows(lab: Platform) -> None:
    with answering(403, b"token 5ecre7-5ecre7 refused", "text/plain") as address:
        result = lab.pn("plan", NOMAD_ADDR=address, NOMAD_TOKEN="5ecre7-5ecre7")
    assert result.code == 255
    assert "5ecre7" not in result.err + result.out


def test_a_refused_consul_token_is_an_error_and_not_taken_for_an_outage(running: Platform) -> None:
    with answering(403, b"Permission denied", "text/plain") as address:
        result = running.pn("plan", CONSUL_HTTP_ADDR=address)
    assert result.code == 255


def test_a_plan_is_saved_whole_and_private(lab: Platform) -> None:
    file = lab.folder / "deep" / "plan.json"
    result = lab.pn("plan", "--out", str(file))
    assert result.code == 1
    assert json.loads(file.read_text())["checksum"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == ["plan.json"]
