"""A whole registry of real processes: Consul, consul-template, followers, registers that remember their file."""

from __future__ import annotations

from tests.consul_server import until
from tests.registry.farm import Farm


def test_a_core_that_joins_reaches_every_register_one_after_the_other(registry: Farm) -> None:
    registry.count_changes(0)
    registry.start()
    assert registry.in_file(0) == registry.in_file(1) == set()
    registry.join("co1")
    registry.count_changes(1)
    until(lambda: registry.in_file(0) == registry.in_file(1) == {"co1"}, 10, "both files have the core")
    until(lambda: len(registry.supervisor.restarts) == 2 and registry.passing() == 2, 60, registry.said(0))
    until(lambda: registry.listed(0) == registry.listed(1) == {"co1"}, 10, "both registers know it")
    assert sorted(registry.supervisor.restarts) == [0, 1]
