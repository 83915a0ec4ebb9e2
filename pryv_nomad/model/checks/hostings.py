"""Hostings: the real register throws for one without cores, and refuses a url with a path."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pryv_nomad.model.checks.finding import Finding, error, nearest
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.validation import written

_URL = re.compile(r"https?://(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def url_is_a_site(cluster: Cluster) -> Iterator[Finding]:
    """http(s)://host, without a path."""
    for key, hosting in cluster.hostings.items():
        if not _URL.fullmatch(hosting.url):
            path = f"hostings.{key}.url"
            yield error(
                path, "must be http(s)://host without a path; the register refuses others", "cut it after the host"
            )


def datacenter_is_known(cluster: Cluster) -> Iterator[Finding]:
    """A hosting is in a datacenter of the platform."""
    known = cluster.file.datacenters
    for key, hosting in cluster.hostings.items():
        if hosting.datacenter not in known:
            path = f"hostings.{key}.datacenter"
            yield error(
                path, f"{written(hosting.datacenter)} is not among the datacenters", nearest(hosting.datacenter, known)
            )


def has_cores(cluster: Cluster) -> Iterator[Finding]:
    """Every hosting has a core."""
    used = {core.hosting for core in cluster.cores}
    for key in cluster.hostings:
        if key not in used:
            yield error(
                f"hostings.{key}", "has no core; the register does not start with one", "give it a core or remove it"
            )


CHECKS = (url_is_a_site, datacenter_is_known, has_cores)
