"""What `dev up` remembers: processes with their start times, interfaces, addresses. One file, 0600.

A process is known by its id and its start time together, so that an id which the system gave to another process since
is never taken for ours.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from pryv_nomad.errors import Refused
from pryv_nomad.files import write_whole

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours. `started` is as `processes.started_at` says; `fingerprint` tells what it was started with."""

    name: str
    pid: int
    started: str
    fingerprint: str
    log: str


@dataclass(frozen=True, slots=True)
class DevState:
    """A local cluster as it was last left. `addresses` are the nodes' own, by name; `ports` are named."""

    mode: str
    ports: dict[str, int]
    network: str = ""
    addresses: dict[str, str] = dataclasses.field(default_factory=dict)
    interfaces: tuple[str, ...] = ()
    processes: tuple[Running, ...] = ()

    @property
    def nomad(self) -> str:
        """Nomad's address, as NOMAD_ADDR wants it."""
        return f"http://127.0.0.1:{self.ports['nomad']}"

    @property
    def consul(self) -> str:
        """Consul's address, as CONSUL_HTTP_ADDR wants it."""
        return f"http://127.0.0.1:{self.ports['consul']}"

    def with_process(self, process: Running) -> DevState:
        """With `process` in place of one of the same name."""
        return dataclasses.replace(self, processes=(*self.without(process.name).processes, process))

    def without(self, name: str) -> DevState:
        """Without the process `name`."""
        return dataclasses.replace(self, processes=tuple(each for each in self.processes if each.name != name))


def state_file(folder: Path) -> Path:
    """Where the state of the cluster in `folder` lies."""
    return folder / "state.json"


def save(folder: Path, state: DevState) -> None:
    """Write the state, readable by its owner only."""
    document = {"version": _VERSION, **dataclasses.asdict(state)}
    write_whole(state_file(folder), json.dumps(document, indent=2) + "\n", mode=0o600)


def load(folder: Path) -> DevState | None:
    """The state in `folder`, None where there is none. Raises Refused when the file is not ours to read."""
    path = state_file(folder)
    try:
        document = json.loads(path.read_text())
        if document.pop("version") != _VERSION:
            raise ValueError("it is of another version of pryv-nomad")
        processes = tuple(Running(**each) for each in document.pop("processes"))
        return DevState(**{**document, "interfaces": tuple(document["interfaces"]), "processes": processes})
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(
            f"{path} cannot be read as the state of a local cluster: {error}",
            "stop what it started by hand, then remove the folder",
        ) from None
