"""Machines as an overlay of the cluster file: checked against the model, and written so that a person can read it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.checks import check
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster

HEAD = "# Written by `pryv-nomad terraform inventory`. Do not edit: the next one replaces it.\n"

_NO_FILE = """\
platform: {domain: pryv.example, name: Pryv}
release: 1.9.2
"""
"""Stands below the machines where there is no cluster file to check them with."""


def overlay_text(machines: Mapping[str, Any]) -> str:
    """The YAML text of `machines`: one line a core or hosting, in the order given."""
    return HEAD + "\n".join(_section(key, value) for key, value in machines.items()) + "\n"


def with_known_datacenters(machines: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """`machines`, the datacenters of `files` before theirs: lists of an overlay replace those under it."""
    known: list[Any] = []
    for file in (each for each in files if each.is_file()):
        known = _top(file.read_text(encoding="utf-8", errors="replace")).get("datacenters") or known
    found = machines.get("datacenters")
    if found is None or not isinstance(known, list):
        return dict(machines)
    return {**machines, "datacenters": [*known, *(each for each in found if each not in known)]}


def _top(text: str) -> dict[str, Any]:
    """The top of a cluster file, as far as it reads; what is wrong with it is told by who checks it."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return data if isinstance(data, dict) else {}


def _section(key: str, value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        return "\n".join([f"{key}:", *(f"  - {_flow(_name_first(item))}" for item in value)])
    if isinstance(value, dict) and value and all(isinstance(item, dict) for item in value.values()):
        return "\n".join([f"{key}:", *(f"  {_flow(name)}: {_flow(item)}" for name, item in value.items())])
    return f"{key}: {_flow(value)}"


def _name_first(core: Mapping[str, Any]) -> dict[str, Any]:
    """As a person writes it; Terraform sorts keys."""
    first = {key: core[key] for key in ("name", "hosting", "ip") if key in core}
    return {**first, **core}


def _flow(value: Any) -> str:
    """One line of YAML, whatever is in it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    if isinstance(value, str) and not value.isprintable():
        return yaml.safe_dump(value, default_style='"', width=float("inf")).strip()
    return yaml.safe_dump([value], default_flow_style=True, width=float("inf"), allow_unicode=True).strip()[1:-1]


def checked(text: str, files: Sequence[Path], sets: Sequence[str], env: Mapping[str, str], label: str) -> Cluster:
    """The platform that the cluster files and the overlay `text` describe together, with no error in it.

    Without `files` the machines are checked by themselves. Raises ClusterFileError, whose places name the machines
    as `label`.
    """
    with tempfile.TemporaryDirectory(prefix="pryv-nomad-") as folder:
        overlay, under = Path(folder) / "overlay.yml", Path(folder) / "platform.yml"
        overlay.write_text(text, encoding="utf-8")
        under.write_text(_NO_FILE, encoding="utf-8")
        try:
            cluster = load_cluster([*(files or [under]), overlay], sets, env)
            check(cluster)
        except ClusterFileError as error:
            raise _renamed(error, str(overlay), label) from None
        return cluster


def _renamed(error: ClusterFileError, place: str, label: str) -> ClusterFileError:
    problems = [
        replace(
            problem, where=label if place in problem.where else problem.where, text=problem.text.replace(place, label)
        )
        for problem in error.problems
    ]
    return ClusterFileError(problems, error.remedy)


def left_out(old: str, machines: Mapping[str, Any]) -> list[str]:
    """Names of the cores in an earlier overlay (`old`, its text) that are not among `machines` any more."""
    now = {core.get("name") for core in machines.get("cores", ()) if isinstance(core, dict)}
    names = [core.get("name") for core in _top(old).get("cores") or () if isinstance(core, dict)]
    return [str(name) for name in names if name not in now]
