"""The Kubernetes export: what its objects say, that every version's schema and kustomize take them, that databases are
private, and that every text reads back."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pryv_nomad.exports import kubernetes
from pryv_nomad.exports.fleet import marks
from pryv_nomad.exports.folder import Tree, write_tree
from pryv_nomad.exports.kubernetes.names import namespace, shortened
from pryv_nomad.exports.roles import without_private_line
from pryv_nomad.model.cluster import Cluster
from tests.exports.platforms import SECRETS, WITH_ADDRESS, cluster_data, filled, loaded, single_data
from tests.specs.rendered import ODD, cluster, with_text

SMALL = cluster(WITH_ADDRESS)
VERSIONS = ("1.28", "1.33", "1.37")
NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
ALL: dict[str, Any] = {
    "tls": {"acme": {"enabled": True, "email": "ops@pryv.example"}},
    "images": {"credentials": {}, "force_pull": True, "registry": "mirror.example:5000"},
    "secrets": {"generations": {"CORE_SYSTEM_KEY": 3}},
    "registry": {
        "ip": "192.0.2.1",
        "admin_panel": {"enabled": True},
        "register": {"instances": 3},
        "replica": {"ip": "192.0.2.2"},
    },
    "resources": {"core": {"cpu": 1, "memory": 100, "memory_max": 500}},
    "lifecycle": {"kill_timeout": "250ms", "restart": {"mode": "fail"}},
}


def objects(tree: Tree, below: str = "") -> Iterator[dict[str, Any]]:
    """All objects of the files below a folder."""
    for path, entry in tree.items():
        if path.startswith(below) and path.endswith(".yaml") and not path.endswith("kustomization.yaml"):
            yield from yaml.safe_load_all(entry.text)


def of_kind(tree: Tree, kind: str, below: str = "") -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in objects(tree, below) if each["kind"] == kind}


def layouts(folder: Path) -> Iterator[Cluster]:
    yield loaded(folder, cluster_data(**ALL))
    yield loaded(folder, single_data())
    yield loaded(folder, cluster_data(cores=[{"name": "123", "hosting": "ch", "ip": "192.0.2.11", "node": "n1"}]))
    yield loaded(folder, cluster_data(cores=[{"name": "c" * 63, "hosting": "ch", "ip": "2001:db8::1"}]))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_fits_the_schema(tmp_path: Path, version: str) -> None:
    checked = 0
    for platform in layouts(tmp_path):
        for each in objects(kubernetes.tree(platform)):
            kubernetes_validate.validate(each, version, strict=True)
            checked += 1
    assert checked > 200


def test_names_are_dns_labels_and_told_apart(tmp_path: Path) -> None:
    for platform in layouts(tmp_path):
        found = [(each["kind"], each["metadata"]["name"]) for each in objects(kubernetes.tree(platform))]
        assert len(set(found)) == len(found)
        for kind, name in found:
            assert NAME.fullmatch(name), name
            assert len(name) <= (52 if kind == "StatefulSet" else 63), name


@given(
    st.lists(st.from_regex(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", fullmatch=True), min_size=2, max_size=9, unique=True)
)
def test_shortened_names_stay_apart(names: list[str]) -> None:
    short = [shortened(name) for name in names]
    assert len(set(short)) == len(names)
    assert all(NAME.fullmatch(name) and len(name) <= 40 for name in short)


def test_a_long_domain_is_a_namespace_too() -> None:
    platform = cluster(WITH_ADDRESS, "platform.domain=" + ".".join(["abcdefghi"] * 12))
    assert len(namespace(platform)) <= 63
    assert NAME.fullmatch(namespace(platform))


def test_data_is_in_stateful_sets_with_claims(tmp_path: Path) -> None:
    tree = kubernetes.tree(loaded(tmp_path, cluster_data()))
    sets = of_kind(tree, "StatefulSet")
    assert set(sets) == {f"{core}-{name}" for core in ("co1", "co2", "big") for name in ("mongodb", "influxdb")} | {
        "redis", "redis-replica",
    }  # fmt: skip
    claims = [each["metadata"]["name"] for each in sets["co1-mongodb"]["spec"]["volumeClaimTemplates"]]
    assert claims == ["mongodb-data", "mongodb-backup"]


def test_what_shares_a_folder_shares_a_claim_and_a_node(tmp_path: Path) -> None:
    tree = kubernetes.tree(loaded(tmp_path, cluster_data()))
    assert set(of_kind(tree, "PersistentVolumeClaim", "cores/co1/")) == {"co1-core-data"}
    users = set()
    for name, each in of_kind(tree, "Deployment", "cores/co1/").items():
        pod = each["spec"]["template"]["spec"]
        term = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
        assert term["labelSelector"]["matchLabels"]["pryv.io/core"] == "co1"
        assert pod["nodeSelector"] == {"pryv.io/hosting": "ch"}
        claims = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod.get("volumes", [])]
        users |= {name} if "co1-core-data" in claims else set()
    assert users == {"co1-core", "co1-hfs", "co1-preview", "co1-webhooks"}


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("core", "Recreate"),
        ("webhooks", "Recreate"),
        ("mfa", "Recreate"),
        ("hfs", "RollingUpdate"),
        ("edge", "RollingUpdate"),
    ],
)
def test_what_may_not_be_twice_is_replaced(tmp_path: Path, name: str, strategy: str) -> None:
    deployments = of_kind(kubernetes.tree(loaded(tmp_path, cluster_data())), "Deployment")
    assert deployments[f"co1-{name}"]["spec"]["strategy"]["type"] == strategy


def test_a_migration_is_not_killed_half_way(tmp_path: Path) -> None:
    core = of_kind(kubernetes.tree(loaded(tmp_path, cluster_data())), "Deployment")["co1-core"]["spec"]
    probe = core["template"]["spec"]["containers"][0]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] == 3600
    assert core["progressDeadlineSeconds"] > 3600


def test_each_core_has_the_address_of_the_cluster_file(tmp_path: Path) -> None:
    services = of_kind(kubernetes.tree(loaded(tmp_path, cluster_data())), "Service")
    edges = {name: each["spec"] for name, each in services.items() if name in ("co1-edge", "co2-edge", "big-edge")}
    assert {name: spec["loadBalancerIP"] for name, spec in edges.items()} == {
        "co1-edge": "192.0.2.11", "co2-edge": "192.0.2.12", "big-edge": "192.0.2.13",
    }  # fmt: skip
    assert {spec["type"] for spec in edges.values()} == {"LoadBalancer"}
    assert services["dns"]["spec"]["ports"] == [{"name": "dns", "port": 53, "targetPort": 5353, "protocol": "UDP"}]


def test_an_ingress_leads_to_the_registry_and_the_static_site(tmp_path: Path) -> None:
    found = of_kind(kubernetes.tree(loaded(tmp_path, cluster_data())), "Ingress")
    hosts = {name: [rule["host"] for rule in each["spec"]["rules"]] for name, each in found.items()}
    assert hosts == {
        "registry-edge": [f"{name}.pryv.example" for name in ("reg", "access", "service", "mail")],
        "static-edge": ["sw.pryv.example", "mfa.pryv.example"],
    }


# -- who may reach whom ------------------------------------------------------------------------------------------------


def callers(tree: Tree) -> dict[str, set[str] | None]:
    """Policy → the components it lets in, None for everybody."""
    found: dict[str, set[str] | None] = {}
    for name, each in of_kind(tree, "NetworkPolicy").items():
        rules = each["spec"].get("ingress", [])
        open_to_all = any("from" not in rule for rule in rules)
        found[name] = None if open_to_all else {
            "/".join(
                label
                for key in ("pryv.io/role", "pryv.io/core", "app.kubernetes.io/component")
                if (label := peer["podSelector"]["matchLabels"].get(key))
            )
            for rule in rules
            for peer in rule["from"]
        }  # fmt: skip
    return found


def test_databases_are_reached_by_those_who_ask_them_and_nobody_else(tmp_path: Path) -> None:
    found = callers(kubernetes.tree(loaded(tmp_path, cluster_data())))
    assert found["co1-mongodb"] == {f"core/co1/{name}" for name in ("core", "hfs", "preview", "webhooks")}
    assert found["co1-influxdb"] == {f"core/co1/{name}" for name in ("core", "hfs")}
    assert found["redis"] == {"registry/register", "registry/dns", "replica/redis"}
    assert found["redis-replica"] == {"replica/dns"}
    assert found["register"] == {"registry/nginx"}
    assert found["nothing-in"] == set()
    assert {name for name, those in found.items() if those is None} == {
        "co1-edge", "co2-edge", "big-edge", "registry-edge", "static-edge", "dns", "dns-replica",
    }  # fmt: skip


def test_a_policy_chooses_the_pods_it_is_named_for(tmp_path: Path) -> None:
    tree = kubernetes.tree(loaded(tmp_path, cluster_data()))
    workloads = {**of_kind(tree, "Deployment"), **of_kind(tree, "StatefulSet")}
    for name, each in of_kind(tree, "NetworkPolicy").items():
        chosen = each["spec"]["podSelector"].get("matchLabels", {})
        pods = {
            other
            for other, workload in workloads.items()
            if chosen.items() <= workload["spec"]["template"]["metadata"]["labels"].items()
        }
        assert pods == (set(workloads) if name == "nothing-in" else {name})


def test_on_a_single_machine_the_same_holds(tmp_path: Path) -> None:
    found = callers(kubernetes.tree(loaded(tmp_path, single_data())))
    assert found["mongodb"] == {f"single/{name}" for name in ("core", "hfs", "preview", "webhooks")}
    assert found["redis"] == {"single/register", "single/dns"}
    assert found["register"] == {"single/nginx", "single/core", "single/hfs", "single/preview", "single/webhooks"}


def test_a_drain_takes_no_more_of_a_hosting_than_is_allowed(tmp_path: Path) -> None:
    tree = kubernetes.tree(loaded(tmp_path, cluster_data(update={"max_unavailable": 2})))
    budgets = of_kind(tree, "PodDisruptionBudget")
    assert budgets["hosting-ch-mongodb"]["spec"]["maxUnavailable"] == 2
    chosen = budgets["hosting-ch-mongodb"]["spec"]["selector"]["matchLabels"]
    sets = of_kind(tree, "StatefulSet")
    pods = {name: each["spec"]["template"]["metadata"]["labels"] for name, each in sets.items()}
    assert {name for name, labels in pods.items() if chosen.items() <= labels.items()} == {"co1-mongodb", "co2-mongodb"}


# -- secrets and free text ---------------------------------------------------------------------------------------------


def test_secrets_are_named_and_never_held(tmp_path: Path) -> None:
    tree = kubernetes.tree(loaded(tmp_path, cluster_data()))
    assert not of_kind(tree, "Secret")
    references = set()
    for each in [*of_kind(tree, "Deployment").values(), *of_kind(tree, "StatefulSet").values()]:
        for container in each["spec"]["template"]["spec"].get("initContainers", []):
            references |= {entry["valueFrom"]["secretKeyRef"]["key"] for entry in container["env"]}
    assert references == {key for key in SECRETS if key != "EMAIL_SMTP_PASSWORD"}


def test_a_changed_setting_or_a_rotated_secret_is_a_changed_pod(tmp_path: Path) -> None:
    def pods(**sections: Any) -> dict[str, Any]:
        found = of_kind(kubernetes.tree(loaded(tmp_path, cluster_data(**sections))), "Deployment", "cores/co1/")
        return {name: each["spec"]["template"] for name, each in found.items()}

    before = pods()
    settled, rotated = pods(settings={"MFA_SESSIONS_TTL_SECONDS": 77}), pods(**{"secrets": ALL["secrets"]})
    assert {name for name in before if before[name] != settled[name]} == {"co1-mfa"}
    assert {name for name in before if before[name] != rotated[name]} == {"co1-core"}


def run_init(container: dict[str, Any], data: dict[str, bytes], folder: Path) -> dict[str, bytes]:
    """Run an init container's program on this machine; target in the container → content."""
    templates, out = folder / "templates", folder / "out"
    templates.mkdir(parents=True)
    for key, content in data.items():
        (templates / key).write_bytes(content)
    node, flag, program, stem, files = container["command"]
    program = program.replace("/pryv/templates", str(templates))
    moved = {key: f"{out}{target}" for key, target in json.loads(files).items()}
    env = {entry["name"]: SECRETS[entry["valueFrom"]["secretKeyRef"]["key"]] for entry in container["env"]}
    command = [node, flag, program, stem, json.dumps(moved)]
    subprocess.run(command, env={**env, "PATH": os.environ["PATH"]}, check=True, timeout=60)
    assert all((out / target.lstrip("/")).stat().st_mode & 0o007 == 0 for target in json.loads(files).values())
    return {f"/{path.relative_to(out)}": path.read_bytes() for path in out.rglob("*") if path.is_file()}


