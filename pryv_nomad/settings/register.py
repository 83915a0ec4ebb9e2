"""register.json (service-register 1.9.2)."""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import registry, values
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.serialize import json_parts


def files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """register's file. The process reads it at start only, and remembers its cores, hence the restart."""
    return (ConfigFile("register.json", json_parts(structure(cluster))),)


def structure(cluster: Cluster) -> dict[str, Any]:
    """register.json as data."""
    disabled = values.value(cluster, "DISABLE_GET_USERNAME_BY_EMAIL")
    return registry.structure(cluster) | {"routes": {"disableGetUsernameByEmail": disabled}}
