"""The blocks that the edges' nginx files are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.settings.document import Part, Upstream

PAGES = "pryv.github.io"
"""Host of app-web and app-web-mfa, as the original proxies them."""

PROBING = "max_fails=3 fail_timeout=30s"
"""When an address is left alone for a while."""


@dataclass(frozen=True, slots=True)
class Edge:
    """What an edge may be told besides the cluster.

    `certificate`, `key`: paths inside the container (empty: as the image expects, below /app/conf/secret).
    `canary_weight`: percent of core's requests for its canary, where there is one; 0 keeps it out.
    """

    certificate: str = ""
    key: str = ""
    canary_weight: int = 0


def upstream(name: str, component: str, port: str = "http", options: str = PROBING, method: str = "") -> list[Part]:
    """An upstream of all addresses of a component's port. `method` is a balancing method such as `ip_hash`."""
    return _upstream(name, method, [Upstream(component, port, options)])


def canaried(name: str, component: str, port: str, weight: int, method: str = "") -> list[Part]:
    """An upstream in which canaries, where there are any, get `weight` percent.

    A canary has as many addresses as what it stands for, so weights are percents. The least weight that nginx takes is
    1, so that 100 percent leaves about one request in a hundred to the others.
    """
    if not weight:
        return upstream(name, component, port, method=method)
    stable = Upstream(component, port, f"weight={max(1, 100 - weight)} {PROBING}")
    return _upstream(name, method, [stable, Upstream(component, port, f"weight={weight} {PROBING}", canary="only")])


def _upstream(name: str, method: str, servers: Sequence[Upstream]) -> list[Part]:
    parts: list[Part] = [f"\nupstream {name} {{\n"]
    if method:
        parts.append(f"    {method};\n")
    for server in servers:
        parts += ["    ", server, "\n"]
    return [*parts, "}\n"]


def server(names: str, *locations: str) -> str:
    """A server on 443 for `names`; the certificate and the headers for what is behind it stand in nginx.conf."""
    body = "\n".join(locations)
    return f"server {{\n    listen 443 ssl;\n    server_name {names};\n\n{_indented(body)}}}\n"


def nobody() -> str:
    """The server of all other names, so that none of the platform's answers for them."""
    return "server {\n    listen 443 ssl default_server;\n    server_name _;\n    return 421;\n}\n"


def location(pattern: str, *directives: str) -> str:
    """A location. `pattern` is all that stands before the brace."""
    lines = "".join(f"    {directive};\n" for directive in directives)
    return f"location {pattern} {{\n{lines}}}\n"


def redirect() -> str:
    """Sends HTTP to HTTPS."""
    return "server {\n    listen 80 default_server;\n    server_name _;\n    return 301 https://$host$request_uri;\n}\n"


def pages(pattern: str, path: str) -> str:
    """A location served from the public pages at `path`; nothing of the user's goes there."""
    return location(pattern, *foreign(), f"proxy_pass https://{PAGES}{path}")


def foreign() -> tuple[str, ...]:
    """Directives for a proxy_pass to a host that is not of the platform: its own name, no credentials, no addresses."""
    return (
        "proxy_set_header Host $proxy_host",
        'proxy_set_header Authorization ""',
        'proxy_set_header Cookie ""',
        "proxy_ssl_server_name on",
    )


def url(setting: str, value: str) -> tuple[str, str]:
    """`scheme://host[:port]` and the path of a URL, as they can stand in an nginx file: what nginx would interpret is
    percent-encoded. Raises ClusterFileError for what is no http(s) URL."""
    try:
        found = urlsplit(value)
        port = f":{found.port}" if found.port else ""
    except ValueError as error:
        raise ClusterFileError([Problem(f"settings.{setting}", f"not a URL: {error}")]) from None
    host = found.hostname or ""
    if found.scheme not in ("http", "https") or not host.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise ClusterFileError([Problem(f"settings.{setting}", "must be a URL such as https://host/path")])
    if not host.isascii():
        raise ClusterFileError([Problem(f"settings.{setting}", "write the host's name in its ASCII form (xn--…)")])
    return f"{found.scheme}://{host}{port}", quote(found.path, safe="/%-._~!*()+,:@&=")


def quoted_path(place: str, path: str) -> str:
    """A path as an nginx string. nginx takes `$` for a variable and knows no escape for it, so a path with one is a
    ClusterFileError at `place`."""
    if "$" in path:
        raise ClusterFileError([Problem(place, "holds a $, which nginx takes for a variable")])
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" if line else "\n" for line in text.splitlines())
