"""Files of one instance: the candidate that a template wrote, the file in place, and the last good one on a volume.

The file in place and the last good one change by a rename, so a reader sees the old file or the new one. They are
readable for their owner only, since they hold keys; where we are root, the owner is that of their folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pryv_nomad.files import write_whole
from pryv_nomad.registry.document import digest_of
from pryv_nomad.registry.verdict import Store, Verdict, judge

MODE = 0o400
NOTE = ".follow"


@dataclass(frozen=True, slots=True)
class Files:
    """Where the files are. `good` is None where there is no volume for it."""

    candidate: Path
    live: Path
    good: Path | None = None

    def previous(self) -> bytes | None:
        """The file in place, else the last good one."""
        found = content(self.live)
        return found if found is not None or self.good is None else content(self.good)

    def restore(self) -> Verdict | None:
        """Put the last good file in place where there is none. None when there is nothing to be done; raises OSError.

        It was checked before it became the last good one; what has been damaged since is not used. The folder is there
        afterwards in any case, since a container mounts it.
        """
        self.live.parent.mkdir(parents=True, exist_ok=True)
        found = content(self.good) if self.good else None
        if found is None or content(self.live) is not None:
            return None
        verdict = judge(found, None, Store(generation=0))
        if verdict.good:
            place(self.live, found)
        return verdict

    def swap(self, text: bytes) -> None:
        """Put a checked text in place, and keep it as the last good one. Raises OSError."""
        place(self.live, text)
        self.keep(text)

    def keep(self, text: bytes) -> None:
        """Keep a text as the last good one where it is not. Raises OSError."""
        if self.good is not None and content(self.good) != text:
            place(self.good, text)

    # -- what the process has read, so that a follower that is started again knows it

    def loaded(self) -> str | None:
        """The digest of what the process was last started with, None where nothing says it."""
        found = content(self._note)
        try:
            said = json.loads(found).get("loaded") if found else None
        except (ValueError, AttributeError):
            return None
        return said if isinstance(said, str) else None

    def note_loaded(self, digest: str) -> None:
        """Note it. Raises OSError."""
        if self.loaded() != digest:
            write_whole(self._note, json.dumps({"loaded": digest}) + "\n", 0o600)

    @property
    def _note(self) -> Path:
        return self.live.with_name(f"{NOTE}-{self.live.name}")


class Candidate:
    """The candidate, read again when the template has written it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None

    def changed(self) -> bytes | None:
        """Its text when it is another file than at the last call, else None."""
        try:
            stat = self._path.stat()
        except OSError:
            return None
        seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
        if seen == self._seen:
            return None
        found = content(self._path)
        if found is not None:
            self._seen = seen
        return found

    def again(self) -> None:
        """Read it again next time, whether it changed or not."""
        self._seen = None


def content(path: Path) -> bytes | None:
    """What a file holds, None where it is missing or cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def place(path: Path, text: bytes, chown: Callable[[Path, int, int], None] = os.chown) -> None:
    """Write a whole file for its folder's owner alone."""
    write_whole(path, text, MODE)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        if folder.st_uid != 0:
            chown(path, folder.st_uid, folder.st_gid)


def live_digest(path: Path) -> str:
    """The digest of a file, empty where there is none."""
    found = content(path)
    return digest_of(found) if found is not None else ""
