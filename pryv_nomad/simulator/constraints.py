"""Whether a node meets a constraint (`scheduler/feasible.go` of Nomad 1.6.5)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from pryv_nomad.simulator.nodes import Node

Json = dict[str, Any]

# They look at the job's other allocations, not at the node alone.
DISTINCT = frozenset({"distinct_hosts", "distinct_property"})

_NODE_TARGETS = {
    "${node.unique.id}": lambda node: node.id,
    "${node.unique.name}": lambda node: node.name,
    "${node.datacenter}": lambda node: node.spec.datacenter,
    "${node.class}": lambda node: node.spec.node_class,
    "${node.pool}": lambda node: node.spec.node_pool,
}


def resolve(target: str, node: Node) -> tuple[str, bool]:
    """What a constraint's side means on a node, and whether it means anything: a literal always does."""
    if not target.startswith("${"):
        return target, True
    getter = _NODE_TARGETS.get(target)
    if getter is not None:
        return getter(node), True
    for prefix, values in (("${attr.", node.attributes), ("${meta.", node.meta)):
        if target.startswith(prefix):
            name = target[len(prefix) :].removesuffix("}")
            return values.get(name, ""), name in values
    return "", False


def meets(constraint: Json, node: Node) -> bool:
    """Whether the node meets a constraint that looks at the node alone."""
    left, found_left = resolve(constraint["LTarget"], node)
    right, found_right = resolve(constraint["RTarget"], node)
    return compare(constraint["Operand"], left, right, found_left, found_right)


def compare(operand: str, left: str, right: str, found_left: bool, found_right: bool) -> bool:
    """One comparison; `found_…` tells whether the side exists on the node."""
    if operand in DISTINCT:
        return True
    if operand == "is_set":
        return found_left
    if operand == "is_not_set":
        return not found_left
    if operand in ("!=", "not"):
        return left != right or found_left != found_right
    if not (found_left and found_right):
        return False
    if operand in ("=", "==", "is"):
        return left == right
    if operand in ("<", "<=", ">", ">="):
        return _ordered(operand, left, right)
    if operand == "regexp":
        return _regexp(right).search(left) is not None
    if operand in ("version", "semver"):
        return _version_meets(left, right)
    if operand in ("set_contains", "set_contains_all"):
        return _set(right) <= _set(left)
    if operand == "set_contains_any":
        return bool(_set(right) & _set(left))
    return False


def label(constraint: Json) -> str:
    """A constraint as Nomad names it where a node is filtered out by it."""
    if constraint["Operand"] in DISTINCT:
        return f"{constraint['Operand']} {constraint['LTarget']}".rstrip()
    return f"{constraint['LTarget']} {constraint['Operand']} {constraint['RTarget']}"


def _set(text: str) -> set[str]:
    return {item.strip() for item in text.split(",")}


@lru_cache(maxsize=256)
def _regexp(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _ordered(operand: str, left: str, right: str) -> bool:
    try:
        a: Any = float(left)
        b: Any = float(right)
    except ValueError:
        a, b = left, right
    return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[operand])


@lru_cache(maxsize=1024)
def _version_meets(version: str, wanted: str) -> bool:
    """Whether a version meets a list of conditions such as `>= 1.4.0, < 2.0`."""
    found = _version(version)
    if found is None:
        return False
    for condition in wanted.split(","):
        match = re.fullmatch(r"\s*(>=|<=|!=|~>|>|<|=)?\s*(\S+)\s*", condition)
        number = _version(match[2]) if match else None
        if match is None or number is None or not _condition(match[1] or "=", found, number, match[2]):
            return False
    return True


def _version(text: str) -> tuple[int, ...] | None:
    match = re.match(r"v?(\d+(?:\.\d+)*)", text)
    if match is None:
        return None
    parts = [int(part) for part in match[1].split(".")]
    return tuple(parts + [0] * (3 - len(parts)))


def _condition(operator: str, found: tuple[int, ...], number: tuple[int, ...], text: str) -> bool:
    if operator == "~>":
        given = text.lstrip("v").split("-")[0].count(".") + 1
        return found >= number and found[: max(given - 1, 1)] == number[: max(given - 1, 1)]
    return {
        "=": found == number,
        "!=": found != number,
        ">": found > number,
        ">=": found >= number,
        "<": found < number,
        "<=": found <= number,
    }[operator]
