"""`/plan`: what would happen to the allocations, and the differences field by field."""

from __future__ import annotations

from typing import Any

import pytest

from contract.world import MS, SECOND, World, changed, job_spec, task, update, with_env, without_order

Json = dict[str, Any]

NOTHING = {
    "Canary": 0,
    "DestructiveUpdate": 0,
    "Ignore": 0,
    "InPlaceUpdate": 0,
    "Migrate": 0,
    "Place": 0,
    "Preemptions": 0,
    "Stop": 0,
}


def counts(plan: Json) -> Json:
    """The annotations of the group, without zeros."""
    updates = plan["Annotations"]["DesiredTGUpdates"]["api"]
    assert set(updates) == set(NOTHING)
    return {key: value for key, value in updates.items() if value}


_RUNNING: dict[str, Json] = {}


@pytest.fixture
def running(nomad: World) -> Json:
    """A job that runs, with a bit of everything that can change. Plans do not change it, so one serves all tests."""
    address = nomad.client.options.address
    if address not in _RUNNING:
        _RUNNING[address] = _started(nomad)
    return _RUNNING[address]


def _started(nomad: World) -> Json:
    job = job_spec(
        nomad.name("plan"),
        Services=[
            {
                "Name": "web",
                "Provider": "nomad",
                "PortLabel": "http",
                "Tags": ["a"],
                "Checks": [{"Type": "tcp", "Interval": SECOND, "Timeout": SECOND}],
            }
        ],
        Networks=[{"DynamicPorts": [{"Label": "http"}]}],
        Tasks=[task(Templates=[{"EmbeddedTmpl": "one", "DestPath": "local/x"}], Env={"KEPT": "k", "OLD": "o"})],
    )
    nomad.healthy(job)
    nomad.jobs.remove(job["ID"])
    return job


def test_plan_of_a_new_job_places(nomad: World) -> None:
    job = job_spec(nomad.name("unseen"), Count=2)
    plan = nomad.client.plan(job)
    assert counts(plan) == {"Place": 2}
    assert plan["JobModifyIndex"] == 0
    assert plan["FailedTGAllocs"] is None
    assert plan["Diff"]["Type"] == "Added"
    group = plan["Diff"]["TaskGroups"][0]
    assert (group["Type"], group["Updates"]) == ("Added", {"create": 2})
    assert group["Tasks"][0]["Annotations"] == ["forces create"]


def test_plan_of_an_unchanged_job_ignores(nomad: World, running: Json) -> None:
    plan = nomad.client.plan(running)
    assert counts(plan) == {"Ignore": 1}
    assert plan["JobModifyIndex"] == nomad.client.job(running["ID"])["JobModifyIndex"]
    assert plan["Diff"]["Type"] == "None"
    assert plan["Diff"]["Fields"] is None
    assert plan["Diff"]["TaskGroups"][0]["Updates"] == {"ignore": 1}


def test_plan_gives_a_diff_only_when_asked(nomad: World, running: Json) -> None:
    assert nomad.client.plan(running, diff=False)["Diff"] is None


def test_plan_changes_nothing(nomad: World, running: Json) -> None:
    before = nomad.client.job(running["ID"])
    nomad.client.plan(with_env(running, "other"))
    assert nomad.client.job(running["ID"]) == before
    assert len(nomad.client.allocations_for_job(running["ID"])) == 1
    assert len(nomad.client.deployments_for_job(running["ID"])) == 1


IN_PLACE = {
    "a tag": lambda group: group["Services"][0].update(Tags=["a", "b"]),
    "canary tags": lambda group: group["Services"][0].update(CanaryTags=["c"]),
    "a check": lambda group: group["Services"][0]["Checks"][0].update(Interval=2 * SECOND),
    "the update block": lambda group: group["Update"].update(AutoRevert=True),
    "the restart policy": lambda group: group["RestartPolicy"].update(Delay=2 * SECOND),
    "the reschedule policy": lambda group: group["ReschedulePolicy"].update(
        Attempts=1, Interval=60 * SECOND, Delay=5 * SECOND, DelayFunction="constant"
    ),
    "a kill timeout": lambda group: group["Tasks"][0].update(KillTimeout=2 * SECOND),
    "the size of logs": lambda group: group["Tasks"][0].update(LogConfig={"MaxFiles": 3, "MaxFileSizeMB": 5}),
    "a constraint that holds": lambda group: group.update(
        Constraints=[{"LTarget": "${meta.pryv_core}", "Operand": "=", "RTarget": "co1"}]
    ),
    "the shutdown delay": lambda group: group.update(ShutdownDelay=SECOND),
    "max_client_disconnect": lambda group: group.update(MaxClientDisconnect=60 * SECOND),
}  # fmt: skip

DESTRUCTIVE = {
    "an environment variable": lambda group: group["Tasks"][0]["Env"].update(OLD="n"),
    "the configuration": lambda group: group["Tasks"][0]["Config"].update(args=["601"]),
    "a template": lambda group: group["Tasks"][0]["Templates"][0].update(EmbeddedTmpl="two"),
    "meta of the group": lambda group: group.update(Meta={"date": "today"}),
    "meta of the task": lambda group: group["Tasks"][0].update(Meta={"date": "today"}),
    "cpu": lambda group: group["Tasks"][0]["Resources"].update(CPU=30),
    "memory": lambda group: group["Tasks"][0]["Resources"].update(MemoryMB=20),
    "a port": lambda group: group["Networks"][0]["DynamicPorts"].append({"Label": "more"}),
    "a port's network": lambda group: group["Networks"][0]["DynamicPorts"][0].update(HostNetwork="private"),
    "the user": lambda group: group["Tasks"][0].update(User="nobody"),
    "one more task": lambda group: group["Tasks"].append(task("second")),
    "the ephemeral disk": lambda group: group.update(EphemeralDisk={"SizeMB": 150}),
    "a volume": lambda group: group.update(Volumes={"data": {"Type": "host", "Source": "data1"}}),
}  # fmt: skip


