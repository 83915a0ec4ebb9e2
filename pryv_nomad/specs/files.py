"""Specs as files, one a job: a reader sees each whole, old or new, and the files of jobs that are gone are named."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pryv_nomad.errors import SpecError
from pryv_nomad.specs.render import Spec, matches

SUFFIXES = {"hcl": ".nomad.hcl", "json": ".json"}


@dataclass(frozen=True, slots=True)
class Written:
    """How many files were written, and which are there of jobs that are not (removed, where that was asked)."""

    count: int
    stale: tuple[str, ...]


def file_name(spec: Spec, form: str) -> str:
    """`NAME.nomad.hcl` or `NAME.json`."""
    return spec.job_id + SUFFIXES[form]


def api_json(spec: Spec) -> str:
    """The JSON document that `PUT /v1/jobs` and `nomad job run -json` take, on one line."""
    return f'{{"Job":{spec.json_text}}}'


def to_folder(specs: Iterable[Spec], form: str, folder: Path, only: Sequence[str] = (), clean: bool = False) -> Written:
    """Write the specs to `folder`, which is made when missing. `only` are the patterns that chose the specs: files of
    other jobs are then not taken for stale.

    All files are first written beside the folder and then renamed into it, so that an error on the way, or a full
    disk, leaves the folder as it was. Raises SpecError when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.resolve().parent) as beside:
            names = [_write(Path(beside), spec, form) for spec in specs]
            for name in names:
                (Path(beside) / name).replace(folder / name)
        stale = _stale(folder, form, set(names), only)
        for name in stale if clean else ():
            (folder / name).unlink()
    except OSError as error:
        raise SpecError(
            f"{error.filename or folder}: {error.strerror}", "give -o a folder that can be written"
        ) from error
    return Written(len(names), stale)


def _write(folder: Path, spec: Spec, form: str) -> str:
    name = file_name(spec, form)
    (folder / name).write_bytes((spec.hcl if form == "hcl" else f"{api_json(spec)}\n").encode())
    return name


def _stale(folder: Path, form: str, names: set[str], only: Sequence[str]) -> tuple[str, ...]:
    suffix = SUFFIXES[form]
    return tuple(
        sorted(
            path.name
            for path in folder.glob(f"pryv-*{suffix}")
            if path.name not in names and matches(path.name.removesuffix(suffix), only)
        )
    )
