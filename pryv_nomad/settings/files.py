"""All configuration files of a component: the one door that specs and exports use."""

from __future__ import annotations

from pryv_nomad.errors import SpecError
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import (
    certificate,
    core,
    dns,
    hfs,
    mail,
    mfa,
    mongodb,
    nginx,
    preview,
    redis,
    register,
    webhooks,
)
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.settings.nginx_blocks import Edge

WITHOUT_FILES = frozenset({"influxdb", "admin_panel", "app_web_auth3", "config_leader", "config_follower"})


def files(cluster: Cluster, component: str, role: str = "registry", edge: Edge | None = None) -> tuple[ConfigFile, ...]:
    """The configuration files of `component`, a key of the release's components; empty for those that have none.

    `role` matters to what runs in more than one: dns and redis are `registry` or `replica`, nginx is `core`,
    `registry`, `replica`, `static` or `single`. `edge` is what an nginx may be told besides. Raises SpecError for a
    component whose files are not known, ClusterFileError for a setting that cannot be written.
    """
    match component:
        case "core":
            return core.files(cluster)
        case "hfs":
            return hfs.files(cluster)
        case "preview":
            return preview.files(cluster)
        case "webhooks":
            return webhooks.files(cluster)
        case "mfa":
            return mfa.files(cluster)
        case "mongodb":
            return mongodb.files()
        case "register":
            return register.files(cluster)
        case "dns":
            return dns.files(cluster, replica=role == "replica")
        case "redis":
            return redis.files(cluster, replica=role == "replica")
        case "mail":
            return mail.files(cluster)
        case "nginx":
            return nginx.files(cluster, role, edge or Edge())
        case "ssl_certificate":
            return certificate.files(cluster)
    if component in WITHOUT_FILES:
        return ()
    raise SpecError(
        f"no configuration files are known for the component {component} of release {cluster.release.name}",
        "use a release whose components this version of pryv-nomad knows",
    )
