"""The lines to add to a Nomad client's configuration so that it can run what it lacks for."""

from __future__ import annotations

import json

from pryv_nomad.plan.nodes import Lack


def snippet(lack: Lack) -> str:
    """HCL for the client's configuration file, empty where configuration cannot help (too small, no datacenter).

    Where the machine is not known yet, it names all that the jobs need of one; else only what that machine lacks.
    """
    missing = {(each.kind, each.name) for each in lack.problems}
    whole = not lack.node and bool(lack.meta)
    lines: list[str] = []
    if lack.meta:
        lines += ["  meta {", *(f"    {key} = {json.dumps(value)}" for key, value in lack.meta), "  }"]
    for name in sorted(lack.needs.networks):
        if whole or ("network", name) in missing:
            lines += [f"  host_network {json.dumps(name)} {{", '    cidr = "10.0.0.0/8" # your private network', "  }"]
    for name in sorted(lack.needs.volumes):
        if whole or ("volume", name) in missing:
            path = json.dumps(f"/opt/pryv/{name}")
            lines += [f"  host_volume {json.dumps(name)} {{", f"    path = {path} # owned by 9999:9999", "  }"]
    parts = ["\n".join(["client {", *lines, "}"])] if lines else []
    if lack.needs.mounts and (whole or {("mounts", "docker"), ("driver", "docker")} & missing):
        parts.append('plugin "docker" {\n  config {\n    volumes { enabled = true }\n  }\n}')
    return "\n".join(parts)
