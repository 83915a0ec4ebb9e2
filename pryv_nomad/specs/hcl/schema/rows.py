"""What a row of the tables says.

Types of arguments: string, int, bool, duration (nanoseconds), strings (list), uint8, int8, uint16, uint64,
uint16s (list), text_map. A type that ends in `?` is a pointer in Nomad: it may be null and is left out where it is
not given; the others then stand in the JSON with Go's zero value (lists and maps, whose zero value is null, are left
out too).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Shape = Literal["one", "many", "by_label", "text_map", "texts_map", "any_map"]


@dataclass(frozen=True, slots=True)
class Argument:
    """`name = value`. `only` is the one Nomad version ("1.6" or "2.0") that knows it, empty for both.

    `required` is the version that refuses the block without it.
    """

    key: str
    type: str
    only: str = ""
    required: str = ""


@dataclass(frozen=True, slots=True)
class Nested:
    """`name { … }`: a block by a table (once, repeatable, or a map by its label), or a map of free names.

    The maps: text_map of strings, texts_map of lists of strings, any_map of anything (blocks too, as lists).
    `once_in` is the Nomad version that takes only one of a repeatable block.
    `or_argument`: the map may also be written as an argument, `name = { … }`.
    """

    key: str
    shape: Shape
    table: Table | None = None
    only: str = ""
    or_argument: bool = False
    once_in: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One type of block. `label` is the JSON key of its label; `constants` are keys that no HCL sets.

    `special` names the decoder of blocks that Nomad does not read by its tags (constraint, affinity).
    """

    name: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    blocks: Mapping[str, Nested] = field(default_factory=dict)
    label: str = ""
    constants: Mapping[str, Any] = field(default_factory=dict)
    special: str = ""


def one(key: str, table: Table, only: str = "") -> Nested:
    return Nested(key, "one", table, only)


def many(key: str, table: Table, only: str = "") -> Nested:
    return Nested(key, "many", table, only)


def by_label(key: str, table: Table, only: str = "") -> Nested:
    return Nested(key, "by_label", table, only)


def text_map(key: str, or_argument: bool = False, only: str = "") -> Nested:
    return Nested(key, "text_map", or_argument=or_argument, only=only)


def any_map(key: str) -> Nested:
    return Nested(key, "any_map")
