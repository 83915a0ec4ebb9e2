"""The answer to Terraform's external data source: one flat JSON object of strings, always in the same order.

Each job stands under its name as the JSON of Nomad's API. Names of jobs cannot begin with an underscore, so what else
a module needs stands under keys that do. Terraform keeps all of it in its state: there is no secret in a spec.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from pryv_nomad import __version__
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.specs.render import Spec


def answer(cluster: Cluster, specs: Iterable[Spec]) -> dict[str, str]:
    """Job name → job JSON, sorted, and the platform's facts under `_…` (docs/terraform.md lists them).

    `_hash` changes when any of the specs does, `_jobs` is a JSON object (job → owner, kind, hash), `_cores` a list.
    """
    chosen = sorted(specs, key=lambda spec: spec.job_id)
    platform = cluster.file.platform
    facts: dict[str, Any] = {
        "_cores": _compact([_core(cluster, index) for index in range(len(cluster.cores))]),
        "_domain": platform.domain,
        "_hash": overall_hash(chosen),
        "_jobs": _compact({spec.job_id: _job(spec) for spec in chosen}),
        "_namespace": platform.namespace,
        "_region": platform.region,
        "_release": cluster.release.name,
        "_version": __version__,
    }
    return facts | {spec.job_id: spec.json_text for spec in chosen}


def overall_hash(specs: Iterable[Spec]) -> str:
    """SHA-256, in hex, over the names and hashes of the specs: equal when nothing in any of them differs."""
    lines = sorted(f"{spec.job_id} {spec.hash}\n" for spec in specs)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def text(given: dict[str, str]) -> str:
    """The answer as Terraform reads it."""
    return json.dumps(given, sort_keys=True)


def _job(spec: Spec) -> dict[str, str]:
    return {"owner": spec.owner, "kind": spec.kind, "hash": spec.hash}


def _core(cluster: Cluster, index: int) -> dict[str, Any]:
    core = cluster.cores[index]
    return {
        "name": core.name,
        "hosting": core.hosting,
        "ip": core.ip,
        "datacenter": cluster.hostings[core.hosting].datacenter,
        "external": core.external,
    }


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
