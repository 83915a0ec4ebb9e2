"""What a renewal needs to know of the platform: a small JSON text, so that its job needs no cluster file.

`settings/renewal.py` makes the text from the cluster file; the job's template block hands it to the task.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pryv_nomad.errors import RenewalError


@dataclass(frozen=True, slots=True)
class Request:
    """One platform's renewal. `directory`: URL of the ACME server's directory. `name_servers`: the Consul tags of the
    name servers that must answer. `namespace` and `region`: Nomad's."""

    domain: str
    email: str
    directory: str
    name_servers: tuple[str, ...]
    namespace: str
    region: str

    @property
    def names(self) -> tuple[str, str]:
        """The names that the certificate is for."""
        return f"*.{self.domain}", self.domain

    @property
    def record(self) -> str:
        """The name of the TXT record, one for both names (RFC 8555, 8.4)."""
        return f"_acme-challenge.{self.domain}"


def from_structure(structure: Mapping[str, Any]) -> Request:
    """The request in what `settings.renewal.structure` makes. Raises KeyError for a key that is not there."""
    texts = {key: str(structure[key]) for key in ("domain", "email", "directory", "namespace", "region")}
    return Request(name_servers=tuple(map(str, structure["name_servers"])), **texts)


def read(path: Path) -> Request:
    """The request in a file. Raises RenewalError when it holds none."""
    try:
        return from_structure(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise RenewalError(f"{path}: cannot be read: {error.strerror}", "name the file that the job writes") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RenewalError(
            f"{path}: not the settings of a renewal", "render the job pryv-certificate anew, with this version"
        ) from error
