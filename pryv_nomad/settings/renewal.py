"""certificate.json: what the job that renews the wildcard certificate knows of the platform.

Only what concerns it, so that a new core does not change the job.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.serialize import json_parts

PRODUCTION = "https://acme-v02.api.letsencrypt.org/directory"
STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
"""Let's Encrypt's directories (letsencrypt.org/docs/acme-protocol-updates, staging-environment)."""


def file(cluster: Cluster) -> ConfigFile:
    """The file; `certificates.request.read` reads it."""
    return ConfigFile("certificate.json", json_parts(structure(cluster)), reload="noop")


def structure(cluster: Cluster) -> dict[str, Any]:
    """The same as data. `name_servers`: the Consul tags of the platform's dns and its replica."""
    file = cluster.file
    return {
        "domain": cluster.domain,
        "email": cluster.acme.email,
        "directory": PRODUCTION if cluster.acme.production else STAGING,
        "name_servers": ["registry"] if file.registry.replica is None else ["registry", "replica"],
        "namespace": file.platform.namespace,
        "region": file.platform.region,
    }
