"""Ten cores join while clients ask the registry through its edge: not one request fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from tests.consul_server import until
from tests.registry.edge import edge, load
from tests.registry.farm import Farm
from tests.settings import platforms
from tests.settings.edges import needs_nginx


@needs_nginx
def test_not_one_request_fails_while_ten_cores_join(
    registry: Farm, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    registry.join("co1")
    registry.count_changes(1)
    registry.start()
    cores = {f"co{number}" for number in range(1, 12)}
    between = threading.Event()
    with edge(registry, platforms.cluster(tmp_path)) as door, load(door) as told:
        until(lambda: told.requests > 50, 30, "requests come through")
        for number in range(2, 12):
            registry.join(f"co{number}", "fr" if number % 2 else "ch", f"192.0.2.{number}")
            registry.count_changes(number)
            between.wait(1.5)
        until(lambda: all(registry.listed_or_none(each) == cores for each in registry.numbers), 120, registry.said(0))
        until(lambda: registry.passing() == 2, 30, "both are back")
        enough = told.requests + 50
        until(lambda: told.requests > enough, 30, "requests come through afterwards")
    assert told.failures == []
    assert told.fewest >= 1
    assert set(registry.supervisor.restarts) == {0, 1}
    record_property("requests", told.requests)
    record_property("longest_s", told.longest_s)
