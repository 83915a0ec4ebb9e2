"""The cluster file that `pryv-nomad init` writes: the smallest that is valid, and what most people change next."""

from __future__ import annotations

import json

from pryv_nomad.errors import ClusterFileError, Problem
from pryv_nomad.model import releases
from pryv_nomad.model.types import domain_name

_STARTER = """\
# A Pryv.io platform. Check it with `pryv-nomad validate`, see what would change with `pryv-nomad plan`.
# docs/cluster-model.md says all that can stand here; examples/ has larger ones.

platform:
  domain: {domain}      # users live at USERNAME.DOMAIN; its NS records must name the registry's machines
  name: {name}          # shown to users
  # single_machine: true        # all roles on one machine, behind one edge (then with one core)

release: {release}

datacenters: [dc1]              # of Nomad; the registry and the static site run in the first

hostings:                       # where a user's data may live
  ch:
    datacenter: dc1
    url: https://hosting.example        # http(s)://host, without a path
    name: Switzerland

cores:                          # one line a range: co[1-3] is co1, co2, co3
  - name: co[1-3]
    hosting: ch
    # ip: [203.0.113.1, 203.0.113.2, 203.0.113.3]   # left out: found from the Nomad nodes
    # procs: 4                  # API processes, one a CPU

# registry:
#   ip: 203.0.113.10
#   register: {{instances: 2}}
#   replica: {{ip: 203.0.113.20}} # dns and a copy of redis on a second machine

# settings:                     # platform variables, by their own names
#   SUPPORT_URL: https://DOMAIN/support
#   INVITATION_TOKENS: [a-token]

# update:
#   canary: 1                   # of each core's api; 0 replaces in place
#   max_unavailable: 1          # cores of one hosting down at once
"""


def starter(domain: str, name: str) -> str:
    """The file's text, for the newest release. Raises ClusterFileError for a domain that is none."""
    try:
        domain_name(domain)
    except ValueError as error:
        raise ClusterFileError([Problem("--domain", str(error))]) from None
    return _STARTER.format(domain=domain, name=json.dumps(name, ensure_ascii=False), release=releases.available()[0])
