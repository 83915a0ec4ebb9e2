"""Reads job JSON back as a person or a test would: templates without consul-template's escapes, tasks by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from pryv_nomad.specs.render import Spec

Json = dict[str, Any]

_ESCAPE = re.compile(r'\{\{("(?:[^"\\]|\\.)*")\}\}')
_NO_NEWLINE = '{{ "" -}}\n'
_LONG = re.compile(r"\\U([0-9a-f]{8})")


def job(spec: Spec) -> Json:
    """The job of a spec."""
    found: Json = json.loads(spec.json_text)
    return found


def groups(spec: Spec) -> dict[str, Json]:
    """The groups of a job, by name."""
    return {group["Name"]: group for group in job(spec)["TaskGroups"]}


def tasks(spec: Spec) -> Iterator[tuple[Json, Json]]:
    """(group, task) of all tasks."""
    for group in job(spec)["TaskGroups"]:
        for task in group["Tasks"]:
            yield group, task


def task(spec: Spec, name: str) -> Json:
    """The task `name`."""
    return next(task for _, task in tasks(spec) if task["Name"] == name)


def template(task: Json, path: str) -> Json:
    """The template block whose destination ends in `path`."""
    return next(each for each in task["Templates"] if each["DestPath"].endswith(f"/{path}"))


def written(text: str) -> str:
    """What consul-template writes for `text`, but for actions that ask for something: they stay."""
    if text.endswith(_NO_NEWLINE):
        text = text.removesuffix(_NO_NEWLINE)
    return _ESCAPE.sub(lambda match: _go_string(match[1]), text)


def _go_string(literal: str) -> str:
    text = json.loads(_LONG.sub(lambda match: json.dumps(chr(int(match[1], 16)))[1:-1], literal))
    assert isinstance(text, str)
    return text
