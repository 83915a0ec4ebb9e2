"""Health checks that run inside a container, for targets that know no other.

What an image has to ask with is not known, so a check tries what there is, and passes where there is nothing: a missing
tool must not take a component down.
"""

from __future__ import annotations

from pryv_nomad.exports.roles import Service

_HTTP = (
    "if command -v curl >/dev/null; then exec curl -fsS -o /dev/null -m 4 {url}; fi; "
    "if command -v wget >/dev/null; then exec wget -q -O /dev/null {url}; fi; "
    "if command -v node >/dev/null; then exec node -e "
    "\"require('http').get('{url}', r => process.exit(r.statusCode < 300 ? 0 : 1))"
    ".on('error', () => process.exit(1))\"; fi; exit 0"
)
_TCP = (
    "if command -v bash >/dev/null; then exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'; fi; "
    "if command -v nc >/dev/null; then exec nc -w 4 127.0.0.1 {port} </dev/null; fi; "
    "if command -v node >/dev/null; then exec node -e "
    "\"require('net').connect({port}, '127.0.0.1', () => process.exit(0)).on('error', () => process.exit(1))\"; fi; "
    "exit 0"
)


def port(service: Service) -> int:
    """The port that the health of `service` is asked at."""
    asked = service.health.port or next(iter(service.facts.ports))
    return service.facts.ports[asked].port


def command(service: Service) -> list[str] | None:
    """The check as docker has it (`CMD` or `CMD-SHELL` first), None where the release knows no way to ask."""
    match service.health.type:
        case "script":
            return ["CMD", *service.health.command]
        case "http":
            return ["CMD-SHELL", _HTTP.format(url=f"http://127.0.0.1:{port(service)}{service.health.path}")]
        case "tcp":
            return ["CMD-SHELL", _TCP.format(port=port(service))]
        case _:
            return None
