"""webhooks.yml (service-core 1.9.2; config-template-pryv.io, core/webhooks/conf/webhooks.yml)."""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import values
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.serialize import yaml_parts


def files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """webhooks' file."""
    return (ConfigFile("webhooks.yml", yaml_parts(structure(cluster))),)


def structure(cluster: Cluster) -> dict[str, Any]:
    """webhooks.yml as data."""
    return {
        "database": values.mongodb(name=values.DATABASE_NAME),
        "nats": {"uri": values.nats_url()},
        "userFiles": values.USER_FILES,
        "eventFiles": values.EVENT_FILES,
        "logs": {"file": values.file_log(cluster, "webhooks"), "console": {"active": True, "level": "info"}},
        "serviceInfoUrl": values.service_info_url(cluster),
        "trace": {"enable": False},
    }
