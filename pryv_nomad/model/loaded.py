"""A cluster file as it was read, before it is resolved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from pryv_nomad.model import paths, source
from pryv_nomad.model.file import ClusterFile


@dataclass(frozen=True, slots=True)
class Loaded:
    """A cluster file as it was read: the validated model, and the nodes that know each value's place."""

    file: ClusterFile
    root: yaml.Node
    folder: Path

    def where(self, path: paths.Path) -> str:
        """The place of a value, such as `cluster.yml:31:9`."""
        return source.locate(self.root, path)

    def where_text(self, path: str) -> str:
        """`where` of a path as text."""
        return self.where(paths.parse(path)) if path else ""
