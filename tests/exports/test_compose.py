"""The compose export: what its files say, that every text reads back, and that docker compose takes it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.exports import compose
from pryv_nomad.exports.folder import Tree, write_tree
from pryv_nomad.exports.roles import Target, machines
from pryv_nomad.model.cluster import Cluster
from tests.exports.platforms import SECRETS, WITH_ADDRESS, cluster_data, filled, loaded, single_data
from tests.specs.rendered import ODD, cluster, with_text

SMTP = {"EMAIL_SMTP_SETTINGS": {"host": "mail.example", "port": 587, "auth": {"user": "pryv"}}}
SMALL = cluster(WITH_ADDRESS)


def project(tree: Tree, role: str) -> dict[str, Any]:
    found = yaml.safe_load(tree[f"{role}/pryv.yml"].text)
    assert isinstance(found, dict)
    return found


def fill(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([folder / "fill-secrets"], capture_output=True, text=True, check=False, timeout=60)


def give_secrets(folder: Path) -> None:
    lines = (folder / "secrets.env").read_text(encoding="utf-8").splitlines()
    given = [f"{line}{SECRETS[line[:-1]]}" if line.endswith("=") else line for line in lines]
    (folder / "secrets.env").write_text("\n".join(given) + "\n", encoding="utf-8")


def test_cores_that_are_alike_share_a_folder(tmp_path: Path) -> None:
    tree = compose.tree(loaded(tmp_path, cluster_data()))

    assert {path.partition("/")[0] for path in tree} == {
        "README.md", "core-co1", "core-big", "reg-master", "reg-slave", "static",
    }  # fmt: skip
    assert "| `core-co1/` | co1 (192.0.2.11), co2 (192.0.2.12) |" in tree["README.md"].text
    assert project(tree, "core-big")["services"]["core"]["environment"]["NUM_PROCS"] == "8"


def test_what_does_not_matter_here_does_not_divide_cores(tmp_path: Path) -> None:
    cores = [
        {"name": "co1", "hosting": "ch", "ip": "192.0.2.11", "resources": {"mongodb": {"memory": 4000}}},
        {"name": "co2", "hosting": "ch", "ip": "192.0.2.12", "canary_weight": 10, "node": "n2"},
    ]
    tree = compose.tree(loaded(tmp_path, cluster_data(cores=cores)))
    assert "core/pryv.yml" in tree
    assert not [path for path in tree if path.startswith("core-")]


def test_the_registry_gets_the_cores_of_the_cluster_file(tmp_path: Path) -> None:
    tree = compose.tree(loaded(tmp_path, cluster_data()))
    text = tree["reg-master/templates/register/conf/register.json"].text
    found = json.loads(re.sub(r"@SECRET0:json:(\w+)@", r'"\1"', text))["net"]
    assert found["hostings"] == {
        "ch": {"co1": {"ip": "192.0.2.11"}, "co2": {"ip": "192.0.2.12"}},
        "fr": {"big": {"ip": "192.0.2.13"}},
    }
    assert set(found["providers"]) == {"ch", "fr"}


def test_an_edge_leads_to_every_process(tmp_path: Path) -> None:
    upstreams = compose.tree(loaded(tmp_path, cluster_data()))["core-big/nginx/conf/site-upstreams.conf"].text
    assert [line.split()[1] for line in upstreams.splitlines() if "server core" in line] == 2 * [
        f"core:{port}" for port in range(3000, 3008)
    ]


def test_the_replica_reaches_the_registry_over_the_private_line(tmp_path: Path) -> None:
    tree = compose.tree(loaded(tmp_path, cluster_data()))
    assert "replicaof 10.0.0.1 6379" in tree["reg-slave/redis/conf/redis.conf"].text
    assert "server 10.0.0.1:9000" in tree["reg-slave/nginx/conf/site-upstreams.conf"].text
    assert project(tree, "reg-master")["services"]["redis"]["ports"] == ["10.0.0.1:6379:6379"]
    with pytest.raises(ClusterFileError, match=r"registry\.private_ip"):
        compose.tree(loaded(tmp_path, cluster_data(registry={"ip": "192.0.2.1", "replica": {"ip": "192.0.2.2"}})))


def test_no_port_of_a_database_is_on_a_public_address(tmp_path: Path) -> None:
    tree = compose.tree(loaded(tmp_path, cluster_data()))
    for path, entry in tree.items():
        if path.endswith("pryv.yml"):
            for name, service in yaml.safe_load(entry.text)["services"].items():
                if name in ("mongodb", "influxdb", "redis", "core", "register"):
                    assert all(port.startswith("10.0.0.1:") for port in service.get("ports", [])), (path, name)


@pytest.mark.parametrize("missing", ["core", "registry", "static"])
def test_a_missing_address_is_an_error_with_its_place(tmp_path: Path, missing: str) -> None:
    data = cluster_data()
    if missing == "core":
        data["cores"][1].pop("ip")
    else:
        data[missing].pop("ip")
    with pytest.raises(ClusterFileError, match="big has no ip" if missing == "core" else rf"{missing}\.ip"):
        compose.tree(loaded(tmp_path, data))


def test_all_missing_addresses_are_named_at_once(tmp_path: Path) -> None:
    data = cluster_data(registry={"replica": {}}, static={}, cores=[{"name": "co[1-2]", "hosting": "ch"}])
    with pytest.raises(ClusterFileError) as error:
        compose.tree(loaded(tmp_path, data))
    assert [problem.path for problem in error.value.problems] == [
        "cores[0]", "cores[0]", "registry.ip", "registry.replica.ip", "static.ip",
    ]  # fmt: skip


def test_a_single_machine_has_one_address(tmp_path: Path) -> None:
    tree = compose.tree(loaded(tmp_path, single_data()))
    assert '"co1": {"ip": "192.0.2.1"}' in tree["singlenode/templates/register/conf/register.json"].text


def test_a_certificate_on_the_machines_is_mounted(tmp_path: Path) -> None:
    tls = {"source": "path", "certificate_path": "/etc/pryv/tls/a b.crt", "key_path": "/etc/pryv/key/a.key"}
    tree = compose.tree(loaded(tmp_path, cluster_data(tls=tls)))
    assert 'ssl_certificate "/app/tls/a b.crt"' in tree["core-co1/nginx/conf/nginx.conf"].text
    assert "/etc/pryv/tls/:/app/tls/:ro" in project(tree, "core-co1")["services"]["reverse_proxy"]["volumes"]


def test_an_image_s_name_is_not_interpolated(tmp_path: Path) -> None:
    tree = compose.tree(loaded(tmp_path, cluster_data(images={"overrides": {"core": "my/core:$X$Y"}})))
    assert project(tree, "core-co1")["services"]["core"]["image"] == "my/core:$$X$$Y"


# -- secrets and free text ---------------------------------------------------------------------------------------------


def check_texts(platform: Cluster, folder: Path) -> int:
    """Fill every folder's secrets in and hold each file against what its component must see."""
    write_tree(compose.tree(platform), folder, "compose")
    compared = 0
    for machine in machines(platform, Target(lambda component, role, replica: component)):
        place = folder / compose.ROLES[machine.role]
        if (place / "fill-secrets").exists():
            give_secrets(place)
            assert (found := fill(place)).returncode == 0, found.stderr
        for service in machine.services:
            for file in service.files:
                inside = file.target.replace("/app/conf", f"{service.component}/conf")
                inside = inside.replace("/app/bin/templates", f"{service.component}/templates")
                assert (place / inside).read_bytes().decode() == filled(file.parts), inside
                compared += 1
    return compared


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_reach_the_files_unchanged(tmp_path: Path, text: str) -> None:
    assert check_texts(with_text(SMALL, text), tmp_path / "out") > 25


