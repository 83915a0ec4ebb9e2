"""Nomad's policies (developer.hashicorp.com/nomad/docs/other-specifications/acl-policy, 1.6).

A job needs none to read its own variables: Nomad gives every workload identity `nomad/jobs` and its own paths below it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pryv_nomad.model.cluster import Cluster

CERTIFICATE_JOB = "pryv-certificate"
_READ = ("list-jobs", "read-job", "parse-job")
_WRITE = (*_READ, "submit-job", "read-logs")


def operator(cluster: Cluster) -> str:
    """Register and stop this platform's jobs, read their logs, and keep its secrets."""
    return _policy(cluster, _WRITE, ("read", "write", "list"))


def viewer(cluster: Cluster) -> str:
    """Read jobs and nodes; list which secrets are there, and read none.

    Enough for `status`. `plan` asks Nomad what it would do, which needs submit-job (nomad/job_endpoint.go, Plan).
    """
    return _policy(cluster, _READ, ("list",))


def certificate(cluster: Cluster) -> str:
    """Write the certificate and the account's key: for the job `pryv-certificate` and no person.

    By itself a job may read these variables and not write them.
    """
    return f"""\
# {cluster.domain}: what the job {CERTIFICATE_JOB} writes. Applied to the job, no token holds it.
namespace "{cluster.file.platform.namespace}" {{
  variables {{
    path "nomad/jobs" {{
      capabilities = ["read", "write"]
    }}
    path "nomad/jobs/{CERTIFICATE_JOB}" {{
      capabilities = ["read", "write"]
    }}
  }}
}}
"""


def follower(cluster: Cluster) -> str:
    """Restart a register or a name server beside it: for the registry's jobs and no person."""
    return f"""\
# {cluster.domain}: what the followers of the registry do. Applied to its jobs, no token holds it.
namespace "{cluster.file.platform.namespace}" {{
  capabilities = ["alloc-lifecycle"]
}}
"""


def bridge(cluster: Cluster) -> str:
    """Read what runs, and keep the copies of the membership: for the bridge, and for no person."""
    return f"""\
# {cluster.domain}: what the bridge does.
namespace "{cluster.file.platform.namespace}" {{
  capabilities = ["list-jobs", "read-job"]

  variables {{
    path "pryv-nomad/*" {{
      capabilities = ["read", "write", "list"]
    }}
  }}
}}

node {{
  policy = "read"
}}
"""


def _policy(cluster: Cluster, capabilities: Sequence[str], variables: Sequence[str]) -> str:
    return f"""\
# {cluster.domain}: jobs and secrets of one namespace, and the nodes that carry them.
namespace "{cluster.file.platform.namespace}" {{
  capabilities = [{_list(capabilities)}]

  variables {{
    path "nomad/jobs" {{
      capabilities = [{_list(variables)}]
    }}
    path "nomad/jobs/pryv-*" {{
      capabilities = [{_list(variables)}]
    }}
    # Copies of the membership, which `core drain` and `core remove` keep up to date.
    path "pryv-nomad/*" {{
      capabilities = [{_list(variables)}]
    }}
  }}
}}

node {{
  policy = "read"
}}
"""


def _list(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)
