"""Who changed a job since our last run: Nomad itself by rolling a failed deployment back, or somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pryv_nomad.plan.observed import Record

# Nomad's words, `nomad/structs/structs.go` DeploymentStatusDescriptionRollback.
ROLLED_BACK = re.compile(r"rolling back to job version (\d+)")


@dataclass(frozen=True, slots=True)
class History:
    """What Nomad keeps of a job: its current version, and its deployments as (job version, status, description)."""

    version: int
    deployments: tuple[tuple[int, str, str], ...] = ()

    @classmethod
    def of(cls, versions: Iterable[Mapping[str, Any]], deployments: Iterable[Mapping[str, Any]]) -> History:
        """From Nomad's `/v1/job/ID/versions` and `/v1/job/ID/deployments`."""
        return cls(
            max((int(version["Version"]) for version in versions), default=0),
            tuple(
                (int(each["JobVersion"]), str(each["Status"]), str(each.get("StatusDescription") or ""))
                for each in deployments
            ),
        )

    def rolled_back(self, record: Record) -> str:
        """Why Nomad rolled back what we registered last; empty when it did not, or when more has happened since.

        An automatic rollback makes exactly one version after the failed one.
        """
        ours = {record.version, record.version + 1} if record.pending else {record.version}
        for version, status, description in self.deployments:
            if (
                version in ours
                and version == self.version - 1
                and status == "failed"
                and ROLLED_BACK.search(description)
            ):
                return description
        return ""

    def ours(self, record: Record) -> bool:
        """Whether the one version since the record is the one that we were about to register when our run died."""
        return bool(record.pending) and self.version == record.version + 1
