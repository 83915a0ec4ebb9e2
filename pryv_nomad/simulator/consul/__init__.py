"""A deterministic model of the part of Consul that pryv-nomad uses: KV, transactions, sessions, catalog and health."""

from __future__ import annotations

from pryv_nomad.simulator.consul.consul import Consul

__all__ = ["Consul"]
