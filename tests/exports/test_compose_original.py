"""A platform that was imported from config-leader and exported again is the platform it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from pryv_nomad.cli import cli
from tests.exports.original import DELIBERATE, differences, links, read, services
from tests.leader import CLUSTER

Make = Callable[[str], Path]
ROLES = [
    *(("cluster", role) for role in ("core", "reg-master", "reg-slave", "static")),
    ("single-node", "singlenode"),
]
ADDRESSES = {
    "REG_MASTER_PUBLIC_INTERFACE_IP_ADDRESS": CLUSTER["REG_MASTER_IP_ADDRESS"],
    "REG_SLAVE_PUBLIC_INTERFACE_IP_ADDRESS": CLUSTER["REG_SLAVE_IP_ADDRESS"],
    "SINGLE_MACHINE_PUBLIC_INTERFACE_IP_ADDRESS": CLUSTER["SINGLE_MACHINE_IP_ADDRESS"],
}


def there_and_back(folder: Path, tmp_path: Path) -> Path:
    """Import `folder` and export it to docker compose, by the verbs."""
    file, output = tmp_path / "cluster.yml", tmp_path / "exported"
    for arguments in (
        ["import", str(folder), "-o", str(file)],
        ["-c", str(file), "export", "compose", "-o", str(output)],
    ):
        result = CliRunner().invoke(cli, arguments)
        assert result.exit_code == 0, result.output
    return output


@pytest.mark.parametrize(("layout", "role"), ROLES)
def test_an_imported_platform_is_exported_as_it_was(
    leader_folder: Make, tmp_path: Path, layout: str, role: str
) -> None:
    folder = leader_folder(layout)
    exported = there_and_back(folder, tmp_path)

    theirs = services(read(folder, role), ADDRESSES)
    ours = services((exported / role / "pryv.yml").read_text(), {})

    assert differences(theirs, ours) == DELIBERATE[role]


@pytest.mark.parametrize(("layout", "role"), ROLES)
def test_networks_are_those_of_the_original(leader_folder: Make, tmp_path: Path, layout: str, role: str) -> None:
    folder = leader_folder(layout)
    exported = there_and_back(folder, tmp_path)

    theirs = yaml.safe_load(read(folder, role))["networks"]
    assert yaml.safe_load((exported / role / "pryv.yml").read_text())["networks"] == theirs


@pytest.mark.parametrize(("layout", "role"), ROLES)
def test_what_the_original_links_starts_first(leader_folder: Make, tmp_path: Path, layout: str, role: str) -> None:
    folder = leader_folder(layout)
    exported = yaml.safe_load((there_and_back(folder, tmp_path) / role / "pryv.yml").read_text())["services"]
    # The original's register waits for core, as it counts the users there; that it does on demand.
    needless = {("register", "core")} if role == "singlenode" else set()

    linked = {(name, link) for name, found in links(read(folder, role)).items() for link in found}
    ordered = {(name, need) for name, service in exported.items() for need in service.get("depends_on", [])}
    assert {link for link in linked - ordered if "admin_panel" not in link} == needless
