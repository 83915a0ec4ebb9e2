"""Edits that scale a platform: processes of a core, cores of a hosting. The rest of the file stays to the letter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.core_edit import compressed, with_core, without_core
from pryv_nomad.model.edit import with_value
from pryv_nomad.model.ranges import expand

Json = dict[str, Any]
_NUMBERED = re.compile(r"(?P<before>.*?)(?P<number>[0-9]+)(?P<after>[^0-9]*)")
# What belongs to one core, and so cannot be shared by cores that are added.
OWN = ("ip", "node", "external")


def with_procs(text: str, target: str, procs: int) -> str:
    """`text` with NUM_PROCS of a core, or of a whole entry of `cores` named as it is written. A core of a range gets an
    entry of its own. Raises ClusterFileError."""
    for index, entry in enumerate(_entries(text)):
        names = expand(str(entry["name"]))
        if target == entry["name"] or names == [target]:
            return with_value(text, ["cores", str(index), "procs"], procs)
        if target in names:
            own = {key: value for key, value in entry.items() if key not in ("name", "ip", "procs")}
            addresses = entry.get("ip")
            if isinstance(addresses, list):
                own["ip"] = addresses[names.index(target)]
            return with_core(without_core(text, target), {"name": target, **own, "procs": procs})
    raise ClusterFileError(f"cores: there is no core {target}", "`pryv-nomad core list` lists them")


def with_more_cores(text: str, hosting: str, more: int, addresses: Sequence[str] = ()) -> tuple[str, list[str]]:
    """`text` with `more` cores of a hosting, named as its last ones go on, and their names. `addresses`: one each, or
    none where the nodes say them. Raises ClusterFileError."""
    entries = _entries(text)
    ours = [(index, entry) for index, entry in enumerate(entries) if entry.get("hosting") == hosting]
    if not ours:
        raise ClusterFileError(f"cores: no core of hosting {hosting} to go on from", "`pryv-nomad core add` adds one")
    if addresses and len(addresses) != more:
        raise ClusterFileError(f"{more} cores, but {len(addresses)} addresses", "give --ip once a core")
    index, last = ours[-1]
    taken = {name for entry in entries for name in expand(str(entry["name"]))}
    present = expand(str(last["name"]))
    names = _next(present[-1], more, taken)
    if not addresses and not any(key in last for key in OWN):
        return with_value(text, ["cores", str(index), "name"], compressed([*present, *names])), names
    if not addresses and "ip" in last:
        raise ClusterFileError(f"cores[{index}].ip: the cores of {hosting} have addresses", "give --ip once a core")
    shared = {key: value for key, value in last.items() if key not in ("name", *OWN)}
    one = addresses[0] if len(addresses) == 1 else list(addresses)
    ip = {"ip": one} if addresses else {}
    return with_core(text, {"name": compressed(names), **shared, **ip}), names


def count_of(text: str, hosting: str) -> int:
    """How many cores of a hosting the text has."""
    return sum(len(expand(str(entry["name"]))) for entry in _entries(text) if entry.get("hosting") == hosting)


def _next(name: str, more: int, taken: set[str]) -> list[str]:
    found = _NUMBERED.fullmatch(name)
    if found is None:
        raise ClusterFileError(f"cores: {name} has no number to go on from", "`pryv-nomad core add` adds one by name")
    width = len(found["number"]) if found["number"].startswith("0") else 0
    names: list[str] = []
    number = int(found["number"])
    while len(names) < more:
        number += 1
        candidate = f"{found['before']}{number:0{width}}{found['after']}"
        if candidate not in taken:
            names.append(candidate)
    return names


def _entries(text: str) -> list[Json]:
    content = yaml.safe_load(text)
    return [entry for entry in (content or {}).get("cores") or () if isinstance(entry, dict)]