def contents(config: dict[str, Any]) -> dict[str, bytes]:
    texts = {key: text.encode() for key, text in config.get("data", {}).items()}
    return {**texts, **{key: base64.b64decode(text) for key, text in config.get("binaryData", {}).items()}}


def files_of(pod: dict[str, Any], maps: dict[str, dict[str, Any]], folder: Path) -> dict[str, bytes]:
    """What a pod's container finds: mounted files, and those that its init container filled."""
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    if "files" not in volumes:
        return {}
    data = contents(maps[volumes["files"]["configMap"]["name"]])
    mounts = pod["containers"][0]["volumeMounts"]
    found = {mount["mountPath"]: data[mount["subPath"]] for mount in mounts if mount["name"] == "files"}
    for container in pod.get("initContainers", []):
        found |= run_init(container, data, folder)
    return found


needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="no node.js on this machine")


def check_texts(platform: Cluster, folder: Path) -> int:
    tree = kubernetes.tree(platform)
    maps = of_kind(tree, "ConfigMap")
    workloads = {**of_kind(tree, "Deployment"), **of_kind(tree, "StatefulSet")}
    within = without_private_line(platform)
    marked, compared = marks(within), 0
    for machine in kubernetes.view(within, marked):
        for service in machine.services:
            name = kubernetes.names.host(marked, service.component, machine.role, False).replace(marked.short, "co1")
            pod = workloads[name]["spec"]["template"]["spec"]
            found = files_of(pod, maps, folder / name)
            wanted = {file.target: filled(file.parts).replace(marked.short, "co1").encode() for file in service.files}
            assert found == wanted, name
            compared += len(wanted)
    return compared


