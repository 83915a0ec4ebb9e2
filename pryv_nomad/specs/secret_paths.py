"""Where a secret is kept: the path of the Nomad Variable that the tasks which need it may read.

A task reads `nomad/jobs` and `nomad/jobs/JOB` of its own job without any policy, and nothing else. A key that only one
job needs lies in that job's own variable, out of reach of the others; one that several need, in the shared one.
"""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster

SHARED = "nomad/jobs"

_REGISTRY_JOB = "pryv-registry"
_IN_REGISTRY_JOB = frozenset({"register", "mail", "admin_panel"})
"""Components that run in the job `pryv-registry` (jobs/registry.nomad.hcl.j2)."""


def secret_path(cluster: Cluster, key: str) -> str:
    """The path of the variable that holds `key`."""
    secret = cluster.catalogue.secrets.get(key)
    alone = secret is not None and bool(secret.components) and set(secret.components) <= _IN_REGISTRY_JOB
    return f"{SHARED}/{_REGISTRY_JOB}" if alone else SHARED
