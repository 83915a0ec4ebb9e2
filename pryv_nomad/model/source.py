"""Reads YAML files into nodes that know their place, and nodes into plain values.

PyYAML's C parser gives nodes with line and column, so no map of positions is built: the place of `cores[2].ip` is found
by walking the nodes, and only when there is something to say about it. Overlays are merged as nodes (`overlay.py`), so
each value keeps the place that it came from.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.resolver import BaseResolver

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model import paths, scalars

_YAML = "tag:yaml.org,2002:"
_PLAIN, _TEXT, _MERGE = "plain", f"{_YAML}str", "<<"
_KNOWN_TAGS = {_PLAIN, *(f"{_YAML}{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq", "merge"))}
MAX_VALUES = 1_000_000
"""Most values in a file, aliases counted as often as they stand: a file of a few lines can ask for billions."""
MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 50


class _Parser(CParser, BaseResolver):
    """The C parser without implicit types: `scalars` decides them."""

    def __init__(self, stream: Any) -> None:
        CParser.__init__(self, stream)
        BaseResolver.__init__(self)

    def resolve(self, kind: type, value: Any, implicit: Any) -> str:  # noqa: ARG002 - the parser calls it so
        """Mark unquoted scalars."""
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        return f"{_YAML}map" if kind is yaml.MappingNode else f"{_YAML}seq"


class _Named(io.BytesIO):
    """Bytes with the name that their marks show."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def place(mark: Any) -> str:
    """`cluster.yml:31:9` of a PyYAML mark; of a value of the command line, the option it came with."""
    if not mark:
        return ""
    name = str(mark.name)
    return name if name.startswith("--") else f"{name}:{mark.line + 1}:{mark.column + 1}"


def read(file: FilePath) -> yaml.MappingNode:
    """The top mapping of a file. Raises ClusterFileError when it cannot be read or is no mapping."""
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ClusterFileError(
            f"{file}: there is no such file", "name it with -c, or begin with `pryv-nomad init`"
        ) from None
    except OSError as error:
        raise ClusterFileError(f"{file}: cannot be read: {error.strerror or error}") from None
    return mapping(content, str(file))


def mapping(content: bytes, name: str) -> yaml.MappingNode:
    """The top mapping of YAML text. Raises ClusterFileError."""
    node = compose(content, name)
    if node is None:
        raise ClusterFileError(f"{name}: is empty", "`pryv-nomad init` writes a file to begin with")
    if not isinstance(node, yaml.MappingNode):
        raise ClusterFileError(
            [Problem("", f"{_kind(node)} where keys and values are expected", place(node.start_mark))]
        )
    return node


def compose(content: bytes, name: str) -> yaml.Node | None:
    """The node of YAML text, None when there is none. Raises ClusterFileError."""
    _check_bytes(content, name)
    parser = _Parser(_Named(content, name))
    try:
        node = parser.get_single_node()
    except yaml.MarkedYAMLError as error:
        raise ClusterFileError([_syntax_problem(error, name)]) from None
    except yaml.YAMLError as error:
        raise ClusterFileError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    finally:
        parser.dispose()
    if node is not None:
        _check_size(node)
    return node


def _check_bytes(content: bytes, name: str) -> None:
    if len(content) > MAX_BYTES:
        raise ClusterFileError(
            f"{name}: is larger than {MAX_BYTES // 1024 // 1024} MB", "write ranges such as co[1-500]"
        )
    try:
        content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        where = f"{name}:{line}:{column}"
        raise ClusterFileError([Problem("", "not UTF-8 text", where, "save the file as UTF-8")]) from None


def _syntax_problem(error: yaml.MarkedYAMLError, name: str) -> Problem:
    """What the parser says, with the place of the fault."""
    text, remedy = str(error.problem), ""
    if "found character" in text and "cannot start any token" in text:
        remedy = "indent with spaces, not tabs, and quote text that begins with a special character"
    elif "expected a single document" in f"{error.context} {text}":
        return Problem(
            "", "holds several documents", place(error.problem_mark), "one file holds one; give more with -c"
        )
    context = f" ({error.context})" if error.context else ""
    return Problem("", f"not YAML: {text}{context}", place(error.problem_mark) or name, remedy)


