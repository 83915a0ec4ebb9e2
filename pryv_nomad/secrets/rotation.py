"""Counts a rotation in the cluster file.

A task reads a secret when it starts. So that a rotation reaches it through the same waves as any change, the count of
rotations is part of the specs, and therefore of the file that says what should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.files import write_whole
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.edit import with_value


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of a cluster file, not yet made. `shown` is its section as YAML."""

    file: Path
    text: str
    shown: str

    def write(self) -> None:
        """Make it."""
        write_whole(self.file, self.text, self.file.stat().st_mode & 0o777)


def edit(file: Path, cluster: Cluster, keys: Sequence[str]) -> Edit:
    """The edit that counts one more rotation of each of `keys`. Raises ClusterFileError."""
    counts = {key: cluster.file.secrets.generations.get(key, 0) + 1 for key in keys}
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ClusterFileError(f"{file}: cannot be read: {error}") from error
    for key, count in counts.items():
        text = with_value(text, ["secrets", "generations", key], count)
    lines = "".join(f"    {key}: {count}\n" for key, count in counts.items())
    return Edit(file, text, f"secrets:\n  generations:\n{lines}")
