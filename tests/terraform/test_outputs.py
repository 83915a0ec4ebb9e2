"""Machines out of Terraform's outputs: put together, sorted, checked against the model, written for people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.errors import ClusterFileError, TerraformInputError
from pryv_nomad.terraform.inventory import HEAD, checked, left_out, overlay_text, with_known_datacenters
from pryv_nomad.terraform.outputs import machines

CASES = Path(__file__).parents[1] / "cases" / "terraform"
MACHINES = {
    "datacenters": ["dc1"],
    "hostings": {"ch": {"datacenter": "dc1", "url": "https://ch.example"}},
    "cores": [{"name": "co1", "hosting": "ch", "ip": "203.0.113.1"}],
}


def outputs(**values: Any) -> str:
    return json.dumps({name: {"sensitive": False, "type": "dynamic", "value": value} for name, value in values.items()})


def test_outputs_of_two_modules_become_one_overlay() -> None:
    found = machines((CASES / "two-modules.json").read_text(), ["pryv_machines", "elsewhere"])
    text = overlay_text(found)
    assert text == (CASES / "two-modules.yml").read_text()
    cluster = checked(text, [], (), {}, "outputs")
    assert [(core.name, core.ip) for core in cluster.cores] == [
        ("co1", "2001:db8::1"),
        ("co2", "203.0.113.2"),
        ("co10", "203.0.113.10"),
        ("fr1", "203.0.113.21"),
    ]


def test_what_the_modules_put_out_is_complete_but_for_the_platform_itself() -> None:
    """aws.json has the form of the output `machines` of nomad-cluster-aws."""
    text = overlay_text(machines((CASES / "aws.json").read_text()))
    assert text == (CASES / "aws.yml").read_text()
    base = Path(__file__).parents[2] / "terraform" / "examples" / "aws" / "cluster.yml"
    cluster = checked(text, [base], (), {}, "outputs")
    assert cluster.settings["REG_MASTER_IP_ADDRESS"] == "203.0.113.10"
    assert [core.ip for core in cluster.cores] == ["203.0.113.11", "203.0.113.12"]


def test_one_output_printed_alone_is_taken_too() -> None:
    assert machines(json.dumps(MACHINES)) == machines(outputs(pryv_machines=MACHINES)) == MACHINES


def test_what_terraform_left_out_is_left_out() -> None:
    given_value = {**MACHINES, "registry": None, "cores": [{"name": "co1", "hosting": "ch", "node": None}, None]}
    assert machines(outputs(pryv_machines=given_value))["cores"] == [{"name": "co1", "hosting": "ch"}]


STATE = '{"format_version": "1.0", "terraform_version": "1.11.4", "values": {}}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is nothing to read"),
        ("{}", "the state has no outputs"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "must be a JSON object"),
        (STATE, "this is a state or a plan"),
        ('{"version": 4, "terraform_version": "1.11.4", "resources": []}', "this is a state or a plan"),
        (outputs(pryv_machine=MACHINES), "there is no output 'pryv_machines'; did you mean pryv_machine?"),
        (outputs(vpc="vpc-1", zone="a"), "there is no output 'pryv_machines'; there is vpc, zone"),
        ('{"pryv_machines": {"cores": []}}', "output pryv_machines: has no value and type"),
        ('{"pryv_machines": 5}', "output pryv_machines: has no value and type"),
        (outputs(pryv_machines="text"), "output pryv_machines: must be an object"),
        (outputs(pryv_machines=[]), "output pryv_machines: must be an object"),
        (outputs(pryv_machines={}), "output pryv_machines: holds no machines"),
        (outputs(pryv_machines={"core": []}), "output pryv_machines: unknown section 'core'; did you mean cores?"),
        (outputs(pryv_machines={"settings": {}}), "output pryv_machines: unknown section 'settings'"),
        (outputs(pryv_machines={"cores": {"co1": {}}}), "output pryv_machines: cores must be a list"),
        (outputs(pryv_machines={"hostings": []}), "output pryv_machines: hostings must be a map"),
    ],
)
def test_what_holds_no_machines_is_said(text: str, told: str) -> None:
    with pytest.raises(TerraformInputError) as caught:
        machines(text)
    assert told in caught.value.message
    assert caught.value.exit_code == 3


def test_a_sensitive_output_is_refused_without_its_value() -> None:
    with pytest.raises(TerraformInputError) as caught:
        machines((CASES / "two-modules.json").read_text(), ["password"])
    assert "is marked sensitive" in caught.value.message
    assert "s3cret" not in caught.value.message + caught.value.remedy


def test_two_outputs_must_not_disagree() -> None:
    other = {"hostings": {"ch": {"datacenter": "dc2"}}}
    with pytest.raises(
        TerraformInputError, match=r"output b: hostings\.ch\.datacenter: is 'dc1' in one output and 'dc2'"
    ):
        machines(outputs(a=MACHINES, b=other), ["a", "b"])


def test_a_core_of_two_outputs_is_a_core_of_one_name() -> None:
    text = overlay_text(machines(outputs(a=MACHINES, b=MACHINES), ["a", "b"]))
    with pytest.raises(ClusterFileError, match=r"cores\[1\]\.name: co1"):
        checked(text, [], (), {}, "outputs")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"cores": [{"name": "co1", "hosting": "ch", "ip": "203.0.113.500"}]},
            "cores[0].ip: not an IP address (outputs)",
        ),
        ({"cores": [{"name": "co1", "hosting": "fr"}]}, "cores[0].hosting"),
        ({"cores": [{"name": "co.1", "hosting": "ch"}]}, "cores[0].name"),
        (
            {"cores": [{"name": "co1", "hosting": "ch", "instance_type": "m6i.large"}]},
            "cores[0].instance_type: unknown",
        ),
        ({"cores": ["co1"]}, "cores[0]: must be a map"),
        ({"hostings": {"ch": {"datacenter": "dc1"}}}, "hostings.ch.url: is missing"),
        ({"hostings": {"ch": {"datacenter": "dc1", "url": "https://a.example/path"}}}, "hostings.ch.url"),
        ({"cores": []}, "cores"),
    ],
)
def test_machines_are_held_against_the_model(change: dict[str, Any], told: str) -> None:
    text = overlay_text(machines(outputs(pryv_machines={**MACHINES, **change})))
    with pytest.raises(ClusterFileError) as caught:
        checked(text, [], (), {}, "outputs")
    assert told in caught.value.message
    assert "overlay.yml" not in caught.value.message


def test_machines_lie_over_the_cluster_file_by_the_names_of_their_cores(tmp_path: Path) -> None:
    base = tmp_path / "cluster.yml"
    base.write_text(
        "platform: {domain: pryv.example, name: Lab}\nrelease: 1.9.2\ndatacenters: [main, dc1]\n"
        "hostings: {ch: {datacenter: dc1, url: 'https://ch.example'}}\n"
        "cores: [{name: co1, hosting: ch, procs: 3}, {name: co2, hosting: ch}]\n"
    )
    found = with_known_datacenters(MACHINES, [base, tmp_path / "missing.yml"])
    assert found["datacenters"] == ["main", "dc1"]
    cluster = checked(overlay_text(found), [base], (), {}, "outputs")
    assert [(core.name, core.ip, core.profile.procs) for core in cluster.cores] == [
        ("co1", "203.0.113.1", 3),
        ("co2", "", cluster.cores[1].profile.procs),
    ]


def test_cores_that_were_there_before_are_named() -> None:
    old = HEAD + "cores:\n  - {name: co1, hosting: ch}\n  - {name: co7, hosting: ch}\n"
    assert left_out(old, MACHINES) == ["co7"]
    assert left_out("cores: [", MACHINES) == left_out("", MACHINES) == left_out("cores: text", MACHINES) == []


TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(st.dictionaries(TEXTS, st.fixed_dictionaries({"url": TEXTS, "name": TEXTS}), max_size=3))
def test_the_overlay_reads_back_as_it_went_in(hostings: dict[str, Any]) -> None:
    assert yaml.safe_load(overlay_text({"hostings": hostings})) == {"hostings": hostings}
