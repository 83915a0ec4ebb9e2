"""What needs more than one value of the cluster file to judge: small checks, all run, everything found gathered.

A check takes the resolved cluster and gives findings. `validate` shows them all; whoever needs a sound cluster calls
`check`, which raises for the errors. Why the real register needs half of these: a hosting without cores, a url with a
path, or names that end one another make it fail or misroute (`service-register`, `src/config`, `src/utils`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.checks import cores, hostings, images, machines, policies, sizes, variables
from pryv_nomad.model.checks.finding import Finding
from pryv_nomad.model.cluster import Cluster

__all__ = ["CHECKS", "Finding", "check", "findings"]

CHECKS: tuple[Callable[[Cluster], Iterable[Finding]], ...] = (
    *hostings.CHECKS,
    *cores.CHECKS,
    *machines.CHECKS,
    *images.CHECKS,
    *policies.CHECKS,
    *sizes.CHECKS,
    *variables.CHECKS,
)


def findings(cluster: Cluster) -> list[Finding]:
    """Everything the checks find, errors first, each with its place in a file."""
    found = [_located(finding, cluster) for check in CHECKS for finding in check(cluster)]
    return sorted(found, key=lambda finding: finding.severity != "error")


def check(cluster: Cluster) -> list[Finding]:
    """Raises ClusterFileError with every error; returns the warnings."""
    found = findings(cluster)
    errors = [finding.problem for finding in found if finding.severity == "error"]
    if errors:
        raise ClusterFileError(errors)
    return found


def _located(finding: Finding, cluster: Cluster) -> Finding:
    problem = finding.problem
    if problem.where or not problem.path:
        return finding
    return replace(finding, problem=replace(problem, where=cluster.where(problem.path)))
