"""Finds and reads release files and catalogues of platform variables: those that ship, and the user's own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model.release import Release
from pryv_nomad.model.validation import written
from pryv_nomad.model.variables import Catalogue

_Model = TypeVar("_Model", bound=BaseModel)

SHIPPED = Path(__file__).resolve().parent.parent / "releases"
_SETTINGS = "settings-"
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}\.yml")


def available(folder: Path | None = None) -> list[str]:
    """Names of the releases that ship and of those in the user's folder, the newest first."""
    names = {
        file.stem for place in _places(folder) for file in place.glob("*.yml") if not file.stem.startswith(_SETTINGS)
    }
    return sorted(names, key=_version, reverse=True)


def load_release(name: str, folder: Path | None = None) -> Release:
    """The release `name`, the user's folder first. Raises ClusterFileError that names the nearest one."""
    file = _find(f"{name}.yml", folder)
    if file is None:
        known = available(folder)
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise ClusterFileError([Problem("release", f"there is no release {written(name)}", remedy=hint)])
    release = _read_release(file)
    if release.name != name:
        raise ClusterFileError(f"{file}: says name: {release.name}, so it cannot be release {name}")
    return release


def load_catalogue(name: str, folder: Path | None = None) -> Catalogue:
    """The catalogue `name` of platform variables. Raises ClusterFileError."""
    file = _find(f"{_SETTINGS}{name}.yml", folder)
    if file is None:
        raise ClusterFileError(
            f"settings: there is no catalogue {_SETTINGS}{name}.yml", "check `settings` of the release"
        )
    return _read_catalogue(file)


def _version(name: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in name.replace("-", ".").split("."))


def _places(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
    yield SHIPPED


def _find(file_name: str, folder: Path | None) -> Path | None:
    if not _FILE_NAME.fullmatch(file_name):
        return None
    return next((place / file_name for place in _places(folder) if (place / file_name).is_file()), None)


@cache
def _read_release(file: Path) -> Release:
    return _validated(Release, file)


@cache
def _read_catalogue(file: Path) -> Catalogue:
    return _validated(Catalogue, file)


def _validated(model: type[_Model], file: Path) -> _Model:
    try:
        return model.model_validate(yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise ClusterFileError(f"{file}: cannot be read: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ClusterFileError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
