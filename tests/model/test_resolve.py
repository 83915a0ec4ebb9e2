"""From what was written to what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.model.cluster import Resources
from pryv_nomad.model.file import Volume
from tests.model.support import load, problems_of


def test_cores_of_a_range_share_one_profile(tmp_path: Path) -> None:
    cores = load(tmp_path, cores=[{"name": "co[1-10000]", "hosting": "ch"}]).cores
    assert len(cores) == 10_000
    assert len({id(core.profile) for core in cores}) == 1
    assert cores[-1].path == "cores[0]"


def test_entries_that_say_the_same_share_a_profile_too(tmp_path: Path) -> None:
    cores = load(
        tmp_path,
        cores=[
            {"name": "a", "hosting": "ch", "resources": {"core": {"cpu": 5}}, "ip": "203.0.113.1"},
            {"name": "b", "hosting": "ch", "resources": {"core": {"cpu": 5}}},
            {"name": "c", "hosting": "ch", "resources": {"core": {"cpu": 6}}},
        ],
    ).cores
    assert cores[0].profile is cores[1].profile
    assert cores[0].profile != cores[2].profile


def test_a_platform_without_cores_is_refused(tmp_path: Path) -> None:
    assert problems_of(tmp_path, cores=[])[0].text == "there is no core"


@pytest.mark.parametrize(
    "cores",
    [
        [{"name": "co[1-10001]", "hosting": "ch"}],
        [{"name": "co[1-9999]", "hosting": "ch"}, {"name": "x1", "hosting": "ch"}, {"name": "x2", "hosting": "ch"}],
    ],
)
def test_more_than_10000_cores_are_refused(tmp_path: Path, cores: list[Any]) -> None:
    assert any("more than 10,000 cores" in problem.text for problem in problems_of(tmp_path, cores=cores))


def test_10000_cores_are_not_refused(tmp_path: Path) -> None:
    entries = [{"name": "co[1-9999]", "hosting": "ch"}, {"name": "x", "hosting": "ch"}]
    assert len(load(tmp_path, cores=entries).cores) == 10_000


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("co.1", "not a DNS name"),
        ("co 1", "not a DNS name"),
        ("CO1", "not a DNS name"),
        ("co_1", "not a DNS name"),
        ("-co", "not a DNS name"),
        ("co-", "not a DNS name"),
        ("", "not a DNS name"),
        ("c" * 64, "64 characters long"),
        ("é", "not a DNS name"),
        ("co[1-3].x", "not a DNS name"),
        ("co[3-1]", "runs backwards"),
        ("co[", "not a range"),
    ],
)
def test_a_core_name_that_dns_does_not_take_is_refused(tmp_path: Path, name: str, says: str) -> None:
    problem = problems_of(tmp_path, cores=[{"name": name, "hosting": "ch"}])[0]
    assert problem.path == "cores[0].name"
    assert says in problem.text
    assert "cluster.yml:1:" in problem.where


def test_addresses_of_a_range_go_one_to_each(tmp_path: Path) -> None:
    entry = {"name": "co[1-2]", "hosting": "ch", "ip": ["203.0.113.1", "2001:db8::1"]}
    assert [core.ip for core in load(tmp_path, cores=[entry]).cores] == ["203.0.113.1", "2001:db8::1"]


@pytest.mark.parametrize("ip", ["203.0.113.1", ["203.0.113.1"], ["203.0.113.1", "203.0.113.2", "203.0.113.3"]])
def test_another_number_of_addresses_than_cores_is_refused(tmp_path: Path, ip: Any) -> None:
    problem = problems_of(tmp_path, cores=[{"name": "co[1-2]", "hosting": "ch", "ip": ip}])[0]
    assert (problem.path, "for 2 cores" in problem.text) == ("cores[0].ip", True)


def test_resources_are_the_releases_a_process_then_the_platforms_then_the_cores(tmp_path: Path) -> None:
    cluster = load(
        tmp_path,
        resources={"mongodb": {"memory": 4000}, "core": {"memory": 999}},
        cores=[
            {"name": "a", "hosting": "ch", "procs": 8, "hfs_procs": 1},
            {"name": "b", "hosting": "ch", "resources": {"core": {"cpu": 50}, "mongodb": {"memory_max": 5000}}},
        ],
    )
    components = cluster.release.components
    a, b = (core.profile for core in cluster.cores)
    assert a.resource("core") == Resources(8 * components["core"].cpu, 999)
    assert a.resource("hfs") == Resources(components["hfs"].cpu, components["hfs"].memory)
    assert b.resource("core") == Resources(50, 999)
    assert b.resource("mongodb") == Resources(components["mongodb"].cpu, 4000, 5000)
    assert cluster.resource("hfs").cpu == 2 * components["hfs"].cpu


def test_volumes_are_the_cores_then_the_platforms_then_the_defaults(tmp_path: Path) -> None:
    cluster = load(
        tmp_path,
        volumes={"mongodb_data": {"type": "csi", "source": "mongo-{core}"}, "redis_data": "my-redis"},
        cores=[{"name": "a", "hosting": "ch", "volumes": {"core_data": "big"}}],
    )
    profile = cluster.cores[0].profile
    assert profile.volume("core_data") == Volume(type="host", source="big")
    assert profile.volume("mongodb_data") == Volume(type="csi", source="mongo-{core}")
    assert profile.volume("influxdb_data") == Volume(type="host", source="pryv-influxdb-data")
    assert cluster.volume("redis_data").source == "my-redis"
    assert cluster.volume("core_data").source == "pryv-core-data"


def test_a_cores_canary_weight_wins_over_the_platforms(tmp_path: Path) -> None:
    entries = [{"name": "a", "hosting": "ch"}, {"name": "b", "hosting": "ch", "canary_weight": 0}]
    cores = load(tmp_path, update={"canary_weight": 10}, cores=entries).cores
    assert [core.profile.canary_weight for core in cores] == [10, 0]


def test_a_release_of_the_users_own_is_found_beside_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    (folder / "9.0.yml").write_text(
        "name: '9.0'\ntopology: single-image\nsettings: tiny\n"
        "components: {pryv: {image: 'ours/pryv:9', role: core, procs: 3, cpu: 10, "
        "ports: {api: {port: 3000, per_process: true}}}}\n"
    )
    (folder / "settings-tiny.yml").write_text(
        "variables: {GREETING: {type: string, default: hello, description: Said to users.}}\n"
    )
    cluster = load(tmp_path, release=9.0, releases="ours")
    assert cluster.release.topology == "single-image"
    assert cluster.settings == {"GREETING": "hello"}
    assert cluster.image("pryv") == "ours/pryv:9"
    assert cluster.cores[0].profile.resource("pryv").cpu == 30


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: other\nsettings: '1.9'\ncomponents: {}\n", "cannot be release 9.0"),
        ("name: '9.0'\nsettings: nowhere\ncomponents: {}\n", "there is no catalogue settings-nowhere.yml"),
        ("name: '9.0'\nsettings: '1.9'\n", "components: Field required"),
        ("a: [", "cannot be read"),
    ],
)
def test_a_release_file_that_is_wrong_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "9.0.yml").write_text(text)
    assert says in str(problems_of(tmp_path, release="9.0", releases=".")[0])


def test_an_image_is_the_override_or_the_releases_behind_the_mirror(tmp_path: Path) -> None:
    cluster = load(tmp_path, images={"registry": "mirror.example:5000", "overrides": {"core": "ours/core:1"}})
    assert cluster.image("core") == "ours/core:1"
    assert cluster.image("hfs") == "mirror.example:5000/pryvio/hfs:1.9.2"
