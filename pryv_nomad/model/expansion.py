"""Values of all platform variables: the user's or the default, names of other variables in them replaced."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pryv_nomad.errors import Problem
from pryv_nomad.model import paths
from pryv_nomad.model.file import ClusterFile
from pryv_nomad.model.variables import Catalogue, faults, json_text

_SECRETS_REMEDY = "take it out; `pryv-nomad secrets` keeps it in Nomad Variables"


def settings_faults(written: Mapping[str, Any], catalogue: Catalogue) -> Iterator[Problem]:
    """What is wrong with the `settings` that a user wrote, without places in the file."""
    for name, value in written.items():
        here = ("settings", name)
        variable = catalogue.variables.get(name)
        if variable is None:
            yield _unknown(name, catalogue)
        elif variable.secret:
            yield Problem(paths.text(here), "is a secret", remedy=_SECRETS_REMEDY)
        elif variable.derived:
            yield Problem(paths.text(here), "follows from the rest of the file", remedy=f"set {variable.derived}")
        else:
            for inside in variable.secret_at:
                if value_at(value, inside.split(".")) is not None:
                    place = (*here, *inside.split("."))
                    yield Problem(paths.text(place), "is a secret", remedy=_SECRETS_REMEDY)
            for path, text in faults(variable, _without(value, variable.secret_at)):
                # What stands beside a secret may be one in the wrong place: say what is expected, not what is there.
                shown = text.partition(", not ")[0] if variable.secret_at else text
                yield Problem(paths.text((*here, *path)), shown)


def _unknown(name: str, catalogue: Catalogue) -> Problem:
    if name in catalogue.secrets:
        return Problem(paths.text(("settings", name)), "is a secret", remedy=_SECRETS_REMEDY)
    near = difflib.get_close_matches(name, catalogue.variables, 1, 0.6)
    remedy = f"did you mean {near[0]}?" if near else "docs/cluster-model.md lists the platform variables"
    return Problem(paths.text(("settings", name)), "unknown platform variable", remedy=remedy)


def value_at(value: Any, steps: list[str]) -> Any:
    """What stands at a place inside a value, None where there is no such place."""
    for step in steps:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _without(value: Any, places: Mapping[str, str]) -> Any:
    """`value` without what stands at `places`; complained about already."""
    for place in places:
        *steps, last = place.split(".")
        if isinstance(inner := value_at(value, steps), Mapping) and last in inner:
            value = _copy(value)
            del value_at(value, steps)[last]
    return value


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def derived_values(file: ClusterFile, cores: Mapping[str, Any]) -> dict[str, Any]:
    """Values of the variables that follow from the rest of the file; an address it does not say is None.

    `cores` is {hosting: {core: {"ip": address or None}}}.
    """
    registry, replica = file.registry, file.registry.replica
    master, static = registry.ip, file.static.ip
    if file.platform.single_machine:
        known = [core["ip"] for group in cores.values() for core in group.values()]
        master = master or static or (known[0] if known else None)
        static = static or master
    slave = replica.ip if replica else master
    return {
        "DOMAIN": file.platform.domain,
        "PLATFORM_NAME": file.platform.name,
        "STATIC_WEB_IP_ADDRESS": static,
        "REG_MASTER_IP_ADDRESS": master,
        "REG_MASTER_VPN_IP_ADDRESS": registry.private_ip,
        "REG_SLAVE_IP_ADDRESS": slave,
        "REG_MASTER_PUBLIC_INTERFACE_IP_ADDRESS": registry.interface_ip or master,
        "REG_SLAVE_PUBLIC_INTERFACE_IP_ADDRESS": (replica and replica.interface_ip) or slave,
        "SINGLE_MACHINE_IP_ADDRESS": master,
        "SINGLE_MACHINE_PUBLIC_INTERFACE_IP_ADDRESS": registry.interface_ip or master,
        "HOSTINGS_AND_CORES": cores,
        "HOSTINGS_PROVIDERS": {
            key: {"url": hosting.url, "name": hosting.name or key, "description": hosting.description}
            for key, hosting in file.hostings.items()
        },
    }


class Expansion:
    """Resolves the variables of one cluster, each once. `problems` gathers references that go in a circle.

    A derived address that the file does not say is None, and keeps its variable's name (`REG_MASTER_IP_ADDRESS`)
    where other variables name it: `addresses` of the catalogue says whose address belongs there.
    """

    def __init__(self, catalogue: Catalogue, written: Mapping[str, Any], derived: Mapping[str, Any]) -> None:
        self._catalogue, self._written, self._derived = catalogue, written, derived
        self._done: dict[str, Any] = {}
        self._open: list[str] = []
        self.problems: list[Problem] = []
        names = [
            name for name, variable in catalogue.variables.items() if variable.type in ("string", "integer", "boolean")
        ]
        longest_first = sorted(names, key=len, reverse=True)
        self._names = re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(longest_first)})(?![A-Za-z0-9_])")

    def all(self) -> dict[str, Any]:
        """Every variable but the secret ones."""
        return {name: self.value(name) for name, variable in self._catalogue.variables.items() if not variable.secret}

    def value(self, name: str) -> Any:
        """The value of one variable."""
        if name in self._done:
            return self._done[name]
        variable = self._catalogue.variables[name]
        if variable.derived:
            value = self._derived.get(name)
        else:
            value = _copy(self._written.get(name, variable.default))
            self._open.append(name)
            value = self._expanded(value) if variable.expands else value
            self._open.pop()
            value = json_text(value) if variable.type == "json-text" else value
        self._done[name] = value
        return value

    def _expanded(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._expanded_text(value)
        if isinstance(value, Mapping):
            return {key: self._expanded(item) for key, item in value.items()}
        return [self._expanded(item) for item in value] if isinstance(value, list) else value

    def _expanded_text(self, text: str) -> str:
        return self._names.sub(lambda match: self._replacement(match[0]), text)

    def _replacement(self, name: str) -> str:
        if name in self._open:
            around = " → ".join([*self._open[self._open.index(name) :], name])
            self.problems.append(Problem(f"settings.{self._open[0]}", f"its value names itself: {around}"))
            return name
        if self._catalogue.variables[name].secret:
            self.problems.append(Problem(f"settings.{self._open[0]}", f"names {name}, which is a secret"))
            return name
        value = self.value(name)
        if value is None:
            return name
        return str(value).lower() if isinstance(value, bool) else str(value)
