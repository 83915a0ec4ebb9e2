"""The question of Terraform's external data source: one flat JSON object of strings on standard input.

Terraform allows strings only, so a list or a map comes as JSON inside its string (`jsonencode(…)`).
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pryv_nomad.errors import TerraformInputError

KEYS = ("cluster_files", "set", "templates", "only")
"""What a query may hold: files, `--set` values, a folder of job templates, patterns of job names."""

_STRINGS_ONLY = "Terraform's `query` takes strings only: wrap lists and maps in jsonencode(…)"


@dataclass(frozen=True, slots=True)
class Query:
    """The options that a query stands for. What it leaves out is empty (None: `templates`)."""

    files: tuple[Path, ...] = ()
    sets: tuple[str, ...] = ()
    templates: Path | None = None
    only: tuple[str, ...] = ()


def parse(text: str) -> Query:
    """The query in `text`. An empty string counts as a key left out.

    Raises TerraformInputError: no JSON, no object, an unknown key, a value that is no string.
    """
    given = _flat(text)
    for key in given:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, 1)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise TerraformInputError(f"query: unknown key {key!r}{meant}", f"it may hold {', '.join(KEYS)}")
    templates = given.get("templates")
    return Query(
        tuple(Path(file) for file in _texts(given, "cluster_files")),
        _assignments(given),
        Path(templates) if templates else None,
        _texts(given, "only"),
    )


def _flat(text: str) -> dict[str, str]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise TerraformInputError(
            f"query: standard input is not JSON: {error}", "Terraform writes it; by hand: echo '{}' | pryv-nomad …"
        ) from None
    except RecursionError:
        raise TerraformInputError("query: is nested too deep", _STRINGS_ONLY) from None
    if not isinstance(given, dict):
        raise TerraformInputError("query: must be a JSON object", 'such as {"cluster_files": "cluster.yml"}')
    for key, value in given.items():
        if not isinstance(value, str):
            raise TerraformInputError(f"query: {key} must be a string, not {_kind(value)}", _STRINGS_ONLY)
    return {key: value for key, value in given.items() if value}


def _texts(given: Mapping[str, str], key: str) -> tuple[str, ...]:
    """A JSON list of strings, or one plain string."""
    text = given.get(key, "")
    if not text.lstrip().startswith("["):
        return (text,) if text else ()
    values = _json(key, text)
    for value in values:
        if not isinstance(value, str) or not value:
            raise TerraformInputError(f"query: {key} must be a list of texts, not of {_kind(value)}")
    return tuple(values)


def _assignments(given: Mapping[str, str]) -> tuple[str, ...]:
    """`a.b=c` of a JSON object (path → value of any kind), a JSON list of assignments, or one assignment."""
    text = given.get("set", "")
    if not text.lstrip().startswith("{"):
        return _texts(given, "set")
    values = _json("set", text)
    return tuple(
        f"{path}={json.dumps(value, sort_keys=True, ensure_ascii=False)}" for path, value in sorted(values.items())
    )


def _json(key: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TerraformInputError(f"query: {key} is not JSON: {error}", "make it with jsonencode(…)") from None


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", bool: "a boolean", type(None): "null", str: "an empty text"}
    return names.get(type(value), "a number")
