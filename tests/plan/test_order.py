from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pryv_nomad.plan.build import in_order
from pryv_nomad.plan.change import Action
from pryv_nomad.plan.order import STAGES
from tests.plan.made import change, core_changes, intent

ROLES = ["redis", "redis-replica", "registry", "dns", "dns-replica", "registry-edge", "registry-edge-replica"]
ALL = [
    *(change(f"pryv-{kind}", kind=kind) for kind in ROLES),
    *(each for core in ("co1", "co2", "co10") for each in core_changes(core)),
    change("pryv-static", kind="static"),
    change("pryv-certificate", kind="certificate"),
]


@given(st.permutations(ALL))
def test_the_order_does_not_depend_on_the_order_of_what_comes_in(shuffled: list[object]) -> None:
    found = in_order(shuffled, intent("co1", "co2", "co10"))  # type: ignore[arg-type]
    assert [each.job_id for each in found] == [each.job_id for each in ALL]


@given(st.permutations(ALL))
def test_stopping_goes_the_other_way(shuffled: list[object]) -> None:
    stops = [change(each.job_id, Action.STOP, each.core, each.hosting, each.kind) for each in shuffled]  # type: ignore[attr-defined]
    found = [each.job_id for each in in_order(stops, intent("co1", "co2", "co10"))]
    assert found[0:3] == ["pryv-edge-co1", "pryv-core-co1", "pryv-data-co1"]
    others = [name for name in found if not name.endswith(("co1", "co2", "co10"))]
    assert others == ["pryv-certificate", "pryv-static", *(f"pryv-{kind}" for kind in reversed(ROLES))]


def test_the_edge_of_a_single_machine_comes_after_its_cores_and_before_the_static_site() -> None:
    assert STAGES["registry-edge"] < 10 < STAGES["edge-single"] < STAGES["static"]


def test_stops_come_after_everything_else() -> None:
    found = in_order([change("pryv-old", Action.STOP, kind="old"), *ALL], intent("co1", "co2", "co10"))
    assert found[-1].job_id == "pryv-old"
