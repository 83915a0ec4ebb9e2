"""What `POST /v1/job/ID/plan` answers, as groups and fields that a person reads.

Shapes: Nomad `api/jobs.go` JobPlanResponse, JobDiff, PlanAnnotations. A diff's fields come flat, each with its path in
the job, and only those that differ. A value that looks like a secret is never carried on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pryv_nomad.plan.placement import explain


class Effect(StrEnum):
    """What Nomad will do to a group's allocations, the gravest last."""

    IGNORE = "ignore"
    IN_PLACE = "update in place"
    CREATE = "create"
    SCALE_UP = "scale up"
    SCALE_DOWN = "scale down"
    MIGRATE = "migrate"
    CANARY = "canary"
    REPLACE = "replace"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Group:
    """One group: its `effect`, and how many allocations Nomad will create, update, replace … (`counts`, by Nomad's own
    names in lower case, without zeros). `unplaced` says why allocations would find no node."""

    name: str
    effect: Effect
    counts: tuple[tuple[str, int], ...] = ()
    unplaced: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One field that differs. `path` as `group api / task core / Env[A]`; `effect` in Nomad's words, often empty."""

    path: str
    type: str
    old: str = ""
    new: str = ""
    effect: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Nomad's answer. `differs` is whether the running job's specification is another one."""

    differs: bool
    index: int
    groups: tuple[Group, ...]
    fields: tuple[Field, ...]
    warnings: str = ""

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Answer:
        """From Nomad's JSON."""
        diff = answer.get("Diff") or {}
        return cls(
            differs=diff.get("Type", "None") != "None",
            index=int(answer.get("JobModifyIndex") or 0),
            groups=tuple(_groups(answer)),
            fields=paired(fields(diff)) if diff.get("Type") == "Edited" else (),
            warnings=(answer.get("Warnings") or "").strip(),
        )


# -- groups ------------------------------------------------------------------------------------------------------

COUNTS = {
    "Ignore": "ignore",
    "Place": "create",
    "Migrate": "migrate",
    "Stop": "stop",
    "InPlaceUpdate": "in-place update",
    "DestructiveUpdate": "destructive update",
    "Canary": "canary",
    "Preemptions": "preemption",
}


def _groups(answer: Mapping[str, Any]) -> Iterator[Group]:
    updates = (answer.get("Annotations") or {}).get("DesiredTGUpdates") or {}
    failed = answer.get("FailedTGAllocs") or {}
    diffs = {each["Name"]: each for each in (answer.get("Diff") or {}).get("TaskGroups") or ()}
    for name in sorted({*updates, *failed, *diffs}):
        desired = updates.get(name) or {}
        yield Group(
            name=name,
            effect=_effect(desired, diffs.get(name) or {}),
            counts=tuple((word, desired[key]) for key, word in COUNTS.items() if desired.get(key)),
            unplaced=explain(failed[name]) if name in failed else (),
        )


DESTRUCTIVE = "forces create/destroy update"
"""Nomad's mark of a change that replaces allocations (scheduler/annotate.go)."""


def _is_destructive(diff: Mapping[str, Any]) -> bool:
    parts = (each for key in ("Fields", "Objects", "Tasks") for each in diff.get(key) or ())
    return DESTRUCTIVE in (diff.get("Annotations") or ()) or any(map(_is_destructive, parts))


def _effect(desired: Mapping[str, int], diff: Mapping[str, Any]) -> Effect:
    created = diff.get("Type") == "Added"
    counted = any(desired.get(key) for key in ("Canary", "InPlaceUpdate"))
    if diff.get("Type") == "Edited" and not counted and _is_destructive(diff):
        # Nomad counts only what its first step does: where a group also grows, that is the new allocations. The mark
        # alone is not enough, since Nomad also puts it on changes of LogConfig, which it makes in place.
        return Effect.REPLACE
    order = (
        ("DestructiveUpdate", Effect.REPLACE),
        ("Canary", Effect.CANARY),
        ("Migrate", Effect.MIGRATE),
        ("Place", Effect.CREATE if created or not desired.get("Ignore") else Effect.SCALE_UP),
        ("Stop", Effect.STOP if diff.get("Type") == "Deleted" else Effect.SCALE_DOWN),
        ("InPlaceUpdate", Effect.IN_PLACE),
    )
    for key, effect in order:
        if desired.get(key):
            return effect
    return Effect.IGNORE


