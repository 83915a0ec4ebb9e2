"""A folder with a short path, for a Nomad client whose tasks use its task API.

The API's socket lies deep inside the client's data (`alloc/ID/TASK/secrets/api.sock`), and the path of a socket has at
most 107 bytes; where it would be longer, Nomad makes none. The folders of pytest are too deep for that, above all those
of its workers.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """An empty folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pn", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
