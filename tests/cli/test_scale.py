"""`scale` edits the cluster file, and nothing else in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pryv_nomad.cli import cli
from pryv_nomad.errors import PryvNomadError
from pryv_nomad.model.load import load_cluster

HEAD = """\
# The lab.
platform: {domain: pryv.example, name: Lab}
release: 1.9.2
datacenters: [dc1]
hostings:
  ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}
  us: {datacenter: dc1, url: "https://us.example", name: US}
cores:
"""
PLAIN = (
    HEAD
    + """\
  - name: co[1-3]   # Zurich
    hosting: ch
  # Far away.
  - {name: us1, hosting: us, ip: 198.51.100.1}
"""
)


def scaled(folder: Path, text: str, *arguments: str) -> tuple[Result, str]:
    file = folder / "cluster.yml"
    file.write_text(text)
    result = CliRunner().invoke(cli, ["-c", str(file), "scale", *arguments], standalone_mode=False)
    return result, file.read_text()


@pytest.mark.parametrize(
    ("arguments", "old", "new"),
    [
        (("ch", "--cores", "+2"), "name: co[1-3] ", 'name: "co[1-5]" '),
        (("ch", "--cores", "4"), "name: co[1-3] ", 'name: "co[1-4]" '),
        (("us1", "--procs", "4"), "ip: 198.51.100.1}", "ip: 198.51.100.1, procs: 4}"),
        (("co[1-3]", "--procs", "4"), "    hosting: ch\n", "    hosting: ch\n    procs: 4\n"),
    ],
)
def test_one_stretch_of_text_changes(tmp_path: Path, arguments: tuple[str, ...], old: str, new: str) -> None:
    result, text = scaled(tmp_path, PLAIN, *arguments)
    assert result.exception is None
    assert text == PLAIN.replace(old, new)
    load_cluster([tmp_path / "cluster.yml"])


def test_one_core_of_a_range_gets_an_entry_of_its_own(tmp_path: Path) -> None:
    result, text = scaled(tmp_path, PLAIN, "co2", "--procs", "8")
    assert result.exception is None
    cores = {core.name: core.profile.procs for core in load_cluster([tmp_path / "cluster.yml"]).cores}
    assert cores.pop("co2") == 8
    assert set(cores) == {"co1", "co3", "us1"}
    assert 8 not in cores.values()
    assert "# Zurich" in text


def test_cores_with_addresses_need_theirs(tmp_path: Path) -> None:
    result, text = scaled(tmp_path, PLAIN, "us", "--cores", "+2")
    assert isinstance(result.exception, PryvNomadError)
    assert text == PLAIN
    result, _ = scaled(tmp_path, PLAIN, "us", "--cores", "+2", "--ip", "198.51.100.2", "--ip", "198.51.100.3")
    assert result.exception is None
    cores = {core.name: core.ip for core in load_cluster([tmp_path / "cluster.yml"]).cores}
    assert (cores["us2"], cores["us3"]) == ("198.51.100.2", "198.51.100.3")


def test_numbers_that_are_taken_are_left_out_and_zeros_are_kept(tmp_path: Path) -> None:
    text = HEAD + "  - {name: 'co[01-02]', hosting: ch}\n  - {name: co03, hosting: us}\n"
    result, _ = scaled(tmp_path, text, "ch", "--cores", "+2")
    assert result.exception is None
    names = {core.name for core in load_cluster([tmp_path / "cluster.yml"]).cores}
    assert names == {"co01", "co02", "co03", "co04", "co05"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("ch", "--cores", "-1"), "core remove"),
        (("ch", "--cores", "2"), "core remove"),
        (("co9", "--procs", "2"), "core list"),
        (("xx", "--cores", "+1"), "core add"),
    ],
)
def test_what_a_number_cannot_say_is_refused(tmp_path: Path, arguments: tuple[str, ...], text: str) -> None:
    result, after = scaled(tmp_path, PLAIN, *arguments)
    assert isinstance(result.exception, PryvNomadError)
    assert text in result.exception.remedy
    assert after == PLAIN


def test_register_instances(tmp_path: Path) -> None:
    result, _ = scaled(tmp_path, PLAIN, "register", "--instances", "3")
    assert result.exception is None
    assert load_cluster([tmp_path / "cluster.yml"]).file.registry.register_.instances == 3


def test_print_leaves_the_file_alone(tmp_path: Path) -> None:
    result, text = scaled(tmp_path, PLAIN, "ch", "--cores", "+1", "--print")
    assert "co[1-4]" in result.output
    assert text == PLAIN