def test_changes_in_place_and_changes_that_replace(nomad: World, running: Json) -> None:
    for what, change in IN_PLACE.items():
        assert counts(nomad.client.plan(changed(running, change))) == {"InPlaceUpdate": 1}, what
    for what, change in DESTRUCTIVE.items():
        assert counts(nomad.client.plan(changed(running, change))) == {"DestructiveUpdate": 1}, what
    meta = {**running, "Meta": {"hash": "0"}}
    assert counts(nomad.client.plan(meta)) == {"DestructiveUpdate": 1}, "meta of the job"
    priority = {**running, "Priority": 60}
    assert counts(nomad.client.plan(priority)) == {"InPlaceUpdate": 1}, "the job's priority"


def test_counts_scale_and_groups_come_and_go(nomad: World, running: Json) -> None:
    assert counts(nomad.client.plan(changed(running, lambda group: group.update(Count=3)))) == {
        "Place": 2,
        "InPlaceUpdate": 1,
    }
    assert counts(nomad.client.plan(changed(running, lambda group: group.update(Count=0)))) == {"Stop": 1}
    other = changed(running, lambda group: group.update(Name="other"))
    plan = nomad.client.plan(other)
    assert plan["Annotations"]["DesiredTGUpdates"]["api"]["Stop"] == 1
    assert plan["Annotations"]["DesiredTGUpdates"]["other"]["Place"] == 1
    assert [(group["Name"], group["Type"]) for group in plan["Diff"]["TaskGroups"]] == [
        ("api", "Deleted"),
        ("other", "Added"),
    ]


def test_a_canary_is_planned_for_destructive_updates_only(nomad: World, running: Json) -> None:
    def canaried(group: Json) -> None:
        group["Update"]["Canary"] = 1

    job = changed(running, canaried)
    assert counts(nomad.client.plan(job)) == {"InPlaceUpdate": 1}
    assert counts(nomad.client.plan(with_env(job, "2"))) == {"Canary": 1, "Ignore": 1}
    new = changed(job_spec(nomad.name("fresh")), canaried)
    assert counts(nomad.client.plan(new)) == {"Place": 1}


def _everything(group: Json) -> None:
    for change in (*IN_PLACE.values(), *DESTRUCTIVE.values()):
        change(group)
    group["Count"] = 3
    group["Tasks"][0]["Env"].pop("KEPT")
    group["Tasks"][0]["Env"]["NEW"] = "n"
    group["Services"].append({"Name": "metrics", "Provider": "nomad", "PortLabel": "more"})
    group["Networks"][0]["ReservedPorts"] = [{"Label": "dns", "Value": 15354, "HostNetwork": "private"}]


def test_the_diff_is_the_same_everywhere(nomad: World, running: Json) -> None:
    """The whole JSON of the diff, against what the simulator's own function makes of the two jobs."""
    from pryv_nomad.simulator.canonical import canonical_job
    from pryv_nomad.simulator.diff import annotated_diff

    wanted = changed(running, _everything)
    wanted["Constraints"] = [{"LTarget": "${meta.pryv_core}", "Operand": "is_set"}]
    wanted["Priority"] = 60
    plan = nomad.client.plan(wanted)
    expected = annotated_diff(canonical_job(running), canonical_job(wanted), plan["Annotations"]["DesiredTGUpdates"])
    assert without_order(plan["Diff"]) == without_order(expected)


def test_the_diff_of_a_new_job_is_the_same_everywhere(nomad: World) -> None:
    from pryv_nomad.simulator.canonical import canonical_job
    from pryv_nomad.simulator.diff import annotated_diff

    job = job_spec(nomad.name("diffed"), Update=update(Canary=1), ShutdownDelay=100 * MS)
    plan = nomad.client.plan(job)
    expected = annotated_diff(None, canonical_job(job), plan["Annotations"]["DesiredTGUpdates"])
    assert without_order(plan["Diff"]) == without_order(expected)


def test_plan_tells_what_cannot_be_placed(nomad: World, running: Json) -> None:
    def pinned(group: Json) -> None:
        group["Constraints"] = [{"LTarget": "${meta.pryv_core}", "Operand": "=", "RTarget": "co9"}]

    plan = nomad.client.plan(changed(running, pinned))
    assert counts(plan) == {"DestructiveUpdate": 1}
    metrics = plan["FailedTGAllocs"]["api"]
    # The same evaluation looked at the node before, for a change in place; what it learnt then it does not repeat.
    assert metrics["ConstraintFiltered"] == {"computed class ineligible": 1}
    new = changed(job_spec(nomad.name("unplaced")), pinned)
    assert nomad.client.plan(new)["FailedTGAllocs"]["api"]["ConstraintFiltered"] == {"${meta.pryv_core} = co9": 1}