@needs_node
@pytest.mark.parametrize("text", ["".join(ODD), "@SECRET0:json:CORE_SYSTEM_KEY@ @SECRET1:", "0mark0markname1markshort"])
def test_odd_texts_reach_the_files_unchanged(tmp_path: Path, text: str) -> None:
    assert check_texts(with_text(SMALL, text), tmp_path) > 25


@needs_node
@settings(max_examples=8, phases=(Phase.explicit, Phase.generate))
@given(text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_any_text_reaches_the_files_unchanged(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("any")
    try:
        assert check_texts(with_text(SMALL, text), folder) > 25
    finally:
        shutil.rmtree(folder)


@needs_node
def test_an_empty_secret_stops_the_pod(tmp_path: Path) -> None:
    pod = of_kind(kubernetes.tree(SMALL), "Deployment")["co1-core"]["spec"]["template"]["spec"]
    command = pod["initContainers"][0]["command"]
    (tmp_path / "x").write_text("key: @SECRET0:json:CORE_MAIL_KEY@\n")
    program = command[2].replace("/pryv/templates", str(tmp_path))
    arguments = ["node", "-e", program, "@SECRET0:", json.dumps({"x": str(tmp_path / "filled")})]
    found = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode != 0
    assert "the secret CORE_MAIL_KEY is empty" in found.stderr
    assert not (tmp_path / "filled").exists()


# -- the real kustomize ------------------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl on this machine")
@pytest.mark.parametrize("layout", ["cluster", "odd"])
def test_kustomize_builds_the_platform_and_each_core(tmp_path: Path, layout: str) -> None:
    platform = loaded(tmp_path, cluster_data()) if layout == "cluster" else with_text(SMALL, "".join(ODD))
    tree = kubernetes.tree(platform)
    write_tree(tree, tmp_path / "out", "kubernetes")
    for folder in ("", "cores/co1", "registry", "static"):
        command = ["kubectl", "kustomize", str(tmp_path / "out" / folder)]
        found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert found.returncode == 0, found.stderr
        built = list(yaml.safe_load_all(found.stdout))
        wanted = list(objects(tree, folder and f"{folder}/"))
        assert len(built) == len(wanted)
        assert {each["metadata"].get("namespace") for each in built if each["kind"] != "Namespace"} == {"pryv-example"}
        read = {each["metadata"]["name"]: contents(each) for each in built if each["kind"] == "ConfigMap"}
        assert read == {each["metadata"]["name"]: contents(each) for each in wanted if each["kind"] == "ConfigMap"}
