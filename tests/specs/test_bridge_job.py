"""The bridge as a job."""

from __future__ import annotations

import json

import pytest

from pryv_nomad import __version__
from pryv_nomad.errors import ClusterFileError
from pryv_nomad.specs.render import render
from tests.specs.rendered import SMALLEST, cluster


def job(*sets: str) -> dict:
    found = [spec for spec in render(cluster(SMALLEST, *sets)) if spec.job_id == "pryv-bridge"]
    assert len(found) == 1
    return json.loads(found[0].json_text)


def test_it_is_off_by_default() -> None:
    assert "pryv-bridge" not in [spec.job_id for spec in render(cluster())]


def test_it_runs_where_the_cluster_file_says_so() -> None:
    spec = job(
        "bridge.enabled=true",
        "bridge.count=3",
        "datacenters=[dc1, dc2]",
        "bridge.consul_address='http://10.0.0.1:8500'",
    )
    (group,) = spec["TaskGroups"]
    (task,) = group["Tasks"]
    assert spec["Datacenters"] == ["dc1", "dc2"]
    assert group["Count"] == 3
    assert task["Config"]["image"] == f"pryv-nomad:{__version__}"
    assert task["Env"]["PRYV_NOMAD_DOMAIN"] == "pryv.example"
    assert task["Env"]["CONSUL_HTTP_ADDR"] == "http://10.0.0.1:8500"
    assert group["Services"][0]["Checks"][0]["Path"] == "/healthz"


@pytest.mark.parametrize("address", ["${attr.x}:4646", "http://a b:1", "ftp://host:1", 'http://h"; }', "http://{{x}}"])
def test_an_address_that_would_break_out_of_its_place_is_refused(address) -> None:
    with pytest.raises(ClusterFileError, match="bridge"):
        cluster(SMALLEST, f"bridge.nomad_address={json.dumps(address)}")
