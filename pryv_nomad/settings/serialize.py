"""From data to text with holes: YAML and JSON written so that every value reads back as it went in.

A structure may hold a hole wherever it may hold a value, a hole as a key, and `Text` where a string has holes inside.
The structure is serialised by the real YAML or JSON writer with a mark in each hole's place, and the text is then cut
at the marks; no value is ever pasted into a text, so nothing in a value can be taken for syntax or for a hole.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from pryv_nomad.settings.document import AcmeChallenges, Endpoint, Hole, Hostings, Part, Providers, Secret


@dataclass(frozen=True, slots=True)
class Text:
    """One string value that has holes inside."""

    parts: tuple[Part, ...]


def text(*parts: Part) -> Text:
    """A string value made of text and holes, such as `http://` and an endpoint."""
    return Text(parts)


def json_parts(structure: Any) -> tuple[Part, ...]:
    """`structure` as JSON, two spaces deep, keys in their order, with a final newline."""
    marks = _Marks(structure)
    return marks.cut(json.dumps(marks.marked(structure), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def yaml_parts(structure: Any) -> tuple[Part, ...]:
    """`structure` as YAML in block style, keys in their order; each string value is in double quotes, so that no reader
    of YAML 1.1 or 1.2 takes `on`, `1e3` or a secret made of digits for something else."""
    marks = _Marks(structure)
    written = yaml.dump(
        marks.marked(structure),
        Dumper=_Dumper,
        default_flow_style=False,
        allow_unicode=True,
        sort_keys=False,
        explicit_start=True,
        width=sys.maxsize,
    )
    return marks.cut(written)


def text_parts(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Neighbouring texts joined, empty ones left out."""
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def _bare(hole: Hole) -> bool:
    """Whether the hole is a value by itself, without quotes around it: JSON of its own, or a number."""
    match hole:
        case Secret():
            return hole.quoted
        case Endpoint():
            return hole.part == "port"
        case _:
            return isinstance(hole, Hostings | Providers | AcmeChallenges)


class _Marks:
    """Marks that stand for holes while a structure is serialised. A mark is letters and digits, so no writer escapes
    it, and begins with what no string of the structure holds."""

    def __init__(self, structure: Any) -> None:
        strings = list(_strings(structure))
        number = 0
        while any(f"HOLE{number}X" in string for string in strings):
            number += 1
        self._stem = f"HOLE{number}X"
        self._holes: list[Hole] = []

    def marked(self, value: Any) -> Any:
        """`value` with a mark in each hole's place."""
        if isinstance(value, Hole):
            return self._mark(value, "Q" if _bare(value) else "Z")
        match value:
            case Text():
                return "".join(part if isinstance(part, str) else self._inner(part) for part in value.parts)
            case Mapping():
                return {self.marked(key): self.marked(item) for key, item in value.items()}
            case list() | tuple():
                return [self.marked(item) for item in value]
            case _:
                return value

    def cut(self, written: str) -> tuple[Part, ...]:
        """The serialised text as parts. A mark on Q is a whole value and loses its quotes; one on Z is in a string."""
        pieces: list[Part] = []
        end = 0
        for found in re.finditer(rf'"{self._stem}(\d+)Q"|{self._stem}(\d+)Z', written):
            pieces += [written[end : found.start()], self._holes[int(found[1] or found[2])]]
            end = found.end()
        return text_parts([*pieces, written[end:]])

    def _inner(self, hole: Hole) -> str:
        if _bare(hole) and not isinstance(hole, Endpoint):
            raise ValueError(f"{hole} is a value by itself and cannot stand inside a string")
        return self._mark(hole, "Z")

    def _mark(self, hole: Hole, kind: str) -> str:
        self._holes.append(hole)
        return f"{self._stem}{len(self._holes) - 1}{kind}"


def _strings(value: Any) -> Iterator[str]:
    """All strings inside `value`, keys included."""
    match value:
        case str():
            yield value
        case Text():
            yield from (part for part in value.parts if isinstance(part, str))
        case Mapping():
            for key, item in value.items():
                yield from _strings(key)
                yield from _strings(item)
        case list() | tuple():
            for item in value:
                yield from _strings(item)


class _Dumper(yaml.SafeDumper):
    """Strings as values in double quotes, keys as plain as YAML allows; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the writer's interface
        return True


def _write_string(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style='"')


def _write_key(dumper: yaml.SafeDumper, key: str) -> yaml.Node:
    """Plain where it is a word; the writer itself quotes words such as `yes`."""
    style = None if re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", key) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", key, style=style)


def _write_mapping(dumper: yaml.SafeDumper, value: dict[str, Any]) -> yaml.Node:
    pairs = [(_write_key(dumper, key), dumper.represent_data(item)) for key, item in value.items()]
    return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=not pairs)


_Dumper.add_representer(str, _write_string)
_Dumper.add_representer(dict, _write_mapping)
