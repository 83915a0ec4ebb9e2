"""Job files in HCL2 to the JSON of Nomad's API, offline and exactly as Nomad's own parser does it.

    document = parse(text, "core.nomad.hcl")
    job = convert(document, {"core": "co1"})          # {"ID": "pryv-core-co1", "TaskGroups": […], …}
    compiled = compile(document, ["core"])             # once
    text = compiled.json({"core": "co1"})              # then per core: canonical JSON text

The result equals `POST /v1/jobs/parse` (without canonicalize) of Nomad 1.6.5 but for keys that are null, which we
leave out. For Nomad 2.x (`nomad="2.0"`) the additions were read in the sources of 2.0.5 and not tried.

What we do not know is an error with file:line:column, never dropped: `dynamic` blocks, template directives, splats,
for expressions, functions other than concat, format, join, jsonencode, lower and upper (there is no `file`),
`validation` in variables, object and tuple types. Where Nomad drops something in silence (an argument and a block of
one name in a driver's config, a key given twice, `is_set` as an argument of a constraint) we refuse it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pryv_nomad.errors import HclError
from pryv_nomad.specs.hcl.compiled import CompiledJob, canonical, compiled, strip_nulls
from pryv_nomad.specs.hcl.job import job_of
from pryv_nomad.specs.hcl.syntax import Document


def parse(text: str, filename: str = "job.nomad.hcl") -> Document:
    """Read the syntax of a job file. `filename` is for messages only. Raises HclError."""
    from pryv_nomad.specs.hcl.reader import read

    return read(text, filename)


def convert(document: Document, variables: Mapping[str, object] | None = None, nomad: str = "1.6") -> dict[str, Any]:
    """The job as JSON values. `variables` are the input variables (str, int, float, bool, list, dict).

    `nomad` is "1.6" or "2.0": what only the other version knows is refused. Raises HclError.
    """
    return strip_nulls(job_of(document, variables or {}, nomad))  # type: ignore[no-any-return]


def compile(document: Document, symbols: Sequence[str], nomad: str = "1.6") -> CompiledJob:
    """Prepare a job whose input variables `symbols` get their values later, many times. Raises HclError."""
    return compiled(document, symbols, nomad)


__all__ = [
    "CompiledJob",
    "Document",
    "HclError",
    "canonical",
    "compile",
    "convert",
    "parse",
    "strip_nulls",
]
