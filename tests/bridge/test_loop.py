"""The bridge against a real Consul."""

from __future__ import annotations

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
