"""What `dev up` is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pryv_nomad.dev.machine import Mode
from pryv_nomad.dev.nodes import NodeWish


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What to start. A port of None means the one that was used before, else the program's own default; 0 a free one.

    `nodes` come from `nodes.wishes(cluster)`. `speed` is the simulator's: simulated seconds a second.
    `patience` bounds each wait, in seconds.
    """

    folder: Path
    nodes: tuple[NodeWish, ...]
    mode: Mode = "auto"
    nomad_port: int | None = None
    consul_port: int | None = None
    network: str = "127.0.1.0/24"
    region: str = "global"
    namespace: str = "default"
    speed: float = 10.0
    patience: float = 120.0


@dataclass(frozen=True, slots=True)
class DevCluster:
    """A local cluster. `notes` say why it is less than it could be; `started` names the processes started just now,
    `ended` those that should run and do not; `nodes` maps names to addresses."""

    folder: Path
    mode: str
    nomad: str
    consul: str
    nodes: Mapping[str, str]
    notes: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
