"""Files, overlays, `--set`, the environment, and problems with their places."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.load import default_files, load_cluster
from tests.model.support import load, load_text, problems_of, refusal

SMALLEST = """\
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}}
cores: [{name: "co[1-3]", hosting: ch}]
"""


def test_the_smallest_file_is_valid(tmp_path: Path) -> None:
    cluster = load_text(tmp_path, SMALLEST)
    assert [core.name for core in cluster.cores] == ["co1", "co2", "co3"]
    assert cluster.release.name == "1.9.2"
    assert cluster.domain == "pryv.example"


def test_json_is_yaml_too(tmp_path: Path) -> None:
    assert load(tmp_path).cores == load_text(tmp_path, SMALLEST).cores


def test_a_hosting_may_be_called_no(tmp_path: Path) -> None:
    text = SMALLEST.replace("{ch:", "{no:").replace("hosting: ch", "hosting: no")
    assert list(load_text(tmp_path, text).hostings) == ["no"]


@pytest.mark.parametrize("word", ["yes", "on", "true"])
def test_a_switch_takes_the_words_of_old_yaml(tmp_path: Path, word: str) -> None:
    text = SMALLEST + f"registry: {{admin_panel: {{enabled: {word}}}}}\n"
    assert load_text(tmp_path, text).file.registry.admin_panel.enabled is True


def test_files_lie_over_one_another_and_sets_over_them(tmp_path: Path) -> None:
    base, over = tmp_path / "base.yml", tmp_path / "prod.yml"
    base.write_text(SMALLEST + "update: {canary: 0, max_unavailable: 2}\nlogs: {max_files: 3}\n")
    over.write_text("datacenters: [dc1, dc2]\nupdate: {max_unavailable: 5}\n")
    cluster = load_cluster([base, over], ["logs.max_files=7", "registry.ip=203.0.113.9"], {})
    assert cluster.file.datacenters == ("dc1", "dc2")
    assert (cluster.file.update.canary, cluster.file.update.max_unavailable) == (0, 5)
    assert cluster.file.logs.max_files == 7
    assert cluster.file.registry.ip == "203.0.113.9"


def test_cores_merge_by_name(tmp_path: Path) -> None:
    base, over = tmp_path / "base.yml", tmp_path / "prod.yml"
    base.write_text(SMALLEST)
    over.write_text('cores: [{name: "co[1-3]", procs: 8}, {name: extra, hosting: ch}]\n')
    cluster = load_cluster([base, over], (), {})
    assert [(core.name, core.profile.procs) for core in cluster.cores] == [
        ("co1", 8), ("co2", 8), ("co3", 8), ("extra", 4),
    ]  # fmt: skip


def test_a_problem_of_an_overlay_has_the_overlays_place(tmp_path: Path) -> None:
    base, over = tmp_path / "base.yml", tmp_path / "prod.yml"
    base.write_text(SMALLEST)
    over.write_text("# ours\nupdate:\n  canary: 7\n")
    with pytest.raises(ClusterFileError) as caught:
        load_cluster([base, over], (), {})
    assert [problem.where for problem in caught.value.problems] == [f"{over}:3:11"]


def test_a_key_twice_in_an_overlaid_file_is_found(tmp_path: Path) -> None:
    base, over = tmp_path / "base.yml", tmp_path / "prod.yml"
    base.write_text(SMALLEST + "logs: {max_files: 3, max_files: 4}\n")
    over.write_text("logs: {max_file_size: 3}\n")
    with pytest.raises(ClusterFileError, match=r"logs\.max_files: stands twice"):
        load_cluster([base, over], (), {})


@pytest.mark.parametrize(
    ("assignment", "procs"),
    [("cores[0].procs=2", 2), ('cores["co[1-3]"].procs=3', 3), ("cores[0].procs=0x4", 4)],
)
def test_set_reaches_into_lists(tmp_path: Path, assignment: str, procs: int) -> None:
    assert load(tmp_path, assignment).cores[0].profile.procs == procs


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("update.canary", "has no `=`"),
        ("=1", "no place"),
        ("a..b=1", "not a place"),
        ("cores[9].procs=1", "there is no entry 9 among the 1"),
        ("cores[nobody].procs=1", "there is no entry nobody"),
        ("platform[0]=1", "unknown key"),
        ("update.canary=[", "not YAML"),
        ("update.canary=many", "must be an integer, not 'many'"),
        ("update.canari=1", "did you mean canary?"),
        ("release.x=1", "must be text, not a map"),
    ],
)
def test_a_set_that_cannot_be_is_refused(tmp_path: Path, assignment: str, says: str) -> None:
    with pytest.raises(ClusterFileError) as caught:
        load(tmp_path, assignment)
    assert says in str(caught.value)
    assert "--set" in str(caught.value)


def test_set_to_nothing_is_null(tmp_path: Path) -> None:
    assert load(tmp_path, "images.registry=", images={"registry": "mirror.example"}).file.images.registry is None


def test_the_environment_is_put_in(tmp_path: Path) -> None:
    text = SMALLEST.replace("Pryv Lab", '"${env:WHO} & co"').replace("1.9.2", "${env:RELEASE:-1.9.2}")
    text += "registry: {register: {instances: ${env:COUNT}}}\n".replace("${env:COUNT}", '"${env:COUNT}"')
    cluster = load_text(tmp_path, text, env={"WHO": "Lab: #1", "COUNT": "3"})
    assert cluster.file.platform.name == "Lab: #1 & co"
    assert cluster.file.registry.register_.instances == 3


def test_an_unquoted_reference_is_read_as_its_text(tmp_path: Path) -> None:
    text = SMALLEST + "settings:\n  MAX_UPLOAD_SIZE_MB: ${env:SIZE}\n"
    assert load_text(tmp_path, text, env={"SIZE": "50"}).settings["MAX_UPLOAD_SIZE_MB"] == 50


def test_what_the_environment_holds_is_not_read_as_yaml_structure(tmp_path: Path) -> None:
    text = SMALLEST + "settings:\n  LICENSE_NAME: ${env:NAME}\n"
    assert load_text(tmp_path, text, env={"NAME": "{a: [1]}"}).settings["LICENSE_NAME"] == "{a: [1]}"


def test_an_escaped_reference_stays(tmp_path: Path) -> None:
    cluster = load(tmp_path, settings={"LICENSE_NAME": "$${env:HOME} and ${HOME}"}, env={"HOME": "/root"})
    assert cluster.settings["LICENSE_NAME"] == "${env:HOME} and ${HOME}"


def test_a_missing_variable_of_the_environment_is_a_problem(tmp_path: Path) -> None:
    problem = refusal(tmp_path, SMALLEST.replace("Pryv Lab", '"${env:NOBODY}"'), env={}).problems[0]
    assert (problem.path, problem.text) == ("platform.name", "the environment has no variable NOBODY")
    assert problem.where.endswith("cluster.yml:1:40")


def test_the_files_come_from_the_environment_when_none_is_named() -> None:
    assert default_files({"PRYV_NOMAD_CLUSTER": "a.yml:b.yml"}) == (Path("a.yml"), Path("b.yml"))
    assert default_files({}) == (Path("cluster.yml"),)


def test_all_problems_come_at_once_with_path_place_and_nearest_key(tmp_path: Path) -> None:
    text = """\
