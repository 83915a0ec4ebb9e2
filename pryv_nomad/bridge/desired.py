"""The cores that the cluster file asks for, as the last run recorded them: what the bridge goes by.

The bridge runs inside the cluster, where no cluster file is. So `run` writes what the bridge needs of it under one key
of Consul KV, compressed: 10,000 cores are less than 100 KB, and a value may hold 512 KiB.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pryv_nomad.bridge.states import PORT, is_name
from pryv_nomad.errors import Conflict

if TYPE_CHECKING:
    from pryv_nomad.clients.consul import Consul
    from pryv_nomad.model.cluster import Cluster
    from pryv_nomad.plan.intent import Intent

FORMAT = 1
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class DesiredCore:
    """A core as the cluster file has it; `ip` is empty where Nomad's node says it, `external` runs outside Nomad."""

    name: str
    hosting: str
    ip: str = ""
    external: bool = False
    port: int = PORT


@dataclass(frozen=True, slots=True)
class Desired:
    """The platform as recorded; `generation` counts the records."""

    release: str
    cores: tuple[DesiredCore, ...] = ()
    generation: int = 1

    def without(self, core: str) -> Desired:
        """The next record, in which `core` is not wanted any more."""
        left = tuple(each for each in self.cores if each.name != core)
        return self if left == self.cores else replace(self, cores=left, generation=self.generation + 1)


def desired_key(domain: str) -> str:
    """Where the record of a platform lies."""
    return f"pryv-nomad/{domain}/desired"


def desired_of(cluster: Cluster) -> Desired:
    """What the cluster file asks for."""
    cores = tuple(DesiredCore(core.name, core.hosting, core.ip, core.external) for core in cluster.cores)
    return Desired(cluster.release.name, cores)


def desired_of_intent(intent: Intent) -> Desired:
    """What a plan carries with it of the cluster file."""
    cores = tuple(DesiredCore(each.name, each.hosting, each.ip, each.external) for each in intent.members)
    return Desired(intent.release, cores)


def encode(desired: Desired) -> bytes:
    """The record as bytes: the same record is always the same bytes."""
    text = {
        "format": FORMAT,
        "generation": desired.generation,
        "release": desired.release,
        "cores": [[core.name, core.hosting, core.ip, core.external, core.port] for core in desired.cores],
    }
    return gzip.compress(json.dumps(text, separators=(",", ":")).encode(), mtime=0)


def decode(data: bytes) -> Desired | None:
    """The record, None where the bytes are none (or of a format that this version does not know)."""
    try:
        found = json.loads(gzip.decompress(data))
        return _read(found) if found["format"] == FORMAT else None
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError):
        return None


def _read(found: dict[str, Any]) -> Desired:
    cores = tuple(
        DesiredCore(str(name), str(hosting), str(ip), bool(external), int(port))
        for name, hosting, ip, external, port in found["cores"]
    )
    if not all(is_name(core.name) and core.hosting for core in cores):
        raise ValueError("a core without a name or a hosting")
    return Desired(str(found["release"]), cores, int(found["generation"]))


def record_desired(consul: Consul, cluster: Cluster) -> bool:
    """Record what the cluster file asks for, for the bridge. True when that was news.

    Raises Conflict when others keep recording at the same time.
    """
    return record(consul, cluster.domain, desired_of(cluster))


def record(consul: Consul, domain: str, wanted: Desired) -> bool:
    """As `record_desired`, for what is known already (see `desired_of_intent`); its generation does not matter."""
    key = desired_key(domain)
    for _ in range(ATTEMPTS):
        found = consul.kv_get(key)
        before = decode(found[0]) if found else None
        if before is not None:
            wanted = replace(wanted, generation=before.generation)
            if wanted == before:
                return False
            wanted = replace(wanted, generation=before.generation + 1)
        try:
            return consul.kv_put(key, encode(wanted), cas=found[1] if found else 0)
        except Conflict:
            continue
    raise Conflict(f"the record of the cluster file ({key}) changes too often", "run it again in a moment")
