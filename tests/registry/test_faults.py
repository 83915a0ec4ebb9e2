"""What goes wrong around a registry leaves its last good file, also for an instance that has just been placed."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

import pytest

from pryv_nomad.bridge.reading import members_prefix
from pryv_nomad.bridge.states import Membership, State
from tests.consul_server import ConsulServer, until
from tests.registry.farm import Farm

from .texts import DOMAIN, document, text

CORES = {"co1", "co2", "co3"}


@pytest.fixture
def followed(registry: Farm) -> Farm:
    """A registry of which the first instance's file is followed; three cores are in it."""
    for number, core in enumerate(sorted(CORES)):
        registry.join(core, "ch" if number else "fr", f"192.0.2.{number + 1}")
    registry.count_changes(3)
    registry.start_template(0)
    registry.start_follower(0)
    until(lambda: registry.in_file(0) == CORES, 30, f"the file is there: {registry.said(0)}")
    return registry


def refused(registry: Farm) -> str:
    """Why the latest candidate was refused, empty when it was not."""
    told = [event["text"] for event in registry.events(0) if event["event"] == "refused"]
    return told[-1] if told else ""


def unchanged(registry: Farm, file: bytes) -> None:
    """The file is as it was, and the follower answers."""
    assert registry.ask(0, "/metrics")[0] == 200
    assert registry.live(0).read_bytes() == file
    assert registry.good.read_bytes() == file


def test_a_half_written_catalog_is_refused_loudly_until_it_is_whole(followed: Farm) -> None:
    before = followed.live(0).read_bytes()
    followed.leave("co2")
    until(lambda: "co2 would be lost" in refused(followed), 20, followed.said(0))
    unchanged(followed, before)
    assert "pryv_nomad_registry_candidate_good 0.0" in followed.metrics(0)
    status, why = followed.ask(0, "/healthz")
    assert status == 503
    assert "co2 would be lost" in why
    assert followed.ask(0, "/serving")[0] == 200
    followed.join("co2", "ch", "192.0.2.2")
    until(lambda: "pryv_nomad_registry_candidate_good 1.0" in followed.metrics(0), 20, followed.said(0))
    assert followed.ask(0, "/healthz")[0] == 200
    assert followed.live(0).read_bytes() == before


def test_a_removed_core_leaves_the_file(followed: Farm) -> None:
    followed.leave("co2")
    until(lambda: "co2 would be lost" in refused(followed), 20, followed.said(0))
    record = Membership("co2", State.GONE, "ch", generation=2)
    followed.client.kv_put(f"{members_prefix(DOMAIN)}co2", record.to_text().encode())
    until(lambda: followed.in_file(0) == CORES - {"co2"}, 20, followed.said(0))


def test_an_invalid_result_is_refused(followed: Farm) -> None:
    before = followed.live(0).read_bytes()
    (followed.home(0) / "own.json").write_text(json.dumps(document({}, dns__mail={})))
    until(lambda: "dns.mail" in refused(followed), 20, followed.said(0))
    unchanged(followed, before)
    (followed.home(0) / "own.json").write_text(json.dumps(document({}, invitationTokens=["welcome"])))
    until(lambda: b"welcome" in followed.live(0).read_bytes(), 20, followed.said(0))


def test_a_template_that_fails_leaves_the_file(followed: Farm) -> None:
    before = followed.live(0).read_bytes()
    (followed.home(0) / "own.json").write_text("{")
    until(lambda: "parseJSON" in followed.processes.log("template-0"), 20, followed.said(0))
    unchanged(followed, before)


@pytest.mark.parametrize("garbage", [b"", b"{}", b'{"net": {"hostings": {}}}', text("co1")[:-20]])
def test_whatever_stands_in_the_candidate_is_judged(followed: Farm, garbage: bytes) -> None:
    before = followed.live(0).read_bytes()
    followed.processes.stop("template-0")
    followed.candidate(0).write_bytes(garbage)
    until(lambda: refused(followed) != "", 20, followed.said(0))
    unchanged(followed, before)


