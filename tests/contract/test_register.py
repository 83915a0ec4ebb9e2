"""Registering jobs: check indexes, versions, canonical form, refusals, stopping."""

from __future__ import annotations

import pytest

from contract.world import SECOND, World, changed, job_spec, task, update, with_env
from pryv_nomad.errors import ApiError, Conflict, NotFound

HIGH_INDEX = 9_999_999


def test_a_new_job_must_be_registered_with_index_0(nomad: World) -> None:
    job = job_spec(nomad.name("new"))
    with pytest.raises(Conflict, match=f"Enforcing job modify index {HIGH_INDEX}: job does not exist"):
        nomad.client.register(job, enforce_index=HIGH_INDEX)
    with pytest.raises(NotFound, match="job not found"):
        nomad.client.job(job["ID"])
    nomad.client.register(job, enforce_index=0)
    assert nomad.client.job(job["ID"])["Version"] == 0


def test_an_index_that_is_not_the_jobs_is_a_conflict(nomad: World) -> None:
    job = job_spec(nomad.name("conflict"))
    index = nomad.register(job)["JobModifyIndex"]
    with pytest.raises(Conflict, match="Enforcing job modify index 0: job already exists"):
        nomad.client.register(job, enforce_index=0)
    expected = f"Enforcing job modify index {HIGH_INDEX}: job exists with conflicting job modify index: {index}"
    with pytest.raises(Conflict, match=expected):
        nomad.client.register(job, enforce_index=HIGH_INDEX)


def test_an_unchanged_job_keeps_version_and_index_but_is_evaluated(nomad: World) -> None:
    job = job_spec(nomad.name("same"))
    first = nomad.register(job)
    nomad.deployed(job, register=False)
    again = nomad.register(job)
    assert again["JobModifyIndex"] == first["JobModifyIndex"]
    assert again["EvalID"] not in ("", first["EvalID"])
    assert nomad.evaluated(again["EvalID"])["Status"] == "complete"
    found = nomad.client.job(job["ID"])
    assert (found["Version"], found["JobModifyIndex"]) == (0, first["JobModifyIndex"])
    assert len(nomad.client.allocations_for_job(job["ID"])) == 1
    assert len(nomad.client.deployments_for_job(job["ID"])) == 1


def test_a_deployed_job_is_running_and_stable(nomad: World) -> None:
    job = job_spec(nomad.name("stable"))
    nomad.deployed(job)
    found = nomad.client.job(job["ID"])
    assert (found["Status"], found["Stop"], found["Stable"]) == ("running", False, True)
    # Its state changed after it was registered, its specification did not.
    assert found["ModifyIndex"] > found["JobModifyIndex"]


def test_nomad_fills_in_what_a_job_leaves_out(nomad: World) -> None:
    job = job_spec(nomad.name("bare"))
    job["TaskGroups"] = [{"Name": "api", "Tasks": [{"Name": "main", "Driver": "raw_exec"}]}]
    nomad.register(job)
    found = nomad.client.job(job["ID"])
    assert {key: found[key] for key in ("Namespace", "Region", "Priority", "NodePool", "Meta", "Constraints")} == {
        "Namespace": "default",
        "Region": "global",
        "Priority": 50,
        "NodePool": "default",
        "Meta": None,
        "Constraints": None,
    }
    group = found["TaskGroups"][0]
    assert group["Count"] == 1
    assert group["Update"] == {
        "AutoPromote": False,
        "AutoRevert": False,
        "Canary": 0,
        "HealthCheck": "checks",
        "HealthyDeadline": 300 * SECOND,
        "MaxParallel": 1,
        "MinHealthyTime": 10 * SECOND,
        "ProgressDeadline": 600 * SECOND,
        "Stagger": 30 * SECOND,
    }
    assert group["RestartPolicy"] == group["Tasks"][0]["RestartPolicy"]
    assert group["RestartPolicy"]["Attempts"] == 2
    assert group["ReschedulePolicy"]["Unlimited"] is True
    assert group["EphemeralDisk"] == {"Migrate": False, "SizeMB": 300, "Sticky": False}
    assert group["Tasks"][0]["Resources"]["CPU"] == 100
    assert group["Tasks"][0]["KillTimeout"] == 5 * SECOND
    assert found["Update"]["MaxParallel"] == 1
    assert found["Update"]["HealthCheck"] == ""


