"""The Swarm export: how services are updated and placed, what is a config and what a secret, and that every text reads
back through Swarm's templates."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pryv_nomad.exports import swarm
from pryv_nomad.exports.folder import Tree, write_tree
from pryv_nomad.exports.roles import File, Target, machines, without_private_line
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.document import Secret
from tests.exports.platforms import SECRETS, WITH_ADDRESS, cluster_data, filled, loaded, single_data
from tests.specs.rendered import ODD, cluster, with_text

SMALL = cluster(WITH_ADDRESS)


def stack(tree: Tree, name: str) -> dict[str, Any]:
    found = yaml.safe_load(tree[f"{name}.yml"].text)
    assert isinstance(found, dict)
    return found


def go_template(text: str) -> str:
    """What Go's text/template makes of the actions that we write: strings, `secret`, and `printf "%q"` of one."""
    made, at = [], 0
    while (begin := text.find("{{", at)) >= 0:
        end = text.index("}}", begin + 2)
        action = text[begin + 2 : end].strip()
        if action.startswith('"'):
            # The string may itself hold the closing braces' look-alikes; ours hold opening ones only.
            made += [text[at:begin], json.loads(action)]
        elif found := re.fullmatch(r'secret "(\w+)"', action):
            made += [text[at:begin], SECRETS[found[1]]]
        else:
            found = re.fullmatch(r'printf "%q" \(secret "(\w+)"\)', action)
            assert found, action
            made += [text[at:begin], json.dumps(SECRETS[found[1]], ensure_ascii=False)]
        at = end + 2
    return "".join([*made, text[at:]])


def test_a_core_is_a_stack_and_so_is_the_registry_with_its_replica(tmp_path: Path) -> None:
    tree = swarm.tree(loaded(tmp_path, cluster_data()))
    assert sorted(path for path in tree if path.endswith(".yml") and not path.startswith("conf/")) == [
        "cores/big.yml", "cores/co1.yml", "cores/co2.yml", "registry.yml", "static.yml",
    ]  # fmt: skip
    twice = {f"{name}{replica}" for name in ("redis", "dns", "nginx") for replica in ("", "-replica")}
    assert twice < set(stack(tree, "registry")["services"])


def test_every_file_of_a_stack_is_there(tmp_path: Path) -> None:
    tree = swarm.tree(loaded(tmp_path, cluster_data()))
    for path in tree:
        if path.endswith(".yml") and not path.startswith("conf/"):
            document = yaml.safe_load(tree[path].text)
            for config in document["configs"].values():
                place = (Path("/x") / path).parent / config["file"]
                assert str(place.resolve().relative_to("/x")) in tree


def test_services_are_pinned_by_label_or_to_the_node_that_is_named(tmp_path: Path) -> None:
    cores = [
        {"name": "123", "hosting": "ch", "ip": "192.0.2.11"},
        {"name": "co2", "hosting": "ch", "ip": "192.0.2.12", "node": "n2"},
    ]
    tree = swarm.tree(loaded(tmp_path, cluster_data(cores=cores)))

    def places(name: str) -> set[str]:
        services = stack(tree, name)["services"].values()
        return {constraint for each in services for constraint in each["deploy"]["placement"]["constraints"]}

    assert places("cores/123") == {"node.labels.pryv_core == 123"}
    assert places("cores/co2") == {"node.hostname == n2"}
    assert places("registry") == {"node.labels.pryv_role == registry", "node.labels.pryv_role == replica"}


@pytest.mark.parametrize(
    ("name", "order", "action"),
    [
        ("mongodb", "stop-first", "pause"),
        ("influxdb", "stop-first", "pause"),
        # It migrates its data when it first starts.
        ("core", "stop-first", "pause"),
        ("hfs", "start-first", "rollback"),
        ("preview", "start-first", "rollback"),
        ("webhooks", "stop-first", "rollback"),
        ("mfa", "stop-first", "rollback"),
        ("nginx", "stop-first", "rollback"),
    ],
)
def test_a_failed_update_goes_back_unless_data_would_not(tmp_path: Path, name: str, order: str, action: str) -> None:
    deploy = stack(swarm.tree(loaded(tmp_path, cluster_data())), "cores/co1")["services"][name]["deploy"]
    assert (deploy["update_config"]["order"], deploy["update_config"]["failure_action"]) == (order, action)
    assert deploy["update_config"]["parallelism"] == 1


def test_without_auto_revert_nothing_goes_back(tmp_path: Path) -> None:
    tree = swarm.tree(loaded(tmp_path, cluster_data(update={"auto_revert": False})))
    actions = {
        each["deploy"]["update_config"]["failure_action"] for each in stack(tree, "registry")["services"].values()
    }
    assert actions == {"pause"}


def test_only_edges_and_name_servers_are_on_the_machine(tmp_path: Path) -> None:
    tree = swarm.tree(loaded(tmp_path, cluster_data()))
    for name in ("cores/co1", "registry", "static"):
        published = {key for key, each in stack(tree, name)["services"].items() if each.get("ports")}
        assert all(key.startswith(("nginx", "dns")) for key in published)
        for each in stack(tree, name)["services"].values():
            assert all(port["mode"] == "host" for port in each.get("ports", []))


