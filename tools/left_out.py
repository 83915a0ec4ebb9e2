"""Says in a few lines what `make test` could not check on this machine, and what to install for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

_BUILT = Path(__file__).resolve().parent / "bin"


def _found(program: str) -> bool:
    return shutil.which(program, path=f"{_BUILT}{os.pathsep}{os.environ.get('PATH', '')}") is not None


def _docker_answers() -> bool:
    if not _found("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode == 0


def left_out() -> list[str]:
    """One line for each part of the tests that this machine has no means for."""
    lines = []
    if not _found("nomad"):
        lines.append("no nomad on PATH: the contract tests ran against the simulator only")
    if not _found("consul"):
        lines.append("no Consul (make tools needs Go): what talks to a real Consul was skipped")
    if not _found("consul-template"):
        lines.append("no consul-template (make tools needs Go): the registry's templates were not rendered by it")
    if not _found("pebble"):
        lines.append("no Pebble (make tools needs Go): no certificate was renewed")
    if not _docker_answers():
        lines.append("no Docker engine answers: no job was run in containers")
    if os.geteuid() != 0:
        lines.append("not root: no cluster of several Nomad clients on this machine")
    return lines


def main() -> None:
    lines = left_out()
    if not lines:
        sys.stdout.write("Nothing was left out for lack of a tool.\n")
    for line in lines:
        sys.stdout.write(f"Left out: {line}\n")


if __name__ == "__main__":
    main()
