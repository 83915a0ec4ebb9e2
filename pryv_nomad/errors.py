"""Every error a user can meet, in one tree; each class owns its exit code.

A message says what is wrong and where; `remedy` says what to do. The command line prints both and exits with
`exit_code`; `docs/exit-codes.md` lists the codes. Code 1 is kept for `plan` (changes are waiting; `plan` ends with 255
after any error, as `nomad job plan` does) and 2 for wrong usage, which click reports itself.
"""

from __future__ import annotations

from dataclasses import dataclass


class PryvNomadError(Exception):
    """The root: `message` says what and where, `remedy` (may be empty) what to do."""

    exit_code = 70

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


# -- the cluster file --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in the cluster file.

    `path` is the place in the model (`cores[2].ip`), `where` the place in a file (`cluster.yml:31:9`, may be empty),
    `text` what is wrong, `remedy` what to do about it (may be empty).
    """

    path: str
    text: str
    where: str = ""
    remedy: str = ""

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.path}: {self.text}{place}{remedy}" if self.path else f"{self.text}{place}{remedy}"


class ClusterFileError(PryvNomadError):
    """The cluster file cannot be read or does not describe a platform; carries every problem found."""

    exit_code = 3

    def __init__(self, problems: list[Problem] | str, remedy: str = "") -> None:
        self.problems = [Problem("", problems)] if isinstance(problems, str) else problems
        super().__init__("\n".join(str(problem) for problem in self.problems), remedy)


class ImportFolderError(PryvNomadError):
    """A config-leader folder cannot be read."""

    exit_code = 3


class TerraformInputError(PryvNomadError):
    """What Terraform handed over, a query or its outputs, cannot be used."""

    exit_code = 3


# -- templates and specs -----------------------------------------------------------------------------------------


class SpecError(PryvNomadError):
    """A job template does not render, or what it renders is not a job."""

    exit_code = 4


class HclError(SpecError):
    """HCL text that Nomad would refuse or that we cannot convert; the message begins with file:line:column."""


# -- secrets and certificates ------------------------------------------------------------------------------------


class SecretsError(PryvNomadError):
    """A secret is missing, malformed or cannot be stored. Never carries the value."""

    exit_code = 5


class CertificateError(SecretsError):
    """A certificate does not fit its key, the domain, or the clock."""


class RenewalError(CertificateError):
    """A certificate was not renewed: the ACME server refused, or something did not happen in time."""


# -- refusals ----------------------------------------------------------------------------------------------------


class Refused(PryvNomadError):
    """The command would do something that needs a decision first; nothing was changed."""

    exit_code = 6


class PlanFileError(Refused):
    """A plan file cannot be read, or is not for this platform."""


class StalePlan(Refused):
    """The cluster has moved on since the plan was made."""


class Conflict(Refused):
    """Somebody else changed the same thing meanwhile (a check index did not match)."""


# -- the cluster's APIs ------------------------------------------------------------------------------------------


class ApiError(PryvNomadError):
    """Nomad or Consul answered, but not with what was asked. `status` is the HTTP status, 0 where there is none."""

    exit_code = 9

    def __init__(self, message: str, remedy: str = "", status: int = 0) -> None:
        super().__init__(message, remedy)
        self.status = status


class NotFound(ApiError):
    """Nomad or Consul does not know what was asked for (404)."""


class Unauthorized(ApiError):
    """The token is missing, unknown, expired or not allowed to do this (401, 403)."""

    exit_code = 8


class ConnectionSettingError(ApiError):
    """A NOMAD_* or CONSUL_* variable holds what cannot be used (not a URL, not a boolean, no such file)."""

    exit_code = 2


class Unreachable(ApiError):
    """No answer: connection refused, a time-out, a TLS failure, or a proxy's page instead of the API."""

    exit_code = 7


# -- what runs ---------------------------------------------------------------------------------------------------


class Unhealthy(PryvNomadError):
    """The change was made, but the platform did not become healthy."""

    exit_code = 10


class HookFailed(Unhealthy):
    """A hook of a rollout failed; one before the rollout or a wave stops it."""


class MissingPrerequisite(PryvNomadError):
    """This machine, or a Nomad client, lacks something that is needed."""

    exit_code = 11