def test_databases_are_found_without_a_virtual_address(tmp_path: Path) -> None:
    for mode in ("vip", "dnsrr"):
        services = stack(swarm.tree(loaded(tmp_path, cluster_data()), mode), "cores/co1")["services"]
        found = {name: services[name]["deploy"]["endpoint_mode"] for name in ("mongodb", "core")}
        assert found == {"mongodb": "dnsrr", "core": mode}


def test_a_changed_setting_is_a_new_config_of_those_who_use_it(tmp_path: Path) -> None:
    before = stack(swarm.tree(loaded(tmp_path, cluster_data())), "cores/co1")
    after = stack(swarm.tree(loaded(tmp_path, cluster_data({"MFA_SESSIONS_TTL_SECONDS": 77}))), "cores/co1")
    changed = {name for name in before["services"] if before["services"][name] != after["services"][name]}
    assert changed == {"mfa"}


def test_a_rotated_secret_is_a_new_secret(tmp_path: Path) -> None:
    tree = swarm.tree(loaded(tmp_path, cluster_data(secrets={"generations": {"CORE_SYSTEM_KEY": 2}})))
    secrets = stack(tree, "cores/co1")["secrets"]
    assert secrets["CORE_SYSTEM_KEY"] == {"external": True, "name": "pryv-CORE_SYSTEM_KEY-2"}
    assert secrets["CORE_MAIL_KEY"] == {"external": True, "name": "pryv-CORE_MAIL_KEY"}
    assert "docker secret create pryv-CORE_SYSTEM_KEY-2 FILE" in tree["README.md"].text


def test_only_those_who_need_a_secret_get_it(tmp_path: Path) -> None:
    services = stack(swarm.tree(loaded(tmp_path, single_data())), "platform")["services"]
    given_to = {name for name, each in services.items() if "secrets" in each}
    assert given_to == {"core", "register", "dns", "mail", "nginx"}


def test_the_replica_follows_by_name_and_not_over_the_private_line(tmp_path: Path) -> None:
    platform = loaded(tmp_path, cluster_data())
    texts = [entry.text for path, entry in swarm.tree(platform).items() if path.endswith("redis.conf")]
    assert any("replicaof redis 6379" in text for text in texts)
    assert not any("10.0.0.1" in text for text in texts)


def test_a_name_that_is_too_long_for_a_stack_is_told(tmp_path: Path) -> None:
    long = "c" * 40
    cores = [{"name": long, "hosting": "ch", "ip": "192.0.2.11"}]
    assert f"pryv-{long}" in swarm.tree(loaded(tmp_path, cluster_data(cores=cores)))["registry.yml"].text


# -- free text ---------------------------------------------------------------------------------------------------------


def check_texts(platform: Cluster) -> int:
    tree = swarm.tree(platform)
    compared = 0
    view = machines(without_private_line(platform), Target(swarm.host, swarm.edge(platform)))
    names = {"core": "cores/co1", "registry": "registry", "static": "static"}
    for machine in view:
        document = stack(tree, names[machine.role])
        for service in machine.services:
            written = document["services"][swarm.host(service.component, "", False)]
            targets = {each["target"]: each["source"] for each in written.get("configs", [])}
            for file in service.files:
                config = document["configs"][targets[file.target]]
                text = tree[config["file"].removeprefix("../")].text
                assert (go_template(text) if "template_driver" in config else text) == filled(file.parts)
                compared += 1
    return compared


@pytest.mark.parametrize("text", ODD)
def test_odd_texts_reach_the_files_unchanged(text: str) -> None:
    assert check_texts(with_text(SMALL, text)) > 25


@settings(max_examples=15)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_text_reaches_the_files_unchanged(text: str) -> None:
    assert check_texts(with_text(SMALL, text)) > 25


@settings(max_examples=200)
@given(st.lists(st.text('{}x" \n/*-', max_size=6) | st.just(Secret("CORE_MAIL_KEY", quoted=True)), max_size=5))
def test_braces_are_never_an_action_of_ours(parts: list[str | Secret]) -> None:
    file = File("/app/conf/x", tuple(parts))
    assert go_template(swarm.templated(file)) == filled(file.parts)


# -- the real docker ---------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker on this machine")
@pytest.mark.parametrize("layout", ["cluster", "single"])
def test_docker_reads_every_stack(tmp_path: Path, layout: str) -> None:
    data = cluster_data() if layout == "cluster" else single_data()
    data["images"] = {"overrides": {"core": "my/core:$X$Y"}}
    folder = tmp_path / "out"
    write_tree(swarm.tree(loaded(tmp_path, data)), folder, "swarm")
    files = [*folder.glob("*.yml"), *folder.glob("cores/*.yml")]
    assert len(files) == (5 if layout == "cluster" else 1)
    for file in files:
        command = ["docker", "stack", "config", "-c", str(file)]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert found.returncode == 0, found.stderr
        read, written = yaml.safe_load(found.stdout), yaml.safe_load(file.read_text())
        assert set(read["services"]) == set(written["services"])
        for name, each in written["services"].items():
            assert read["services"][name]["image"] == each["image"].replace("$$", "$")
            assert read["services"][name].get("environment", {}) == each.get("environment", {})
            assert read["services"][name].get("healthcheck", {}).get("test") == each.get("healthcheck", {}).get("test")
