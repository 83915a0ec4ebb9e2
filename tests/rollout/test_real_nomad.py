"""The same run against a real Nomad (raw_exec tasks), where its program is on PATH; Consul is the simulator's."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from pryv_nomad.clients.consul import Consul
from pryv_nomad.clients.nomad import Nomad
from pryv_nomad.clients.options import ConsulOptions, NomadOptions
from pryv_nomad.errors import Unhealthy
from pryv_nomad.plan.change import Plan
from pryv_nomad.plan.intent import Intent, Member, Platform, Policy
from pryv_nomad.rollout.admit import Consent, admit
from pryv_nomad.rollout.carry_out import Site, Start, begin
from pryv_nomad.rollout.events import Event
from pryv_nomad.rollout.records import Records
from pryv_nomad.rollout.survey import survey
from pryv_nomad.simulator import Simulator
from pryv_nomad.simulator.http import serve
from tests.contract import agents

pytestmark = pytest.mark.skipif(shutil.which("nomad") is None, reason="no nomad on PATH")

Json = dict[str, Any]
MS = 1_000_000
INTENT = Intent(
    Platform("pryv.example", "global", "default"),
    "1.9.2",
    members=(Member("co1", "ch", "198.51.100.1"), Member("co2", "ch", "198.51.100.2")),
    policy=Policy(1, 30.0),
)


@dataclass(frozen=True)
class RealSpec:
    """A spec of raw_exec tasks."""

    owner: str
    kind: str
    job: Json

    @property
    def job_id(self) -> str:
        return str(self.job["ID"])

    @property
    def json_text(self) -> str:
        return json.dumps(self.job, sort_keys=True, separators=(",", ":"))

    @property
    def hash(self) -> str:
        return f"hash of {self.json_text}"


def task(command: Sequence[str], **values: Any) -> Json:
    resources = {"CPU": 20, "MemoryMB": 16}
    return {
        "Name": "core",
        "Driver": "raw_exec",
        "Config": {"command": command[0], "args": list(command[1:])},
        "Resources": resources,
        **values,
    }


def core(name: str, value: str = "1", command: Sequence[str] = ("/bin/sleep", "3600"), **values: Any) -> RealSpec:
    """The core job of a core: one canaried group."""
    job = {
        "ID": f"pryv-core-{name}",
        "Name": f"pryv-core-{name}",
        "Type": "service",
        "Datacenters": ["dc1"],
        "Update": {
            "MaxParallel": 1,
            "Canary": 1,
            "AutoRevert": True,
            "HealthCheck": "task_states",
            "MinHealthyTime": 200 * MS,
            "HealthyDeadline": 4000 * MS,
            "ProgressDeadline": 5000 * MS,
        },
        "TaskGroups": [
            {
                "Name": "api",
                "Count": 1,
                "RestartPolicy": {"Attempts": 0, "Mode": "fail", "Interval": 60_000 * MS, "Delay": 1000 * MS},
                "ReschedulePolicy": {"Attempts": 0, "Unlimited": False},
                "Tasks": [task(command, Env={"VALUE": value})],
            }
        ],
        **values,
    }
    return RealSpec(name, "core", job)


@dataclass
class Real:
    """The two, and what a run told."""

    nomad: Nomad
    consul: Consul
    told: list[Event] = field(default_factory=list)

    def plan(self, *specs: RealSpec) -> Plan:
        return survey(self.nomad, Records(self.consul, "pryv.example"), INTENT, specs)

    def run(self, *specs: RealSpec) -> list[Event]:
        """Run, and the events."""
        self.told.clear()
        records = Records(self.consul, "pryv.example")
        known = records.read()
        admitted, _ = admit(self.plan(*specs), Consent())
        begin(Site(self.nomad, self.consul, "pryv.example", self.told.append), Start(admitted, records, known))
        return self.told

    def kinds(self, *wanted: str) -> list[tuple[str, str]]:
        return [(event.kind, event.job) for event in self.told if event.kind in wanted]


@pytest.fixture(scope="module")
def real_nomad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nomad]:
    with agents.real_nomad(tmp_path_factory.mktemp("nomad")) as address:
        yield Nomad(NomadOptions(address=address, namespace="default"))


@pytest.fixture
def real(real_nomad: Nomad) -> Iterator[Real]:
    with serve(Simulator()) as serving:
        yield Real(real_nomad, Consul(ConsulOptions(address=serving.consul_address)))
    for stub in real_nomad.list_jobs():
        real_nomad.stop(stub["ID"], purge=True)


def changed(spec: RealSpec, change: Callable[[Json], None]) -> RealSpec:
    job = copy.deepcopy(spec.job)
    change(job)
    return RealSpec(spec.owner, spec.kind, job)


def test_created_changed_through_canaries_and_then_unchanged(real: Real) -> None:
    real.run(core("co1"), core("co2"))
    assert real.kinds("member") == [("member", ""), ("member", "")]
    real.run(core("co1", "2"), core("co2", "2"))
    assert real.kinds("registered", "promoted", "healthy") == [
        (kind, f"pryv-core-{name}") for name in ("co1", "co2") for kind in ("registered", "promoted", "healthy")
    ]
    assert real.plan(core("co1", "2"), core("co2", "2")).empty


def test_a_failing_task_is_explained_and_its_rollback_is_known(real: Real) -> None:
    real.run(core("co1"))
    bad = core("co1", "2", ("/bin/sh", "-c", "echo no configuration >&2; exit 3"))
    with pytest.raises(Unhealthy, match="pryv-core-co1"):
        real.run(bad)
    (explained,) = [event for event in real.told if event.kind == "explained"]
    assert any("Exit Code: 3" in line for line in explained.detail)
    assert any("no configuration" in line for line in explained.detail)
    (change,) = real.plan(bad).changes
    assert change.drift == ""
    real.run(core("co1"))
    assert real.plan(core("co1")).empty


def test_an_edit_by_somebody_else_is_seen(real: Real) -> None:
    real.run(core("co1"))
    job = real.nomad.job("pryv-core-co1")
    job["Priority"] = 77
    real.nomad.register(job, enforce_index=job["JobModifyIndex"])
    (change,) = real.plan(core("co1")).changes
    assert "changed by somebody else" in change.drift
    assert [(each.path, each.old, each.new) for each in change.fields] == [("Priority", "77", "50")]


def test_lost_records_are_found_again_by_nomads_own_comparison(real: Real) -> None:
    real.run(core("co1"))
    for key, _, _ in real.consul.kv_list("pryv-nomad/"):
        real.consul.kv_delete(key)
    index = real.nomad.job("pryv-core-co1")["JobModifyIndex"]
    real.run(core("co1"))
    assert real.nomad.job("pryv-core-co1")["JobModifyIndex"] == index
    assert real.plan(core("co1")).empty


def test_an_in_place_change_needs_no_promotion(real: Real) -> None:
    real.run(core("co1"))
    real.run(changed(core("co1"), lambda job: job.update(Priority=60)))
    assert real.kinds("promoted") == []
    assert real.plan(changed(core("co1"), lambda job: job.update(Priority=60))).empty
