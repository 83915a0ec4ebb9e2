"""Ranges of names: `co[1-500]`, `co[01-20]`, `co[1-3,7]`."""

from __future__ import annotations

import re

MAX_CORES = 10_000
"""Most cores of a platform."""

_RANGE = re.compile(r"([^\[\]]*)\[([0-9,\-\s]*)\]([^\[\]]*)")
_PART = re.compile(r"\s*([0-9]{1,9})(?:\s*-\s*([0-9]{1,9}))?\s*")


def expand(name: str) -> list[str]:
    """The names that `name` stands for: itself, or all of its range, in the order written.

    `01-20` pads with zeros to the width of its first number. Raises ValueError: a malformed range, one that runs
    backwards, or one of more than MAX_CORES names.
    """
    if "[" not in name and "]" not in name:
        return [name]
    found = _RANGE.fullmatch(name)
    if not found:
        raise ValueError("not a range; write it like co[1-500], co[01-20] or co[1-3,7]")
    before, inside, after = found.groups()
    names: list[str] = []
    for part in inside.split(","):
        first, last, width = _bounds(part)
        if len(names) + last - first + 1 > MAX_CORES:
            raise ValueError(f"stands for more than {MAX_CORES:,} cores")
        names += [f"{before}{number:0{width}}{after}" for number in range(first, last + 1)]
    return names


def _bounds(part: str) -> tuple[int, int, int]:
    """First number, last number and width of `1-500`, `01-20` or `7`."""
    found = _PART.fullmatch(part)
    if not found:
        raise ValueError(f"not a range: [{part}]; write it like co[1-500], co[01-20] or co[1-3,7]")
    first, last = found[1], found[2] or found[1]
    if int(last) < int(first):
        raise ValueError(f"the range {part.strip()} runs backwards")
    return int(first), int(last), len(first) if first.startswith("0") else 0
