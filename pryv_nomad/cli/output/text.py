"""Text for a terminal: no control characters from elsewhere, columns that fit wide characters, lines cut to width."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Escape sequences (CSI, OSC, others) and control characters: a task's log or a job's field may hold any of them.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """The text without what a terminal would obey; tabs become spaces, newlines stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\t", "    ")))


def width(text: str) -> int:
    """How many columns a terminal gives to a text: wide characters two, combining ones none."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def padded(text: str, columns: int) -> str:
    """The text with spaces up to `columns`."""
    return text + " " * max(0, columns - width(text))


def cut(text: str, columns: int) -> str:
    """The text in at most `columns`, with … where something was cut."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for character in text:
        used += _columns(character)
        if used > columns - 1:
            break
        kept += character
    return kept + "…"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines with columns as wide as their widest cell; the last is not padded."""
    cells = [tuple(map(plain, row)) for row in (header, *rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(header))]
    return ["  ".join(map(padded, row, widths)).rstrip() for row in cells]
