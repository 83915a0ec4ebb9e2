"""Reads what `status` shows: four lists, whatever the number of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pryv_nomad.errors import ApiError
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.status import Facts, critical_allocations
from pryv_nomad.rollout.survey import observe

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.clients.nomad import Nomad


def facts_of(nomad: Nomad, consul: Consul, records: Records) -> Facts:
    """What runs. Consul may be away: then the records and the checks are not known."""
    observed, _ = observe(nomad, records)
    return Facts(
        observed=observed,
        allocations=nomad.get("allocations").body or (),
        deployments=nomad.deployments(),
        critical=None if observed.records is None else _critical(consul),
    )


def _critical(consul: Consul) -> frozenset[str] | None:
    try:
        return critical_allocations(consul.get("/v1/health/state/critical").body or ())
    except ApiError:
        # A token that may not read health, or Consul that just went away: both mean that it is not known.
        return None
