"""The list of cores."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from pryv_nomad.bridge.roll import Row

_HEAD = ("Core", "Hosting", "State", "Address", "Health", "Cluster file")


def as_json(rows: Sequence[Row]) -> str:
    """A list of the rows, with Row's own names."""
    return json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)


def table(rows: Sequence[Row]) -> str:
    """A line a core, under a head; why one is not healthy stands behind it."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    reasons = [f"{row.core}: {row.why}" for row in rows if row.health not in ("", "passing") and row.why]
    return "\n".join([*lines, *reasons])


def _cells(row: Row) -> tuple[str, ...]:
    known = row.state or "not known yet"
    return row.core, row.hosting, known, row.address or "-", row.health or "-", "yes" if row.wanted else "no"
