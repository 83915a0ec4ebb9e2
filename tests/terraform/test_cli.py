"""`pryv-nomad terraform`, started as Terraform starts it: standard input, standard output, exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.leader import CLUSTER

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "two-hostings" / "cluster.yml"
CASE = ROOT / "tests" / "cases" / "terraform" / "two-modules.json"


def pn(folder: Path, *arguments: str, stdin: str | bytes = "", **env: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NOMAD_", "CONSUL_", "PRYV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pryv_nomad", *arguments],
        cwd=folder,
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        timeout=60,
        env={**clean, "PYTHONPATH": str(ROOT), **env},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def render(folder: Path, query: dict[str, str], *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return pn(folder, *options, "terraform", "render", stdin=json.dumps(query), **env)


# -- render ------------------------------------------------------------------------------------------------------


def test_the_answer_holds_each_job_as_render_writes_it(tmp_path: Path) -> None:
    answer = json.loads(render(tmp_path, {"cluster_files": str(EXAMPLE)}).stdout)
    assert all(isinstance(value, str) for value in answer.values())
    jobs = {name: json.loads(text) for name, text in answer.items() if not name.startswith("_")}
    plain = pn(tmp_path, "-c", str(EXAMPLE), "render", "--format", "json").stdout.splitlines()
    assert jobs == {job["ID"]: job for job in (json.loads(line)["Job"] for line in plain)}
    assert {name: fact["hash"] for name, fact in json.loads(answer["_jobs"]).items()}.keys() == jobs.keys()
    assert [core["name"] for core in json.loads(answer["_cores"])] == ["co1", "co2", "co3", "co4", "co5"]
    assert (answer["_domain"], answer["_release"], answer["_namespace"]) == ("pryv.example", "1.9.2", "default")


def test_the_same_question_has_the_same_answer_byte_by_byte(tmp_path: Path) -> None:
    query = {"cluster_files": str(EXAMPLE)}
    first = render(tmp_path, query, PYTHONHASHSEED="1").stdout
    assert first == render(tmp_path, query, PYTHONHASHSEED="2").stdout
    assert list(json.loads(first)) == sorted(json.loads(first))


def test_a_query_goes_before_the_options_and_adds_to_the_sets(tmp_path: Path) -> None:
    query = {"cluster_files": str(EXAMPLE), "only": "pryv-dns*", "set": '{"platform.domain": "other.example"}'}
    done = render(tmp_path, query, "-c", "missing.yml", "--set", "platform.namespace=pryv")
    answer = json.loads(done.stdout)
    assert [name for name in answer if not name.startswith("_")] == ["pryv-dns", "pryv-dns-replica"]
    assert (answer["_domain"], answer["_namespace"]) == ("other.example", "pryv")


def test_hash_is_that_of_the_answer(tmp_path: Path) -> None:
    answer = json.loads(render(tmp_path, {"cluster_files": str(EXAMPLE)}).stdout)
    assert pn(tmp_path, "-c", str(EXAMPLE), "terraform", "hash").stdout.strip() == answer["_hash"]
    changed = pn(tmp_path, "-c", str(EXAMPLE), "--set", "update.canary=0", "terraform", "hash").stdout.strip()
    assert len(changed) == 64
    assert changed != answer["_hash"]


BROKEN = 'job "pryv-static" {\n'


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("no JSON", "standard input is not JSON"),
        ("[]", "must be a JSON object"),
        (b"\xff\xfe", "is not UTF-8"),
        ('{"set": {"a": {"b": 1}}}', "set must be a string"),
        ('{"overlays": "x"}', "unknown key 'overlays'"),
        ("{}", "cluster.yml: there is no such file"),
        ('{"cluster_files": "missing.yml"}', "missing.yml: there is no such file"),
        ('{"cluster_files": "EXAMPLE", "set": "update.canari=1"}', "update.canari: unknown key"),
        ('{"cluster_files": "EXAMPLE", "set": "platform.name=${env:NOT_SET}"}', "NOT_SET"),
        ('{"cluster_files": "EXAMPLE", "only": "nothing-*"}', "no job is called nothing-*"),
        ('{"cluster_files": "EXAMPLE", "templates": "missing"}', "no such folder of job templates"),
        ('{"cluster_files": "EXAMPLE", "templates": "own"}', "static.nomad.hcl"),
    ],
)
def test_an_error_is_told_on_stderr_with_exit_code_1_and_no_answer(
    tmp_path: Path, query: str | bytes, told: str
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "static.nomad.hcl.j2").write_text(BROKEN)  # the last job: all others are rendered by then
    text = query.replace("EXAMPLE", str(EXAMPLE)) if isinstance(query, str) else query
    done = pn(tmp_path, "terraform", "render", stdin=text)
    assert done.returncode == 1
    assert done.stdout == ""
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_no_secret_is_in_the_answer(tmp_path: Path, leader_folder: Callable[[str], Path]) -> None:
    folder = leader_folder("cluster")
    assert pn(tmp_path, "import", str(folder), "-o", "cluster.yml").returncode == 0
    done = render(tmp_path, {})
    assert done.returncode == 0, done.stderr
    for secret in (CLUSTER["REGISTER_ADMIN_KEY"], "p'ass"):
        assert secret not in done.stdout


@pytest.mark.parametrize("example", ["pryv-jobs", "pryv-rollout"])
def test_the_cluster_file_of_an_example_is_valid(tmp_path: Path, example: str) -> None:
    file = ROOT / "terraform" / "examples" / example / "cluster.yml"
    done = pn(tmp_path, "-c", str(file), "validate", "--strict")
    assert done.returncode == 0, done.stderr


# -- inventory ---------------------------------------------------------------------------------------------------


def test_machines_of_standard_input_become_a_file(tmp_path: Path) -> None:
    names = ("--name", "pryv_machines", "--name", "elsewhere")
    done = pn(tmp_path, "terraform", "inventory", "-o", "machines.yml", *names, stdin=CASE.read_text())
    assert (done.returncode, done.stdout) == (0, "")
    assert "wrote machines.yml: 4 of 4 cores" in done.stderr
    assert (tmp_path / "machines.yml").read_text() == CASE.with_suffix(".yml").read_text()
    again = pn(tmp_path, "terraform", "inventory", str(CASE), *names)
    assert again.stdout == CASE.with_suffix(".yml").read_text()


def test_a_machine_added_in_terraform_is_a_core_of_the_plan(tmp_path: Path) -> None:
    (tmp_path / "cluster.yml").write_text(
        "platform: {domain: pryv.example, name: Lab}\nrelease: 1.9.2\n"
        "hostings: {ch: {url: 'https://ch.example', name: Switzerland}}\ncores: []\n"
    )
    value = {
        "datacenters": ["dc1"],
        "hostings": {"ch": {"datacenter": "dc1"}},
        "cores": [{"name": "co1", "hosting": "ch", "ip": "203.0.113.1"}],
    }
    document = json.dumps({"pryv_machines": {"sensitive": False, "value": value}})
    done = pn(tmp_path, "terraform", "inventory", "-o", "machines.yml", stdin=document)
    assert done.returncode == 0, done.stderr
    jobs = pn(tmp_path, "-c", "cluster.yml", "-c", "machines.yml", "render").stdout
    assert 'default = "co1"' in jobs


def test_a_file_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "machines.yml").write_text("cores: []\n")
    done = pn(tmp_path, "terraform", "inventory", str(CASE), "-o", "machines.yml")
    assert done.returncode == 6
    assert (tmp_path / "machines.yml").read_text() == "cores: []\n"
    assert pn(tmp_path, "terraform", "inventory", str(CASE), "-o", "machines.yml", "--force").returncode == 0


def test_a_core_whose_machine_is_gone_is_named(tmp_path: Path) -> None:
    assert pn(tmp_path, "terraform", "inventory", str(CASE), "-o", "machines.yml").returncode == 0
    fewer = CASE.read_text().replace('"name": "co10"', '"name": "co11"')
    done = pn(tmp_path, "-c", "machines.yml", "terraform", "inventory", "-o", "machines.yml", stdin=fewer)
    assert done.returncode == 0, done.stderr
    assert "note: co10 is not among the machines any more" in done.stderr


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        ("{}", 3, "the state has no outputs"),
        ("no JSON", 3, "not JSON"),
        ('{"pryv_machines": {"sensitive": false, "value": {"cores": 5}}}', 3, "cores must be a list"),
        ('{"pryv_machines": {"sensitive": false, "value": {"cores": [{"name": "co1"}]}}}', 3, "hosting: is missing"),
    ],
)
def test_what_holds_no_machines_leaves_the_old_file(tmp_path: Path, text: str, code: int, told: str) -> None:
    assert pn(tmp_path, "terraform", "inventory", str(CASE), "-o", "machines.yml").returncode == 0
    before = (tmp_path / "machines.yml").read_text()
    done = pn(tmp_path, "terraform", "inventory", "-o", "machines.yml", stdin=text)
    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr
    assert (tmp_path / "machines.yml").read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["machines.yml"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = pn(tmp_path, "terraform", "inventory", "outputs.json")
    assert done.returncode == 3
    assert "outputs.json: cannot be read" in done.stderr
