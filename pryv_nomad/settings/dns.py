"""dns.json, of the registry's machine and of its replica's (service-register 1.9.2)."""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import registry
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.serialize import json_parts


def files(cluster: Cluster, *, replica: bool) -> tuple[ConfigFile, ...]:
    """dns's file."""
    return (ConfigFile("dns.json", json_parts(registry.structure(cluster, replica=replica))),)
