"""Nomad Variables: small sets of secrets by path, written with check-and-set (`nomad/variables_endpoint.go`, 1.6.5)."""

from __future__ import annotations

import re
from typing import Any

from pryv_nomad.simulator.errors import Refusal, VariableConflict
from pryv_nomad.simulator.state import State

Json = dict[str, Any]

LIMIT = 64 * 1024

_PATH = re.compile(r"[a-zA-Z0-9\-_~/]{1,128}")


class Variables:
    """The variables of all namespaces."""

    def __init__(self, state: State) -> None:
        self._state = state

    def read(self, namespace: str, path: str) -> Json:
        """One variable with its items; 404 when there is none."""
        found = self._state.variables.get((namespace, path))
        if found is None:
            raise Refusal(404, "variable not found")
        return found

    def write(self, namespace: str, path: str, items: Any, cas: int | None) -> Json:
        """Write a variable. `cas`: the ModifyIndex it must have (0: it must not exist), None: whatever it has."""
        if not isinstance(items, dict) or not items:
            raise Refusal(400, "variable missing required Items object")
        if not all(isinstance(value, str) for value in items.values()):
            raise Refusal(400, "variable items must be strings")
        if not _PATH.fullmatch(path):
            raise Refusal(400, f'invalid path "{path}"')
        if sum(len(key.encode()) + len(value.encode()) for key, value in items.items()) > LIMIT:
            raise Refusal(500, "variables are limited to 64KiB in total size")
        if namespace not in self._state.namespaces:
            raise Refusal(500, f'nonexistent namespace "{namespace}"')
        current = self._state.variables.get((namespace, path))
        self._check(namespace, path, current, cas)
        index, now = self._state.commit(), self._state.now
        variable = {
            "CreateIndex": current["CreateIndex"] if current else index,
            "CreateTime": current["CreateTime"] if current else now,
            "Items": dict(items), "ModifyIndex": index, "ModifyTime": now, "Namespace": namespace, "Path": path,
        }  # fmt: skip
        self._state.variables[namespace, path] = variable
        self._state.tables["variables"] = index
        return variable

    def delete(self, namespace: str, path: str, cas: int | None) -> None:
        """Delete a variable; deleting what is not there succeeds."""
        self._check(namespace, path, self._state.variables.get((namespace, path)), cas)
        if self._state.variables.pop((namespace, path), None) is not None:
            self._state.tables["variables"] = self._state.commit()

    def listed(self, namespace: str, prefix: str) -> list[Json]:
        """The variables under a prefix, without their items, in the order of their paths."""
        return [
            {key: value for key, value in variable.items() if key != "Items"}
            for (space, path), variable in sorted(self._state.variables.items())
            if namespace in ("*", space) and path.startswith(prefix)
        ]

    def _check(self, namespace: str, path: str, current: Json | None, cas: int | None) -> None:
        if cas is None or cas == (current["ModifyIndex"] if current else 0):
            return
        missing = {
            "CreateIndex": 0, "CreateTime": 0, "Items": None, "ModifyIndex": 0, "ModifyTime": 0,
            "Namespace": namespace, "Path": path,
        }  # fmt: skip
        raise VariableConflict(current or missing)
