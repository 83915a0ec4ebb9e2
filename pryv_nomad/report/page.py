"""The page itself: one HTML file, its drawings inside, nothing fetched from anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from pryv_nomad.report.drawing import clock, plot, timeline

TEMPLATE = Path(__file__).with_name("page.html.j2")


def render(data: Mapping[str, Any]) -> str:
    """The report of `data` (its shape: `report.data`, version 1). Every text in it is escaped. Deterministic."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["clock"] = clock
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    plots = [plot(gate, data["duration_s"]) for gate in data["gates"]]
    counts = {name: sum(core["outcome"] == name for core in data["cores"]) for name in ("done", "failed", "waiting")}
    return template.render(data=data, timeline=timeline(data), plots=plots, counts=counts)
