"""An export as a folder that appears whole or not at all, and never over what somebody else put there.

The folder holds a list of what was written, with digests: a later export replaces it only when nothing was added or
changed since, so that filled-in secrets, certificates or data beside the files are not lost.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pryv_nomad.errors import Refused, SpecError

MANIFEST = ".pryv-nomad-export"


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the export."""

    text: str
    mode: int = 0o644


Tree = Mapping[str, Entry]
"""Path below the folder → file."""


def write_tree(tree: Tree, folder: Path, target: str) -> None:
    """Write `tree` to `folder` in place of an earlier export there.

    Raises Refused when the folder holds what no export wrote, SpecError when it cannot be written; both leave it as it
    was.
    """
    folder = folder.absolute()
    try:
        folder = folder.resolve()
        _require_ours(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
            made = Path(beside) / "new"
            _write(tree, made, target)
            _swap(made, folder, Path(beside) / "old")
    except OSError as error:
        raise SpecError(
            f"{error.filename or folder}: {error.strerror}", "give -o a folder that can be written"
        ) from error


def _write(tree: Tree, folder: Path, target: str) -> None:
    folder.mkdir(mode=0o755)
    digests, made = {}, {""}
    for path, entry in tree.items():
        parent, _, _ = path.rpartition("/")
        if parent not in made:
            (folder / parent).mkdir(parents=True, exist_ok=True)
            made.add(parent)
        content = entry.text.encode()
        _create(f"{folder}/{path}", content, entry.mode)
        digests[path] = hashlib.sha256(content).hexdigest()
    listed = json.dumps({"target": target, "files": digests}, indent=0, sort_keys=True)
    _create(f"{folder}/{MANIFEST}", f"{listed}\n".encode(), 0o644)


def _create(path: str, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _swap(made: Path, folder: Path, old: Path) -> None:
    """The new folder takes the old one's place; the old one comes back when that fails."""
    if not folder.exists():
        made.rename(folder)
        return
    folder.rename(old)
    try:
        made.rename(folder)
    except BaseException:
        old.rename(folder)
        raise
    shutil.rmtree(old)


def _require_ours(folder: Path) -> None:
    """Raise Refused unless `folder` is absent, empty, or what an export wrote and nobody touched."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise Refused(f"{folder}: is a file; nothing was written", "name a folder")
    if not (folder / MANIFEST).is_file():
        raise Refused(f"{folder}: was not made by export; nothing was written", "name another folder, or an empty one")
    touched = next(_touched(folder), None)
    if touched:
        raise Refused(
            f"{folder}: {touched} since it was exported; nothing was written",
            "copy exports to their machines and change them there, or move this folder away",
        )


def _touched(folder: Path) -> Iterator[str]:
    try:
        digests = json.loads((folder / MANIFEST).read_bytes())["files"]
    except (ValueError, KeyError, TypeError):
        yield f"{MANIFEST} was changed"
        return
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            relative = path.relative_to(folder).as_posix()
            if relative == MANIFEST:
                continue
            if relative not in digests:
                yield f"{relative} was added"
            elif path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != digests[relative]:
                yield f"{relative} was changed"
