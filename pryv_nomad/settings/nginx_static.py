"""The edge of the static site: sw.DOMAIN with the authorisation pages, mfa.DOMAIN with the MFA app.

As in the original (static/nginx/conf/site-443.conf, site-443-mfa.conf): every address of sw.DOMAIN shows the one page
of app-web-auth3, only what lies below /access/static/ is a file.
"""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import values
from pryv_nomad.settings.document import Part
from pryv_nomad.settings.nginx_blocks import foreign, location, nobody, pages, server, upstream, url

OWN_PAGES = "app_web_auth3_server"
"""The upstream of the platform's own app-web-auth3; APP_WEB_AUTH_URL names it by default."""


def upstreams() -> list[Part]:
    """What the static edge leads to."""
    return upstream(OWN_PAGES, "app_web_auth3", options="")


def sites(cluster: Cluster) -> list[str]:
    """The servers of the static edge."""
    return [nobody(), *named(cluster)]


def named(cluster: Cluster) -> list[str]:
    """The servers of the two sites."""
    return [_pages(cluster), server(f"mfa.{cluster.domain}", pages("/", "/app-web-mfa/"))]


def _pages(cluster: Cluster) -> str:
    origin, path = url("APP_WEB_AUTH_URL", values.literal(cluster, "APP_WEB_AUTH_URL"))
    # A URL without a path keeps the request's own, one with a path replaces /access/ by it.
    base = f"{path.rstrip('/')}/" if path else "/access/"
    host = () if origin.endswith(f"://{OWN_PAGES}") else foreign()
    return server(
        f"sw.{cluster.domain}",
        location("/access/static/", *host, f'proxy_pass "{origin}{base}static/"'),
        location("= /access/index.html", *host, f'proxy_pass "{origin}{base}index.html"'),
        location("/", "rewrite ^ /access/index.html last"),
    )
