"""One text for all cores that are alike: written once with a mark in the place of what tells them apart.

A mark begins with a digit, so no writer takes a text that is nothing but a mark for a plain word: a core may be named
`123` or `on`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from pryv_nomad.exports.holes import address
from pryv_nomad.model.cluster import Cluster, Core


@dataclass(frozen=True, slots=True)
class Marks:
    """What stands for a core's name (`short`: in names of things, see `shortened`), its address and its node."""

    name: str
    short: str
    ip: str
    node: str
    hosting: str


def marks(cluster: Cluster) -> Marks:
    """Marks that stand in no text of the cluster."""
    texts = json.dumps([cluster.file.model_dump(mode="json", exclude={"cores"}), dict(cluster.settings)], default=str)
    number = 0
    while f"{number}mark" in texts:
        number += 1
    return Marks(*(f"{number}mark{word}" for word in ("name", "short", "address", "node", "hosting")))


def for_core(cluster: Cluster, text: str, marked: Marks, core: Core, short: Callable[[str], str] = str) -> str:
    """`text` for `core`."""
    return (
        text.replace(marked.name, core.name)
        .replace(marked.short, short(core.name))
        .replace(marked.ip, address(cluster, core))
        .replace(marked.node, core.node)
        .replace(marked.hosting, core.hosting)
    )
