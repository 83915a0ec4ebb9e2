"""Machines out of `terraform output -json`: which outputs, and one set of sections out of several.

An output holds sections of a cluster file: `datacenters`, `hostings`, `cores`, `registry`, `static`, `node_classes`.
The modules in `terraform/modules` have it as their output `machines`; a root module passes it on as `pryv_machines`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pryv_nomad.errors import TerraformInputError

DEFAULT_OUTPUT = "pryv_machines"
SECTIONS = ("datacenters", "hostings", "cores", "registry", "static", "node_classes")

_DECLARE = f'declare `output "{DEFAULT_OUTPUT}" {{ value = module.NAME.machines }}` in the root module, and apply it'
_HOW = "give it what `terraform output -json` prints"


def machines(text: str, names: Sequence[str] = ()) -> dict[str, Any]:
    """The sections in the outputs `names` (by default `pryv_machines`) of `terraform output -json`, put together.

    What `terraform output -json NAME` prints for one output is taken, too. Nulls, Terraform's way to leave a thing
    out, are dropped; cores are sorted by name. Raises TerraformInputError with the output's name and the place in it.
    """
    outputs = _object(text)
    if not outputs:
        raise TerraformInputError("the state has no outputs", _DECLARE)
    if "terraform_version" in outputs or "format_version" in outputs:
        raise TerraformInputError("this is a state or a plan, not the outputs of one", _HOW)
    if set(outputs) <= set(SECTIONS) and not all(_wrapped(value) for value in outputs.values()):
        return _joined([("the output", outputs)])
    return _joined([(f"output {name}", _value(outputs, name)) for name in names or (DEFAULT_OUTPUT,)])


def _object(text: str) -> dict[str, Any]:
    if not text.strip():
        raise TerraformInputError("there is nothing to read", _HOW)
    try:
        outputs = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TerraformInputError(f"not JSON: {error}", _HOW) from None
    if not isinstance(outputs, dict):
        raise TerraformInputError("must be a JSON object", _HOW)
    return outputs


def _wrapped(value: Any) -> bool:
    return isinstance(value, dict) and "value" in value and "sensitive" in value


def _value(outputs: Mapping[str, Any], name: str) -> Any:
    if name not in outputs:
        near = difflib.get_close_matches(name, outputs, 1)
        there = f"did you mean {near[0]}?" if near else f"there is {', '.join(sorted(outputs))}"
        remedy = _DECLARE if name == DEFAULT_OUTPUT else "name one that is there: --name NAME"
        raise TerraformInputError(f"there is no output {name!r}; {there}", remedy)
    output = outputs[name]
    if not _wrapped(output):
        raise TerraformInputError(f"output {name}: has no value and type, as Terraform's outputs do", _HOW)
    if output["sensitive"]:
        raise TerraformInputError(
            f"output {name}: is marked sensitive, and a cluster file is a plain one",
            "leave secrets out of it, and the mark with them",
        )
    return output["value"]


def _joined(parts: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """One value of all: lists one after the other, maps key by key. Two values of one key must be equal."""
    result: dict[str, Any] = {}
    for label, part in parts:
        cleaned = _without_nulls(_checked(label, part))
        for section, value in cleaned.items():
            known = result.get(section)
            result[section] = value if known is None else _together(known, value, f"{label}: {section}")
    if not result:
        raise TerraformInputError(f"{parts[0][0]}: holds no machines", f"it may hold {', '.join(SECTIONS)}")
    if "cores" in result:
        result["cores"] = sorted(result["cores"], key=_natural)
    return {section: result[section] for section in SECTIONS if section in result}


def _checked(label: str, part: Any) -> dict[str, Any]:
    if not isinstance(part, dict):
        raise TerraformInputError(f"{label}: must be an object", f"it may hold {', '.join(SECTIONS)}")
    for section, value in part.items():
        if section not in SECTIONS:
            near = difflib.get_close_matches(section, SECTIONS, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise TerraformInputError(
                f"{label}: unknown section {section!r}{meant}", f"it may hold {', '.join(SECTIONS)}"
            )
        form, word = (list, "list") if section in ("cores", "datacenters") else (dict, "map")
        if value is not None and not isinstance(value, form):
            raise TerraformInputError(f"{label}: {section} must be a {word}")
    return part


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _together(one: Any, other: Any, place: str) -> Any:
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *(item for item in other if isinstance(item, dict) or item not in one)]
    if isinstance(one, dict) and isinstance(other, dict):
        shared = {key: _together(one[key], other[key], f"{place}.{key}") for key in one.keys() & other.keys()}
        return {**one, **other, **shared}
    if one != other:
        raise TerraformInputError(f"{place}: is {one!r} in one output and {other!r} in another", "say it once")
    return one


def _natural(core: Any) -> tuple[str, int, str]:
    """Sorts co2 before co10."""
    name = str(core.get("name", "")) if isinstance(core, dict) else ""
    stem = name.rstrip("0123456789")
    digits = name[len(stem) :]
    return stem, int(digits[:18] or 0), name
