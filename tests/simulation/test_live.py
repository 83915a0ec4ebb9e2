"""`simulate --live` plays the real plan against what runs."""

from __future__ import annotations

import json

from tests.rollout.conftest import lab, running  # noqa: F401 - fixtures
from tests.rollout.platform import Platform


def test_the_plan_of_a_running_platform_is_played_and_nothing_is_changed(running: Platform) -> None:  # noqa: F811
    before = running.indexes()
    running.write(3, "images: {overrides: {core: example/core:2}}\n")
    result = running.pn("simulate", "--live", "--start", "2s", "--json")
    assert result.code == 0, result.out + result.err
    found = json.loads(result.out)
    assert (found["status"], found["cores"], found["changed_cores"]) == ("done", 3, 3)
    # co3 is new: it takes nobody's service away.
    assert found["most_changing"]["ch"]["cores"] == 1
    assert running.indexes() == before
