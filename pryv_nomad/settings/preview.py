"""preview.yml (service-core 1.9.2; config-template-pryv.io, core/preview/conf/preview.yml)."""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import values
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.serialize import yaml_parts


def files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """preview's file."""
    return (ConfigFile("preview.yml", yaml_parts(structure(cluster))),)


def structure(cluster: Cluster) -> dict[str, Any]:
    """preview.yml as data."""
    return {
        "http": {"ip": "0.0.0.0", "port": 9000},  # noqa: S104 - inside its container
        "database": values.mongodb(name=values.DATABASE_NAME),
        "userFiles": values.USER_FILES,
        "eventFiles": values.EVENT_FILES,
        "auth": {"sessionMaxAge": values.value(cluster, "SESSION_MAX_AGE")},
        "logs": {"file": values.file_log(cluster, "preview"), "console": {"active": True, "level": "info"}},
        "serviceInfoUrl": values.service_info_url(cluster),
        "nats": {"uri": values.nats_url()},
    }
