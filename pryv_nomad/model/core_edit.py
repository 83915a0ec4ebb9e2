"""Adds cores to a cluster file and takes them out, range or not; the rest of the file stays to the letter."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import yaml

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.edit import with_item, with_value, without_item
from pryv_nomad.model.ranges import expand


def with_core(text: str, entry: Mapping[str, Any]) -> str:
    """`text` (a cluster file) with one more entry of `cores`. Raises ClusterFileError when the name is taken."""
    for name in expand(entry["name"]):
        if _find(text, name) is not None:
            raise ClusterFileError(f"cores: there is a core {name} already")
    return with_item(text, "cores", dict(entry))


def without_core(text: str, name: str) -> str:
    """`text` without the core `name`: its entry gone, or its range without it. Raises ClusterFileError."""
    found = _find(text, name)
    if found is None:
        raise ClusterFileError(f"cores: there is no core {name}")
    index, entry = found
    names = expand(str(entry["name"]))
    if len(names) == 1:
        return without_item(text, "cores", index)
    at = names.index(name)
    text = with_value(text, ["cores", str(index), "name"], compressed([*names[:at], *names[at + 1 :]]))
    addresses = entry.get("ip")
    if isinstance(addresses, list):
        text = with_value(text, ["cores", str(index), "ip"], [*addresses[:at], *addresses[at + 1 :]])
    return text


def has_cores(text: str) -> bool:
    """Whether this file of several says which cores there are."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(content, dict) and bool(content.get("cores"))


def compressed(names: Sequence[str]) -> str:
    """The shortest range that stands for names which differ in one number: `co[1-3,7]`; a single name as it is."""
    if len(names) == 1:
        return names[0]
    before, after = _common([*names])
    inside = [name[len(before) : len(name) - len(after) or None] for name in names]
    parts: list[str] = []
    for _, run in groupby(
        enumerate(inside), key=lambda pair: (int(pair[1]) - pair[0], len(pair[1]) * (pair[1][0] == "0"))
    ):
        numbers = [number for _, number in run]
        parts.append(numbers[0] if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}")
    return f"{before}[{','.join(parts)}]{after}"


def _common(names: list[str]) -> tuple[str, str]:
    """The text before and after the number in which the names differ."""
    for match in re.finditer(r"[0-9]+", names[0]):
        before, after = names[0][: match.start()], names[0][match.end() :]
        pattern = re.compile(re.escape(before) + r"[0-9]+" + re.escape(after))
        if all(map(pattern.fullmatch, names)):
            return before, after
    raise ClusterFileError(f"cores: {', '.join(names[:3])} are not of one range", "change it by hand")


def _find(text: str, name: str) -> tuple[int, dict[str, Any]] | None:
    content = yaml.safe_load(text)
    for index, entry in enumerate((content or {}).get("cores") or ()):
        if isinstance(entry, dict) and name in expand(str(entry.get("name", ""))):
            return index, entry
    return None