@settings(max_examples=15)
@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_text_reaches_the_files_unchanged(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        assert check_texts(with_text(SMALL, text), folder / "out") > 25
    finally:
        shutil.rmtree(folder)


def test_a_text_like_a_mark_stays_a_text(tmp_path: Path) -> None:
    platform = with_text(SMALL, "@SECRET0:json:CORE_SYSTEM_KEY@ @SECRET1:")
    tree = compose.tree(platform)
    assert "@SECRET2:json:CORE_SYSTEM_KEY@" in tree["core/templates/core/conf/core.yml"].text
    assert check_texts(platform, tmp_path / "out") > 25


def test_files_with_secrets_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_tree(compose.tree(SMALL), folder, "compose")
    assert stat.S_IMODE((folder / "core/secrets.env").stat().st_mode) == 0o600
    give_secrets(folder / "core")
    fill(folder / "core")
    assert stat.S_IMODE((folder / "core/core/conf/core.yml").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("CORE_SYSTEM_KEY=", "gives no value for CORE_SYSTEM_KEY"),
        ("CORE_SYSTEM_KEY=a\x07b", "control character"),
        ("CORE_SYSTEM_KEY", "not KEY=VALUE"),
    ],
)
def test_a_bad_secret_is_named_and_nothing_is_written(tmp_path: Path, line: str, said: str) -> None:
    folder = tmp_path / "out"
    write_tree(compose.tree(SMALL), folder, "compose")
    give_secrets(folder / "core")
    secrets = folder / "core/secrets.env"
    secrets.write_text(
        "\n".join(line if old.startswith("CORE_SYSTEM_KEY=") else old for old in secrets.read_text().splitlines())
    )
    found = fill(folder / "core")
    assert found.returncode == 1
    assert said in found.stderr
    assert SECRETS["CORE_MAIL_KEY"] not in found.stdout + found.stderr
    assert not list((folder / "core/core/conf").glob("core.yml*"))


