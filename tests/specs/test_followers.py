"""Followers beside registers and name servers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pryv_nomad import __version__
from pryv_nomad.specs.render import render
from tests.specs.rendered import SMALLEST, cluster

ON = "registry.follower.enabled=true"
REPLICA = "registry.replica={}"


def groups(*sets: str) -> dict[str, dict[str, Any]]:
    """The group that holds a register or a name server, by its job."""
    found = {}
    for spec in render(cluster(SMALLEST, *sets)):
        if spec.kind in ("registry", "dns", "dns-replica"):
            job = json.loads(spec.json_text)
            found[job["ID"]] = next(each for each in job["TaskGroups"] if each["Name"] in ("register", "dns"))
    return found


def tasks(group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {task["Name"]: task for task in group["Tasks"]}


def options(task: dict[str, Any]) -> dict[str, str]:
    words = task["Config"]["args"][2:]
    return {word: words[place + 1] for place, word in enumerate(words[:-1]) if word.startswith("--")}


@pytest.mark.parametrize(
    ("sets", "there"),
    [
        ((), False),
        ((ON,), True),
        (("bridge.enabled=true",), True),
        (("images.pryv_nomad='mirror.example/pryv-nomad:1'",), True),
        (("bridge.enabled=true", "registry.follower.enabled=false"), False),
    ],
)
def test_they_run_where_the_image_of_this_tool_is_or_the_file_says_so(sets: tuple[str, ...], there: bool) -> None:
    assert all(("follow" in tasks(group)) is there for group in groups(*sets).values())


def test_every_register_and_name_server_has_one() -> None:
    found = groups(ON, REPLICA)
    assert {job: sorted(tasks(group)) for job, group in found.items()} == {
        "pryv-registry": ["follow", "register", "restore"],
        "pryv-dns": ["dns", "follow", "restore"],
        "pryv-dns-replica": ["dns", "follow", "restore"],
    }


def test_nothing_of_consul_stands_in_the_way_of_a_start() -> None:
    for group in groups(ON, REPLICA).values():
        by_name = tasks(group)
        starting = [task for name, task in by_name.items() if name != "follow"]
        assert all(not task.get("Templates") for task in starting)
        assert by_name["restore"]["Lifecycle"] == {"Hook": "prestart", "Sidecar": False}
        assert by_name["follow"].get("Lifecycle") is None


def test_a_candidate_is_rendered_fast_and_restarts_nobody() -> None:
    for group in groups(ON).values():
        (candidate,) = [each for each in tasks(group)["follow"]["Templates"] if each["DestPath"].endswith(".json")]
        assert candidate["ChangeMode"] == "noop"
        assert candidate["Perms"] == "0400"
        assert (candidate["Uid"], candidate["Gid"]) == (9999, 9999)
        assert candidate["Wait"] == {"Min": 50_000_000, "Max": 1_000_000_000}


def test_the_process_reads_what_the_follower_swaps_in() -> None:
    for job, name in (("pryv-registry", "register"), ("pryv-dns", "dns")):
        by_name = tasks(groups(ON)[job])
        mounts = {each["target"]: each for each in by_name[name]["Config"]["mount"]}
        assert mounts["/app/conf"]["source"] == "../alloc/registry"
        assert mounts["/app/conf"]["readonly"] is True
        follow, restore = options(by_name["follow"]), options(by_name["restore"])
        assert follow["--live"] == restore["--live"] == f"${{NOMAD_ALLOC_DIR}}/registry/{name}.json"
        assert follow["--good"] == restore["--good"] == f"/registry/{name}.json"
        assert follow["--task"] == name
        assert follow["--candidate"] == f"${{NOMAD_SECRETS_DIR}}/candidate/{name}.json"
        for own in (by_name["follow"], by_name["restore"]):
            assert own["Config"]["image"] == f"pryv-nomad:{__version__}"
            assert [each["Destination"] for each in own["VolumeMounts"]] == ["/registry"]


def test_the_edge_is_told_by_a_check_of_the_register() -> None:
    group = groups(ON)["pryv-registry"]
    services = {service["Name"]: service for service in group["Services"]}
    checks = {check["Name"]: check for check in services["pryv-register"]["Checks"]}
    assert checks["serving"]["PortLabel"] == "follow"
    assert checks["serving"]["Path"] == "/serving"
    assert checks["serving"]["Interval"] == 1_000_000_000
    (health,) = services["pryv-follower"]["Checks"]
    assert health["OnUpdate"] == "ignore"


def test_name_servers_need_leave_no_list() -> None:
    assert "--no-edge" in tasks(groups(ON)["pryv-dns"])["follow"]["Config"]["args"]
    assert "--no-edge" not in tasks(groups(ON)["pryv-registry"])["follow"]["Config"]["args"]


def test_the_last_good_files_are_on_the_volume_that_the_file_names() -> None:
    group = groups(ON, "volumes.registry_files=my-files")["pryv-registry"]
    assert group["Volumes"]["registry_files"]["Source"] == "my-files"
