"""A plan as JSON: the file that `plan --out` writes and `run` reads. docs/plan-format.md is its description.

The file is versioned and carries a checksum, so that one that was cut or edited is refused and never half understood.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from pryv_nomad.errors import PlanFileError
from pryv_nomad.plan.answers import Effect, Field, Group
from pryv_nomad.plan.change import Action, Change, Plan
from pryv_nomad.plan.client_config import snippet
from pryv_nomad.plan.intent import Intent, Member, Platform, Policy
from pryv_nomad.plan.nodes import Lack

FORMAT = "pryv-nomad/plan"
VERSION = 1
MAKE_NEW = "make a new one with `pryv-nomad plan --out FILE`"
T = TypeVar("T")


def to_text(plan: Plan, lacks: Sequence[Lack] = ()) -> str:
    """The file's text. `lacks` are shown in it and are no part of the plan."""
    body = to_body(plan) | {"nodes": [_lack_out(lack) for lack in lacks]}
    return json.dumps({**body, "checksum": checksum(body)}, indent=1, ensure_ascii=False) + "\n"


def to_body(plan: Plan) -> dict[str, Any]:
    """The document without its checksum."""
    intent = plan.intent
    return {
        "format": FORMAT,
        "version": VERSION,
        "tool": plan.tool,
        "platform": asdict(intent.platform),
        "release": {"from": list(plan.release_from), "to": intent.release, "migrates": intent.migrates},
        "policy": asdict(intent.policy),
        "records_known": plan.records_known,
        "warnings": list(plan.warnings),
        "notes": list(plan.notes),
        "changes": [_change_out(change) for change in plan.changes],
        "unchanged": dict(plan.unchanged),
        "cores": [asdict(member) for member in intent.members],
    }


def from_text(text: str, source: str = "the plan") -> Plan:
    """Read a plan. Raises PlanFileError for a file that is no plan, is of another version, or was damaged."""
    body = _parsed(text, source)
    if body.get("format") != FORMAT:
        raise PlanFileError(f"{source} is not a plan of pryv-nomad", MAKE_NEW)
    if body.get("version") != VERSION:
        raise PlanFileError(
            f"{source} is in version {body.get('version')!r} of the plan format; this pryv-nomad reads {VERSION}",
            MAKE_NEW,
        )
    if body.pop("checksum", None) != checksum(body):
        raise PlanFileError(f"{source} is damaged: it is not as it was written (its checksum differs)", MAKE_NEW)
    try:
        return _plan_in(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PlanFileError(f"{source} lacks what a plan must have ({error})", MAKE_NEW) from error


def checksum(body: Mapping[str, Any]) -> str:
    """SHA-256 of the document's canonical JSON (sorted keys, no spaces), without the checksum itself."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _parsed(text: str, source: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise PlanFileError(f"{source} is damaged: not JSON ({error})", MAKE_NEW) from error
    if not isinstance(body, dict):
        raise PlanFileError(f"{source} is not a plan of pryv-nomad", MAKE_NEW)
    return body


# -- out ---------------------------------------------------------------------------------------------------------


def _lack_out(lack: Lack) -> dict[str, Any]:
    return {
        "owner": lack.needs.owner,
        "jobs": list(lack.needs.jobs),
        "node": lack.node,
        "problems": [problem.text for problem in lack.problems],
        "client_configuration": snippet(lack),
    }


def _change_out(change: Change) -> dict[str, Any]:
    record = change.record
    return {
        "job": change.job_id,
        "action": change.action.value,
        "owner": change.owner,
        "kind": change.kind,
        "core": change.core,
        "hosting": change.hosting,
        "job_modify_index": change.index,
        "record": {"hash": record[0], "index": record[1]} if record else None,
        "drift": change.drift,
        "notes": list(change.notes),
        "groups": [
            {
                "name": group.name,
                "effect": group.effect.value,
                "counts": dict(group.counts),
                "unplaced": list(group.unplaced),
            }
            for group in change.groups
        ],
        "fields": [asdict(each) for each in change.fields],
        "hash": change.hash,
        "spec": change.spec,
    }


# -- in ----------------------------------------------------------------------------------------------------------


def _plan_in(body: Mapping[str, Any]) -> Plan:
    release = body["release"]
    intent = Intent(
        platform=Platform(**body["platform"]),
        release=release["to"],
        migrates=bool(release["migrates"]),
        members=_each(body["cores"], lambda each: Member(**each)),
        policy=Policy.of(body["policy"]),
    )
    return Plan(
        intent=intent,
        tool=body["tool"],
        changes=_each(body["changes"], _change_in),
        unchanged={job_id: int(index) for job_id, index in body["unchanged"].items()},
        release_from=tuple(release["from"]),
        records_known=bool(body["records_known"]),
        warnings=tuple(body["warnings"]),
        notes=tuple(body["notes"]),
    )


def _change_in(each: Mapping[str, Any]) -> Change:
    record = each["record"]
    return Change(
        job_id=each["job"],
        owner=each["owner"],
        kind=each["kind"],
        action=Action(each["action"]),
        index=int(each["job_modify_index"]),
        hash=each["hash"],
        core=each["core"],
        hosting=each["hosting"],
        record=(record["hash"], int(record["index"])) if record else None,
        drift=each["drift"],
        notes=tuple(each["notes"]),
        groups=_each(each["groups"], _group_in),
        fields=_each(each["fields"], lambda field: Field(**field)),
        spec=each["spec"],
    )


def _group_in(each: Mapping[str, Any]) -> Group:
    counts = tuple((word, int(number)) for word, number in each["counts"].items())
    return Group(each["name"], Effect(each["effect"]), counts, tuple(each["unplaced"]))


def _each(items: list[dict[str, Any]], make: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
    return tuple(make(item) for item in items)
