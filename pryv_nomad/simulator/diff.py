"""The difference of two versions of a job in the JSON of Nomad's `/plan` (`nomad/structs/diff.go`, 1.6.5).

Shape: a job diff has Fields, Objects and TaskGroups, a group diff Fields, Objects, Tasks and Updates, a task diff
Fields, Objects and Annotations; each has a Type (Added, Deleted, Edited, None). Inside an object that changed, the
fields that did not are listed too, as Nomad does for `nomad job plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Json = dict[str, Any]
Nested = Callable[[Any, Any], list[Json]]

_JOB_FIELDS_LEFT_OUT = frozenset({"ID", "NomadTokenID", "VaultToken", "Update"})
_UPDATE_NAMES = {
    "Ignore": "ignore", "Place": "create", "Migrate": "migrate", "Stop": "destroy", "Canary": "canary",
    "InPlaceUpdate": "in-place update", "DestructiveUpdate": "create/destroy update",
}  # fmt: skip
# Optional times of a group, which Nomad shows only where both versions have the group.
_GROUP_TIMES = frozenset({"ShutdownDelay", "StopAfterClientDisconnect", "MaxClientDisconnect"})
_IN_PLACE_OBJECTS = frozenset({"Service", "Constraint"})


def annotated_diff(old: Json | None, new: Json, counts: dict[str, Json]) -> Json:
    """The diff of two canonical jobs (`old` None: a new job), with what it means for the allocations."""
    diff = job_diff(old, new)
    for group in diff["TaskGroups"]:
        _annotate_group(group, counts.get(group["Name"]))
    return diff


def job_diff(old: Json | None, new: Json) -> Json:
    """The diff without annotations."""
    fields = _fields(_flat(old, _JOB_FIELDS_LEFT_OUT), _flat(new, _JOB_FIELDS_LEFT_OUT), contextual=False)
    before = old or {}
    datacenters = _string_set("Datacenters", before.get("Datacenters"), new["Datacenters"])
    objects = [item for item in datacenters if item["Type"] != "None"]
    objects += _set("Constraint", before.get("Constraints"), new["Constraints"])
    objects += _set("Affinity", before.get("Affinities"), new["Affinities"])
    objects += _one("Periodic", before.get("Periodic"), new["Periodic"])
    groups = _by_name(before.get("TaskGroups"), new["TaskGroups"], _group)
    return {
        "Fields": fields or None, "ID": new["ID"], "Objects": objects or None, "TaskGroups": groups or None,
        "Type": "Added" if old is None else _edited(fields, objects, groups),
    }  # fmt: skip


def _edited(*parts: list[Json]) -> str:
    return "Edited" if any(item["Type"] != "None" for part in parts for item in part) else "None"


def _group(old: Json | None, new: Json | None) -> Json:
    before, after = old or {}, new or {}
    left_out = {"Name"} if old and new else {"Name", *_GROUP_TIMES}
    fields = _fields(_flat(old, left_out), _flat(new, left_out), contextual=False)
    objects = _set("Constraint", before.get("Constraints"), after.get("Constraints"))
    objects += _set("Affinity", before.get("Affinities"), after.get("Affinities"))
    for key in ("RestartPolicy", "ReschedulePolicy", "EphemeralDisk", "Consul"):
        objects += _primitive(key, before.get(key), after.get(key))
    objects += _primitive("Update", before.get("Update"), after.get("Update"), ("Stagger",))
    objects += _networks(before.get("Networks"), after.get("Networks"))
    objects += _services(before.get("Services"), after.get("Services"))
    objects += _volumes(before.get("Volumes"), after.get("Volumes"))
    return {
        "Fields": fields or None, "Name": (new or before)["Name"], "Objects": objects or None,
        "Tasks": _by_name(before.get("Tasks"), after.get("Tasks"), _task) or None, "Type": _kind(old, new),
        "Updates": None,
    }  # fmt: skip


def _task(old: Json | None, new: Json | None) -> Json:
    before, after = old or {}, new or {}
    left_out = {"Name", "Config"}
    fields = _fields(_flat(old, left_out), _flat(new, left_out), contextual=False)
    objects = _set("Constraint", before.get("Constraints"), after.get("Constraints"))
    objects += _set("Affinity", before.get("Affinities"), after.get("Affinities"))
    objects += _config("Config", before.get("Config"), after.get("Config"))
    objects += _one("Resources", before.get("Resources"), after.get("Resources"), {"Networks": _networks})
    objects += _primitive("LogConfig", before.get("LogConfig"), after.get("LogConfig"))
    objects += _set("Artifact", before.get("Artifacts"), after.get("Artifacts"))
    objects += _services(before.get("Services"), after.get("Services"))
    objects += _one("Vault", before.get("Vault"), after.get("Vault"))
    objects += _templates(before.get("Templates"), after.get("Templates"))
    return {
        "Annotations": None, "Fields": fields or None, "Name": (new or before)["Name"], "Objects": objects or None,
        "Type": _kind(old, new),
    }  # fmt: skip


def _kind(old: Any, new: Any) -> str:
    if old is None:
        return "Added"
    if new is None:
        return "Deleted"
    return "None" if old == new else "Edited"


def _by_name(old: Iterable[Json] | None, new: Iterable[Json] | None, differ: Callable[..., Json]) -> list[Json]:
    before = {item["Name"]: item for item in old or ()}
    after = {item["Name"]: item for item in new or ()}
    return [differ(before.get(name), after.get(name)) for name in sorted({**before, **after})]


# -- fields


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | str):
        return str(value)
    return None


def _flat(of: Json | None, left_out: Iterable[str] = ()) -> dict[str, str]:
    """The primitive values of an object, and those of its maps as `Env[KEY]`."""
    result: dict[str, str] = {}
    for key, value in (of or {}).items():
        if key in left_out:
            continue
        text = _text(value)
        if text is not None:
            result[key] = text
        elif isinstance(value, dict) and key in ("Env", "Meta", "CanaryMeta", "GetterOptions", "GetterHeaders"):
            result.update({f"{key}[{name}]": str(item) for name, item in value.items()})
    return result


def _deep(value: Any, path: str = "") -> dict[str, str]:
    """All values of a driver's configuration: `args[0]`, `mounts[0][source]`."""
    if isinstance(value, dict):
        items = [(f"{path}[{key}]" if path else str(key), item) for key, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{path}[{number}]", item) for number, item in enumerate(value)]
    else:
        text = _text(value)
        return {path: text} if text is not None else {}
    result: dict[str, str] = {}
    for key, item in items:
        result.update(_deep(item, key))
    return result


def _field(name: str, old: str, new: str) -> Json:
    kind = "Edited"
    if old == new:
        kind = "None"
    elif not old:
        kind = "Added"
    elif not new:
        kind = "Deleted"
    return {"Annotations": None, "Name": name, "New": new, "Old": old, "Type": kind}


def _fields(old: dict[str, str], new: dict[str, str], contextual: bool) -> list[Json]:
    found = [_field(name, old.get(name, ""), new.get(name, "")) for name in sorted({**old, **new})]
    return found if contextual else [item for item in found if item["Type"] != "None"]


def _object(name: str, fields: list[Json], kind: str, objects: list[Json] | None = None) -> Json:
    return {"Fields": fields or None, "Name": name, "Objects": objects or None, "Type": kind}


# -- objects


def _primitive(name: str, old: Json | None, new: Json | None, left_out: Iterable[str] = ()) -> list[Json]:
    """An object of primitive values only; its type follows from its fields."""
    fields = _fields(_flat(old, left_out), _flat(new, left_out), contextual=True)
    kinds = {item["Type"] for item in fields}
    if "Edited" in kinds or {"Added", "Deleted"} <= kinds:
        kind = "Edited"
    elif "Added" in kinds:
        kind = "Added"
    elif "Deleted" in kinds:
        kind = "Deleted"
    else:
        return []
    return [_object(name, fields, kind)]


def _one(name: str, old: Json | None, new: Json | None, nested: dict[str, Nested] | None = None) -> list[Json]:
    """An object with others inside it."""
    if old == new:
        return []
    before, after = old or {}, new or {}
    objects: list[Json] = []
    for key, differ in (nested or {}).items():
        objects += differ(before.get(key), after.get(key))
    return [_object(name, _fields(_flat(old), _flat(new), contextual=True), _kind(old, new), objects)]


def _set(name: str, old: list[Json] | None, new: list[Json] | None) -> list[Json]:
    """Objects without a name of their own: one that changed is a deleted one and an added one."""
    before, after = old or [], new or []
    found: list[Json] = []
    for item in after:
        if item not in before:
            found += _primitive(name, None, item)
    for item in before:
        if item not in after:
            found += _primitive(name, item, None)
    return found


def _string_set(name: str, old: list[str] | None, new: list[str] | None) -> list[Json]:
    before, after = set(old or ()), set(new or ())
    fields = [_field(name, item if item in before else "", item if item in after else "") for item in before | after]
    if not fields:
        return []
    added, removed = bool(after - before), bool(before - after)
    kind = "Edited" if added and removed else "Added" if added else "Deleted" if removed else "None"
    fields.sort(key=lambda item: (item["Old"], item["New"]))
    return [_object(name, fields, kind)]


def _config(name: str, old: Json | None, new: Json | None) -> list[Json]:
    if (old or None) == (new or None):
        return []
    fields = _fields(_deep(old or {}), _deep(new or {}), contextual=True)
    return [_object(name, fields, _kind(old or None, new or None))]


def _networks(old: list[Json] | None, new: list[Json] | None) -> list[Json]:
    before, after = old or [], new or []
    found: list[Json] = []
    for item in after:
        if item not in before:
            found += _network(None, item)
    for item in before:
        if item not in after:
            found += _network(item, None)
    return found


def _network(old: Json | None, new: Json | None) -> list[Json]:
    left_out = {"Device", "CIDR", "IP"}
    # Nomad leaves an empty host name out of a job's JSON, and shows it in the diff.
    before = {"Hostname": "", **(old or {})}
    after = {"Hostname": "", **(new or {})}
    objects = _ports("Static Port", before.get("ReservedPorts"), after.get("ReservedPorts"), ())
    objects += _ports("Dynamic Port", before.get("DynamicPorts"), after.get("DynamicPorts"), ("Value",))
    objects += _config("DNS", before.get("DNS"), after.get("DNS"))
    return [
        _object("Network", _fields(_flat(before, left_out), _flat(after, left_out), True), _kind(old, new), objects)
    ]


def _ports(name: str, old: list[Json] | None, new: list[Json] | None, left_out: Iterable[str]) -> list[Json]:
    before = {item["Label"]: item for item in old or ()}
    after = {item["Label"]: item for item in new or ()}
    found: list[Json] = []
    for label in sorted({**before, **after}):
        found += _primitive(name, before.get(label), after.get(label), left_out)
    return found


def _matched(old: list[Json], new: list[Json], score: Callable[[int, Json, int, Json], int]) -> list[tuple[Any, Any]]:
    """Pairs of what belongs together: each old item with the new one that scores highest above 0."""
    pairs: list[tuple[Any, Any]] = []
    free = list(range(len(new)))
    for number, item in enumerate(old):
        best = max(free, key=lambda index: score(number, item, index, new[index]), default=None)
        if best is None or score(number, item, best, new[best]) <= 0:
            pairs.append((item, None))
        else:
            free.remove(best)
            pairs.append((item, new[best]))
    return pairs + [(None, new[index]) for index in free]


def _service_score(old_number: int, old: Json, new_number: int, new: Json) -> int:
    score = (old_number == new_number) + 2 * (old["PortLabel"] == new["PortLabel"]) + 3 * (old["Name"] == new["Name"])
    return score if score > 2 else 0


def _services(old: list[Json] | None, new: list[Json] | None) -> list[Json]:
    before, after = old or [], new or []
    pairs = _matched(before, after, _service_score)
    if len(before) == len(after) == 1:
        pairs = [(before[0], after[0])]
    found: list[Json] = []
    for one, other in pairs:
        found += _service(one, other)
    return found


def _service(old: Json | None, new: Json | None) -> list[Json]:
    return _one(
        "Service", old, new,
        {
            "CanaryTags": lambda a, b: _string_set("CanaryTags", a, b),
            "Tags": lambda a, b: _string_set("Tags", a, b),
            "Checks": _checks,
        },
    )  # fmt: skip


def _checks(old: list[Json] | None, new: list[Json] | None) -> list[Json]:
    before = {item["Name"]: item for item in old or ()}
    after = {item["Name"]: item for item in new or ()}
    found: list[Json] = []
    for name in sorted({**before, **after}):
        nested: dict[str, Nested] = {
            "Header": lambda a, b: _config("Header", a, b),
            "CheckRestart": lambda a, b: _one("CheckRestart", a, b),
        }
        found += _one("Check", before.get(name), after.get(name), nested)
    return found


def _templates(old: list[Json] | None, new: list[Json] | None) -> list[Json]:
    before, after = old or [], new or []
    pairs = _matched(before, after, lambda _m, a, _n, b: int(a["DestPath"] == b["DestPath"]))
    if len(before) == len(after) == 1:
        pairs = [(before[0], after[0])]
    found: list[Json] = []
    for one, other in pairs:
        nested: dict[str, Nested] = {
            "Wait": lambda a, b: _one("Template", a, b),
            "ChangeScript": lambda a, b: _one("ChangeScript", a, b),
        }
        found += _one("Template", one, other, nested)
    return found


def _volumes(old: Json | None, new: Json | None) -> list[Json]:
    before, after = old or {}, new or {}
    found: list[Json] = []
    for name in sorted({**before, **after}):
        found += _one("Volume", before.get(name), after.get(name))
    return found


# -- annotations


def _annotate_group(group: Json, counts: Json | None) -> None:
    if counts is not None:
        group["Updates"] = {name: counts[key] for key, name in _UPDATE_NAMES.items() if counts[key]}
    for field in group["Fields"] or []:
        if field["Name"] == "Count":
            old, new = int(field["Old"] or 0), int(field["New"] or 0)
            field["Annotations"] = ["forces create" if new > old else "forces destroy"]
    for task in group["Tasks"] or []:
        _annotate_task(task, group["Type"])


def _annotate_task(task: Json, group_type: str) -> None:
    kind = task["Type"]
    if kind == "None":
        return
    if group_type in ("Added", "Deleted") and kind in ("Added", "Deleted"):
        task["Annotations"] = ["forces create" if kind == "Added" else "forces destroy"]
        return
    destructive = any(field["Name"] != "KillTimeout" for field in task["Fields"] or [])
    destructive = destructive or any(_destructive_object(item) for item in task["Objects"] or [])
    task["Annotations"] = ["forces create/destroy update" if destructive else "forces in-place update"]


def _destructive_object(item: Json) -> bool:
    if item["Name"] == "LogConfig":
        return any(field["Name"] == "Disabled" for field in item["Fields"] or [])
    return item["Name"] not in _IN_PLACE_OBJECTS
