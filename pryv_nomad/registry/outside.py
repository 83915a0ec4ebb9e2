"""consul-template and followers for a machine outside Nomad, as files: what `pryv-nomad registry config` writes. Pure.

Tokens and TLS stand in none of them: every program reads the CONSUL_* variables of `consul.env`, which the operator
makes of `consul.env.example`, and which names files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings import files, registry
from pryv_nomad.settings.snippets import own_file, targets
from pryv_nomad.specs.escape import go_string
from pryv_nomad.specs.holes import template_text
from pryv_nomad.specs.places import Place

Role = Literal["registry", "replica", "core"]
PROGRAMS = ("register", "dns")
UPSTREAMS = "site-upstreams.conf"
FOLLOWER_PORTS = {"register": 9190, "dns": 9191}


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine. `folder` is where the files will lie there; `conf` holds the folders that the containers mount
    (`register/conf` …); `address` is its own on the private network; `core` names the core of the role `core`."""

    role: Role
    address: str
    folder: str = "/etc/pryv-nomad/registry"
    conf: str = "/var/pryv/pryv"
    core: str = ""
    restart: str = "docker restart pryvio_{program}"
    reload: str = "docker exec pryvio_nginx nginx -s reload"
    program: str = "/usr/local/bin/pryv-nomad"
    consul_template: str = "/usr/local/bin/consul-template"


@dataclass(frozen=True, slots=True)
class OutsideFile:
    """A file; `path` is relative to the machine's folder."""

    path: str
    text: str
    mode: int = 0o644


def outside_files(cluster: Cluster, machine: Machine) -> tuple[OutsideFile, ...]:
    """All files of a machine, sorted."""
    found = [
        OutsideFile("consul-template.hcl", _configuration(cluster, machine), 0o600),
        OutsideFile("consul.env.example", _ENVIRONMENT, 0o600),
        OutsideFile(f"templates/{UPSTREAMS}.ctmpl", _upstreams(cluster, machine)),
        *(OutsideFile(f"templates/{kind}.json.ctmpl", targets(kind)) for kind in ("prometheus", "statsd")),
        OutsideFile("systemd/pryv-consul-template.service", _template_unit(machine)),
    ]
    known = registry.known_hostings(cluster)
    for program in programs(cluster, machine):
        own = f"{machine.folder}/own/{program}.json"
        text = own_file(f"{program}.json", cluster.domain, known, own, go_string)
        found.append(OutsideFile(f"templates/{program}.json.ctmpl", text))
        found.append(OutsideFile(f"systemd/pryv-follow-{program}.service", _follower_unit(cluster, machine, program)))
        found.append(OutsideFile(f"consul/pryv-{program}.json", _service(machine, program)))
    return tuple(sorted(found, key=lambda file: file.path))


def programs(cluster: Cluster, machine: Machine) -> tuple[str, ...]:
    """The programs on the machine that read the list of cores."""
    if machine.role == "core":
        return ()
    named = {"register": machine.role == "registry", "dns": cluster.file.registry.dns.enabled}
    return tuple(name for name in PROGRAMS if named[name])


# -- consul-template


def _configuration(cluster: Cluster, machine: Machine) -> str:
    blocks = "".join(_block(each, machine.folder) for each in _templates(cluster, machine))
    return _HEAD + blocks


_HEAD = """\
# consul-template of a machine outside Nomad. Where Consul is, its token and certificates: environment (consul.env).

# Without this it ignores SIGTERM.
kill_signal   = "SIGTERM"
reload_signal = "SIGHUP"
log_level     = "info"

# A wrong template must not take the others with it.
template_error_fatal = false

consul {
  # For ever: a Consul that is away for an hour is a Consul that is back after an hour.
  retry {
    enabled     = true
    attempts    = 0
    backoff     = "250ms"
    max_backoff = "10s"
  }
}
"""


@dataclass(frozen=True, slots=True)
class _Template:
    source: str
    destination: str
    mode: str
    wait: tuple[str, str]
    command: str = ""


def _templates(cluster: Cluster, machine: Machine) -> Iterator[_Template]:
    folder = machine.folder
    for program in programs(cluster, machine):
        candidate = f"{folder}/candidate/{program}.json"
        yield _Template(f"{program}.json", candidate, "0600", ("50ms", "1s"))
    upstreams = f"{machine.conf}/nginx/conf/{UPSTREAMS}"
    yield _Template(UPSTREAMS, upstreams, "0644", ("2s", "10s"), machine.reload)
    for kind in ("prometheus", "statsd"):
        yield _Template(f"{kind}.json", f"{folder}/targets/{kind}.json", "0644", ("5s", "30s"))


