"""From a whole document to the job in the JSON form of Nomad's API, with what jobspec2 fills in (`normalizeJob`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pryv_nomad.errors import HclError
from pryv_nomad.specs.hcl import variables as inputs
from pryv_nomad.specs.hcl.decode import Decoder, Json
from pryv_nomad.specs.hcl.schema import JOB
from pryv_nomad.specs.hcl.syntax import Block, Document

VERSIONS = ("1.6", "2.0")
_TOP_LEVEL = ("variable", "variables", "locals", "job")
_FIVE_SECONDS = 5 * 10**9


def job_of(
    document: Document, given: Mapping[str, object], nomad: str = "1.6", symbols: Sequence[str] = ()
) -> dict[str, Any]:
    """The job; texts that hold one of `symbols` are `Symbolic`. Raises HclError; NeedsValue only with symbols."""
    if nomad not in VERSIONS:
        raise HclError(f"Nomad {nomad} is not known here", f"known: {', '.join(VERSIONS)}")
    block = _job_block(document)
    values = inputs.given(document, inputs.declared(document), given, symbols)
    local = inputs.Locals(document, values)
    local.evaluate_all()
    decoder = Decoder(local.scope, nomad)
    try:
        job = decoder.block(block, JOB)
    except RecursionError:
        raise document.source.error(block.at, "the job is nested too deeply") from None
    _check_groups(document, block, decoder)
    return _normalised(job, nomad)


def _job_block(document: Document) -> Block:
    source = document.source
    for attribute in document.body.attributes.values():
        raise source.error(attribute.at, f"{attribute.name} stands outside of the job block")
    jobs: list[Block] = []
    for block in document.body.blocks:
        if block.type not in _TOP_LEVEL:
            raise source.error(block.at, f"a job file has no block {block.type!r}", f"known: {', '.join(_TOP_LEVEL)}")
        if block.type == "job":
            jobs.append(block)
    if len(jobs) != 1:
        at = jobs[1].at if jobs else 0
        raise source.error(at, f"a job file holds exactly one job block, and this one {len(jobs) or 'none'}")
    return jobs[0]


def _check_groups(document: Document, job: Block, decoder: Decoder) -> None:
    """What the tables cannot say about groups: their scaling, and ports that Nomad would drop."""
    for group in (block for block in job.body.blocks if block.type == "group"):
        for block in group.body.blocks:
            if block.type == "scaling":
                _check_scaling(document, block, decoder)
            elif block.type == "network":
                _check_ports(document, block)
            for inner in block.body.blocks if block.type == "task" else ():
                for network in inner.body.blocks if inner.type == "resources" else ():
                    _check_ports(document, network)


def _check_scaling(document: Document, block: Block, decoder: Decoder) -> None:
    attributes = block.body.attributes
    if "max" not in attributes or decoder.scope.value(attributes["max"].value) is None:
        raise document.source.error(block.at, "the scaling of a group needs the argument max")
    kind = attributes.get("type")
    if kind is not None and decoder.scope.value(kind.value) not in ("", "horizontal"):
        raise document.source.error(kind.at, 'the scaling of a group is of the type "horizontal"')


def _check_ports(document: Document, network: Block) -> None:
    kinds = {block.type: block.at for block in network.body.blocks}
    if "port" in kinds and "reserved_ports" in kinds:
        at = kinds["reserved_ports"]
        raise document.source.error(at, "Nomad drops reserved_ports beside port", "write port with static")


# -- what Nomad fills in -----------------------------------------------------------------------------------------


def _normalised(job: Json, nomad: str) -> Json:
    label = job.pop("label")
    job.setdefault("ID", label)
    job.setdefault("Name", label)
    periodic = job.get("Periodic", {})
    if "Spec" in periodic or "Specs" in periodic:
        periodic["SpecType"] = "cron"
    vault = job.pop("vault", None)
    lone = [{"Name": task["Name"], "Tasks": [task]} for task in job.pop("task", ())]
    if lone:
        job["TaskGroups"] = lone + job.get("TaskGroups", [])
    for group in job.get("TaskGroups", ()):
        _split_ports(group)
        if "Scaling" in group:
            group["Scaling"]["Type"] = "horizontal"  # the only one that _check_scaling lets through
        group_vault = group.pop("vault", vault)
        for task in group.get("Tasks", ()):
            _normalise_task(task, group_vault, nomad)
    return job


def _normalise_task(task: Json, vault: Json | None, nomad: str) -> None:
    _split_ports(task.get("Resources", {}))
    for template in task.get("Templates", ()):
        _normalise_template(template, nomad)
    if "Vault" not in task and vault is not None:
        task["Vault"] = dict(vault)
    if "Vault" in task:
        for key, value in (("Env", True), ("DisableFile", False), ("ChangeMode", "restart")):
            task["Vault"].setdefault(key, value)
    _move_default_identity(task)


def _normalise_template(template: Json, nomad: str) -> None:
    defaults = {"ChangeMode": "restart", "Perms": "0644", "Splay": _FIVE_SECONDS, "ErrMissingKey": False}
    for key, value in defaults.items():
        template.setdefault(key, value)
    script = template.get("ChangeScript")
    if script is not None:
        script.setdefault("Args", [])
        script.setdefault("Timeout", _FIVE_SECONDS)
        script.setdefault("FailOnError", False)
        if nomad == "2.0":
            script.setdefault("RunOnFirstRender", False)


def _split_ports(holder: Json) -> None:
    """Ports with a number are reserved, the others dynamic."""
    for network in holder.get("Networks", ()):
        ports = network.pop("DynamicPorts", [])
        for key, chosen in (
            ("ReservedPorts", [port for port in ports if port["Value"] > 0]),
            ("DynamicPorts", [port for port in ports if port["Value"] <= 0]),
        ):
            if chosen:
                network[key] = chosen


def _move_default_identity(task: Json) -> None:
    """The first identity without a name, or named default, is the task's own."""
    identities = task.get("Identities", [])
    for index, identity in enumerate(identities):
        if identity.get("Name", "") in ("", "default"):
            task["Identity"] = identities.pop(index)
            break
    if "Identities" in task and not identities:
        del task["Identities"]
