"""mfa.yml (service-mfa 1.1.9; config-template-pryv.io, core/mfa/conf/mfa.yml)."""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import values
from pryv_nomad.settings.document import ConfigFile, Endpoint
from pryv_nomad.settings.serialize import text, yaml_parts


def files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """mfa's file."""
    return (ConfigFile("mfa.yml", yaml_parts(structure(cluster))),)


def structure(cluster: Cluster) -> dict[str, Any]:
    """mfa.yml as data. The endpoints hold `{{ code }}` and the like, which mfa itself fills in."""
    return {
        "http": {"port": 7000, "ip": "0.0.0.0"},  # noqa: S104 - inside its container
        "logs": {
            "prefix": "mfa",
            "console": {"active": True, "level": "info", "colorize": True},
            "file": {"active": False},
        },
        "core": {"url": text("http://", Endpoint("core", "api"))},
        "sms": {
            "mode": values.value(cluster, "MFA_MODE"),
            "endpoints": values.value(cluster, "MFA_ENDPOINTS"),
        },
        "sessions": {"ttlSeconds": values.value(cluster, "MFA_SESSIONS_TTL_SECONDS")},
    }
