"""What a release knows that an import compares with: defaults, images, process counts, and the original files."""

from __future__ import annotations

from pathlib import Path

import yaml

from pryv_nomad.importer.convert import Known
from pryv_nomad.model.release import Release
from pryv_nomad.model.variables import Catalogue

_ORIGINALS = Path(__file__).with_name("originals.yml")


def known(release: Release, catalogue: Catalogue, single_machine: bool) -> Known:
    """What an import of a platform of `release` compares with."""
    layout = "single-node" if single_machine else "cluster"
    originals = yaml.load(_ORIGINALS.read_bytes(), Loader=yaml.CSafeLoader)[layout]
    return Known(
        defaults={name: variable.default for name, variable in catalogue.variables.items() if not variable.derived},
        images={name: component.image for name, component in release.components.items()},
        procs={name: component.procs for name, component in release.components.items()},
        originals={path: tuple(digests) for path, digests in originals.items()},
    )
