"""Places in the cluster file, as a user reads them: `cores[2].ip`."""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_STEP = re.compile(r'\.?([A-Za-z0-9_-]+)|\[(\d+)\]|\[([^\[\]"]+)\]|\[("(?:[^"\\]|\\.)*")\]')


def text(path: Path) -> str:
    """`("cores", 2, "ip")` as `cores[2].ip`; a key with other characters stands quoted in brackets."""
    parts: list[str] = []
    for step in path:
        if isinstance(step, int):
            parts.append(f"[{step}]")
        elif _PLAIN.fullmatch(step):
            parts.append(f".{step}" if parts else step)
        else:
            parts.append(f"[{json.dumps(step)}]")
    return "".join(parts)


def parse(written: str) -> Path:
    """The path that `text` writes, as `--set` takes it; `cores[co1]` names an entry. Raises ValueError."""
    path: list[str | int] = []
    position = 0
    while position < len(written):
        step = _STEP.match(written, position)
        if not step or (step[0].startswith(".") and not path):
            raise ValueError(f"not a place in the file: {written!r}")
        path.append(int(step[2]) if step[2] else json.loads(step[4]) if step[4] else step[1] or step[3])
        position = step.end()
    if not path:
        raise ValueError("no place in the file")
    return tuple(path)
