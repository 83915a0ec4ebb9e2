"""Least-privilege ACL policies for Nomad and Consul, made from the cluster model.

Pure text in each product's policy language. `pryv-nomad policy NAME` prints one; an operator applies it with the
product's own command, because handing out rights is a decision of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.policies import consul, nomad


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: who needs it, how it is applied, and its text for a cluster."""

    purpose: str
    apply: str
    text: Callable[[Cluster], str]


POLICIES: Mapping[str, Policy] = {
    "nomad-operator": Policy(
        "whoever runs plan, run, status, stop and secrets",
        "nomad acl policy apply -description 'pryv-nomad operator' pryv-operator FILE",
        nomad.operator,
    ),
    "nomad-viewer": Policy(
        "whoever runs status only",
        "nomad acl policy apply -description 'pryv-nomad viewer' pryv-viewer FILE",
        nomad.viewer,
    ),
    "consul-operator": Policy(
        "the same people's Consul token: records and members",
        "consul acl policy create -name pryv-operator -rules @FILE",
        consul.operator,
    ),
    "consul-client": Policy(
        "the Consul token of the Nomad clients: services of the jobs and what their templates read",
        "consul acl policy create -name pryv-client -rules @FILE",
        consul.client,
    ),
    "nomad-bridge": Policy(
        "the job pryv-bridge itself (bridge.enabled), or the token of a bridge outside Nomad",
        "nomad acl policy apply -namespace NAMESPACE -job pryv-bridge pryv-bridge FILE",
        nomad.bridge,
    ),
    "consul-bridge": Policy(
        "the bridge's Consul token",
        "consul acl policy create -name pryv-bridge -rules @FILE",
        consul.bridge,
    ),
    "nomad-certificate": Policy(
        "the job pryv-certificate itself (tls.acme): it stores what it renews",
        "nomad acl policy apply -namespace NAMESPACE -job pryv-certificate pryv-certificate FILE",
        nomad.certificate,
    ),
    "consul-certificate": Policy(
        "the token CONSUL_HTTP_TOKEN in the Nomad Variable nomad/jobs/pryv-certificate: the TXT record of a renewal",
        "consul acl policy create -name pryv-certificate -rules @FILE",
        consul.certificate,
    ),
    "nomad-follower": Policy(
        "the jobs pryv-registry, pryv-dns and pryv-dns-replica themselves (registry.follower): each by its name",
        "nomad acl policy apply -namespace NAMESPACE -job pryv-registry pryv-registry FILE",
        nomad.follower,
    ),
    "consul-follower": Policy(
        "the token CONSUL_HTTP_TOKEN in the Nomad Variable of each of these jobs (nomad/jobs/pryv-registry …)",
        "consul acl policy create -name pryv-follower -rules @FILE",
        consul.follower,
    ),
}