def test_one_bad_secret_leaves_all_files_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_tree(compose.tree(SMALL), folder, "compose")
    machine = folder / "reg-master"
    give_secrets(machine)
    assert fill(machine).returncode == 0
    before = {path: path.read_bytes() for path in machine.rglob("*.json")}
    secrets = machine / "secrets.env"
    # register.json comes after dns.json and mail.json.
    changed = (
        secrets.read_text().replace(SECRETS["CORE_MAIL_KEY"], "another").replace(SECRETS["REGISTER_ADMIN_KEY"], "")
    )
    secrets.write_text(changed)
    assert fill(machine).returncode == 1
    assert {path: path.read_bytes() for path in machine.rglob("*.json")} == before
    assert not list(machine.rglob("*.filling"))


def test_a_single_machine_without_a_core_of_its_own_is_an_error(tmp_path: Path) -> None:
    data = single_data(cores=[{"name": "co1", "hosting": "pilot", "ip": "192.0.2.9", "external": True}])
    with pytest.raises(ClusterFileError, match="cores: none to export"):
        compose.tree(loaded(tmp_path, data))


def test_cores_that_run_elsewhere_are_listed_and_not_exported(tmp_path: Path) -> None:
    data = cluster_data()
    data["cores"].append({"name": "away", "hosting": "fr", "ip": "192.0.2.14", "external": True})
    tree = compose.tree(loaded(tmp_path, data))
    assert '"away": {"ip": "192.0.2.14"}' in tree["reg-master/templates/register/conf/register.json"].text
    assert "away" not in tree["README.md"].text


# -- the real docker compose -------------------------------------------------------------------------------------------


def compose_command() -> list[str] | None:
    """docker compose, as a plugin or by itself."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            found = subprocess.run([*command, "version"], capture_output=True, check=False, timeout=60)
            if found.returncode == 0:
                return command
    return None


COMPOSE = compose_command()


@pytest.mark.skipif(COMPOSE is None, reason="no docker compose on this machine")
@pytest.mark.parametrize("layout", ["cluster", "single"])
def test_docker_compose_reads_every_folder_as_it_was_meant(tmp_path: Path, layout: str) -> None:
    assert COMPOSE is not None
    data = cluster_data(SMTP) if layout == "cluster" else single_data(SMTP)
    data["images"] = {"overrides": {"core": "my/core:$X$Y"}}
    platform = loaded(tmp_path, data)
    folder = tmp_path / "out"
    write_tree(compose.tree(platform), folder, "compose")
    for path in sorted(folder.glob("*/pryv.yml")):
        command = [*COMPOSE, "-f", str(path), "config", "--no-normalize", "--format", "json"]
        env = {**os.environ, "PRYV_CONF_ROOT": "/var/pryv"}
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)
        assert found.returncode == 0, found.stderr
        read = yaml.safe_load(found.stdout)["services"]
        images = subprocess.run(
            [*command[:-3], "--images"], capture_output=True, text=True, check=True, timeout=60, env=env
        )
        assert ("core" in read) == ("my/core:$X$Y" in images.stdout.splitlines())
        for name, service in yaml.safe_load(path.read_text())["services"].items():
            assert read[name]["image"] == service["image"]
            assert len(read[name].get("volumes", [])) == len(service.get("volumes", []))
            assert all("/var/pryv/pryv/" in volume["source"] for volume in read[name].get("volumes", [])
                       if volume["target"] in ("/app/conf", "/app/log", "/app/data"))  # fmt: skip


@pytest.mark.skipif(COMPOSE is None, reason="no docker compose on this machine")
def test_docker_compose_says_what_is_missing_without_the_root_folder(tmp_path: Path) -> None:
    assert COMPOSE is not None
    write_tree(compose.tree(SMALL), tmp_path / "out", "compose")
    command = [*COMPOSE, "-f", str(tmp_path / "out/core/pryv.yml"), "config"]
    env = {name: value for name, value in os.environ.items() if name != "PRYV_CONF_ROOT"}
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=env)
    assert found.returncode != 0
    assert "name the folder that holds pryv/" in found.stderr


def test_the_same_platform_gives_the_same_files(tmp_path: Path) -> None:
    platform = loaded(tmp_path, cluster_data())
    assert compose.tree(platform) == compose.tree(replace(platform))
