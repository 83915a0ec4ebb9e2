"""Consul's policies (developer.hashicorp.com/consul/docs/security/acl/acl-rules, 1.14)."""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.registry.lock import lock_key
from pryv_nomad.settings.snippets import challenges_key


def operator(cluster: Cluster) -> str:
    """Write this platform's records and its members' catalog entries; read what its jobs register."""
    return f"""\
# {cluster.domain}: records of what was last done, and the members of the registry.
key_prefix "pryv-nomad/{cluster.domain}/" {{
  policy = "write"
}}

# Each member stands on a catalog node of its own, so that no agent's loss takes it out.
node_prefix "pryv-core-" {{
  policy = "write"
}}

# `status` shows failing checks; Consul leaves out those of nodes that a token may not read.
node_prefix "" {{
  policy = "read"
}}

service "pryv-core" {{
  policy = "write"
}}

service_prefix "pryv-" {{
  policy = "read"
}}

session_prefix "" {{
  policy = "write"
}}
"""


def client(cluster: Cluster) -> str:
    """Register the jobs' services from a Nomad client, and read what the jobs' templates ask for."""
    return f"""\
# {cluster.domain}: what the Nomad clients do for its jobs.
agent_prefix "" {{
  policy = "read"
}}

node_prefix "" {{
  policy = "read"
}}

service_prefix "pryv-" {{
  policy = "write"
}}

key_prefix "pryv-nomad/{cluster.domain}/members/" {{
  policy = "read"
}}

key_prefix "pryv-nomad/{cluster.domain}/addresses/" {{
  policy = "read"
}}

key "{challenges_key(cluster.domain)}" {{
  policy = "read"
}}

key "pryv-nomad/hold" {{
  policy = "read"
}}
"""


def certificate(cluster: Cluster) -> str:
    """Publish the TXT values of a renewal, and find the name servers that must answer with them."""
    return f"""\
# {cluster.domain}: what the job pryv-certificate does in Consul.
key "{challenges_key(cluster.domain)}" {{
  policy = "write"
}}

service "pryv-dns" {{
  policy = "read"
}}

node_prefix "" {{
  policy = "read"
}}
"""


def follower(cluster: Cluster) -> str:
    """Read which cores were removed and who else serves, and take the lock of reloads."""
    return f"""\
# {cluster.domain}: what the followers of the registry do in Consul.
key_prefix "pryv-nomad/{cluster.domain}/members/" {{
  policy = "read"
}}

key "{lock_key(cluster.domain)}" {{
  policy = "write"
}}

service "pryv-register" {{
  policy = "read"
}}

service "pryv-dns" {{
  policy = "read"
}}

node_prefix "" {{
  policy = "read"
}}

session_prefix "" {{
  policy = "write"
}}
"""


def bridge(cluster: Cluster) -> str:
    """Keep the members in the catalog behind a lock, and read the checks of the jobs: what an operator's token does."""
    return operator(cluster)