# -- fields ------------------------------------------------------------------------------------------------------

HIDDEN = "(hidden)"
SENSITIVE = re.compile(r"secret|password|passwd|token|credential|api_?key|private_?key|_key\b", re.IGNORECASE)
# Where somebody may have put a secret: environment, configuration of a driver, text of a template, meta.
FREE_TEXT = re.compile(r"Env\[|Meta\[|Config /|EmbeddedTmpl")
NAMING_FIELDS = ("DestPath", "Label", "Name", "PortLabel", "Source", "LTarget", "Destination")
# What an object that comes or goes has in every case, and nobody reads.
VOID = frozenset({"", "false", "0"})


def fields(diff: Mapping[str, Any]) -> Iterator[Field]:
    """The fields of a JobDiff that differ, groups and tasks included."""
    yield from _of_level(diff, ())
    for group in diff.get("TaskGroups") or ():
        place = (f"group {group['Name']}",)
        if group.get("Type") in ("Added", "Deleted"):
            yield Field(place[0], group["Type"])
            continue
        yield from _of_level(group, place)
        for task in group.get("Tasks") or ():
            inside = (*place, f"task {task['Name']}")
            if task.get("Type") in ("Added", "Deleted"):
                yield Field(" / ".join(inside), task["Type"])
            elif task.get("Type") != "None":
                effect = "; ".join(task.get("Annotations") or ())
                yield from (replace(each, effect=each.effect or effect) for each in _of_level(task, inside))


def paired(found: Iterable[Field]) -> tuple[Field, ...]:
    """The fields by path. One that went and one that came at the same path are one that was edited, which is how a
    person reads what Nomad says of an object without a name, such as a constraint."""
    by_path: dict[str, list[Field]] = {}
    for each in found:
        by_path.setdefault(each.path, []).append(each)
    result: list[Field] = []
    for path in sorted(by_path):
        same = sorted(by_path[path], key=lambda each: (each.type, each.old, each.new))
        if [each.type for each in same] == ["Added", "Deleted"]:
            added, deleted = same
            if added.new != deleted.old:
                result.append(replace(added, type="Edited", old=deleted.old))
        else:
            result += same
    return tuple(result)


def _of_level(level: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[Field]:
    for each in level.get("Fields") or ():
        if each["Type"] != "None":
            yield _field(each, place)
    for inner in level.get("Objects") or ():
        if inner["Type"] != "None":
            yield from _of_object(inner, place)


def _of_object(inner: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[Field]:
    own = list(inner.get("Fields") or ())
    if own and all(each["Name"] == inner["Name"] for each in own) and not inner.get("Objects"):
        # A set (tags, datacenters): one field an entry, under the set's own name.
        yield from (_field(each, place) for each in own if each["Type"] != "None")
        return
    found = _of_level(inner, (*place, _label(inner["Name"], own)))
    whole = inner["Type"] in ("Added", "Deleted")
    yield from (each for each in found if not (whole and (each.new or each.old) in VOID))


def _label(name: str, own: Iterable[Mapping[str, Any]]) -> str:
    values = {each["Name"]: each.get("New") or each.get("Old") or "" for each in own}
    label = next((values[key] for key in NAMING_FIELDS if values.get(key)), "")
    if values.get("Name") and values.get("PortLabel"):
        label = f"{values['Name']}:{values['PortLabel']}"
    return f"{name}[{label}]" if label else name


def _field(each: Mapping[str, Any], place: tuple[str, ...]) -> Field:
    old, new = str(each.get("Old") or ""), str(each.get("New") or "")
    if SENSITIVE.search(each["Name"]):
        old, new = old and HIDDEN, new and HIDDEN
    effect = "; ".join(each.get("Annotations") or ())
    return Field(" / ".join((*place, each["Name"])), each["Type"], old, new, effect)


def without_old_values(found: Iterable[Field]) -> tuple[Field, ...]:
    """The fields without the values of the running job: somebody else wrote those, and a secret may be among them."""
    return tuple(replace(each, old=HIDDEN) if each.old and FREE_TEXT.search(each.path) else each for each in found)
