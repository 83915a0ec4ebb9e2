"""The drawings of the report, as numbers and places: the template writes the SVG. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]
WIDTH, LABEL, TOP = 1_000.0, 110.0, 24.0
PLOT_HEIGHT = 120.0
# Above so many cores rows get thin and lose their labels; each still tells its name when pointed at.
LABELLED = 120
STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 43_200, 86_400)


def clock(seconds: float) -> str:
    """Seconds as 1:02:03 or 2:03."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def axis(total: float) -> list[Json]:
    """The marks of the time axis: at most ten or so."""
    step = next((each for each in STEPS if total / each <= 10), STEPS[-1])
    return [{"x": place(at, total), "text": clock(at)} for at in range(0, math.floor(total) + 1, step)]


def place(at: float, total: float) -> float:
    """Where a second lies across the drawing."""
    return round(LABEL + (WIDTH - LABEL - 10) * min(max(at, 0), total) / (total or 1), 2)


def timeline(data: Mapping[str, Any]) -> Json:
    """Rows of cores by wave, bars from begin to end, and the ends of waves."""
    total = max(float(data["duration_s"]), 1.0)
    cores = sorted(data["cores"], key=lambda core: (core["wave"], core["begin_s"] is None, core["begin_s"] or 0))
    height = 16.0 if len(cores) <= LABELLED else 4.0
    rows = []
    for number, core in enumerate(cores):
        bar = None
        if core["begin_s"] is not None:
            end = core["end_s"] if core["end_s"] is not None else total
            left = place(core["begin_s"], total)
            bar = {"x": left, "width": max(round(place(end, total) - left, 2), 1.5)}
        rows.append({"core": core, "y": TOP + number * height, "bar": bar, "title": _title(core)})
    waves = [{**wave, "x": place(wave["end_s"], total)} for wave in data["waves"] if wave["end_s"] is not None]
    return {
        "width": WIDTH,
        "height": TOP + len(cores) * height + 6,
        "row": height,
        "labelled": len(cores) <= LABELLED,
        "rows": rows,
        "waves": waves,
        "axis": axis(total),
        "bottom": TOP + len(cores) * height,
    }


def _title(core: Mapping[str, Any]) -> str:
    times = [clock(core[key]) for key in ("begin_s", "end_s") if core[key] is not None]
    return f"{core['name']} ({core['hosting']}), wave {core['wave']}: {core['outcome']} {' to '.join(times)}".strip()


def plot(gate: Mapping[str, Any], duration: float) -> Json:
    """A gate's readings over time: dots, joined where they are of one point; without values, dots on a line."""
    total = max(duration, 1.0)
    values = [each["value"] for each in gate["readings"] if _drawable(each["value"])]
    low, high = (min(values), max(values)) if values else (0.0, 0.0)
    low, high = (min(low, 0.0), high) if high > low or low > 0 else (low - 1, high + 1)
    dots = [_dot(each, total, low, high, bool(values)) for each in gate["readings"]]
    return {
        "name": gate["name"],
        "width": WIDTH,
        "height": PLOT_HEIGHT + TOP + 10 if values else 40.0,
        "dots": dots,
        "lines": _lines(gate["readings"], dots) if values else [],
        "axis": axis(total),
        "marks": [{"y": _y(value, low, high), "text": f"{value:.4g}"} for value in (low, high)] if values else [],
    }


def _drawable(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _y(value: float, low: float, high: float) -> float:
    return round(TOP + PLOT_HEIGHT * (1 - (value - low) / ((high - low) or 1)), 2)


def _dot(reading: Mapping[str, Any], total: float, low: float, high: float, plotted: bool) -> Json:
    value = reading["value"]
    drawable = _drawable(value)
    bottom = TOP + PLOT_HEIGHT if plotted else TOP
    title = f"{clock(reading['at_s'])} {reading['point']}: {reading['verdict']}: {reading['reason']}"
    return {
        "x": place(reading["at_s"], total),
        "y": _y(value, low, high) if drawable else bottom,
        "verdict": reading["verdict"],
        "title": title,
        "drawn": drawable,
    }


def _lines(readings: Sequence[Mapping[str, Any]], dots: Sequence[Json]) -> list[str]:
    points: dict[str, list[str]] = {}
    for reading, dot in zip(readings, dots, strict=True):
        if dot["drawn"]:
            points.setdefault(reading["point"], []).append(f"{dot['x']},{dot['y']}")
    return [" ".join(found) for found in points.values() if len(found) > 1]
