"""Gates, hooks, notifications and the report on a rollout of the real engine, over HTTP."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.gates.servers import prometheus, vector
from tests.rollout.conftest import lab, running  # noqa: F401 - fixtures
from tests.rollout.platform import Platform

MORE = """\
images: {{overrides: {{core: example/core:2}}}}
rollout:
  waves: ["1", "100%"]
  gates:
    - name: errors
      interval: 100ms
      failure_limit: 1
      prometheus: {{address: "{address}", query: errors, max: 0.5}}
    - name: checks
      at: [wave]
      interval: 100ms
      failure_limit: 50
      consul: {{services: [pryv-core-api]}}
  hooks:
    - at: before rollout
      command: {{argv: ["{python}", -c, "print('backup 17 made')"]}}
    - at: on failure
      command: {{argv: ["{python}", -c, "print('somebody was called')"]}}
  notifications: {{log: "{log}"}}
"""


def kinds(log: Path) -> list[str]:
    return [json.loads(line)["kind"] for line in log.read_text().splitlines()]


def test_a_rollout_goes_through_its_gates_and_has_a_report(running: Platform, tmp_path: Path) -> None:  # noqa: F811
    log, page = tmp_path / "log", tmp_path / "report.html"
    with prometheus({"errors": vector("0.1")}) as server:
        running.write(2, MORE.format(address=server.address, python=sys.executable, log=log))
        result = running.run()
    assert "backup 17 made" in result.out + result.err
    assert "gate errors: pass: 0.1" in result.out + result.err
    assert {"registered", "promoted", "wave", "gate", "hook", "healthy"} <= set(kinds(log))
    started = next(json.loads(line) for line in log.read_text().splitlines() if '"started"' in line)
    assert started["text"] == "pryv.example, rollout 2: is driven from here"
    assert running.pn("rollout", "report", "-o", str(page)).code == 0
    text = page.read_text()
    assert "Readings of the gate errors" in text
    assert "backup 17 made" in text


def test_a_gate_that_fails_keeps_the_canary_from_being_promoted(running: Platform, tmp_path: Path) -> None:  # noqa: F811
    log = tmp_path / "log"
    before = running.nomad.allocations_for_job("pryv-core-co2")
    with prometheus({"errors": vector("0.9")}) as server:
        running.write(2, MORE.format(address=server.address, python=sys.executable, log=log))
        result = running.pn("run", "--yes")
    assert result.code == 10
    assert "gate errors: 0.9; must be at most 0.5" in result.out + result.err
    assert "somebody was called" in result.out + result.err
    assert "promoted" not in kinds(log)
    # The second wave was not begun.
    assert running.nomad.allocations_for_job("pryv-core-co2") == before