def place_anew(registry: Farm) -> None:
    """Another allocation in the place of the first: its folder is empty, the volume is the same."""
    for name in ("follower-0", "template-0", "register-0"):
        registry.processes.stop(name)
    shutil.rmtree(registry.live(0).parent)
    shutil.rmtree(registry.candidate(0).parent)
    (registry.home(0) / "seen").unlink()
    registry.live(0).parent.mkdir()
    registry.start_template(0)
    registry.start_follower(0)


def test_a_wiped_consul_leaves_the_file_also_for_a_new_instance(followed: Farm, real_consul: ConsulServer) -> None:
    before = followed.live(0).read_bytes()
    real_consul.wipe()
    place_anew(followed)
    until(lambda: followed.seen(0) == "none 0", 30, "a fresh start has asked Consul")
    until(lambda: followed.ask_or_none(0, "/healthz") is not None, 20, followed.said(0))
    unchanged(followed, before)
    followed.start_register(0)
    until(lambda: followed.listed_or_none(0) == CORES, 20, followed.processes.log("register-0"))
    # A run that meets the empty Consul takes the platform for a fresh one; the file does not.
    followed.count_changes(0)
    until(lambda: "would be lost" in refused(followed), 20, followed.said(0))
    unchanged(followed, before)


def test_an_unreachable_consul_leaves_the_file_also_for_a_new_instance(
    followed: Farm, real_consul: ConsulServer
) -> None:
    before = followed.live(0).read_bytes()
    real_consul.stop(kill=True)
    try:
        place_anew(followed)
        until(lambda: followed.ask_or_none(0, "/healthz") is not None, 20, followed.said(0))
        unchanged(followed, before)
        assert "no candidate yet" in followed.ask(0, "/healthz")[1]
        followed.start_register(0)
        until(lambda: followed.listed_or_none(0) == CORES, 20, followed.processes.log("register-0"))
    finally:
        real_consul.start()
    followed.join("co4", "ch", "192.0.2.4")
    followed.count_changes(4)
    until(lambda: followed.in_file(0) == CORES | {"co4"}, 30, f"it follows again: {followed.said(0)}")


def test_a_new_instance_without_a_volume_waits_for_all_cores_of_the_store(registry: Farm) -> None:
    for core in ("co1", "co2"):
        record = Membership(core, State.ACTIVE, "ch", "192.0.2.1")
        registry.client.kv_put(f"{members_prefix(DOMAIN)}{core}", record.to_text().encode())
    registry.join("co1")
    registry.count_changes(2)
    registry.start_template(0)
    registry.start_follower(0)
    until(lambda: "co2 would be lost" in refused(registry), 30, registry.said(0))
    assert not registry.live(0).exists()
    assert registry.ask(0, "/serving")[0] == 503
    registry.join("co2", "ch", "192.0.2.2")
    until(lambda: registry.in_file(0) == {"co1", "co2"}, 20, registry.said(0))


def test_a_follower_that_is_killed_goes_on_where_it_was(registry: Farm) -> None:
    registry.join("co1")
    registry.count_changes(1)
    registry.start()
    registry.join("co2", "ch", "192.0.2.2")
    registry.count_changes(2)
    until(lambda: registry.ask(0, "/serving")[0] == 503 or registry.ask(1, "/serving")[0] == 503, 30, "one leaves")
    for number in registry.numbers:
        registry.processes.stop(f"follower-{number}", signal.SIGKILL)
    for number in registry.numbers:
        registry.start_follower(number)
    both = {"co1", "co2"}
    until(lambda: all(registry.listed_or_none(each) == both for each in registry.numbers), 90, registry.said(0))
    until(lambda: registry.passing() == 2, 30, "both are on the list")


def test_the_files_are_for_their_owner_only(followed: Farm) -> None:
    for file in (followed.live(0), followed.good):
        assert file.stat().st_mode & 0o777 == 0o400
    assert not [path for path in Path(followed.live(0).parent).iterdir() if path.name.startswith(".register.json.")]
