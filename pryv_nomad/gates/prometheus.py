"""A query of Prometheus against a threshold, by itself or compared with a second one.

Source of the form of the answers: Prometheus's HTTP API, `GET /api/v1/query`: `{"status": "success", "data":
{"resultType": "vector", "result": [{"metric": {}, "value": [time, "1.5"]}]}}`, or a scalar `[time, "1.5"]`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from pryv_nomad.gates.measuring import Measurement, bad, good, silent, wait
from pryv_nomad.gates.requesting import Asking, NoAnswer, NotSet, from_environment
from pryv_nomad.model.gates import PrometheusGate
from pryv_nomad.model.types import seconds
from pryv_nomad.rollout.gating import Question


class _Unusable(Exception):
    """An answer that holds no single number."""


class PrometheusSource:
    """Asks Prometheus. No data is no answer: it waits, and then fails."""

    def __init__(self, gate: PrometheusGate) -> None:
        self._gate = gate

    def describe(self) -> str:
        """What is asked, in a line."""
        gate = self._gate
        what = f"{gate.compare} of {gate.query} to {gate.baseline}" if gate.baseline else gate.query
        return f"Prometheus: {what} {self._bounds()}"

    def measure(self, question: Question) -> Measurement:
        """Ask once: first whether there are enough requests, where the gate wants that."""
        gate = self._gate
        try:
            asking = Asking(seconds(gate.timeout), gate.ca_file, from_environment(gate.token_env))
            if gate.requests:
                count = self._number(asking, gate.requests, question.cores, empty=0.0)
                if count < gate.min_requests:
                    return wait(f"{count:g} requests; needs {gate.min_requests:g} to judge", count)
            value = self._number(asking, gate.query, question.cores)
            if gate.baseline is None:
                return self._judged(value, f"{value:g}")
            base = self._number(asking, gate.baseline, question.cores)
        except (NoAnswer, NotSet, _Unusable) as error:
            return silent(str(error))
        compared = compare(value, base, gate.compare)
        return self._judged(compared, f"{gate.compare} {compared:g} ({value:g} to {base:g})")

    def _judged(self, value: float, text: str) -> Measurement:
        gate = self._gate
        above = gate.max is not None and value > gate.max
        below = gate.min is not None and value < gate.min
        if above or below:
            return bad(f"{text}; must be {self._bounds()}", value)
        return good(text, value)

    def _bounds(self) -> str:
        gate = self._gate
        texts = [f"at least {gate.min:g}"] if gate.min is not None else []
        texts += [f"at most {gate.max:g}"] if gate.max is not None else []
        return " and ".join(texts)

    def _number(self, asking: Asking, query: str, cores: Iterable[str], empty: float | None = None) -> float:
        """The result of a query. `empty` is what no series counts as; without it that is unusable."""
        reply = asking.get(f"{self._gate.address.rstrip('/')}/api/v1/query", {"query": filled(query, tuple(cores))})
        try:
            answer: Any = json.loads(reply.body)
            if answer["status"] != "success":
                raise _Unusable(f"Prometheus refused the query: {str(answer.get('error'))[:200]}")
            return _single(answer["data"], empty)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise _Unusable(f"Prometheus answered {reply.status} with what is no result") from error


def filled(query: str, cores: tuple[str, ...]) -> str:
    """The query with the cores' names, which are DNS labels: nothing in them has a meaning in PromQL."""
    return query.replace("{cores}", "|".join(cores)).replace("{core}", cores[0] if cores else "")


def compare(value: float, base: float, how: str) -> float:
    """The ratio or difference of two numbers. Nothing to nothing is the same, something to nothing infinitely more."""
    if how == "difference":
        return value - base
    if base == 0:
        return 1.0 if value == 0 else math.copysign(math.inf, value)
    return value / base


def _single(data: dict[str, Any], empty: float | None) -> float:
    result = data["result"]
    if data["resultType"] == "scalar":
        number = float(result[1])
    elif data["resultType"] == "vector" and len(result) == 1:
        number = float(result[0]["value"][1])
    elif data["resultType"] == "vector" and not result:
        if empty is None:
            raise _Unusable("the query found no data")
        return empty
    else:
        raise _Unusable("the query gives several series; make one number of them, such as with sum()")
    if math.isnan(number):
        if empty is None:
            raise _Unusable("the query's result is not a number (NaN)")
        return empty
    return number
