"""Which secrets a platform needs, where each is kept, and who makes it.

Read from the release's catalogue and the cluster file; the values are nobody's business here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.expansion import value_at
from pryv_nomad.secrets.tls import CERTIFICATE_KEY, PRIVATE_KEY_KEY
from pryv_nomad.specs.secret_paths import SHARED, secret_path


@dataclass(frozen=True, slots=True)
class Need:
    """One secret. `length`: alphanumerics to generate, 0 where the operator gives it. `remedy`: how to store it."""

    key: str
    path: str
    description: str
    components: tuple[str, ...]
    length: int = 0
    remedy: str = ""

    @property
    def generated(self) -> bool:
        """Whether the tool makes its value."""
        return self.length > 0


def needs(cluster: Cluster) -> tuple[Need, ...]:
    """Every secret that the platform's jobs read, sorted by path and key."""
    found = [*_catalogue(cluster), *_certificate(cluster), *_pull_credentials(cluster)]
    return tuple(sorted(found, key=lambda need: (need.path, need.key)))


def _catalogue(cluster: Cluster) -> Iterator[Need]:
    for key, secret in cluster.catalogue.secrets.items():
        if secret.when and value_at(cluster.settings, secret.when.split(".")) is None:
            continue
        how = "pryv-nomad secrets init" if secret.length else f"pryv-nomad secrets set {key}"
        yield Need(key, secret_path(cluster, key), secret.description, secret.components, secret.length or 0, how)


def _certificate(cluster: Cluster) -> Iterator[Need]:
    if cluster.file.tls.source == "variables":
        how = "pryv-nomad secrets tls CERT KEY (a lab: --self-signed)"
        yield Need(CERTIFICATE_KEY, SHARED, "Wildcard certificate with its chain.", ("nginx",), remedy=how)
        yield Need(PRIVATE_KEY_KEY, SHARED, "Private key of the certificate.", ("nginx",), remedy=how)


def _pull_credentials(cluster: Cluster) -> Iterator[Need]:
    credentials = cluster.file.images.credentials
    if credentials is not None:
        for key, what in ((credentials.username_key, "User"), (credentials.password_key, "Password")):
            how = f"pryv-nomad secrets set {key}"
            yield Need(key, credentials.variable, f"{what} of the image registry.", (), remedy=how)
