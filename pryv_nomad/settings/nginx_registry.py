"""The edge of the registry, and that of its replica's machine.

Names as in the original (reg-master/nginx/conf/site.conf); lead.DOMAIN is gone with config-leader. The replica's
machine had nothing to serve but config-follower; here it is a second door to the registers.
"""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.document import Part
from pryv_nomad.settings.nginx_blocks import PROBING, location, nobody, server, upstream

# A register that is being restarted for a changed list of cores is passed over: a request that was not sent, or that
# may be repeated (not POST), goes to another one.
_RETRY = (
    "proxy_next_upstream error timeout http_502 http_503",
    "proxy_next_upstream_tries 3",
    "proxy_next_upstream_timeout 15s",
)


def upstreams(cluster: Cluster) -> list[Part]:
    """What the registry's edge leads to."""
    registry = cluster.file.registry
    parts = register_upstream()
    if registry.mail.enabled:
        parts += upstream("mail_server", "mail")
    if registry.admin_panel.enabled:
        parts += upstream("admin_panel_server", "admin_panel", options="")
    return parts


def register_upstream() -> list[Part]:
    """The registers."""
    return upstream("register_server", "register", options=PROBING)


def sites(cluster: Cluster) -> list[str]:
    """The servers of the registry's edge."""
    return [nobody(), *named(cluster), register(f"*.{cluster.domain}")]


def replica_sites(cluster: Cluster) -> list[str]:
    """The servers of the edge on the replica's machine."""
    return [nobody(), register(f"*.{cluster.domain}")]


def named(cluster: Cluster) -> list[str]:
    """The servers of the parts that may be left out: mail and the admin panel."""
    registry = cluster.file.registry
    servers = []
    if registry.mail.enabled:
        refuse = location("/", "return 404")
        servers.append(
            server(f"mail.{cluster.domain}", location("/sendmail/", "proxy_pass http://mail_server"), refuse)
        )
    servers += admin_panel(cluster)
    return servers


def admin_panel(cluster: Cluster) -> list[str]:
    """The server of the admin panel, where there is one."""
    if not cluster.file.registry.admin_panel.enabled:
        return []
    return [server(f"adm.{cluster.domain}", location("/", "proxy_pass http://admin_panel_server"))]


def register(names: str) -> str:
    """The server of the registers."""
    return server(names, location("/", *_RETRY, "proxy_pass http://register_server"))
