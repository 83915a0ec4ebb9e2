"""What every test shares: hypothesis runs the same examples each time, so that a failure can be repeated."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.leader import leader_folder

__all__ = ["leader_folder"]

settings.register_profile(
    "ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("ci")