def _canonical_example(job_id: str) -> dict[str, object]:
    job = job_spec(
        job_id,
        Networks=[
            {
                "DynamicPorts": [{"Label": "http", "To": 3000, "HostNetwork": "private"}],
                "ReservedPorts": [{"Label": "dns", "Value": 15353}],
            }
        ],
        Volumes={"data": {"Type": "host", "Source": "data1", "Name": "data"}},
        Services=[
            {
                "Name": "web",
                "Provider": "nomad",
                "PortLabel": "http",
                "Tags": ["co1"],
                "CanaryTags": ["co1-canary"],
                "Meta": {"core": "co1"},
                "Checks": [{"Type": "http", "Path": "/", "Interval": 5 * SECOND, "Timeout": 2 * SECOND}],
            }
        ],
        MaxClientDisconnect=3600 * SECOND,
        ShutdownDelay=SECOND,
        Meta={"a": "1"},
        Count=0,
    )
    job["Constraints"] = [{"LTarget": "${meta.pryv_core}", "Operand": "=", "RTarget": "co1"}]
    job["Update"] = {"Stagger": 5 * SECOND, "MaxParallel": 2, "AutoRevert": True}
    job["Meta"] = {"platform": "lab"}
    job["TaskGroups"][0]["Tasks"] = [
        task(
            Env={"A": "1"},
            Templates=[
                {"EmbeddedTmpl": "x", "DestPath": "local/x", "ChangeMode": "noop", "ErrMissingKey": True},
                {"EmbeddedTmpl": "y", "DestPath": "local/y", "ChangeMode": "signal", "ChangeSignal": "sighup"},
            ],
            VolumeMounts=[{"Volume": "data", "Destination": "/data"}],
            LogConfig={"MaxFiles": 3},
            Lifecycle=None,
        ),
        task("init", Lifecycle={"Hook": "prestart", "Sidecar": False}),
    ]
    return job


def test_the_canonical_form_of_a_job_with_everything_is_the_same_everywhere(
    nomad: World, request: pytest.FixtureRequest
) -> None:
    """The whole form, group by group: what the real one makes of the job is what the simulator makes of it."""
    from pryv_nomad.simulator.canonical import SERVER_KEYS, canonical_job

    job = _canonical_example(nomad.name("whole"))
    nomad.register(job)
    found = {key: value for key, value in nomad.client.job(job["ID"]).items() if key not in SERVER_KEYS}
    expected = canonical_job(job)
    for where in (found, expected):
        for group in where["TaskGroups"]:
            group["Constraints"].sort(key=lambda item: item["LTarget"])
    assert found == expected


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda job: job.update(ID="with space"), "Job ID contains a space"),
        (lambda job: job.update(TaskGroups=[]), "Missing job task groups"),
        (lambda job: job["TaskGroups"][0]["Tasks"][0].update(Driver=""), "Missing task driver"),
        (
            lambda job: job["TaskGroups"][0]["Update"].update(AutoPromote=True),
            "Auto Promote requires a Canary count greater than zero",
        ),
        (
            lambda job: job["TaskGroups"][0]["Update"].update(MinHealthyTime=60 * SECOND),
            "Minimum healthy time must be less than healthy deadline: 1m0s > 5s",
        ),
        (
            lambda job: job["TaskGroups"][0]["Update"].update(HealthyDeadline=100 * SECOND),
            "Healthy deadline must be less than progress deadline: 1m40s > 10s",
        ),
        (lambda job: job["TaskGroups"].append(dict(job["TaskGroups"][0])), "redefines 'api' from group 1"),
        (lambda job: job.update(Type="strange"), 'Invalid job type: "strange"'),
    ],
)
def test_a_wrong_job_is_refused_with_the_reason(nomad: World, change: object, text: str) -> None:
    job = job_spec(nomad.name("wrong"))
    change(job)  # type: ignore[operator]
    with pytest.raises(ApiError) as caught:
        nomad.client.register(job, enforce_index=0)
    assert text in caught.value.message
    assert caught.value.status == 500


def test_a_job_of_an_unknown_namespace_is_refused(nomad: World) -> None:
    job = {**job_spec(nomad.name("nowhere")), "Namespace": "nowhere"}
    with pytest.raises(ApiError, match="nonexistent namespace"):
        nomad.client.register(job, enforce_index=0)


def test_a_stopped_job_is_kept_and_can_be_registered_again(nomad: World) -> None:
    job = job_spec(nomad.name("again"))
    first = nomad.deployed(job)
    answer = nomad.client.stop(job["ID"])
    assert nomad.evaluated(answer["EvalID"])["TriggeredBy"] == "job-deregister"
    allocs = nomad.allocs(job["ID"], lambda body: all(item["ClientStatus"] == "complete" for item in body))
    assert [item["DesiredDescription"] for item in allocs] == ["alloc not needed due to job update"]
    found = nomad.client.job(job["ID"])
    assert (found["Stop"], found["Version"], found["Status"]) == (True, 1, "dead")
    assert found["JobModifyIndex"] == answer["JobModifyIndex"]
    assert nomad.client.deployment(first["ID"])["Status"] == "successful"
    plan = nomad.client.plan(job)
    assert plan["Annotations"]["DesiredTGUpdates"]["api"]["Place"] == 1
    assert [field["Name"] for field in plan["Diff"]["Fields"]] == ["Stop"]
    nomad.deployed(job, version=2)
    assert nomad.client.job(job["ID"])["Stop"] is False
    assert len(nomad.running(job["ID"])) == 1


