"""Consul's policies (developer.hashicorp.com/consul/docs/security/acl/acl-rules, 1.14)."""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster


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

key "pryv-nomad/hold" {{
  policy = "read"
}}
"""
