"""`make demo`: two hostings on the simulator: from nothing to a platform, a good and a bad release, a new core.

Each command is shown as a user types it. Everything happens in `.pryv-nomad/demo` and is stopped at the end.
    python tools/demo.py [--mode simulator|real|auto]
`real` needs Nomad, Consul and Docker, and Pryv.io's images, which need a login.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
FOLDER = CHECKOUT / ".pryv-nomad" / "demo"

CHANGE = """# What changes: laid over cluster.yml by a second -c.
registry: {register: {instances: 3}}
settings: {SUPPORT_URL: https://pryv.example/help}
"""

GOOD = ("--set", "images.overrides.core=pryvio/core:1.9.2-1")
BAD = ("--set", "images.overrides.core=pryvio/core:1.9.2-broken")

NEXT = """
What to try next
  .venv/bin/pryv-nomad init                       a commented cluster file of your own
  eval "$(.venv/bin/pryv-nomad dev up)"           a local Nomad and Consul, or the simulator, that stays
  .venv/bin/pryv-nomad -c examples/two-hostings/cluster.yml plan
  .venv/bin/pryv-nomad dev down
  docs/client-prerequisites.md                    what the machines of a real cluster need
"""


class Failed(Exception):
    """A step did not end as it should."""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _step(title: str) -> None:
    _say(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}")


def _run(
    env: Mapping[str, str], *arguments: str, fine: Sequence[int] = (0,), quiet: bool = False, given: str | None = None
) -> str:
    """Show a command and run it. Raises Failed when its exit code is none of `fine`."""
    _say(f"$ {'echo … | ' if given else ''}pryv-nomad {' '.join(arguments)}")
    command = [sys.executable, "-m", "pryv_nomad", *arguments]
    output = subprocess.PIPE if quiet else None
    answer = subprocess.run(command, cwd=FOLDER, env=env, stdout=output, input=given, text=True, check=False)
    if answer.returncode not in fine:
        raise Failed(f"pryv-nomad {' '.join(arguments)} ended with {answer.returncode}")
    return answer.stdout or ""


def _environment() -> dict[str, str]:
    """Ours, without what would point the demo at somebody's cluster."""
    foreign = ("NOMAD_", "CONSUL_", "VAULT_", "PRYV_NOMAD_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, [str(CHECKOUT), kept.get("PYTHONPATH", "")]))}


def _exported(text: str) -> dict[str, str]:
    """The variables in lines such as `export NOMAD_ADDR=http://127.0.0.1:4646`."""
    pairs = (line.removeprefix("export ").partition("=") for line in text.splitlines() if line.startswith("export "))
    return {name: value for name, _, value in pairs}


def _bad_release(env: Mapping[str, str], base: Sequence[str]) -> None:
    """A release whose core cannot start: it stops at its first canary, and what served goes on serving."""
    _step("8. A bad release: it stops at its first canary")
    fault = {"kind": "task_fails", "image": BAD[1].partition("=")[2]}
    body = json.dumps({"faults": [fault]}).encode()
    address = f"{env['NOMAD_ADDR']}/v1/simulator/faults"
    with urllib.request.urlopen(urllib.request.Request(address, body, method="PUT"), timeout=10):  # noqa: S310
        pass
    _run(env, *base, *BAD, "run", "--yes", "--only", "pryv-core-*", fine=(10,))
    _run(env, *base, "rollout", "status", fine=(0, 10))
    _run(env, *base, "rollout", "report", "-o", "report.html")
    _say(f"  the report: {FOLDER / 'report.html'}")
    _run(env, *base, *GOOD, "rollout", "undo", "--yes", "--now")


def demo(mode: str) -> None:
    """The whole demo. Raises Failed."""
    env = _environment()
    if FOLDER.exists():
        _run(env, "dev", "down", "--dir", "dev")
        shutil.rmtree(FOLDER)
    shutil.copytree(CHECKOUT / "examples" / "two-hostings", FOLDER)
    (FOLDER / "change.yml").write_text(CHANGE)
    base, changed = ("-c", "cluster.yml"), ("-c", "cluster.yml", "-c", "change.yml")
    try:
        _step("1. A local cluster")
        where = ("--dir", "dev", "--nomad-port", "0", "--consul-port", "0", "--mode", mode, "--speed", "60")
        env |= _exported(_run(env, *base, "dev", "up", *where, quiet=True))
        _step("2. The keys and the certificate that the platform needs")
        _run(env, *base, "secrets", "init")
        _run(env, *base, "secrets", "set", "EMAIL_SMTP_PASSWORD", given="not a real one")
        _run(env, *base, "secrets", "tls", "--self-signed")
        _step("3. What would be created")
        _run(env, *base, "plan", fine=(0, 1))
        _step("4. Create it")
        _run(env, *base, "run", "--yes")
        _step("5. What runs")
        _run(env, *base, "status")
        _step("6. A change: a third register process, and another support address")
        _say(CHANGE.rstrip())
        _run(env, *changed, "plan", fine=(0, 1))
        _step("7. A good release: canaries first, core after core")
        _run(env, *base, *GOOD, "run", "--yes", "--only", "pryv-core-*")
        if mode == "simulator":
            _bad_release(env, base)
        _step("9. A core joins: the registry's list follows, nothing restarts")
        _run(env, *base, "core", "add", "co6", "--hosting", "fr", "--ip", "203.0.113.26")
        env |= _exported(_run(env, *base, "dev", "up", *where, quiet=True))
        _run(env, *base, *GOOD, "run", "--yes", "--only", "co6")
        _run(env, *base, "core", "list")
    finally:
        _step("10. Stop it again")
        _run(env, "dev", "down", "--dir", "dev")


def main() -> int:
    """Run the demo; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mode", choices=["simulator", "real", "auto"], default="simulator")
    started = time.monotonic()
    try:
        demo(parser.parse_args().mode)
    except Failed as error:
        _say(f"\nThe demo failed: {error}")
        return 1
    _say(f"\nDone in {time.monotonic() - started:.0f} s.\n{NEXT.strip()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
