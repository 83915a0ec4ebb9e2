"""Changes a value in a cluster file and leaves the rest to the letter: comments, order, quotes, blank lines.

Verbs that change what should be (`secrets rotate`, later `core add` and `scale`) edit the file, because the file alone
says what should be. The parser tells where a value stands; only that stretch of text is replaced. A library that loads
and dumps (ruamel.yaml was tried) keeps comments but evens out indentation, so that a one-word change shows as a
rewritten file in a review. What was meant is checked by reading the result back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from pryv_nomad.errors import ClusterFileError


def with_value(text: str, path: Sequence[str], value: Any) -> str:
    """`text` (YAML) with the value at `path` (keys from the top) set; maps on the way are made where they are missing.

    Raises ClusterFileError when the text is not a YAML map, something on the way is not one, or the file is written so
    (anchors, merge keys) that the change cannot be made by replacing one stretch of text.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        before = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ClusterFileError(f"cannot be edited: {' '.join(str(error).split())}") from error
    edited = _edit(text, root, path, value)
    if _read(edited) != _assigned(before, path, value):
        raise ClusterFileError(f"{'.'.join(path)}: cannot be set without rewriting the file", "set it by hand")
    return edited


def _edit(text: str, node: yaml.Node | None, path: Sequence[str], value: Any) -> str:
    for depth, key in enumerate(path):
        if not isinstance(node, yaml.MappingNode):
            place = ".".join(path[:depth]) or "the file"
            raise ClusterFileError(f"{place}: not a map, so {key!r} cannot be set in it")
        found = next((child for name, child in node.value if name.value == key), None)
        if found is None:
            return _insert(text, node, path[depth:], value)
        node = found
    if node is None:
        raise ClusterFileError("the whole file cannot be replaced")
    return text[: node.start_mark.index] + _written(value) + text[_end(text, node) :]


def _insert(text: str, parent: yaml.MappingNode, path: Sequence[str], value: Any) -> str:
    if parent.flow_style:
        for key in reversed(path[1:]):
            value = {key: value}
        comma = ", " if parent.value else ""
        at = _end(text, parent.value[-1][1]) if parent.value else parent.start_mark.index + 1
        return f"{text[:at]}{comma}{path[0]}: {_written(value)}{text[at:]}"
    column = parent.start_mark.column
    step = _step(parent)
    lines = [f"{' ' * (column + depth * step)}{key}:" for depth, key in enumerate(path)]
    lines[-1] += f" {_written(value)}"
    end = text.find("\n", _end(text, parent.value[-1][1]))
    at = len(text) if end < 0 else end + 1
    head = text[:at] if text[:at].endswith("\n") else text[:at] + "\n"
    return head + "\n".join(lines) + "\n" + text[at:]


def _written(value: Any) -> str:
    """A value as a person would write it: bare words bare, all else as JSON, which is YAML too."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][\w./-]*", value) and _read(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False)


def _end(text: str, node: yaml.Node) -> int:
    """Where a node's own text ends: the mark of a block lies behind what follows it, comments or a line end."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    end = int(node.end_mark.index)
    return len(text[:end].rstrip("\n")) if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">") else end


def _step(parent: yaml.MappingNode) -> int:
    """The file's own indentation: that of the first nested block map, else two spaces."""
    for name, child in parent.value:
        if isinstance(child, yaml.MappingNode) and not child.flow_style:
            return max(int(child.start_mark.column - name.start_mark.column), 1)
    return 2


def _read(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _assigned(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    inner = document.get(path[0]) if isinstance(document, dict) else None
    return {**(document or {}), path[0]: _assigned(inner, path[1:], value)}
