from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rollout.platform import Platform, platform


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A platform of two cores on the simulator, with its secrets; nothing runs yet."""
    monkeypatch.setattr("pryv_nomad.rollout.watch.SHORTEST_WAIT_S", 0.01)
    monkeypatch.setattr("pryv_nomad.rollout.watch.SETTLING_WAIT_S", 0.1)
    monkeypatch.setattr("pryv_nomad.rollout.lock.TTL_S", 86_400)
    with platform(tmp_path) as made:
        made.secrets()
        yield made


@pytest.fixture
def running(lab: Platform) -> Platform:
    """The same, running."""
    lab.run()
    return lab