def _block(template: _Template, folder: str) -> str:
    command = (
        f'  command          = {json.dumps(template.command)}\n  command_timeout  = "30s"\n' if template.command else ""
    )
    least, most = template.wait
    return f"""
template {{
  source           = {json.dumps(f"{folder}/templates/{template.source}.ctmpl")}
  destination      = {json.dumps(template.destination)}
  perms            = {template.mode}
  create_dest_dirs = true
  error_fatal      = false
{command}
  wait {{
    min = {json.dumps(least)}
    max = {json.dumps(most)}
  }}
}}
"""


def _upstreams(cluster: Cluster, machine: Machine) -> str:
    found = files.files(cluster, "nginx", machine.role)
    file = next(each for each in found if each.path == UPSTREAMS)
    return template_text(file, Place(machine.core), cluster, {})


# -- systemd

_ENVIRONMENT = """\
# Copy to consul.env and fill in; the units read it. Secrets stand in files that these lines name.
CONSUL_HTTP_ADDR=http://127.0.0.1:8500
#CONSUL_HTTP_TOKEN_FILE=/etc/pryv-nomad/consul.token
#CONSUL_CACERT=/etc/pryv-nomad/consul-ca.pem
#CONSUL_CLIENT_CERT=/etc/pryv-nomad/consul-client.pem
#CONSUL_CLIENT_KEY=/etc/pryv-nomad/consul-client-key.pem
"""

_UNIT = """\
[Unit]
Description={what}
Wants=network-online.target
After=network-online.target{after}

[Service]
EnvironmentFile=-{folder}/consul.env
ExecStart={command}
Restart=always
RestartSec=2s
{more}
[Install]
WantedBy=multi-user.target
"""


def _template_unit(machine: Machine) -> str:
    command = f"{machine.consul_template} -config={machine.folder}/consul-template.hcl"
    return _UNIT.format(
        what="Files out of Consul (consul-template)",
        after="",
        folder=machine.folder,
        command=command,
        more="KillSignal=SIGTERM\nExecReload=/bin/kill -HUP $MAINPID\n",
    )


def _follower_unit(cluster: Cluster, machine: Machine, program: str) -> str:
    folder, live = machine.folder, f"{machine.conf}/{program}/conf/{program}.json"
    options: dict[str, str] = {
        "domain": cluster.domain,
        "candidate": f"{folder}/candidate/{program}.json",
        "live": live,
        "good": f"{folder}/good/{program}.json",
        "service": f"pryv-{program}",
        "instance": f"{machine.address}:{_port(program)}",
        "probe": _probe(cluster, machine, program),
        "listen": f"{machine.address}:{FOLLOWER_PORTS[program]}",
        "restart-command": machine.restart.format(program=program),
    }
    words = " ".join(f"--{key} {_systemd(value)}" for key, value in options.items())
    command = f"{machine.program} registry follow {words}" + (" --no-edge" if program == "dns" else "")
    return _UNIT.format(
        what=f"List of cores of {program} (pryv-nomad)",
        after=" pryv-consul-template.service",
        folder=folder,
        command=command,
        more="TimeoutStopSec=20s\n",
    )


def _systemd(value: str) -> str:
    """A word of a command line as systemd reads it: `%` and `$` mean something there."""
    escaped = value.replace("%", "%%").replace("$", "$$")
    return json.dumps(escaped) if any(character in value for character in ' "\\') else escaped


# -- Consul


def _port(program: str) -> int:
    return 9000 if program == "register" else 53


def _probe(cluster: Cluster, machine: Machine, program: str) -> str:
    place = f"{machine.address}:{_port(program)}"
    return f"http://{place}/service/info" if program == "register" else f"dns://{place}/reg.{cluster.domain}"


def _service(machine: Machine, program: str) -> str:
    """The definition for Consul's agent (`consul services register`)."""
    asked = f"http://{machine.address}:{FOLLOWER_PORTS[program]}"
    checks: list[dict[str, Any]] = [{"name": "serving", "http": f"{asked}/serving", "interval": "1s", "timeout": "1s"}]
    if program == "register":
        url = f"http://{machine.address}:{_port(program)}/service/info"
        checks.append({"name": program, "http": url, "interval": "10s", "timeout": "5s"})
    service = {
        "id": f"pryv-{program}",
        "name": f"pryv-{program}",
        "tags": [machine.role],
        "address": machine.address,
        "port": _port(program),
        "checks": checks,
    }
    health = {"name": "follow", "http": f"{asked}/healthz", "interval": "10s", "timeout": "5s"}
    follower = {
        "id": f"pryv-follower-{program}",
        "name": "pryv-follower",
        "tags": [machine.role],
        "address": machine.address,
        "port": FOLLOWER_PORTS[program],
        "checks": [health],
    }
    return json.dumps({"services": [service, follower]}, indent=2) + "\n"
