"""hfs.yml, and the file of the metadata updater that runs in the same container.

Keys and paths are those of service-core 1.9.2 (config-template-pryv.io, core/hfs/conf).
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import core, values
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.serialize import json_parts, yaml_parts

# The updater listens inside the container only.
_UPDATER = {"host": "127.0.0.1", "port": 9000}


def files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """hfs's files."""
    return (
        ConfigFile("hfs.yml", yaml_parts(structure(cluster))),
        ConfigFile("metadata.hjson", json_parts(metadata(cluster))),
    )


def structure(cluster: Cluster) -> dict[str, Any]:
    """hfs.yml as data."""
    return {
        "http": {"ip": "0.0.0.0"},  # noqa: S104 - inside its container
        "database": values.mongodb(),
        "influxdb": values.influxdb(),
        "trace": {"enable": False, "agent": {"host": "jaeger"}},
        "userFiles": values.USER_FILES,
        "eventFiles": values.EVENT_FILES,
        "metadataUpdater": _UPDATER,
        "nats": {"uri": values.nats_url()},
        "services": {"register": {"url": values.service_url(cluster, "reg", "register")}},
        "serviceInfoUrl": values.service_info_url(cluster),
        "logs": {"file": values.file_log(cluster, "hfs"), "console": {"active": True, "level": "info"}},
        "uploads": {"maxSizeMb": values.value(cluster, "MAX_UPLOAD_SIZE_MB")},
    }


def metadata(cluster: Cluster) -> dict[str, Any]:
    """metadata.hjson as data; JSON is HJSON too."""
    return {
        "metadataUpdater": _UPDATER,
        "logs": {"console": {"level": "info"}},
        "userFiles": values.USER_FILES,
        "database": values.mongodb(name=values.DATABASE_NAME),
        "serviceInfoUrl": values.service_info_url(cluster),
        "backwardCompatibility": core.backward_compatibility(cluster),
        # The original has the scheme https here, alone among its files; NATS speaks neither HTTP nor, in core's
        # container, TLS, and the client looks at host and port only.
        "nats": {"uri": values.nats_url()},
    }
