"""Takes away what Nomad clients leave on the machine when they end: containers, helper processes, mounts, cgroups.

A Nomad client that stops leaves its tasks running on purpose. A local cluster that goes down takes them with it.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

from pryv_nomad.dev import processes
from pryv_nomad.errors import MissingPrerequisite

_LABEL = "com.hashicorp.nomad.alloc_id"


def clear(folder: Path, docker: str) -> None:
    """Remove what allocations of the clients below `folder` left behind, then the folder itself."""
    remove_containers(folder, docker)
    _unmount(folder)
    try:
        shutil.rmtree(folder)
    except PermissionError as error:  # without root, what containers wrote as their own user stays theirs
        raise MissingPrerequisite(
            f"cannot remove {error.filename}: it belongs to a container's user", f"sudo rm -r {folder}"
        ) from None


def allocations(folder: Path) -> set[str]:
    """Ids of the allocations that clients below `folder` have had: the names of their folders."""
    return {path.name for path in folder.glob("**/nomad/alloc/*") if path.is_dir()}


def remove_containers(folder: Path, docker: str) -> None:
    """Remove the containers of the allocations of the clients below `folder`."""
    ids = allocations(folder)
    if not ids or not docker:
        return
    lines = _docker(docker, "ps", "--all", "--no-trunc", "--format", f'{{{{.ID}}}} {{{{.Label "{_LABEL}"}}}}')
    containers = [line.split()[0] for line in lines if line.split()[-1] in ids]
    if containers:
        _docker(docker, "rm", "--force", "--volumes", *containers)


def _docker(docker: str, *arguments: str) -> list[str]:
    answer = subprocess.run([docker, *arguments], capture_output=True, text=True, timeout=120, check=False)
    if answer.returncode:
        raise MissingPrerequisite(f"docker {arguments[0]}: {answer.stderr.strip()}", "is the Docker engine running?")
    return [line for line in answer.stdout.splitlines() if line.strip()]


def _unmount(folder: Path) -> None:
    """Each allocation has small file systems in memory for its secrets; deepest first."""
    for target in sorted(_mounts(folder), key=len, reverse=True):
        answer = subprocess.run(["umount", target], capture_output=True, text=True, timeout=30, check=False)
        if answer.returncode:
            raise MissingPrerequisite(f"umount {target}: {answer.stderr.strip()}", "end what uses it, then try again")


def _mounts(folder: Path) -> list[str]:
    table = Path("/proc/self/mounts")
    if not table.exists():
        return []
    targets = [line.split()[1].replace("\\040", " ") for line in table.read_text().splitlines()]
    return [target for target in targets if Path(target).is_relative_to(folder) and target != str(folder)]


def end_helpers(folder: Path) -> None:
    """End what still bears the cluster's mark: log collectors and executors of its tasks."""
    processes.end(processes.marked(folder))


def remove_cgroups(cgroup: str) -> None:
    """Remove the empty cgroups that the clients made under `cgroup`, in every hierarchy."""
    roots = [path for path in Path("/sys/fs/cgroup").glob(f"*/{cgroup.strip('/')}") if path.is_dir()]
    for root in roots:
        for path in sorted([root, *root.glob("**/")], key=lambda path: len(path.parts), reverse=True):
            with contextlib.suppress(OSError):  # something still lives there: not ours to end
                path.rmdir()
