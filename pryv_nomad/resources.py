"""Finds the data that ships with the tool: job templates, consul-templates, examples.

In a checkout they lie at its top, where a user reads them; in an installed wheel they lie inside the package.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """The folder `name` (`jobs`, `consul-templates`, `examples`). Raises FileNotFoundError when this build lacks it."""
    for parent in (_PACKAGE / "_resources", _PACKAGE.parent):
        folder = parent / name
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"this installation of pryv-nomad has no folder {name!r}; install it again")
