"""The original's configuration, filled as its config-leader fills it: the oracle of what our files must say.

It is not part of this project. PRYV_REFERENCE names its folder; by default it lies beside the checkout.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.model.cluster import Cluster

from .platforms import SECRETS

_CHECKOUT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("PRYV_REFERENCE") or _CHECKOUT.parent / "shared" / "reference") / "pryv.io-1.9.2"

needs_reference = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the original's configuration is not here (PRYV_REFERENCE names its folder)"
)

ABSENT = "(absent)"
Difference = tuple[Any, Any]


def template(path: str, platform: Cluster) -> str:
    """The template `path` below the reference, filled with the platform's variables."""
    return substituted((FOLDER / path).read_text(encoding="utf-8"), {**SECRETS, **platform.settings})


def substituted(text: str, values: dict[str, Any]) -> str:
    """config-leader's way: every variable's name, wherever it stands and again in what replaces it, is replaced; a text
    as it is, all else as JSON (service-config-leader, `src/utils/configuration.utils.js`)."""
    names = re.compile("|".join(values))

    def replacement(found: re.Match[str]) -> str:
        value = values[found[0]]
        return names.sub(replacement, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))

    return names.sub(replacement, text)


def differences(theirs: Any, ours: Any, path: str = "") -> dict[str, Difference]:
    """Where two documents differ: path → (the original's value, ours)."""
    if not (isinstance(theirs, dict) and isinstance(ours, dict)):
        return {} if theirs == ours and type(theirs) is type(ours) else {path: (theirs, ours)}
    found: dict[str, Difference] = {}
    for key in [*theirs, *(key for key in ours if key not in theirs)]:
        inside = f"{path}.{key}" if path else str(key)
        found |= differences(theirs.get(key, ABSENT), ours.get(key, ABSENT), inside)
    return found
