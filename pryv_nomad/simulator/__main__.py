"""`python -m pryv_nomad.simulator`: serve a simulated cluster until SIGTERM or SIGINT.

--nodes FILE          JSON: [{"name": "n1", "meta": {"pryv_core": "co1"}, …}, …]; keys: `NodeSpec`
--port N              Nomad's API, 0 (default) for a free port         --consul-port N   Consul's API, likewise
--speed X             simulated seconds a second (default 1)           --seed N          of identifiers
--faults FILE         JSON list of faults, armed at the start
--address-file FILE   written when both listen: {"nomad": "http://…", "consul": "http://…", "pid": …}
--state FILE          read at the start when it is there, written at the end: the cluster survives a restart
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pryv_nomad.files import write_whole
from pryv_nomad.simulator.errors import Refusal
from pryv_nomad.simulator.faults import fault_from_json
from pryv_nomad.simulator.http import Serving, serve
from pryv_nomad.simulator.nodes import NodeSpec
from pryv_nomad.simulator.simulator import Simulator
from pryv_nomad.simulator.snapshot import load, save


def main(arguments: list[str] | None = None) -> int:
    """Run the server; returns the exit code."""
    options = _options(arguments)
    try:
        simulator = _simulator(options)
    except (OSError, ValueError, Refusal) as error:
        print(f"pryv-nomad simulator: {error}", file=sys.stderr)  # noqa: T201
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with serve(simulator, options.port, options.consul_port, options.speed, options.host) as serving:
        _announce(serving, options)
        stop.wait()
    if options.state is not None:
        save(simulator, options.state)
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m pryv_nomad.simulator", description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="port of Nomad's API (0: a free one)")
    parser.add_argument("--consul-port", type=int, default=0, help="port of Consul's API (0: a free one)")
    parser.add_argument("--nodes", type=Path, help="JSON file with the nodes")
    parser.add_argument("--faults", type=Path, help="JSON file with faults")
    parser.add_argument("--speed", type=float, default=1.0, help="simulated seconds a second")
    parser.add_argument("--seed", type=int, default=0, help="seed of the identifiers")
    parser.add_argument("--state", type=Path, help="file that keeps the cluster from one run to the next")
    parser.add_argument("--address-file", type=Path, help="file that gets the addresses")
    return parser.parse_args(arguments)


def _simulator(options: argparse.Namespace) -> Simulator:
    if options.state is not None and options.state.is_file():
        simulator = load(options.state)
        simulator.advance_to(time.time_ns())
    else:
        simulator = Simulator(seed=options.seed, start=time.time_ns(), capture=True)
    for item in _list(options.nodes, "nodes"):
        simulator.add_node(NodeSpec.from_json(item))
    simulator.inject(*[fault_from_json(item) for item in _list(options.faults, "faults")])
    return simulator


def _list(path: Path | None, key: str) -> list[Any]:
    """A JSON list, bare or under a key as the HTTP API takes it."""
    if path is None:
        return []
    value = json.loads(path.read_text(encoding="utf-8"))
    found = value.get(key) if isinstance(value, dict) else value
    if not isinstance(found, list):
        raise ValueError(f"{path}: not a list of {key}")
    return found


def _announce(serving: Serving, options: argparse.Namespace) -> None:
    addresses = {"nomad": serving.nomad_address, "consul": serving.consul_address, "pid": os.getpid()}
    if options.address_file is not None:
        write_whole(options.address_file, json.dumps(addresses) + "\n")
    print(f"nomad {addresses['nomad']}  consul {addresses['consul']}", flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
