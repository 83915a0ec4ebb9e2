"""Jobs as Nomad keeps them: every default filled in, unknown keys dropped, implied constraints added.

A job arrives as the JSON of `PUT /v1/jobs`; `GET /v1/job/ID` returns the canonical form. The defaults are those of
Nomad 1.6.5 (`api/jobs.go`, `api/tasks.go`, `api/services.go`, `nomad/job_endpoint_hooks.go`), as far as our specs use
them. What the server itself keeps (Version, Status, the indexes, SubmitTime, Stable) is not part of the form.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pryv_nomad.simulator.clock import MILLISECOND, SECOND

Json = dict[str, Any]
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

# What the server keeps beside the specification; a change of these is not a change of the job.
SERVER_KEYS = frozenset(
    {"Version", "Status", "StatusDescription", "Stable", "CreateIndex", "ModifyIndex", "JobModifyIndex", "SubmitTime"}
)

_JOB: Json = {
    "Affinities": None, "AllAtOnce": False, "Constraints": None, "ConsulNamespace": "", "ConsulToken": "",
    "Datacenters": None, "DispatchIdempotencyToken": "", "Dispatched": False, "ID": "", "Meta": None,
    "Multiregion": None, "Name": "", "Namespace": "default", "NodePool": "default", "NomadTokenID": "",
    "ParameterizedJob": None, "ParentID": "", "Payload": None, "Periodic": None, "Priority": 50, "Region": "global",
    "Spreads": None, "Stop": False, "TaskGroups": None, "Type": "service", "Update": None, "VaultNamespace": "",
    "VaultToken": "",
}  # fmt: skip
_GROUP: Json = {
    "Affinities": None, "Constraints": None, "Consul": None, "Count": 1, "EphemeralDisk": None,
    "MaxClientDisconnect": None, "Meta": None, "Migrate": None, "Name": "", "Networks": None,
    "ReschedulePolicy": None, "RestartPolicy": None, "Scaling": None, "Services": None, "ShutdownDelay": None,
    "Spreads": None, "StopAfterClientDisconnect": None, "Tasks": None, "Update": None, "Volumes": None,
}  # fmt: skip
_TASK: Json = {
    "Affinities": None, "Artifacts": None, "CSIPluginConfig": None, "Config": None, "Constraints": None,
    "DispatchPayload": None, "Driver": "", "Env": None, "Identity": None, "KillSignal": "",
    "KillTimeout": 5 * SECOND, "Kind": "", "Leader": False, "Lifecycle": None, "LogConfig": None, "Meta": None,
    "Name": "", "Resources": None, "RestartPolicy": None, "ScalingPolicies": None, "Services": None,
    "ShutdownDelay": 0, "Templates": None, "User": "", "Vault": None, "VolumeMounts": None,
}  # fmt: skip
_UPDATE: Json = {
    "AutoPromote": False, "AutoRevert": False, "Canary": 0, "HealthCheck": "checks", "HealthyDeadline": 5 * MINUTE,
    "MaxParallel": 1, "MinHealthyTime": 10 * SECOND, "ProgressDeadline": 10 * MINUTE, "Stagger": 30 * SECOND,
}  # fmt: skip
_EMPTY_UPDATE: Json = {
    "AutoPromote": False, "AutoRevert": False, "Canary": 0, "HealthCheck": "", "HealthyDeadline": 0,
    "MaxParallel": 0, "MinHealthyTime": 0, "ProgressDeadline": 0, "Stagger": 0,
}  # fmt: skip
_RESTART: Json = {
    "Attempts": 2, "Delay": 15 * SECOND, "Interval": 30 * MINUTE, "Mode": "fail", "RenderTemplates": False,
}  # fmt: skip
_BATCH_RESTART: Json = {**_RESTART, "Attempts": 3, "Interval": 24 * HOUR}
_RESCHEDULE: Json = {
    "Attempts": 0, "Delay": 30 * SECOND, "DelayFunction": "exponential", "Interval": 0, "MaxDelay": HOUR,
    "Unlimited": True,
}  # fmt: skip
_BATCH_RESCHEDULE: Json = {
    "Attempts": 1, "Delay": 5 * SECOND, "DelayFunction": "constant", "Interval": 24 * HOUR, "MaxDelay": 0,
    "Unlimited": False,
}  # fmt: skip
_MIGRATE: Json = {
    "HealthCheck": "checks", "HealthyDeadline": 5 * MINUTE, "MaxParallel": 1, "MinHealthyTime": 10 * SECOND,
}  # fmt: skip
_DISK: Json = {"Migrate": False, "SizeMB": 300, "Sticky": False}
_NETWORK: Json = {
    "CIDR": "", "DNS": None, "Device": "", "DynamicPorts": None, "IP": "", "MBits": 0, "Mode": "",
    "ReservedPorts": None,
}  # fmt: skip
_DNS: Json = {"Options": None, "Searches": None, "Servers": None}
_PORT: Json = {"HostNetwork": "default", "Label": "", "To": 0, "Value": 0}
_SERVICE: Json = {
    "Address": "", "AddressMode": "auto", "CanaryMeta": None, "CanaryTags": None, "Checks": None, "Connect": None,
    "EnableTagOverride": False, "Meta": None, "Name": "", "Namespace": "default", "OnUpdate": "require_healthy",
    "PortLabel": "", "Provider": "consul", "TaggedAddresses": None, "Tags": None, "TaskName": "",
}  # fmt: skip
_CHECK: Json = {
    "AddressMode": "", "Args": None, "Body": "", "CheckRestart": None, "Command": "", "Expose": False,
    "FailuresBeforeCritical": 0, "GRPCService": "", "GRPCUseTLS": False, "Header": None, "InitialStatus": "",
    "Interval": 0, "Method": "", "Name": "", "OnUpdate": "require_healthy", "Path": "", "PortLabel": "",
    "Protocol": "", "SuccessBeforePassing": 0, "TLSServerName": "", "TLSSkipVerify": False, "TaskName": "",
    "Timeout": 0, "Type": "",
}  # fmt: skip
_CHECK_RESTART: Json = {"Grace": SECOND, "IgnoreWarnings": False, "Limit": 0}
_RESOURCES: Json = {
    "CPU": 100, "Cores": 0, "Devices": None, "DiskMB": 0, "IOPS": 0, "MemoryMB": 300, "MemoryMaxMB": 0,
    "Networks": None,
}  # fmt: skip
_LOGS: Json = {"Disabled": False, "MaxFileSizeMB": 10, "MaxFiles": 10}
_TEMPLATE: Json = {
    "ChangeMode": "restart", "ChangeScript": None, "ChangeSignal": "", "DestPath": "", "EmbeddedTmpl": "",
    "Envvars": False, "ErrMissingKey": False, "Gid": None, "LeftDelim": "{{", "Perms": "0644", "RightDelim": "}}",
    "SourcePath": "", "Splay": 5 * SECOND, "Uid": None, "VaultGrace": 0, "Wait": None,
}  # fmt: skip
_WAIT: Json = {"Max": None, "Min": None}
_CHANGE_SCRIPT: Json = {"Args": None, "Command": "", "FailOnError": False, "Timeout": 5 * SECOND}
_VOLUME: Json = {
    "AccessMode": "", "AttachmentMode": "", "MountOptions": None, "Name": "", "PerAlloc": False, "ReadOnly": False,
    "Source": "", "Type": "",
}  # fmt: skip
_MOUNT: Json = {"Destination": "", "PropagationMode": "private", "ReadOnly": False, "Volume": ""}
_PERIODIC: Json = {
    "Enabled": True, "ProhibitOverlap": False, "Spec": "", "SpecType": "cron", "Specs": [], "TimeZone": "UTC",
}  # fmt: skip
_CONSTRAINT: Json = {"LTarget": "", "Operand": "", "RTarget": ""}
_LIFECYCLE: Json = {"Hook": "", "Sidecar": False}
_ARTIFACT: Json = {
    "GetterHeaders": None, "GetterMode": "any", "GetterOptions": None, "GetterSource": "", "RelativeDest": "local/",
}  # fmt: skip
_SPREAD: Json = {"Attribute": "", "SpreadTarget": None, "Weight": 0}
_AFFINITY: Json = {"LTarget": "", "Operand": "", "RTarget": "", "Weight": 50}

# A job without datacenters runs in all of them.
_ANY_DATACENTER = ["*"]


def _filled(defaults: Json, given: Json | None) -> Json:
    """The defaults with what was given over them: unknown keys dropped, null meaning not given."""
    result = dict(defaults)
    for key, value in (given or {}).items():
        if key in result and value is not None:
            result[key] = value
    return result


def _filled_list(defaults: Json, given: Iterable[Json] | None) -> list[Json] | None:
    return [_filled(defaults, item) for item in given] if given else None


def _empty_to_none(of: Json, *keys: str) -> None:
    for key in keys:
        if not of[key]:
            of[key] = None


def canonical_job(given: Json) -> Json:
    """The canonical form of a job of the API. Does not look whether the job is valid: `validation.py` does."""
    job = _filled(_JOB, given)
    job["Name"] = job["Name"] or job["ID"]
    job["NodePool"] = job["NodePool"] or "default"
    job["Datacenters"] = list(job["Datacenters"] or _ANY_DATACENTER)
    job["Constraints"] = _filled_list(_CONSTRAINT, job["Constraints"])
    job["Affinities"] = _filled_list(_AFFINITY, job["Affinities"])
    job["Spreads"] = _filled_list(_SPREAD, job["Spreads"])
    _empty_to_none(job, "Meta")
    if job["Periodic"] is not None:
        job["Periodic"] = _filled(_PERIODIC, job["Periodic"])
    update = given.get("Update")
    if update is not None:
        update = _filled(_UPDATE, update)
    elif job["Type"] == "service":
        update = dict(_UPDATE)
    job["TaskGroups"] = [_group(job, update, given, group) for group in given.get("TaskGroups") or []]
    job["Update"] = _job_update(update, job["Type"])
    return job


def _job_update(update: Json | None, kind: str) -> Json:
    """Only stagger and max_parallel stay at the job; the rest has gone into the groups."""
    if update is None or not update["MaxParallel"] or kind not in ("service", "system"):
        return dict(_EMPTY_UPDATE)
    return {**_EMPTY_UPDATE, "MaxParallel": update["MaxParallel"], "Stagger": update["Stagger"]}


def _merged(defaults: Json, *layers: Json | None) -> Json:
    result = defaults
    for layer in layers:
        result = _filled(result, layer)
    return result


def _group(job: Json, update: Json | None, raw_job: Json, given: Json) -> Json:
    kind = job["Type"]
    group = _filled(_GROUP, given)
    if update is not None or group["Update"] is not None:
        group["Update"] = _merged(_UPDATE, update, group["Update"])
    group["EphemeralDisk"] = _filled(_DISK, group["EphemeralDisk"])
    group["Consul"] = {"Namespace": (group["Consul"] or {}).get("Namespace") or ""}
    restart = _BATCH_RESTART if kind in ("batch", "sysbatch") else _RESTART
    group["RestartPolicy"] = _merged(restart, group["RestartPolicy"])
    if kind not in ("system", "sysbatch") or group["ReschedulePolicy"]:
        reschedule = _BATCH_RESCHEDULE if kind == "batch" else _RESCHEDULE
        group["ReschedulePolicy"] = _merged(reschedule, raw_job.get("Reschedule"), group["ReschedulePolicy"])
    if kind == "service" or group["Migrate"] is not None:
        group["Migrate"] = _merged(_MIGRATE, raw_job.get("Migrate"), group["Migrate"])
    group["Constraints"] = _filled_list(_CONSTRAINT, group["Constraints"])
    group["Affinities"] = _filled_list(_AFFINITY, group["Affinities"])
    group["Spreads"] = _filled_list(_SPREAD, group["Spreads"])
    group["Networks"] = [_network(network) for network in group["Networks"] or []] or None
    if group["Volumes"]:
        group["Volumes"] = {name: _filled(_VOLUME, volume) for name, volume in sorted(group["Volumes"].items())}
    _empty_to_none(group, "Volumes", "Meta")
    group["Tasks"] = [_task(job, group, task) for task in group["Tasks"] or []]
    group["Services"] = [_service(job, group, None, service) for service in group["Services"] or []] or None
    _imply_constraints(group)
    return group


def _network(given: Json) -> Json:
    network = _filled(_NETWORK, given)
    if given.get("Hostname"):
        network["Hostname"] = given["Hostname"]
    for key in ("DynamicPorts", "ReservedPorts"):
        ports = _filled_list(_PORT, network[key])
        for port in ports or []:
            port["HostNetwork"] = port["HostNetwork"] or "default"
        network[key] = ports
    if network["DNS"] is not None:
        network["DNS"] = _filled(_DNS, network["DNS"])
    return network


def _task(job: Json, group: Json, given: Json) -> Json:
    task = _filled(_TASK, given)
    raw_resources = task["Resources"] or {}
    task["Resources"] = _filled(_RESOURCES, raw_resources)
    if raw_resources.get("Cores") and raw_resources.get("CPU") is None:
        task["Resources"]["CPU"] = 0
    task["Resources"]["Networks"] = [_network(item) for item in task["Resources"]["Networks"] or []] or None
    task["LogConfig"] = _filled(_LOGS, task["LogConfig"])
    task["RestartPolicy"] = _merged(group["RestartPolicy"], task["RestartPolicy"])
    task["Constraints"] = _filled_list(_CONSTRAINT, task["Constraints"])
    task["Affinities"] = _filled_list(_AFFINITY, task["Affinities"])
    task["Artifacts"] = _filled_list(_ARTIFACT, task["Artifacts"])
    task["Templates"] = [_template(template) for template in task["Templates"] or []] or None
    task["VolumeMounts"] = _filled_list(_MOUNT, task["VolumeMounts"])
    task["Services"] = [_service(job, group, task, service) for service in task["Services"] or []] or None
    lifecycle = task["Lifecycle"]
    task["Lifecycle"] = _filled(_LIFECYCLE, lifecycle) if lifecycle and lifecycle.get("Hook") else None
    _empty_to_none(task, "Env", "Meta", "Config")
    return task


def _template(given: Json) -> Json:
    template = _filled(_TEMPLATE, given)
    if template["ChangeMode"] == "signal" and not template["ChangeSignal"]:
        template["ChangeSignal"] = "SIGHUP"
    template["ChangeSignal"] = template["ChangeSignal"].upper()
    if template["ChangeScript"] is not None:
        template["ChangeScript"] = _filled(_CHANGE_SCRIPT, template["ChangeScript"])
    if template["Wait"] is not None:
        template["Wait"] = _filled(_WAIT, template["Wait"])
    return template


def _service(job: Json, group: Json, task: Json | None, given: Json) -> Json:
    service = _filled(_SERVICE, given)
    base = f"{job['Name']}-{group['Name']}"
    where = f"{base}-{task['Name']}" if task else base
    service["Name"] = _named(service["Name"] or where, job, group, task, base)
    for key, default in (("AddressMode", "auto"), ("OnUpdate", "require_healthy"), ("Provider", "consul")):
        service[key] = service[key] or default
    if task is not None:
        service["TaskName"] = task["Name"]
    if service["Provider"] == "nomad":
        service["Namespace"] = job["Namespace"]
    _empty_to_none(service, "Meta", "CanaryMeta", "TaggedAddresses", "Tags", "CanaryTags")
    restart = given.get("CheckRestart")
    service["Checks"] = [_check(service, restart, check) for check in service["Checks"] or []] or None
    return service


def _named(name: str, job: Json, group: Json, task: Json | None, base: str) -> str:
    """A service's name with the few variables that Nomad's server puts in."""
    for variable, value in (
        ("JOB", job["Name"]),
        ("TASKGROUP", group["Name"]),
        ("TASK", task["Name"] if task else ""),
        ("BASE", f"{base}-{task['Name']}" if task else base),
    ):
        name = name.replace("${" + variable + "}", value)
    return name


def _check(service: Json, restart: Json | None, given: Json) -> Json:
    check = _filled({**_CHECK, "OnUpdate": service["OnUpdate"]}, given)
    check["OnUpdate"] = check["OnUpdate"] or service["OnUpdate"]
    check["Name"] = check["Name"] or f'service: "{service["Name"]}" check'
    given_restart = given.get("CheckRestart")
    if restart or given_restart:
        check["CheckRestart"] = _merged(_CHECK_RESTART, restart, given_restart)
    _empty_to_none(check, "Args", "Header")
    return check


def _imply_constraints(group: Json) -> None:
    """Services and signals need clients that can do them; Nomad says so in constraints of its own making."""
    services = list(group["Services"] or [])
    signals: set[str] = set()
    for task in group["Tasks"]:
        services += task["Services"] or []
        signals |= _signals(task)
    implied: list[tuple[Json, bool]] = []
    if signals:
        wanted = ",".join(sorted(signals))
        implied.append(({"LTarget": "${attr.os.signals}", "Operand": "set_contains", "RTarget": wanted}, True))
    if any(service["Provider"] == "nomad" for service in services):
        implied.append(({"LTarget": "${attr.nomad.service_discovery}", "Operand": "=", "RTarget": "true"}, True))
    if any(service["Provider"] == "nomad" and service["Checks"] for service in services):
        implied.append(({"LTarget": "${attr.nomad.version}", "Operand": "semver", "RTarget": ">= 1.4.0"}, True))
    if any(service["Provider"] == "consul" for service in services):
        implied.append(({"LTarget": "${attr.consul.version}", "Operand": "semver", "RTarget": ">= 1.7.0"}, False))
    for constraint, compare_whole in implied:
        present = group["Constraints"] or []
        if compare_whole and constraint in present:
            continue
        if not compare_whole and any(item["LTarget"] == constraint["LTarget"] for item in present):
            continue
        group["Constraints"] = [*present, constraint]


def _signals(task: Json) -> set[str]:
    found = {task["KillSignal"]} if task["KillSignal"] else set()
    for template in task["Templates"] or []:
        if template["ChangeMode"] == "signal":
            found.add(template["ChangeSignal"])
    return found


def spec_changed(old: Json, new: Json) -> bool:
    """Whether two canonical jobs differ, as Nomad sees it when a job is registered again."""
    return old != new


__all__ = ["HOUR", "MILLISECOND", "MINUTE", "SERVER_KEYS", "Json", "canonical_job", "spec_changed"]
