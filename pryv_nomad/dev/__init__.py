"""A local cluster to try things on: `up`, `down`, `status`."""

from __future__ import annotations

from pryv_nomad.dev.cluster import down, status, up
from pryv_nomad.dev.nodes import NodeWish, wishes
from pryv_nomad.dev.options import DevCluster, DevOptions

__all__ = ["DevCluster", "DevOptions", "NodeWish", "down", "status", "up", "wishes"]
