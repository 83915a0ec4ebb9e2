"""Small pieces of job files with what becomes of them: tests/cases/hcl/fragments.json.

Each is [place, text] or [place, text, reason]; the place is `file` (a whole file), `job`, `group`, `task`, or `value`
(an expression in a driver's config).
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.specs.hcl.cases import CASES

_AROUND = {
    "file": "%s",
    "job": 'job "a" {\n%s\n}\n',
    "group": 'job "a" {\n group "g" {\n %s\n}\n}\n',
    "task": 'job "a" {\n group "g" {\n task "t" {\n %s\n}\n}\n}\n',
    "value": 'job "a" {\n group "g" {\n task "t" {\n config {\n x = %s\n}\n}\n}\n}\n',
}


@dataclass(frozen=True, slots=True)
class Fragment:
    place: str
    inner: str
    reason: str = ""

    @property
    def text(self) -> str:
        """The whole job file."""
        return _AROUND[self.place].replace("%s", self.inner)

    def __str__(self) -> str:
        return f"{self.place}: {self.inner}"[:60]


def _read(kind: str) -> list[Fragment]:
    content = json.loads((CASES / "fragments.json").read_text(encoding="utf-8"))
    return [Fragment(*row) for row in content[kind]]


EQUAL = _read("equal")
REFUSED = _read("refused")
STRICTER = _read("stricter")
