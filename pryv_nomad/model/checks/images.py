"""Images and the components they are for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pryv_nomad.model import paths
from pryv_nomad.model.checks.finding import Finding, error, nearest
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.file import ComponentResources
from pryv_nomad.model.validation import written

_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
_NAME = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?{_NAME}(?:/{_NAME})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)
_REGISTRY = re.compile(rf"{_HOST}(?:/{_NAME})*")


def overrides_are_images(cluster: Cluster) -> Iterator[Finding]:
    """Each override is for a component and is an image reference (distribution/reference)."""
    for name, image in cluster.file.images.overrides.items():
        path = ("images", "overrides", name)
        if name not in cluster.release.components:
            yield error(
                path,
                f"release {cluster.release.name} has no component {written(name)}",
                nearest(name, cluster.release.components),
            )
        if not _REFERENCE.fullmatch(image):
            yield error(path, "not an image; write it like registry.example/pryvio/core:1.9.2")
    own = cluster.file.images.pryv_nomad
    if own is not None and not _REFERENCE.fullmatch(own):
        yield error("images.pryv_nomad", "not an image; write it like registry.example/pryv-nomad:0.1.0")


def registry_is_a_host(cluster: Cluster) -> Iterator[Finding]:
    """A host, perhaps with a port and a folder; no scheme."""
    registry = cluster.file.images.registry
    if registry is not None and not _REGISTRY.fullmatch(registry):
        yield error("images.registry", "not an image registry; write its host, such as registry.example:5000")


def resources_name_components(cluster: Cluster) -> Iterator[Finding]:
    """Resources are for components of the release."""
    places: list[tuple[paths.Path, Mapping[str, ComponentResources]]] = [(("resources",), cluster.file.resources)]
    places += [(("cores", index, "resources"), entry.resources) for index, entry in enumerate(cluster.file.cores)]
    for path, resources in places:
        for name in resources:
            if name not in cluster.release.components:
                text = f"release {cluster.release.name} has no component {written(name)}"
                yield error((*path, name), text, nearest(name, cluster.release.components))


CHECKS = (overrides_are_images, registry_is_a_host, resources_name_components)
