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
    """`text` (YAML) with the value at `path` set; maps on the way are made where they are missing.

    `path`: keys from the top; a number is the index of a list.

    Raises ClusterFileError when the text is not a YAML map, something on the way is not one, or the file is written so
    (anchors, merge keys) that the change cannot be made by replacing one stretch of text.
    """
    root, before = _composed(text)
    return _checked(_edit(text, root, path, value), _assigned(before, path, value), ".".join(path))


def with_item(text: str, key: str, item: Any) -> str:
    """`text` with one more item at the end of the list `key`, on one line. Raises ClusterFileError as `with_value`."""
    root, before = _composed(text)
    found = _child(root, key)
    if not isinstance(found, yaml.SequenceNode) or not found.value:
        raise ClusterFileError(f"{key}: not a list with an item in it, so none can be added", "add it by hand")
    end, written = _end(text, found.value[-1]), _written(item)
    if found.flow_style:
        edited = f"{text[:end]}, {written}{text[end:]}"
    else:
        line = text.find("\n", end)
        head = text[: len(text) if line < 0 else line]
        dash = text.rfind("-", 0, found.value[0].start_mark.index)
        indent = dash - (text.rfind("\n", 0, dash) + 1)
        edited = f"{head}\n{' ' * indent}- {written}{text[len(head) :] or chr(10)}"
    return _checked(edited, {**before, key: [*before[key], item]}, key)


def without_item(text: str, key: str, index: int) -> str:
    """`text` without one item of the list `key`. Raises ClusterFileError as `with_value`."""
    root, before = _composed(text)
    found = _child(root, key)
    if not isinstance(found, yaml.SequenceNode) or len(found.value) < 2:
        raise ClusterFileError(f"{key}: its only item cannot be taken out", "change it by hand")
    if found.flow_style:
        items = found.value
        begin = items[index].start_mark.index if index == 0 else _end(text, items[index - 1])
        finish = items[1].start_mark.index if index == 0 else _end(text, items[index])
    else:
        begin = _line_of(text, found.value[index])
        last = index == len(found.value) - 1
        line = text.find("\n", _end(text, found.value[index]))
        finish = (len(text) if line < 0 else line + 1) if last else _line_of(text, found.value[index + 1])
    left = [item for number, item in enumerate(before[key]) if number != index]
    return _checked(text[:begin] + text[finish:], {**before, key: left}, key)


def _line_of(text: str, item: yaml.Node) -> int:
    """Where the line of an item's dash begins."""
    return text.rfind("\n", 0, text.rfind("-", 0, item.start_mark.index)) + 1


def _composed(text: str) -> tuple[yaml.Node | None, Any]:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ClusterFileError(f"cannot be edited: {' '.join(str(error).split())}") from error


def _checked(edited: str, wanted: Any, place: str) -> str:
    if _read(edited) != wanted:
        raise ClusterFileError(f"{place}: cannot be set without rewriting the file", "set it by hand")
    return edited


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """What stands under a key of a map, or at an index of a list."""
    if isinstance(node, yaml.SequenceNode) and key.isdigit() and int(key) < len(node.value):
        item: yaml.Node = node.value[int(key)]
        return item
    if isinstance(node, yaml.MappingNode):
        return next((child for name, child in node.value if name.value == key), None)
    return None


def _edit(text: str, node: yaml.Node | None, path: Sequence[str], value: Any) -> str:
    for depth, key in enumerate(path):
        found = _child(node, key)
        if found is None:
            if not isinstance(node, yaml.MappingNode):
                place = ".".join(path[:depth]) or "the file"
                raise ClusterFileError(f"{place}: not a map, so {key!r} cannot be set in it")
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
    """A value as a person would write it: bare words bare, a map's keys too, all else as JSON, which is YAML too."""
    if isinstance(value, dict) and value:
        return "{" + ", ".join(f"{_written(key)}: {_written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_written, value)) + "]"
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
    if isinstance(document, list):
        at = int(path[0])
        return [_assigned(item, path[1:], value) if number == at else item for number, item in enumerate(document)]
    inner = document.get(path[0]) if isinstance(document, dict) else None
    return {**(document or {}), path[0]: _assigned(inner, path[1:], value)}
