"""JSON Schema of the cluster file, for editors: the sections of `file.py` and a release's platform variables.

An editor marks a reference to the environment (`${env:PROCS}`) where an integer is expected; `validate` does not.
"""

from __future__ import annotations

from typing import Any

from pryv_nomad.model.file import ClusterFile
from pryv_nomad.model.variables import Catalogue, Shape

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_TYPES: dict[str, Any] = {
    "string": "string",
    "integer": "integer",
    "boolean": "boolean",
    "list": "array",
    "object": "object",
    "json-text": ["string", "array", "object"],
}


def json_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema, with the settings of one release."""
    schema = ClusterFile.model_json_schema()
    release = schema["properties"]["release"]
    release.pop("type", None)
    release["anyOf"] = [{"type": "string"}, {"type": "number"}]
    schema["properties"]["settings"] = settings_schema(catalogue)
    return {"$schema": DIALECT, "title": "Pryv.io platform", **{k: v for k, v in schema.items() if k != "title"}}


def settings_schema(catalogue: Catalogue) -> dict[str, Any]:
    """The schema of `settings`: the variables that may be set."""
    settable = {
        name: {**shape_schema(variable), "description": variable.description, "default": variable.default}
        for name, variable in catalogue.variables.items()
        if not variable.derived and not variable.secret
    }
    return {
        "type": "object",
        "description": "Platform variables of the release, by their own names.",
        "default": {},
        "additionalProperties": False,
        "properties": settable,
    }


def shape_schema(shape: Shape) -> dict[str, Any]:
    """A shape in JSON Schema's words."""
    kind = _TYPES[shape.type]
    kinds = [kind] if isinstance(kind, str) else list(kind)
    schema: dict[str, Any] = {"type": [*kinds, "null"] if shape.nullable else kind}
    if shape.values:
        schema["enum"] = [*shape.values, *([None] if shape.nullable else [])]
    ends = "Length" if shape.type == "string" else "Items"
    pairs = {"minimum": shape.minimum, "maximum": shape.maximum}
    pairs |= {f"min{ends}": shape.min_length, f"max{ends}": shape.max_length}
    schema |= {key: value for key, value in pairs.items() if value is not None}
    if shape.pattern:
        schema["pattern"] = f"^(?:{shape.pattern})$"
    if shape.type == "object":
        schema["properties"] = {key: shape_schema(each) for key, each in shape.properties.items()}
        schema["additionalProperties"] = shape.open
        schema["required"] = list(shape.required)
    if shape.items is not None:
        schema["items"] = shape_schema(shape.items)
    return schema
