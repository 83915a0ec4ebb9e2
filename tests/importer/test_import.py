"""An imported platform is the same platform: every variable has its value, no secret came along, and what stayed
behind is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pryv_nomad.errors import ImportFolderError
from pryv_nomad.importer.convert import Imported, convert, release_of
from pryv_nomad.importer.known import known
from pryv_nomad.importer.leader import LeaderFolder, read_folder
from pryv_nomad.importer.secrets import secrets_of
from pryv_nomad.importer.write import cluster_yaml
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster
from pryv_nomad.model.releases import load_catalogue, load_release
from tests.leader import CLUSTER

Make = Callable[[str], Path]


def imported(folder: LeaderFolder) -> Imported:
    release = load_release(release_of(folder))
    return convert(folder, known(release, load_catalogue(release.settings), folder.single_machine))


def reload(folder: LeaderFolder, tmp_path: Path) -> Cluster:
    file = tmp_path / "cluster.yml"
    file.write_text(cluster_yaml(imported(folder), "the test"))
    return load_cluster([file], env={})


@pytest.mark.parametrize("layout", ["cluster", "single-node"])
def test_every_platform_variable_keeps_its_value(leader_folder: Make, layout: str, tmp_path: Path) -> None:
    folder = read_folder(leader_folder(layout))

    cluster = reload(folder, tmp_path)

    def expanded(value: object) -> object:
        if isinstance(value, str):
            for name in ("REG_MASTER_IP_ADDRESS", "REG_SLAVE_IP_ADDRESS", "SINGLE_MACHINE_IP_ADDRESS", "DOMAIN"):
                value = value.replace(name, CLUSTER[name])
            return value
        if isinstance(value, list):
            return [expanded(item) for item in value]
        return {key: expanded(item) for key, item in value.items()} if isinstance(value, dict) else value

    catalogue = cluster.catalogue.variables
    compared = [name for name in folder.variables if name in catalogue and not catalogue[name].secret]
    assert len(compared) > 60
    for name in compared:
        wanted = folder.variables[name]
        if name == "EMAIL_SMTP_SETTINGS":
            wanted = {**wanted, "auth": {"user": "mailer"}}
        elif name == "HOSTINGS_PROVIDERS":
            assert {key: cluster.hostings[key].model_dump(exclude={"datacenter"}) for key in wanted} == wanted
            continue
        assert cluster.settings[name] == (expanded(wanted) if catalogue[name].expands else wanted) or (
            catalogue[name].derived and cluster.settings[name] == expanded(wanted)
        ), name


def test_machines_and_cores_keep_their_addresses(leader_folder: Make, tmp_path: Path) -> None:
    cluster = reload(read_folder(leader_folder("cluster")), tmp_path)

    assert [(core.name, core.hosting, core.ip) for core in cluster.cores] == [
        ("co1", "hosting1", "203.0.113.1"),
        ("co2", "hosting2", "203.0.113.2"),
    ]
    registry = cluster.file.registry
    assert (registry.ip, registry.private_ip) == ("198.51.100.10", "10.0.0.10")
    assert registry.replica is not None
    assert registry.replica.ip == "198.51.100.20"
    assert cluster.file.static.ip == "198.51.100.30"
    assert cluster.acme.email == CLUSTER["acme"]
    assert not cluster.acme.enabled


def test_a_single_node_becomes_a_single_machine(leader_folder: Make, tmp_path: Path) -> None:
    cluster = reload(read_folder(leader_folder("single-node")), tmp_path)

    assert cluster.file.platform.single_machine
    assert [(core.name, core.ip) for core in cluster.cores] == [("co1", "198.51.100.40")]
    assert cluster.image("mongodb") == "pryvio/mongodb:1.9.2"


@pytest.mark.parametrize("layout", ["cluster", "single-node"])
def test_no_secret_comes_near_the_cluster_file(leader_folder: Make, layout: str) -> None:
    folder = read_folder(leader_folder(layout))
    result = imported(folder)
    text = cluster_yaml(result, "the test") + "\n".join(result.notes)

    secrets = secrets_of(folder)

    assert len(secrets) == 7
    assert secrets["EMAIL_SMTP_PASSWORD"] == 'p\'ass "word" {{ x }}'
    assert [key for key, value in secrets.items() if value in text] == []
    assert all(any(key in note for note in result.notes) for key in secrets)


def test_an_untouched_folder_leaves_no_file_behind(leader_folder: Make) -> None:
    notes = imported(read_folder(leader_folder("cluster"))).notes
    assert [note for note in notes if note.startswith("data/")] == []


def test_what_was_changed_by_hand_is_named(leader_folder: Make) -> None:
    root = leader_folder("cluster")
    site = root / "data/core/nginx/conf/site-443.conf"
    site.write_text(site.read_text() + "# our own rule\n")
    (root / "data/core/nginx/conf/extra.conf").write_text("deny all;\n")
    (root / "data/core/nginx/conf/secret").mkdir()
    (root / "data/core/nginx/conf/secret/pryv.lab.example-key.pem").write_text("key\n")
    compose = root / "data/core/pryv.yml"
    compose.write_text(compose.read_text().replace("NUM_PROCS=4", "NUM_PROCS=8").replace("mfa:1.1.9", "mfa:1.1.8"))
    platform = root / "conf/platform.yml"
    platform.write_text(platform.read_text().replace("LICENSE_NAME:", "LICENCE_NAME:"))

    result = imported(read_folder(root))

    named = "\n".join(result.notes)
    assert "data/core/nginx/conf/site-443.conf: differs" in named
    assert "data/core/nginx/conf/extra.conf: not a file of the release" in named
    assert "-key.pem: certificate material" in named
    assert "LICENCE_NAME: not a platform variable" in named
    assert [core["procs"] for core in result.document["cores"]] == [8, 8]
    assert result.document["images"] == {"overrides": {"mfa": "pryvio/mfa:1.1.8"}}


def test_a_template_that_was_not_filled_in_still_gives_a_valid_file(leader_folder: Make, tmp_path: Path) -> None:
    root = leader_folder("cluster")
    (root / "conf/platform.yml").unlink()
    folder = read_folder(root)

    cluster = reload(folder, tmp_path)

    assert cluster.domain == "pryv.example"
    assert [core.ip for core in cluster.cores] == ["", ""]
    assert sum("not filled in" in note for note in imported(folder).notes) > 5


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("conf/platform.yml", "vars: [", r"platform\.yml:1:\d+: not YAML"),
        ("conf/platform.yml", "settings: {}", "has no `vars`"),
        ("conf/platform.yml", "vars:\n\tREGISTER_ADMIN_KEY: topsecret", "not YAML"),
        ("conf/config-leader.json", '{"internals": topsecret', r"config-leader\.json:1:15: not JSON"),
        ("conf/config-leader.json", "[]", "not a JSON object"),
        ("data/core/pryv.yml", "version: 3", "has no `services`"),
    ],
)
def test_a_broken_file_is_named_and_not_shown(leader_folder: Make, name: str, content: str, message: str) -> None:
    root = leader_folder("cluster")
    (root / name).write_text(content)
    with pytest.raises(ImportFolderError, match=message) as refusal:
        read_folder(root)
    assert "topsecret" not in str(refusal.value)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFolderError, match=r"has no conf/platform\.yml"):
        read_folder(tmp_path)
    with pytest.raises(ImportFolderError, match="not a folder"):
        read_folder(tmp_path / "missing")
