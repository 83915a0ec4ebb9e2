"""ssl-certificate.yml (service-ssl-certificate 1.1.4), for platforms that keep a config-leader.

The program knows one way to publish its DNS challenge: the calls of a config-leader (POST /auth/login, GET and PUT
/admin/settings, POST /admin/notify) at `LEADER`. On Nomad there is none, so no job of ours runs it: `certificates/`
does what it does.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.serialize import yaml_parts

LEADER = "http://127.0.0.1:7000"
DATA = "/app/leader-data"
"""Where the program reads its password (credentials.txt) and writes ROLE/nginx/conf/secret/DOMAIN-*, for each role that
has a folder there."""


def files(cluster: Cluster) -> tuple[ConfigFile, ...]:
    """ssl-certificate's file."""
    return (ConfigFile("ssl-certificate.yml", yaml_parts(structure(cluster)), reload="noop"),)


def structure(cluster: Cluster) -> dict[str, Any]:
    """ssl-certificate.yml as data."""
    return {
        "leader": {
            "credentialsPath": f"{DATA}/credentials.txt",
            "url": LEADER,
            "templatesPath": f"{DATA}/",
            "serviceKeys": {"dns": "dns", "nginx": "reverse_proxy"},
            "roles": ["singlenode", "core", "reg-master", "reg-slave", "static"],
        },
        "acme": {
            "isProduction": cluster.acme.production,
            "email": cluster.acme.email,
            "dnsRebootWaitMs": 10000,
            "dnsRetryWaitMs": 1000,
            "dnsRetriesCount": 60,
            "skipDnsChecks": True,
        },
        "logs": {"console": {"active": True, "level": "info"}, "file": {"active": False}},
    }