def test_a_deployment_of_a_stopped_job_is_cancelled(nomad: World) -> None:
    job = job_spec(nomad.name("cut"), Update=update(MinHealthyTime=3 * SECOND))
    nomad.register(job)
    nomad.running(job["ID"])
    nomad.client.stop(job["ID"])
    found = nomad.deployment(job["ID"], 0, lambda item: item["Status"] != "running")
    assert (found["Status"], found["StatusDescription"]) == ("cancelled", "Cancelled because job is stopped")


def test_stopping_what_is_not_there_does_nothing(nomad: World) -> None:
    assert nomad.client.stop("never-registered")["EvalID"] == ""


def test_a_purged_job_is_gone(nomad: World) -> None:
    job = job_spec(nomad.name("purged"))
    nomad.register(job)
    nomad.client.stop(job["ID"], purge=True)
    with pytest.raises(NotFound):
        nomad.client.job(job["ID"])


def test_a_job_of_the_same_name_after_a_purge_has_its_own_history(nomad: World) -> None:
    job = job_spec(nomad.name("reborn"))
    nomad.register(job)
    nomad.running(job["ID"])
    nomad.client.stop(job["ID"], purge=True)
    nomad.allocs(job["ID"], lambda body: all(item["ClientStatus"] == "complete" for item in body))
    nomad.healthy(job)
    assert nomad.client.job(job["ID"])["Version"] == 0
    assert len(nomad.client.deployments_for_job(job["ID"])) == 1
    assert len(nomad.client.allocations_for_job(job["ID"])) == 1
    assert len(nomad.client.allocations_for_job(job["ID"], all=True)) == 2


def test_stopping_twice_makes_a_version_each_time(nomad: World) -> None:
    job = job_spec(nomad.name("twice"), Count=0)
    nomad.register(job)
    first = nomad.client.stop(job["ID"])
    second = nomad.client.stop(job["ID"])
    assert second["JobModifyIndex"] > first["JobModifyIndex"]
    assert nomad.client.job(job["ID"])["Version"] == 2


def test_a_newer_version_cancels_the_deployment_of_the_older(nomad: World) -> None:
    job = job_spec(nomad.name("newer"), Update=update(MinHealthyTime=3 * SECOND))
    nomad.register(job)
    nomad.running(job["ID"])
    nomad.register(with_env(job, "2"))
    found = nomad.deployment(job["ID"], 0, lambda item: item["Status"] != "running")
    assert (found["Status"], found["StatusDescription"]) == ("cancelled", "Cancelled due to newer version of job")


def test_six_versions_are_kept_newest_first(nomad: World) -> None:
    job = job_spec(nomad.name("versions"), Count=0)
    for number in range(8):
        nomad.register(with_env(job, str(number)))
    versions = nomad.client.job_versions(job["ID"])
    assert [item["Version"] for item in versions] == [7, 6, 5, 4, 3, 2]


def test_revert_refuses_the_current_version_and_a_wrong_prior_one(nomad: World) -> None:
    job = job_spec(nomad.name("revert"), Count=0)
    nomad.register(job)
    nomad.register(with_env(job, "2"))
    with pytest.raises(ApiError, match="can't revert to current version"):
        nomad.client.revert(job["ID"], 1, 1)
    with pytest.raises(ApiError, match="at version 7 not found"):
        nomad.client.revert(job["ID"], 7, 1)
    with pytest.raises(Conflict, match="Current job has version 1; enforcing version 0"):
        nomad.client.revert(job["ID"], 0, 0)
    answer = nomad.client.revert(job["ID"], 0, 1)
    found = nomad.client.job(job["ID"])
    assert (found["Version"], found["JobModifyIndex"]) == (2, answer["JobModifyIndex"])
    assert found["TaskGroups"][0]["Tasks"][0]["Env"] is None


def test_a_count_of_more_than_one_gets_numbered_names(nomad: World) -> None:
    job = job_spec(nomad.name("many"), Count=3)
    nomad.register(job)
    names = sorted(item["Name"] for item in nomad.running(job["ID"], 3))
    assert names == [f"{job['ID']}.api[{number}]" for number in range(3)]
    fewer = changed(job, lambda group: group.update(Count=1))
    nomad.register(fewer)
    assert [item["Name"] for item in nomad.running(job["ID"], 1)] == [f"{job['ID']}.api[0]"]
