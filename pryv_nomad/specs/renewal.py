"""The task of the job that renews the wildcard certificate: this tool itself, in its own image."""

from __future__ import annotations

from collections.abc import Mapping

from pryv_nomad.model.cluster import Cluster, Resources
from pryv_nomad.settings import renewal
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.specs.escape import Raw, consul_text, heredoc
from pryv_nomad.specs.tasks import Task
from pryv_nomad.specs.templates import ConfigTemplate, pull_credentials

TASK_API = Raw('"unix://${NOMAD_SECRETS_DIR}/api.sock"')
"""Nomad's API for tasks: no address, no certificate, and the task's own identity as its token."""

RESOURCES = Resources(cpu=200, memory=256)
KILL_TIMEOUT = "30s"
"""Time to take the TXT record back."""


def certificate(cluster: Cluster, generations: Mapping[str, int]) -> Task:
    """The task; its settings are text that a user wrote, so they are in a file and not in its arguments."""
    return Task(
        name="certificate",
        image=cluster.own_image,
        ports=(),
        services=(),
        volumes=(),
        templates=(_settings(renewal.file(cluster)), *pull_credentials(cluster, generations)),
        mounts=(),
        environment={"NOMAD_ADDR": TASK_API},
        resources=RESOURCES,
        kill_timeout=KILL_TIMEOUT,
        database=False,
        singleton=True,
        vault=False,
    )


def _settings(file: ConfigFile) -> ConfigTemplate:
    text = "".join(consul_text(part) for part in file.parts if isinstance(part, str))
    return ConfigTemplate(heredoc(text), f"local/{file.path}", "", "noop", None, "0444", None, secret=False)
