"""Runs Pryv.io platforms on HashiCorp Nomad and Consul."""

__version__ = "0.1.0"
