"""The edge of a platform on one machine: users, registry and static site behind one nginx.

As in the original (single-node, singlenode/nginx/conf/site-443.conf): the registry answers to its own names only, since
all others are users'. Mail has no public name there: core calls it directly.
"""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import nginx_core, nginx_registry, nginx_static
from pryv_nomad.settings.document import Part
from pryv_nomad.settings.nginx_blocks import Edge, nobody, upstream


def upstreams(cluster: Cluster, edge: Edge) -> list[Part]:
    """Everything."""
    parts = [*nginx_core.upstreams(edge), *nginx_registry.register_upstream(), *nginx_static.upstreams()]
    if cluster.file.registry.admin_panel.enabled:
        parts += upstream("admin_panel_server", "admin_panel", options="")
    return parts


def sites(cluster: Cluster) -> list[str]:
    """The servers of the one edge; nginx prefers a full name to `*.DOMAIN`."""
    return [
        nobody(),
        *nginx_registry.admin_panel(cluster),
        nginx_registry.register(f"reg.{cluster.domain} access.{cluster.domain}"),
        *nginx_static.named(cluster),
        nginx_core.api(cluster),
    ]
