"""A deterministic model of the part of Nomad (and Consul) that pryv-nomad uses; not an orchestrator.

`Simulator` is the model with its virtual clock; `http` serves it under Nomad's and Consul's paths; `python -m
pryv_nomad.simulator` runs that server. The rest of the package does not import this one.
"""

from __future__ import annotations

from pryv_nomad.simulator.nodes import NodeSpec
from pryv_nomad.simulator.runner import Timing
from pryv_nomad.simulator.simulator import Simulator

__all__ = ["NodeSpec", "Simulator", "Timing"]
