"""From a cluster to its specs: one rendered and parsed template a shape, one spec a job.

Cores of one profile share their three texts, so that 10,000 cores cost a handful of parses; a core's own JSON text is
made when it is asked for, by joining. Deterministic and offline: no clock, no random, no order of a set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment

from pryv_nomad.errors import SpecError
from pryv_nomad.model.cluster import Cluster, Core, Profile
from pryv_nomad.specs import hcl
from pryv_nomad.specs.environment import environment, fill
from pryv_nomad.specs.escape import Raw, quoted
from pryv_nomad.specs.hcl.variables import declared
from pryv_nomad.specs.jobs import JobKind, core_kinds, core_values, other_jobs, other_values
from pryv_nomad.specs.judge import judge, judge_name

_MARK = "pryv-nomad-value-of-"
"""Stands for a variable's default in the text of a shape until a core's value takes its place."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A template rendered for all who share it. `text` holds marks where a variable's default stands."""

    text: str
    compiled: hcl.CompiledJob
    variables: tuple[str, ...]

    def hcl(self, values: Mapping[str, str]) -> str:
        """The text with these defaults, as a human may give it to `nomad job run`."""
        text = self.text
        for name, value in values.items():
            text = text.replace(quoted(_MARK + name), quoted(value), 1)
        return text


@dataclass(frozen=True)
class Spec:
    """One job as it should be. `owner`: a core's name, `registry`, `replica`, `static` or `platform`; `kind`: `data`,
    `core`, `edge`, `redis`, `registry`, `dns` …"""

    job_id: str
    owner: str
    kind: str
    shape: Shape
    values: Mapping[str, str]

    @property
    def hcl(self) -> str:
        """HCL text, with the core's values as defaults of its variables."""
        return self.shape.hcl(self.values)

    @property
    def json_text(self) -> str:
        """The job in the JSON of Nomad's API, canonical: sorted keys, no spaces. Made each time, in microseconds."""
        return self.shape.compiled.json(self.values)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of `json_text`, in hex."""
        return hashlib.sha256(self.json_text.encode()).hexdigest()


class Specs:
    """The specs of a cluster, in the order in which jobs start: the registry's, core by core, the static site.

    Iterating costs no JSON; each shape is rendered and parsed when its first job comes by.
    """

    def __init__(
        self, cluster: Cluster, templates: Environment, generations: Mapping[str, int], migrating: bool
    ) -> None:
        self._cluster, self._templates = cluster, templates
        self._generations, self._migrating = generations, migrating
        self._shapes: dict[tuple[str, Profile | None], Shape] = {}

    def __iter__(self) -> Iterator[Spec]:
        others = list(other_jobs(self._cluster))
        behind = ("static", "platform")
        yield from (self._other(job) for job in others if job.owner not in behind)
        kinds = core_kinds(self._cluster)
        for core in self._cluster.deployed_cores:
            for kind in kinds:
                yield self._core(core, kind)
        yield from (self._other(job) for job in others if job.owner in behind)

    def _core(self, core: Core, kind: str) -> Spec:
        shape = self._shapes.get((kind, core.profile))
        if shape is None:
            values = core_values(self._cluster, kind, core.profile, self._generations)
            shape = self._shapes[kind, core.profile] = self._shape(kind, values, tuple(_own_values(core)))
        job_id = f"pryv-{kind}-{core.name}"
        judge_name(job_id, f"the {kind} job of core {core.name}")
        own = _own_values(core)
        return Spec(job_id, core.name, kind, shape, {key: own[key] for key in shape.variables})

    def _other(self, job: JobKind) -> Spec:
        shape = self._shapes.get((job.kind, None))
        if shape is None:
            values = other_values(self._cluster, job, self._generations)
            shape = self._shapes[job.kind, None] = self._shape(job.kind, values, ())
        return Spec(job.job_id, job.owner, job.kind, shape, {})

    def _shape(self, kind: str, values: dict[str, Any], variables: tuple[str, ...]) -> Shape:
        name = f"{kind}.nomad.hcl.j2"
        values |= {"vars": {key: Raw(quoted(_MARK + key)) for key in variables}, "migrating": self._migrating}
        text = fill(self._templates, name, values)
        document = hcl.parse(text, name.removesuffix(".j2"))
        there = declared(document)  # an own template may do without some
        used = tuple(key for key in variables if key in there)
        compiled = hcl.compile(document, used, self._nomad)
        judge(compiled.json(dict.fromkeys(used, "a")), name)
        return Shape(text, compiled, used)

    @property
    def _nomad(self) -> str:
        return self._cluster.file.nomad.version


def _own_values(core: Core) -> dict[str, str]:
    """The values of a core's variables; `node` only where it is pinned to a node by name."""
    values = {"core": core.name, "hosting": core.hosting}
    return values | ({} if core.profile.pinned_by_name else {"node": core.node})


def render(
    cluster: Cluster,
    templates: Path | None = None,
    generations: Mapping[str, int] | None = None,
    migrating: bool = False,
) -> Specs:
    """The specs of `cluster`. Rendering is lazy: errors of a template come when its first job is reached.

    `templates` is a folder that is looked into first, file by file. `generations` says how often each secret was
    rotated, by default as the cluster file says. `migrating`: the change brings a release that migrates data, so that
    core gets neither a canary, which would share its database, nor Nomad's revert. Raises SpecError.
    """
    counted = cluster.file.secrets.generations if generations is None else generations
    return Specs(cluster, environment(templates), counted, migrating)


def validated(specs: Specs) -> list[Spec]:
    """All specs, each converted to JSON once. Raises SpecError when two jobs would have one name."""
    seen: dict[str, str] = {}
    result = []
    for spec in specs:
        if spec.job_id in seen:
            raise SpecError(f"{spec.job_id} is the name of two jobs", "rename one of the cores")
        seen[spec.job_id] = spec.hash
        result.append(spec)
    return result


def selected(specs: Sequence[Spec], patterns: Sequence[str]) -> list[Spec]:
    """The specs whose job fits one of `patterns` (all without any). Raises SpecError where none does."""
    chosen = [spec for spec in specs if matches(spec.job_id, patterns)]
    if patterns and not chosen:
        raise SpecError(f"no job is called {' or '.join(patterns)}", "`pryv-nomad render -o DIR` names them all")
    return chosen


def matches(job_id: str, patterns: Sequence[str]) -> bool:
    """Whether a job's name fits one of the patterns (`*`, `?`, `[…]`), or there are none."""
    return not patterns or any(fnmatchcase(job_id, pattern) for pattern in patterns)
