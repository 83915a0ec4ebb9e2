"""Fills the holes of a configuration file with consul-template text, the form Nomad's `template` block reads.

A core reaches its databases at its own node's private address and their static ports, so no Consul stands in its data
path. What has dynamic ports is found by service and tag. An empty answer must never become an empty file: `HOLD` asks
for a key that nobody ever writes, which keeps the last rendered file until there is an address again.
"""

from __future__ import annotations

from collections.abc import Mapping

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.release import Release
from pryv_nomad.settings.document import (
    AcmeChallenges,
    ConfigFile,
    Endpoint,
    Hole,
    Hostings,
    MachineAddress,
    Providers,
    Secret,
    Upstream,
)
from pryv_nomad.settings.snippets import canaries, consul_template, upstream
from pryv_nomad.specs.escape import consul_text, go_string
from pryv_nomad.specs.places import Place, service_name, tag
from pryv_nomad.specs.secret_paths import SHARED, secret_path

HOLD = '{{ key "pryv-nomad/hold" }}'
_VITAL = ("core", "register", "open_pryv")
"""Without these an edge has nothing to do: it keeps the addresses it has rather than answer that there are none."""


def template_text(file: ConfigFile, place: Place, cluster: Cluster, generations: Mapping[str, int]) -> str:
    """The file as consul-template text (not yet HCL); its HCL variables are `escape.VARIABLE` marks.

    `generations` says how often each secret was rotated; a comment with it makes a rotation a change of just the tasks
    that use the secret.
    """
    text = "".join(consul_text(part) if isinstance(part, str) else _filled(part, place, cluster) for part in file.parts)
    return rotation_comment(tuple(hole.key for hole in file.holes if isinstance(hole, Secret)), generations) + text


def rotation_comment(keys: tuple[str, ...], generations: Mapping[str, int]) -> str:
    """A comment that consul-template leaves out, empty where none of the secrets was rotated yet."""
    rotated = sorted({key for key in keys if generations.get(key)})
    said = ", ".join(f"{key} {generations[key]}" for key in rotated)
    return f"{{{{- /* generation: {said} */ -}}}}\n" if said else ""


def followed(file: ConfigFile, place: Place) -> frozenset[Hole]:
    """The holes that follow Consul, so that the file changes by itself while its task runs."""
    return frozenset(hole for hole in file.holes if not isinstance(hole, Secret) and not _is_static(hole, place))


def _is_static(hole: Hole, place: Place) -> bool:
    """Whether the address is known without Consul: the same machine's databases, and what the cluster file says."""
    if not isinstance(hole, Endpoint):
        return False
    return (hole.component in place.local and hole.replica == place.replica) or _said(hole, place) != ""


def _said(hole: Endpoint, place: Place) -> str:
    return "" if hole.replica else place.addresses.get(hole.component, "")


def _filled(hole: Hole, place: Place, cluster: Cluster) -> str:
    match hole:
        case Secret():
            return secret(hole.key, hole.quoted, secret_path(cluster, hole.key))
        case Endpoint():
            return _endpoint(hole, place, cluster.release)
        case Upstream():
            return _upstream(hole, place, cluster.release)
        case Hostings() | Providers() | MachineAddress() | AcmeChallenges():
            return consul_template(hole, go_string)


def secret(key: str, in_quotes: bool = False, path: str = SHARED) -> str:
    """The value of a key of a Nomad Variable. A missing one is an error (`error_on_missing_key`), never empty text."""
    value = f".{key}.Value | toJSON" if in_quotes else f".{key}.Value"
    return f"{{{{ with nomadVar {go_string(path)} }}}}{{{{ {value} }}}}{{{{ end }}}}"


def _endpoint(hole: Endpoint, place: Place, release: Release) -> str:
    if _is_static(hole, place):
        host = _said(hole, place) or own_address(place)
        port = str(release.components[hole.component].ports[hole.port].port)
        return {"host": host, "port": port, "address": f"{host}:{port}"}[hole.part]
    field = {"host": "{{ .Address }}", "port": "{{ .Port }}", "address": "{{ .Address }}:{{ .Port }}"}[hole.part]
    where = "replica" if hole.replica else tag(release, hole.component, place.core)
    query = f"{where}.{service_name(release, hole.component, hole.port)}"
    found = f"{{{{ with index . 0 }}}}{field}{{{{ end }}}}"
    return f'{{{{ with service "{query}|any" }}}}{found}{{{{ else }}}}{HOLD}{{{{ end }}}}'


def own_address(place: Place) -> str:
    """The node's address on the private network, as the task's own ports have it."""
    return f'{{{{ env "NOMAD_HOST_IP_{place.home}" }}}}' if place.home else '{{ env "attr.unique.network.ip-address" }}'


def _upstream(hole: Upstream, place: Place, release: Release) -> str:
    where = tag(release, hole.component, place.core) + ("-canary" if hole.canary == "only" else "")
    query = f"{where}.{service_name(release, hole.component, hole.port)}"
    options = f" {consul_text(hole.options)}" if hole.options else ""
    if hole.canary == "only":
        return canaries(query, options)
    return upstream(query, options, HOLD if hole.component in _VITAL else "server 127.0.0.1:9 down;")
