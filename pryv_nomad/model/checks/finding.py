"""What a check finds, and what checks share in saying it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pryv_nomad.errors import Problem
from pryv_nomad.model import paths


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (`error`) or doubtful (`warning`)."""

    severity: Literal["error", "warning"]
    problem: Problem

    def __str__(self) -> str:
        return f"{self.severity}: {self.problem}"


def error(path: str | paths.Path, text: str, remedy: str = "") -> Finding:
    """An error at a place in the model; as steps where a step is a key of the user's choice."""
    return Finding("error", Problem(path if isinstance(path, str) else paths.text(path), text, remedy=remedy))


def warning(path: str | paths.Path, text: str, remedy: str = "") -> Finding:
    """A warning at a place in the model; as steps where a step is a key of the user's choice."""
    return Finding("warning", Problem(path if isinstance(path, str) else paths.text(path), text, remedy=remedy))


def nearest(name: str, known: Iterable[str]) -> str:
    """The remedy for an unknown name: the nearest known one, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, 1, 0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"there are {', '.join(names)}" if names else ""


def some(names: list[str]) -> str:
    """`co1`, or `co1 (and 3 more)`."""
    return names[0] if len(names) == 1 else f"{names[0]} (and {len(names) - 1} more)"
