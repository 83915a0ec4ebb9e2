"""`python -m pryv_nomad.simulator` as a process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import requests

CHECKOUT = Path(__file__).parents[2]


def start(folder: Path, *options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """The process, and what it wrote about itself."""
    addresses = folder / "addresses.json"
    command = [sys.executable, "-m", "pryv_nomad.simulator", "--address-file", str(addresses), *options]
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("nomad http://127.0.0.1:")
    return process, json.loads(addresses.read_text())


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (0, "")


def test_it_says_where_it_listens_and_stops_when_told(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.json"
    nodes.write_text(json.dumps([{"name": "n1", "meta": {"pryv_core": "co1"}}, {"name": "n2"}]))
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps({"faults": [{"kind": "task_fails", "image": "bad:*"}]}))
    process, found = start(tmp_path, "--nodes", str(nodes), "--faults", str(faults), "--speed", "50")
    try:
        assert found["pid"] == process.pid
        listed = requests.get(f"{found['nomad']}/v1/nodes", timeout=5).json()
        assert sorted(node["Name"] for node in listed) == ["n1", "n2"]
        assert requests.get(f"{found['consul']}/v1/status/leader", timeout=5).json() == "127.0.0.1:8300"
        clock = requests.get(f"{found['nomad']}/v1/simulator/clock", timeout=5).json()
        # It starts at the machine's time.
        assert abs(clock["now"] / 1e9 - time.time()) < 3600
        assert clock["speed"] == 50
    finally:
        stop(process)


def test_a_wrong_file_is_a_message_and_not_a_traceback(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.json"
    for text, message in (('[{"nome": "x"}]', "unknown key of a node: nome"), ("{", "Expecting"), ("3", "not a list")):
        nodes.write_text(text)
        command = [sys.executable, "-m", "pryv_nomad.simulator", "--nodes", str(nodes)]
        done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 2
        assert message in done.stderr
        assert "Traceback" not in done.stderr


def test_a_cluster_survives_the_restart_of_its_server(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    process, found = start(tmp_path, "--state", str(state))
    try:
        body = {"nodes": [{"name": "n1"}]}
        requests.put(f"{found['nomad']}/v1/simulator/nodes", json=body, timeout=5).raise_for_status()
        requests.put(f"{found['consul']}/v1/kv/pryv-nomad/x", data=b"1", timeout=5).raise_for_status()
    finally:
        stop(process)
    process, found = start(tmp_path, "--state", str(state))
    try:
        assert [node["Name"] for node in requests.get(f"{found['nomad']}/v1/nodes", timeout=5).json()] == ["n1"]
        assert requests.get(f"{found['consul']}/v1/kv/pryv-nomad/x?raw", timeout=5).text == "1"
    finally:
        stop(process)
