"""nginx.conf, the same for every edge, and the files it includes: upstreams and sites.

The upstreams have their own file, which changes as instances come and go; all files take effect by a reload (SIGHUP),
which drops no connection. What differs from the original, and why, is in docs/settings.md.
"""

from __future__ import annotations

from pryv_nomad.errors import SpecError
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import nginx_core, nginx_registry, nginx_single, nginx_static, values
from pryv_nomad.settings.document import ConfigFile, Part
from pryv_nomad.settings.nginx_blocks import Edge, quoted_path, redirect
from pryv_nomad.settings.serialize import text_parts

CONFIGURATION = "/app/conf"
"""The image's configuration folder."""

# Forward secrecy and authenticated encryption only; all of TLS 1.3's suites are so.
_CIPHERS = ":".join(
    f"ECDHE-{key}-{cipher}"
    for cipher in ("AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")
    for key in ("ECDSA", "RSA")
)

_MAIN = """\
user nginx;
worker_processes 2;
worker_rlimit_nofile 65536;
error_log stderr;
pid /var/run/nginx.pid;

events {
    worker_connections 16384;
}

"""

_LOGGING = r"""
    # Tokens in a query are not for the log.
    map $request $request_without_auth {
        default $request;
        "~^(?<auth_head>.*[?&]auth=)[^& ]+(?<auth_tail>.*)$" "$auth_head***$auth_tail";
    }
    map $request_without_auth $logged_request {
        default $request_without_auth;
        "~^(?<read_head>.*[?&]readToken=)[^& ]+(?<read_tail>.*)$" "$read_head***$read_tail";
    }
    log_format pryv '[$time_local] $remote_addr "$host" "$logged_request" $status $body_bytes_sent '
                    '"$http_referer" "$http_user_agent" $request_time $upstream_addr $upstream_response_time';
    access_log /dev/stdout pryv;
"""

_HTTP = """
    sendfile on;
    tcp_nodelay on;
    keepalive_timeout 65;
    server_tokens off;
    # Room for a domain of any length.
    server_names_hash_bucket_size 512;

    gzip on;
    gzip_vary on;
    gzip_comp_level 6;
    gzip_proxied any;
    gzip_buffers 16 8k;
    gzip_types text/plain text/css text/xml text/javascript text/x-js application/json application/javascript
               application/x-javascript application/xml application/xml+rss;
"""

_PROXY = """
    # For all that is behind: who asked, and for which host (the user's name is in it).
    map $http_upgrade $connection_upgrade {
        default upgrade;
        "" close;
    }
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto https;
    proxy_redirect off;
    proxy_buffering off;
    proxy_buffers 16 8k;
    proxy_connect_timeout 5s;
    # Another process is tried when one is not there, not when it is slow.
    proxy_next_upstream error;
    proxy_next_upstream_tries 3;
"""

_UPSTREAMS = "# What stands behind the sites.\n"


def files(cluster: Cluster, role: str, edge: Edge) -> tuple[ConfigFile, ...]:
    """An edge's files; `role` is `core`, `registry`, `replica`, `static` or `single`."""
    upstreams, sites = _role(cluster, role, edge)
    contents: dict[str, list[Part]] = {
        "nginx.conf": [main(cluster, edge)],
        "site-80.conf": [redirect()],
        "site-443.conf": ["\n".join(sites)],
        "site-upstreams.conf": [_UPSTREAMS, *upstreams],
    }
    return tuple(ConfigFile(path, text_parts(parts), reload="signal") for path, parts in contents.items())


def main(cluster: Cluster, edge: Edge) -> str:
    """nginx.conf."""
    http = [
        _LOGGING,
        _HTTP,
        _limits(cluster),
        _tls(cluster, edge),
        _PROXY,
        f"\n    include {CONFIGURATION}/site*.conf;\n",
    ]
    return f"{_MAIN}http {{{''.join(http)}}}\n"


def _role(cluster: Cluster, role: str, edge: Edge) -> tuple[list[Part], list[str]]:
    match role:
        case "core":
            return nginx_core.upstreams(edge), nginx_core.sites(cluster)
        case "registry":
            return nginx_registry.upstreams(cluster), nginx_registry.sites(cluster)
        case "replica":
            return nginx_registry.register_upstream(), nginx_registry.replica_sites(cluster)
        case "static":
            return nginx_static.upstreams(), nginx_static.sites(cluster)
        case "single":
            return nginx_single.upstreams(cluster, edge), nginx_single.sites(cluster)
    raise SpecError(f"no edge of the role {role}", "use core, registry, replica, static or single")


def _limits(cluster: Cluster) -> str:
    megabytes = int(values.value(cluster, "MAX_UPLOAD_SIZE_MB"))
    return f"    client_max_body_size {megabytes}m;\n"


def _tls(cluster: Cluster, edge: Edge) -> str:
    certificate = edge.certificate or f"{CONFIGURATION}/secret/{cluster.domain}-bundle.crt"
    key = edge.key or f"{CONFIGURATION}/secret/{cluster.domain}-key.pem"
    return f"""
    ssl_certificate {quoted_path("tls.certificate_path", certificate)};
    ssl_certificate_key {quoted_path("tls.key_path", key)};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {_CIPHERS};
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:SSL:10m;
    ssl_session_timeout 10m;
    ssl_session_tickets off;
    add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;
"""
