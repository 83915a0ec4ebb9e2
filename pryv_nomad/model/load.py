"""From files to a `Cluster`.

Precedence, the later wins: the defaults, the files in the order given, `--set` in the order given. References to the
environment (`${env:NAME}`, `${env:NAME:-default}`) are replaced in any text, after all that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model import overlay, paths, source, validation
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.file import ClusterFile
from pryv_nomad.model.loaded import Loaded
from pryv_nomad.model.resolve import resolve

DEFAULT_FILE = "cluster.yml"
FILES_VARIABLE = "PRYV_NOMAD_CLUSTER"


def default_files(env: Mapping[str, str]) -> tuple[Path, ...]:
    """The cluster files where none is named: PRYV_NOMAD_CLUSTER (separated as PATH is), else `cluster.yml`."""
    return tuple(Path(name) for name in env.get(FILES_VARIABLE, "").split(os.pathsep) if name) or (Path(DEFAULT_FILE),)


def load_cluster(files: Sequence[Path], sets: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Cluster:
    """The cluster that `files`, laid over one another, and `sets` (`a.b=c`) describe.

    `env` is the environment for references, by default the process's. Raises ClusterFileError with all problems found.
    Judges what each value may be and what cores, settings and the release need to be resolved; what needs a
    second look (a hosting without cores, timers out of order …) is in `checks`.
    """
    return resolve(load_file(files, sets, env))


def load_file(files: Sequence[Path], sets: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Loaded:
    """What the files say, validated but not resolved. Raises ClusterFileError."""
    environment = os.environ if env is None else env
    chosen = tuple(files) or default_files(environment)
    nodes: list[yaml.Node] = [source.read(file) for file in chosen]
    root = reduce(overlay.merge, nodes)
    root = reduce(overlay.assign, sets, root)
    values = source.Values(environment)
    data = values.value(root)
    problems = [*values.problems, *_unfit_text(data, root)]
    try:
        file = ClusterFile.model_validate(data)
    except ValidationError as error:
        raise ClusterFileError(problems + validation.problems(ClusterFile, error, data, root)) from None
    if problems:
        raise ClusterFileError(problems)
    return Loaded(file, root, chosen[0].parent)


def _unfit_text(data: Any, root: yaml.Node) -> Iterator[Problem]:
    """Text outside the settings that Nomad would interpolate, and characters that belong in no name, url or image."""
    for path, text in _texts({key: value for key, value in data.items() if key != "settings"}, ()):
        if not text.isprintable():
            yield Problem(paths.text(path), "holds a line break or a control character", source.locate(root, path))
        if ("${" in text or "%{" in text) and "constraints" not in path:
            remedy = "only `constraints` and `settings` may hold it; the environment is ${env:NAME}"
            yield Problem(
                paths.text(path), "holds `${` or `%{`, which Nomad would replace", source.locate(root, path), remedy
            )


def _texts(value: Any, path: paths.Path) -> Iterator[tuple[paths.Path, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not key.isprintable() or "${" in key or "%{" in key:
                yield (*path, key), key
            yield from _texts(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index))
