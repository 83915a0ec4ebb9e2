"""Starts a real Nomad and a real Consul for the suite, on free loopback ports, and ends them with all they started."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import requests

from tests.ports import free_ports

BUILT_CONSUL = Path(__file__).parents[2] / "tools" / "bin" / "consul"


def nomad_binary() -> str | None:
    return shutil.which("nomad")


def consul_binary() -> str | None:
    return shutil.which("consul") or (str(BUILT_CONSUL) if BUILT_CONSUL.is_file() else None)


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60.0, pause: float = 0.1) -> None:
    """Ask again and again until `condition` holds; for what has no event to wait for: a program that starts."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} after {seconds} s")
        time.sleep(pause)


def answers(url: str, accept: Callable[[object], bool]) -> bool:
    try:
        return accept(requests.get(url, timeout=2).json())
    except (requests.RequestException, ValueError):
        return False


@contextlib.contextmanager
def running(command: list[str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program in a session of its own; at the end it is interrupted, waited for, and killed if it hangs.

    Where `setpriv` is there, the program is interrupted too when the tests themselves are killed.
    """
    if shutil.which("setpriv") is not None:
        command = ["setpriv", "--pdeathsig", "INT", *command]
    with (folder / "output.log").open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def _tasks_under(folder: Path) -> list[int]:
    """Processes whose working folder or command line is inside a folder: Nomad's executors and tasks outlive it."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            inside = str((entry / "cwd").readlink()).startswith(str(folder))
            inside = inside or str(folder).encode() in (entry / "cmdline").read_bytes()
            if inside:
                found.append(int(entry.name))
    return found


@contextlib.contextmanager
def _unmounted(folder: Path) -> Iterator[None]:
    """Nothing is mounted inside a folder afterwards: Nomad leaves the secrets' memory of allocations that it keeps."""
    try:
        yield
    finally:
        for mount in _mounts_under(folder):
            subprocess.run(["umount", mount], check=True, capture_output=True)


def _mounts_under(folder: Path) -> list[str]:
    """Mounts inside a folder, innermost first: an allocation's secrets lie in memory."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return [mount for mount in reversed(mounts) if mount.startswith(f"{folder}/")]


NOMAD_CONFIG = """
data_dir  = "{data}"
bind_addr = "127.0.0.1"
name      = "contract"
log_level = "WARN"
disable_update_check = true
ports {{
  http = {http}
  rpc  = {rpc}
  serf = {serf}
}}
advertise {{
  http = "127.0.0.1"
  rpc  = "127.0.0.1"
  serf = "127.0.0.1"
}}
server {{
  enabled          = true
  bootstrap_expect = 1
}}
client {{
  enabled            = true
  servers            = ["127.0.0.1:{rpc}"]
  network_interface  = "lo"
  cpu_total_compute  = 8000
  memory_total_mb    = 4096
  gc_interval        = "10m"
  gc_max_allocs      = 1000
  gc_disk_usage_threshold  = 99
  gc_inode_usage_threshold = 99
  host_volume "data1" {{
    path = "{volume}"
  }}
  host_network "private" {{
    cidr = "127.0.0.1/32"
  }}
  meta {{
    pryv_core = "co1"
  }}
}}
plugin "raw_exec" {{
  config {{
    enabled = true
  }}
}}
consul {{
  auto_advertise   = false
  server_auto_join = false
  client_auto_join = false
  address          = "{consul}"
}}
telemetry {{
  collection_interval        = "1h"
  publish_allocation_metrics = false
  publish_node_metrics       = false
}}
"""


@contextlib.contextmanager
def real_nomad(folder: Path, consul: str = "127.0.0.1:1") -> Iterator[str]:
    """The address of a server and client that run raw_exec tasks on this machine, with a Consul at HOST:PORT."""
    http, rpc, serf = free_ports(3)
    volume = folder / "volume"
    volume.mkdir()
    config = folder / "agent.hcl"
    places = {"data": folder / "data", "volume": volume, "consul": consul}
    config.write_text(NOMAD_CONFIG.format(http=http, rpc=rpc, serf=serf, **places))
    address = f"http://127.0.0.1:{http}"
    command = [str(nomad_binary()), "agent", "-config", str(config)]
    with _unmounted(folder), running(command, folder) as process:
        try:
            wait_for(
                lambda: (
                    process.poll() is not None
                    or answers(f"{address}/v1/nodes", lambda nodes: [n["Status"] for n in nodes] == ["ready"])
                ),
                "no ready Nomad",
            )
            assert process.poll() is None, (folder / "output.log").read_text()[-2000:]
            yield address
        finally:
            _stop_jobs(address, folder)


def _stop_jobs(address: str, folder: Path) -> None:
    """Stop every job and wait until its tasks are gone; what is left then is ended by its process number."""
    with contextlib.suppress(requests.RequestException, ValueError):
        for job in requests.get(f"{address}/v1/jobs", {"namespace": "*"}, timeout=5).json():
            parameters = {"namespace": job["Namespace"], "purge": "true"}
            requests.delete(f"{address}/v1/job/{job['ID']}", params=parameters, timeout=5)
    allocs = folder / "data" / "alloc"
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: not _tasks_under(allocs), "tasks still run", seconds=10)
    for pid in _tasks_under(allocs):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def real_consul(folder: Path) -> Iterator[str]:
    """The address of a Consul server in development mode."""
    http, server, lan = free_ports(3)
    command = [str(consul_binary()), "agent", "-dev", "-bind=127.0.0.1", "-node=contract", f"-http-port={http}"]
    command += [f"-server-port={server}", f"-serf-lan-port={lan}", "-serf-wan-port=-1", "-dns-port=-1"]
    command += ["-grpc-port=-1", "-grpc-tls-port=-1", "-log-level=err", "-disable-host-node-id"]
    address = f"http://127.0.0.1:{http}"
    with running(command, folder) as process:
        wait_for(
            lambda: process.poll() is not None or answers(f"{address}/v1/catalog/nodes", lambda nodes: bool(nodes)),
            "no Consul",
        )
        assert process.poll() is None, (folder / "output.log").read_text()[-2000:]
        yield address
