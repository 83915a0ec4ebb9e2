"""`core`, from the command line, against the simulator and a real Consul: nothing but `remove` takes a core out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.options import ConsulOptions
from tests.consul_server import consul_server
from tests.rollout.platform import Platform, Result, platform
from tests.rollout.proxies import answering


class Members:
    """A platform that ran, its members in a real Consul."""

    def __init__(self, made: Platform, address: str) -> None:
        self.made, self.address = made, address
        self.file = made.file

    def pn(self, *arguments: str) -> Result:
        return self.made.pn(*arguments, CONSUL_HTTP_ADDR=self.address)

    def removed(self, *arguments: str, users: dict[str, int]) -> Result:
        """`core remove --yes`, with a register that counts these users."""
        with answering(200, json.dumps({"servers": users}).encode(), "application/json") as register:
            return self.pn("core", "remove", "--yes", "--register-url", register, *arguments)

    @property
    def listed(self) -> list[str]:
        with Consul(ConsulOptions(address=self.address)) as consul:
            return sorted(each["ServiceMeta"]["core"] for each in consul.catalog_service("pryv-core"))

    def state(self, core: str) -> str:
        rows = json.loads(self.pn("core", "list", "--json").out)
        return next(row["state"] for row in rows if row["core"] == core)


@pytest.fixture
def members(tmp_path: Path) -> Iterator[Members]:
    with consul_server(tmp_path) as server, platform(tmp_path) as made:
        address = f"http://127.0.0.1:{server.port}"
        found = Members(made, address)
        made.secrets()
        result = found.pn("run", "--yes")
        assert result.code == 0, result.out + result.err
        yield found


def test_the_list_shows_each_core_with_state_address_and_health(members: Members) -> None:
    told = members.pn("core", "list").out.splitlines()
    assert told[0].split() == ["Core", "Hosting", "State", "Address", "Health", "Cluster", "file"]
    assert told[1].split() == ["co1", "ch", "active", "198.51.100.1", "passing", "yes"]


def test_a_core_that_is_added_is_wanted_and_not_listed_before_a_run(members: Members) -> None:
    text = members.file.read_text()

    result = members.pn("core", "add", "co3", "--hosting", "ch", "--ip", "198.51.100.3")

    assert result.code == 0, result.err
    edited = members.file.read_text()
    assert [line for line in edited.splitlines() if line not in text.splitlines()] == [
        "  - {name: co3, hosting: ch, ip: 198.51.100.3}"
    ]
    assert members.listed == ["co1", "co2"]
    assert members.state("co3") == ""


def test_an_edit_that_is_only_printed_changes_nothing(members: Members) -> None:
    text = members.file.read_text()
    result = members.pn("core", "add", "co3", "--hosting", "ch", "--print")
    assert "{name: co3, hosting: ch}" in result.out
    assert members.file.read_text() == text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("co1", "--hosting", "ch"), "a core co1 already"),
        (("co3", "--hosting", "mars"), "mars"),
        (("xco1", "--hosting", "ch"), "co1"),
        (("co3", "--hosting", "ch", "--external"), "ip"),
    ],
    ids=["taken", "no-hosting", "ends-another", "external-without-address"],
)
def test_a_core_that_would_break_the_platform_is_not_written(
    members: Members, arguments: tuple[str, ...], said: str
) -> None:
    text = members.file.read_text()
    result = members.pn("core", "add", *arguments)
    assert result.code == 3
    assert said in result.err
    assert ".cluster-" not in result.err
    assert members.file.read_text() == text
    assert sorted(each.name for each in members.file.parent.glob("*.yml")) == ["cluster.yml"]
    assert sorted(each.name for each in members.file.parent.glob(".cluster*")) == []


def test_draining_says_what_the_release_cannot_do_and_keeps_the_core_listed(members: Members) -> None:
    result = members.pn("core", "drain", "co1")
    assert "co1: active → draining" in result.out
    assert "cannot be told to leave a core out" in result.out
    assert members.listed == ["co1", "co2"]
    assert members.state("co1") == "draining"

    assert "draining already" in members.pn("core", "drain", "co1").out
    assert "co1: draining → active" in members.pn("core", "undrain", "co1").out
    assert members.state("co1") == "active"


def test_a_core_without_users_leaves_the_registry_and_the_file(members: Members) -> None:
    result = members.removed("co2", users={"co1.pryv.example": 7})

    assert result.code == 0, result.err
    assert members.listed == ["co1"]
    assert members.state("co2") == "gone"
    assert "co[1-2]" not in members.file.read_text()
    assert "run --prune --force" in result.out
    assert "pryv-data-co2" in members.made.indexes()


def test_a_core_with_users_stays(members: Members) -> None:
    text = members.file.read_text()
    result = members.removed("co2", users={"co2.pryv.example": 3})
    assert result.code == 6
    assert "still has 3 users" in result.err
    assert members.listed == ["co1", "co2"]
    assert members.file.read_text() == text


def test_a_core_with_users_goes_only_by_force(members: Members) -> None:
    assert members.removed("co2", "--force", users={"co2.pryv.example": 3}).code == 0
    assert members.listed == ["co1"]


@pytest.mark.parametrize(("status", "body"), [(401, b"{}"), (200, b"<html>"), (200, b'{"servers": 3}'), (500, b"{}")])
def test_a_core_stays_while_nobody_can_say_how_many_users_it_has(members: Members, status: int, body: bytes) -> None:
    with answering(status, body, "application/json") as register:
        result = members.pn("core", "remove", "--yes", "--register-url", register, "co2")
    assert result.code == 6
    assert "cannot be asked" in result.err
    assert members.listed == ["co1", "co2"]
    key = members.made.nomad.variable("nomad/jobs")
    assert key is not None
    assert key["Items"]["REGISTER_ADMIN_KEY"] not in result.err + result.out


def test_an_unknown_core_is_named(members: Members) -> None:
    result = members.removed("co9", users={})
    assert result.code == 9
    assert "co9 is not known" in result.err


def test_a_removal_is_asked_for(members: Members) -> None:
    with answering(200, b'{"servers": {}}', "application/json") as register:
        result = members.pn("core", "remove", "--register-url", register, "co2")
    assert result.code == 130
    assert members.listed == ["co1", "co2"]