def _check_size(node: yaml.Node) -> None:
    """Refuse aliases that multiply or refer to themselves, and nesting without end."""
    sizes: dict[int, int] = {}

    def size(node: yaml.Node, depth: int) -> int:
        known = sizes.get(id(node))
        if known == -1:
            raise ClusterFileError([Problem("", "an alias refers to what it stands in", place(node.start_mark))])
        if known is not None:
            return known
        if depth > MAX_DEPTH:
            raise ClusterFileError([Problem("", f"nested deeper than {MAX_DEPTH} levels", place(node.start_mark))])
        sizes[id(node)] = -1
        total = 1 + sum(size(child, depth + 1) for child in _children(node) if not isinstance(child, yaml.ScalarNode))
        sizes[id(node)] = total = total + len(node.value) if not isinstance(node, yaml.ScalarNode) else 1
        if total > MAX_VALUES:
            raise ClusterFileError([Problem("", f"holds more than {MAX_VALUES:,} values", place(node.start_mark))])
        return total

    size(node, 0)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a map"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single value"


class Values:
    """Makes plain values of nodes: dict, list, str, int, float, bool, None. Gathers what is wrong in `problems`."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.problems: list[Problem] = []
        self._made: dict[int, Any] = {}

    def value(self, node: yaml.Node, path: paths.Path = ()) -> Any:
        """The value of a node; the nodes of an alias are made once."""
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        made = self._made.get(id(node))
        if made is None:
            if node.tag not in _KNOWN_TAGS:
                self._problem(path, f"the tag {node.tag} has no meaning here", node)
            made = self._map(node, path) if isinstance(node, yaml.MappingNode) else self._list(node, path)
            self._made[id(node)] = made
        return made

    def _map(self, node: yaml.MappingNode, path: paths.Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, value in entries(node, self.problems, path):
            result[key] = self.value(value, (*path, key))
        return result

    def _list(self, node: yaml.Node, path: paths.Path) -> list[Any]:
        return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _scalar(self, node: yaml.ScalarNode, path: paths.Path) -> scalars.Scalar:
        if node.tag not in _KNOWN_TAGS:
            self._problem(path, f"the tag {node.tag} has no meaning here", node)
        text: str = node.value
        if "${env:" in text:
            try:
                text = scalars.substitute(text, self.env)
            except scalars.MissingVariable as missing:
                remedy = f"set it, or write ${{env:{missing.name}:-default}}"
                self._problem(path, f"the environment has no variable {missing.name}", node, remedy)
        return text if node.tag == _TEXT else scalars.plain(text)

    def _problem(self, path: paths.Path, text: str, node: yaml.Node, remedy: str = "") -> None:
        self.problems.append(Problem(paths.text(path), text, place(node.start_mark), remedy))


def entries(
    node: yaml.MappingNode, problems: list[Problem] | None = None, path: paths.Path = ()
) -> list[tuple[str, yaml.Node]]:
    """Keys and values of a mapping, merge keys (`<<`) unfolded: what is written beside them wins.

    Two equal keys, and a key that is no single value, are problems; the first one counts.
    """
    return [(key, value) for key, _, value in located_entries(node, problems, path)]


def located_entries(
    node: yaml.MappingNode, problems: list[Problem] | None = None, path: paths.Path = ()
) -> list[tuple[str, yaml.Node, yaml.Node]]:
    """`entries` with the key's own node between."""
    own: dict[str, tuple[str, yaml.Node, yaml.Node]] = {}
    merged: list[yaml.Node] = []
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            _add(problems, path, f"{_kind(key)} cannot be a key", key)
        elif key.value == _MERGE and key.tag != _TEXT:
            merged.append(value)
        elif key.value in own:
            first = place(own[key.value][1].start_mark)
            _add(problems, (*path, key.value), f"stands twice; the first is at {first}", key, "keep one of them")
        else:
            own[key.value] = (key.value, key, value)
    for value in merged:
        for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if not isinstance(source, yaml.MappingNode):
                _add(problems, path, "`<<` takes a map or a list of maps", value)
                continue
            for entry in located_entries(source, problems, path):
                own.setdefault(entry[0], entry)
    return list(own.values())


def _add(problems: list[Problem] | None, path: paths.Path, text: str, node: yaml.Node, remedy: str = "") -> None:
    if problems is not None:
        problems.append(Problem(paths.text(path), text, place(node.start_mark), remedy))


def locate(root: yaml.Node, path: paths.Path, *, key: bool = False) -> str:
    """Where `path` stands, or the nearest thing around it; with `key`, where its key stands."""
    node, mark = root, root.start_mark
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = next((entry for entry in located_entries(node) if entry[0] == step), None)
            if found is None:
                break
            mark = found[1].start_mark if key else found[2].start_mark
            node = found[2]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            mark = node.start_mark
        else:
            break
    return place(mark)
