"""mongodb.yml (MongoDB 6; config-template-pryv.io, core/mongodb/conf/mongodb.yml)."""

from __future__ import annotations

from typing import Any

from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.serialize import yaml_parts


def files() -> tuple[ConfigFile, ...]:
    """MongoDB's file."""
    return (ConfigFile("mongodb.yml", yaml_parts(structure())),)


def structure() -> dict[str, Any]:
    """mongodb.yml as data. It says no log destination, so that MongoDB logs to its standard output, which is rotated;
    the file of the original grows without end."""
    return {
        "net": {"bindIp": "0.0.0.0"},  # noqa: S104 - inside its container; MongoDB's own default is localhost
        "storage": {"dbPath": "/app/data/"},
    }
