"""The catalogue of platform variables of a release, and what a value of each may be.

A small part of JSON Schema's vocabulary, read from `pryv_nomad/releases/settings-NAME.yml`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from pryv_nomad.model.section import Section
from pryv_nomad.model.validation import written


class Shape(Section):
    """What a value may be."""

    type: Literal["string", "integer", "boolean", "list", "object", "json-text"]
    """json-text: a JSON document handed over as text; a list or map may be written instead."""
    values: tuple[str, ...] = ()
    """The only allowed values."""
    minimum: int | None = None
    """Least integer."""
    maximum: int | None = None
    """Greatest integer."""
    min_length: int | None = None
    """Fewest characters or items."""
    max_length: int | None = None
    """Most characters or items."""
    pattern: str = ""
    """Regular expression that the whole text matches."""
    nullable: bool = False
    """null is allowed."""
    document: Literal["", "list", "object"] = ""
    """json-text: what the document is."""
    properties: dict[str, Shape] = {}
    """object: its keys."""
    required: tuple[str, ...] = ()
    """object: keys that must be there."""
    open: bool = False
    """object: further keys are allowed."""
    items: Shape | None = None
    """list: what each item is."""


class Variable(Shape):
    """One platform variable."""

    default: Any = None
    """Its value where the cluster file gives none."""
    expands: bool = False
    """Names of other variables inside its text are replaced."""
    derived: str = ""
    """The place in the cluster file it follows from; it cannot be set."""
    address: Literal["", "registry", "replica", "static"] = ""
    """It is the public address of this role's machine, and null where the cluster file does not say it."""
    secret: bool = False
    """It is a secret."""
    secret_at: dict[str, str] = {}
    """Place inside it → key of the secret that belongs there."""
    description: str
    """What it does."""


class SecretKey(Section):
    """A secret of the platform."""

    components: tuple[str, ...]
    """Components whose configuration holds it."""
    length: int | None = Field(None, ge=20, le=50)
    """Alphanumerics to generate; without it, the operator gives it."""
    when: str = ""
    """Needed only where this place in the settings exists."""
    description: str
    """What it is for."""


class Catalogue(Section):
    """All variables and secrets of a release."""

    variables: dict[str, Variable]
    """By name."""
    secrets: dict[str, SecretKey] = {}
    """By key."""

    @property
    def addresses(self) -> dict[str, Literal["registry", "replica", "static"]]:
        """Variable that holds a machine's public address → the machine's role."""
        return {name: variable.address for name, variable in self.variables.items() if variable.address}


Findings = Iterator[tuple[tuple[str | int, ...], str]]

_NAMES = {
    "string": "text",
    "integer": "an integer",
    "boolean": "true or false",
    "list": "a list",
    "object": "a map",
    "json-text": "a JSON document",
}
_TYPES = {"string": str, "integer": int, "boolean": bool, "list": list, "object": dict}


def faults(shape: Shape, value: Any) -> Findings:
    """What is wrong with `value`, each with its place inside it (`()` for itself)."""
    if value is None and shape.nullable:
        return
    if shape.type == "json-text":
        yield from _json_faults(shape, value)
        return
    if not isinstance(value, _TYPES[shape.type]) or (shape.type == "integer" and isinstance(value, bool)):
        yield (), f"must be {_NAMES[shape.type]}{' or null' if shape.nullable else ''}, not {written(value)}"
        return
    yield from _limit_faults(shape, value)
    if isinstance(value, dict):
        yield from _object_faults(shape, value)
    elif isinstance(value, list) and shape.items is not None:
        for index, item in enumerate(value):
            yield from (((index, *path), text) for path, text in faults(shape.items, item))


def _limit_faults(shape: Shape, value: Any) -> Findings:
    if isinstance(value, int):
        if shape.minimum is not None and value < shape.minimum:
            yield (), f"must be at least {shape.minimum}"
        if shape.maximum is not None and value > shape.maximum:
            yield (), f"must be at most {shape.maximum}"
        return
    unit = "characters" if isinstance(value, str) else "entries"
    if shape.min_length is not None and len(value) < shape.min_length:
        yield (), f"must have at least {shape.min_length} {unit}"
    if shape.max_length is not None and len(value) > shape.max_length:
        yield (), f"must have at most {shape.max_length} {unit}"
    if shape.values and value not in shape.values:
        yield (), f"must be one of {', '.join(shape.values)}"
    if shape.pattern and not re.fullmatch(shape.pattern, value):
        yield (), f"must look like {shape.pattern}"


def _object_faults(shape: Shape, value: dict[str, Any]) -> Findings:
    for key in shape.required:
        if key not in value:
            yield (), f"lacks the key {key}"
    for key, item in value.items():
        if key in shape.properties:
            yield from (((key, *path), text) for path, text in faults(shape.properties[key], item))
        elif not shape.open:
            yield (key,), f"unknown key; there are {', '.join(shape.properties)}"


def _json_faults(shape: Shape, value: Any) -> Findings:
    document = value
    if isinstance(value, str):
        try:
            document = json.loads(value)
        except ValueError as error:
            yield (), f"must be a JSON document: {error}"
            return
    expected = {"list": list, "object": dict}.get(shape.document)
    if expected is not None and not isinstance(document, expected):
        yield (), f"must be {_NAMES[shape.document]} as JSON, not {written(document)}"


def json_text(value: Any) -> str:
    """A json-text variable's value as the text that its file gets."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