platform: {domain: pryv.example, nam: Pryv Lab}
release: 1.9.2
datacenters: dc1
hostings: {ch: {datacenter: dc1, url: "https://ch.example"}}
cores:
  - {name: co1, hosting: ch}
  - {name: co2, hosting: ch, procs: many}
  - {name: co3, hosting: ch, ip: 203.0.113.300}
registri: {}
"""
    error = refusal(tmp_path, text)
    assert [(problem.path, problem.text, problem.where.rpartition(".yml")[2]) for problem in error.problems] == [
        ("platform.name", "is missing", ":1:11"),
        ("platform.nam", "unknown key", ":1:34"),
        ("datacenters", "must be a list, not 'dc1'", ":3:14"),
        ("cores[1].procs", "must be an integer, not 'many'", ":7:37"),
        ("cores[2].ip", "not an IP address", ":8:34"),
        ("registri", "unknown key", ":9:1"),
    ]
    assert [problem.remedy for problem in error.problems if problem.remedy] == [
        "did you mean name?",
        "did you mean registry?",
    ]


WRONG_TYPES = [
    ({"platform": "pryv"}, "platform", "must be a map, not 'pryv'"),
    ({"platform": None}, "platform", "must be a map, not null"),
    ({"platform": {"single_machine": "perhaps"}}, "platform.single_machine", "must be true or false, not 'perhaps'"),
    ({"datacenters": []}, "datacenters", "must have at least 1 entry"),
    ({"datacenters": [1]}, "datacenters[0]", "must be text, not 1"),
    ({"hostings": {"C H": {"datacenter": "dc1", "url": "https://x.example"}}}, 'hostings["C H"]', "not a DNS name"),
    ({"cores": {"name": "co1"}}, "cores", "must be a list, not a map"),
    ({"cores": ["co1"]}, "cores[0]", "must be a map, not 'co1'"),
    ({"registry": {"register": {"instances": 1.5}}}, "registry.register.instances", "must be an integer"),
    ({"registry": {"register": {"instances": 0}}}, "registry.register.instances", "must be at least 1"),
    ({"update": {"canary": 2}}, "update.canary", "must be at most 1"),
    ({"update": {"healthy_deadline": 300}}, "update.healthy_deadline", "must be text, not 300"),
    ({"update": {"healthy_deadline": "5 min"}}, "update.healthy_deadline", "not a duration"),
    ({"volumes": {"core_data": "a b"}}, "volumes.core_data", "not a volume name"),
    ({"volumes": {"core_data": 7}}, "volumes.core_data", "must be text"),
    ({"volumes": {"core_data": {"type": "nfs", "source": "x"}}}, "volumes.core_data.type", "must be one of"),
    ({"volumes": {"core_data": {"sorce": "x"}}}, "volumes.core_data.source", "is missing"),
    (
        {"constraints": [{"attribute": "${node.class}", "operator": "like"}]},
        "constraints[0].operator",
        "not an operator",
    ),
    ({"nomad": {"version": "0.12"}}, "nomad.version", "must be one of"),
    ({"settings": []}, "settings", "must be a map, not a list"),
    ({"release": []}, "release", "must be text, not a list"),
    ({"release": "1.9"}, "release", "there is no release '1.9'"),
    ({"release": 1.9}, "release", "there is no release '1.9'"),
    ({"release": "../../etc/passwd"}, "release", "there is no release"),
    ({"releases": "nowhere"}, "releases", "there is no folder"),
]


@pytest.mark.parametrize(("sections", "path", "says"), WRONG_TYPES, ids=[f"{row[1]} {row[2]}" for row in WRONG_TYPES])
def test_a_value_of_the_wrong_kind_is_refused(
    tmp_path: Path, sections: dict[str, object], path: str, says: str
) -> None:
    found = problems_of(tmp_path, **sections)
    assert any(problem.path == path and says in problem.text for problem in found), [str(each) for each in found]
    assert len({problem.path for problem in found}) == len(found), "one message a place"


def test_nomad_variables_are_refused_outside_settings_and_constraints(tmp_path: Path) -> None:
    problem = problems_of(tmp_path, registry={"node": "${node.unique.name}"})[0]
    assert (problem.path, "Nomad would replace" in problem.text) == ("registry.node", True)
    kept = load(tmp_path, constraints=[{"attribute": "${attr.cpu.arch}", "value": "${meta.arch}"}])
    assert kept.file.constraints[0].value == "${meta.arch}"
