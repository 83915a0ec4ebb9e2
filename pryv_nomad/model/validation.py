"""Turns pydantic's errors into problems that name the place, what is wrong, and the nearest key."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from pryv_nomad.errors import Problem
from pryv_nomad.model import paths, source

_SHOWN = 40
_TYPE_ERRORS = ("_type", "_parsing")
_TEXTS = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be an integer",
    "int_parsing": "must be an integer",
    "int_from_float": "must be an integer",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "dict_type": "must be a map",
    "model_type": "must be a map",
    "tuple_type": "must be a list",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "too_short": "must have at least {min_length} entry",
    "literal_error": "must be one of {expected}",
    "string_pattern_mismatch": "must match {pattern}",
}


def problems(model: type[BaseModel], error: ValidationError, data: Any, root: yaml.Node) -> list[Problem]:
    """Every problem in `error`, which came of validating `data` (made of the nodes below `root`) as `model`."""
    by_place: dict[paths.Path, list[Any]] = {}
    for item in error.errors(include_url=False, include_context=True):
        by_place.setdefault(_path(item, data), []).append(item)
    return [
        _problem(model, path, item, root)
        for path, items in by_place.items()
        for item in _telling(path, items, by_place)
    ]


def _path(item: Any, data: Any) -> paths.Path:
    """The place in the data: pydantic's own, without the names of union branches that stand in it."""
    steps: list[str | int] = []
    loc = item["loc"]
    for number, step in enumerate(loc):
        here = isinstance(data, Mapping) and step in data
        if here or (isinstance(data, list) and isinstance(step, int) and step < len(data)):
            data = data[step]
        elif item["type"] != "missing" or number < len(loc) - 1:
            continue
        steps.append(step)
    return tuple(steps)


def _telling(path: paths.Path, items: list[Any], by_place: Mapping[paths.Path, list[Any]]) -> list[Any]:
    """Of the errors of a union's branches, those of the branch that was meant."""
    if len(items) == 1 and not items[0]["type"].endswith(_TYPE_ERRORS):
        return items
    if any(len(other) > len(path) and other[: len(path)] == path for other in by_place):
        return [item for item in items if not item["type"].endswith(_TYPE_ERRORS)]
    specific = [item for item in items if not item["type"].endswith(_TYPE_ERRORS)]
    return (specific or items)[:1]


def _problem(model: type[BaseModel], path: paths.Path, item: Any, root: yaml.Node) -> Problem:
    kind, context = item["type"], item.get("ctx", {})
    of_key = "[key]" in item["loc"]
    if kind == "extra_forbidden":
        return Problem(paths.text(path), "unknown key", source.locate(root, path, key=True), _nearest(model, path))
    if kind == "value_error":
        text = str(context["error"])
    else:
        text = _TEXTS[kind].format(**context) if kind in _TEXTS else item["msg"][:1].lower() + item["msg"][1:]
    if kind.endswith(_TYPE_ERRORS) or kind == "literal_error":
        text += f", not {written(item['input'])}"
    return Problem(paths.text(path), text, source.locate(root, path, key=of_key))


def written(value: Any) -> str:
    """A value as a message shows it: short, and the kind only of what is large."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    short = text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
    return repr(short) if isinstance(value, str) else short


def _nearest(model: type[BaseModel], path: paths.Path) -> str:
    names = sorted({name for place in _models_at(model, path[:-1]) for name in keys(place)})
    near = difflib.get_close_matches(str(path[-1]), names, 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"there are {', '.join(names)}" if names else ""


def keys(model: type[BaseModel]) -> list[str]:
    """The keys that a section takes."""
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_at(annotation: Any, path: paths.Path) -> Iterator[type[BaseModel]]:
    """The sections that may stand at `path`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not path:
            yield annotation
            return
        for name, field in annotation.model_fields.items():
            if (field.alias or name) == path[0]:
                yield from _models_at(field.annotation, path[1:])
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        for argument in arguments:
            yield from _models_at(argument, path)
    elif origin is Annotated:
        yield from _models_at(arguments[0], path)
    elif origin is dict and path:
        yield from _models_at(arguments[1], path[1:])
    elif origin is tuple and path:
        yield from _models_at(arguments[0], path[1:])
