"""Lays files and `--set` values over one another.

Maps merge, key by key and at any depth. Lists replace, except that `cores` merge by `name`: an entry with a known name
changes that entry, a new name adds one. Works on YAML nodes, so each value keeps its place.
"""

from __future__ import annotations

import copy

import yaml

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model import paths, source

_BY_NAME = {("cores",)}


def merge(under: yaml.Node, over: yaml.Node, path: paths.Path = ()) -> yaml.Node:
    """`over` laid over `under`; neither is changed."""
    if isinstance(under, yaml.MappingNode) and isinstance(over, yaml.MappingNode):
        return _merge_maps(under, over, path)
    if path in _BY_NAME and isinstance(under, yaml.SequenceNode) and isinstance(over, yaml.SequenceNode):
        return _merge_named(under, over, path)
    return over


def _merge_maps(under: yaml.MappingNode, over: yaml.MappingNode, path: paths.Path) -> yaml.MappingNode:
    below, above = source.located_entries(under), source.located_entries(over)
    merged = {name: (key, value) for name, key, value in below}
    for name, key, value in above:
        known = merged.get(name)
        merged[name] = (key, merge(known[1], value, (*path, name)) if known else value)
    # Keys that stand twice in one file stay, for the construction to complain about.
    doubled = [entry for node, seen in ((under, below), (over, above)) for entry in _doubled(node, seen)]
    return yaml.MappingNode(over.tag, [*merged.values(), *doubled], over.start_mark, over.end_mark)


def _doubled(node: yaml.MappingNode, seen: list[tuple[str, yaml.Node, yaml.Node]]) -> list[tuple[yaml.Node, yaml.Node]]:
    used = {id(key) for _, key, _ in seen}
    return [(key, value) for key, value in node.value if id(key) not in used and key.value != "<<"]


def _merge_named(under: yaml.SequenceNode, over: yaml.SequenceNode, path: paths.Path) -> yaml.SequenceNode:
    items = list(under.value)
    index = {name: position for position, item in enumerate(items) if (name := _name(item)) is not None}
    for item in over.value:
        name = _name(item)
        if name in index and name is not None:
            items[index[name]] = merge(items[index[name]], item, (*path, name))
        else:
            items.append(item)
    return yaml.SequenceNode(over.tag, items, over.start_mark, over.end_mark)


def _name(item: yaml.Node) -> str | None:
    if not isinstance(item, yaml.MappingNode):
        return None
    return next((str(value.value) for key, value in source.entries(item) if key == "name"), None)


def assign(root: yaml.Node, assignment: str) -> yaml.Node:
    """`root` with `a.b=c` of the command line done; `c` is YAML.

    An entry of a list is `cores[0]` or, by its name, `cores[co1]`.

    Raises ClusterFileError when it is no assignment or when an entry of a list is not there.
    """
    written, equals, text = assignment.partition("=")
    label = f"--set {written}"
    if not equals:
        raise ClusterFileError(f"--set {assignment}: has no `=`", "write --set path.to.key=value")
    try:
        path = paths.parse(written.strip())
    except ValueError as error:
        raise ClusterFileError(f"{label}: {error}", "write it like update.canary or cores[co1].procs") from None
    value = source.compose(text.encode(), label)
    if value is None:
        mark = root.start_mark
        value = yaml.ScalarNode("plain", "", mark, mark)
    return _assigned(root, path, value, label)


def _assigned(node: yaml.Node, path: paths.Path, value: yaml.Node, label: str) -> yaml.Node:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(node, yaml.SequenceNode):
        return _assigned_entry(node, step, rest, value, label)
    if not isinstance(node, yaml.MappingNode):
        if isinstance(step, int):
            raise ClusterFileError([Problem("", f"there is no list to take entry {step} of", label)])
        node = yaml.MappingNode("tag:yaml.org,2002:map", [], value.start_mark, value.end_mark)
    changed = copy.copy(node)
    key = str(step)
    known = next((entry for entry in source.located_entries(node) if entry[0] == key), None)
    if known is None:
        name = yaml.ScalarNode("tag:yaml.org,2002:str", key, value.start_mark, value.end_mark)
        empty = yaml.ScalarNode("plain", "", value.start_mark, value.end_mark)
        changed.value = [*node.value, (name, _assigned(empty, rest, value, label))]
    else:
        replaced = (known[1], _assigned(known[2], rest, value, label))
        changed.value = [replaced, *(entry for entry in node.value if entry[0] is not known[1])]
    return changed


def _assigned_entry(
    node: yaml.SequenceNode, step: str | int, rest: paths.Path, value: yaml.Node, label: str
) -> yaml.SequenceNode:
    position = (
        step if isinstance(step, int) else next((i for i, item in enumerate(node.value) if _name(item) == step), -1)
    )
    if not 0 <= position < len(node.value):
        raise ClusterFileError([Problem("", f"there is no entry {step} among the {len(node.value)}", label)])
    changed = copy.copy(node)
    changed.value = list(node.value)
    changed.value[position] = _assigned(node.value[position], rest, value, label)
    return changed
