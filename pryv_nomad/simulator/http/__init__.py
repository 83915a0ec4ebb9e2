"""The simulator behind Nomad's and Consul's HTTP APIs."""

from __future__ import annotations

from pryv_nomad.simulator.http.serving import Serving, serve

__all__ = ["Serving", "serve"]
