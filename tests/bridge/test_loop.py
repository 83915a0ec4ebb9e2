"""The bridge against a real Consul."""

from __future__ import annotations

from pryv_nomad.bridge.desired import desired_key
from pryv_nomad.bridge.entries import SERVICE, Entry
from pryv_nomad.bridge.states import Membership
from tests.bridge.running import DOMAIN, catalog, listed, running, want, wanting
from tests.bridge.small_nomad import stubs
from tests.consul_server import until


def test_a_core_joins_is_listed_when_healthy_and_stays_listed_when_it_fails(consul, nomad) -> None:
    want(consul, wanting("co1", "co2"))
    nomad.runs(*stubs("co1"), *stubs("co2", status="pending"))
    with running(consul, nomad.client()) as bridge:
        until(lambda: listed(consul) == {"co1"}, 10, f"co1 is listed {bridge.sentences()}")
        joining = until(lambda: catalog(consul).get("co2"), 10, "co2 is registered")
        assert (joining.entry.state, joining.entry.status) == ("joining", "critical")
        assert "pending" in joining.entry.output
        nomad.runs(*stubs("co1"), *stubs("co2"))
        until(lambda: listed(consul) == {"co1", "co2"}, 10, "co2 is listed")
        nomad.runs(*stubs("co1", status="failed"))
        until(lambda: catalog(consul)["co1"].entry.status == "critical", 10, "co1 is critical")
        until(lambda: "no allocation" in catalog(consul)["co2"].entry.output, 10, "co2's check says why")
        assert listed(consul) == {"co1", "co2"}
    kept = consul.kv_get(f"pryv-nomad/{DOMAIN}/members/core/co1")
    assert kept is not None
    record = Membership.from_text("co1", kept[0])
    assert record is not None
    assert record.listed
    assert any(path.startswith("pryv-nomad/members/") for path in nomad.variables)


def test_a_record_of_a_later_version_is_left_alone(consul, nomad) -> None:
    """A bridge that does not understand a record neither repairs it nor forgets the core."""
    want(consul, wanting("co1", "co2"))
    nomad.runs(*stubs("co1"), *stubs("co2"))
    with running(consul, nomad.client()) as bridge:
        until(lambda: bridge.last == "2 cores listed; nothing to do", 15, "both are listed")
        key = f"pryv-nomad/{DOMAIN}/members/core/co2"
        consul.kv_put(key, b'{"state": "resting"}')
        until(lambda: "1 with an unreadable record (co2)" in bridge.last, 10, "it says so")
        nomad.runs(*stubs("co1", status="failed"), *stubs("co2", status="failed"))
        until(lambda: catalog(consul)["co1"].entry.status == "critical", 10, "co1 is followed")
        assert listed(consul) == {"co1", "co2"}
        assert consul.kv_get(key)[0] == b'{"state": "resting"}'
        items = [items for path, (items, _) in nomad.variables.items() if path.startswith("pryv-nomad/members/")]
        assert any('"co2"' in each["members"] for each in items)


def test_wanted_cores_of_a_later_version_are_left_alone(consul, nomad) -> None:
    want(consul, wanting("co1"))
    nomad.runs(*stubs("co1"))
    with running(consul, nomad.client()) as bridge:
        until(lambda: bridge.last == "1 core listed; nothing to do", 15, "co1 is listed")
        consul.kv_put(desired_key(DOMAIN), b"something else")
        until(lambda: "cannot be read" in bridge.last, 10, "it says so")
        assert consul.kv_get(desired_key(DOMAIN))[0] == b"something else"
        assert listed(consul) == {"co1"}


def test_another_platform_in_the_same_consul_is_not_touched(consul, nomad) -> None:
    other = Entry("co1", "ch", "198.51.100.1")
    body = other.service("other.example")
    consul.catalog_register(
        {
            "Node": "elsewhere",
            "Address": "198.51.100.1",
            "Service": body,
            "Check": other.check() | {"Node": "elsewhere"},
        }
    )
    want(consul, wanting("co1"))
    nomad.runs(*stubs("co1"))
    with running(consul, nomad.client()):
        until(lambda: listed(consul) == {"co1"}, 15, "co1 is listed")
    nodes = {each["Node"]: each["ServiceAddress"] for each in consul.catalog_service(SERVICE)}
    assert nodes == {"elsewhere": "198.51.100.1", "pryv-core-co1": "192.0.2.1"}


def test_a_core_whose_name_another_platform_has_in_consul_is_left_to_it(consul, nomad) -> None:
    """The catalog's node is named after the core: two bridges would take it from each other for ever."""
    other = Entry("co1", "ch", "198.51.100.1")
    node = {"Node": "pryv-core-co1", "Address": other.address, "NodeMeta": other.node()["Meta"]}
    consul.catalog_register({**node, "Service": other.service("other.example"), "Check": other.check()})
    want(consul, wanting("co1", "co2"))
    nomad.runs(*stubs("co1"), *stubs("co2"))
    with running(consul, nomad.client()) as bridge:
        until(lambda: listed(consul) == {"co2"}, 15, "co2 is listed")
        until(lambda: "1 whose name another platform has in Consul (co1)" in bridge.last, 10, "it says so")
    (kept,) = [each for each in consul.catalog_service(SERVICE) if each["Node"] == "pryv-core-co1"]
    assert kept["ServiceMeta"]["platform"] == "other.example"
