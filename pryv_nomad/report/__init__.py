"""A finished rollout as one HTML file that needs nothing from anywhere: `render(data)`, and `data_of` a record."""

from __future__ import annotations

from pryv_nomad.report.page import render

__all__ = ["render"]
