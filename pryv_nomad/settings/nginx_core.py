"""The edge of a core: which request goes to which of its components.

The routes are those of the original (config-template-pryv.io, core/nginx/conf/site-443.conf). nginx takes the exact
location first, then the first regular expression that fits, then the longest prefix.
"""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.document import Part
from pryv_nomad.settings.nginx_blocks import Edge, canaried, location, nobody, pages, server, upstream


def upstreams(edge: Edge) -> list[Part]:
    """What runs on the core. Websockets stick to one process, which made the handshake."""
    return [
        *canaried("core_server", "core", "api", edge.canary_weight),
        *canaried("websocket_server", "core", "api", edge.canary_weight, method="ip_hash"),
        *upstream("mfa_server", "mfa"),
        *upstream("hfs_server", "hfs"),
        *upstream("preview_server", "preview"),
    ]


def sites(cluster: Cluster) -> list[str]:
    """The servers of a core's edge."""
    return [nobody(), api(cluster)]


def api(cluster: Cluster) -> str:
    """The server of all users' names."""
    return server(f"*.{cluster.domain}", _root(), _by_method(), *_routes())


def _routes() -> tuple[str, ...]:
    return (
        location("~* /events/[^/]+/series$", "proxy_pass http://hfs_server"),
        location("~* /series/batch$", "proxy_pass http://hfs_server"),
        location("/auth/login", "proxy_pass http://mfa_server/login"),
        location("/mfa/", "proxy_pass http://mfa_server/mfa/"),
        location("/previews/", "proxy_pass http://preview_server/"),
        location("/socket.io/", "proxy_pass http://websocket_server"),
        location("/", "proxy_pass http://core_server"),
    )


def _root() -> str:
    """A browser that opens a user's address gets app-web; whatever else is sent there, such as a batch call, is core's.

    418 is an answer that nobody else gives; it leads to the named location with method and body as they came.
    """
    choice = "error_page 418 = @core;\n    if ($request_method !~ ^(GET|HEAD)$) {\n        return 418;\n    }\n    "
    return pages("= /", "/app-web/").replace("{\n    ", "{\n    " + choice, 1)


def _by_method() -> str:
    return location("@core", "proxy_pass http://core_server")
