"""The small types of the cluster file: durations, names, domains, addresses, volume sources."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(?:(\d+)(ms|s|m|h))+")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_DOMAIN = re.compile(r"(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_VOLUME_SOURCE = re.compile(r"(?:[A-Za-z0-9._-]|\{core\})+")


def seconds(duration: str) -> float:
    """The length in seconds of a duration such as `1h30m`, `90s` or `250ms` (Go's form, as Nomad reads it)."""
    if not _DURATION.fullmatch(duration):
        raise ValueError(f"not a duration: {duration!r}")
    return sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"(\d+)(ms|s|m|h)", duration))


def _duration(value: str) -> str:
    if not _DURATION.fullmatch(value):
        raise ValueError("not a duration; write a number with its unit, such as 30s, 5m or 1h30m")
    return value


def label(value: str) -> str:
    """The name, when DNS takes it as one label. Raises ValueError."""
    if len(value) > 63:
        raise ValueError(f"{len(value)} characters long; a DNS name holds at most 63")
    if not _LABEL.fullmatch(value):
        raise ValueError("not a DNS name; use a-z, 0-9 and inner hyphens (no dots, no capitals)")
    return value


def domain_name(value: str) -> str:
    """The name, when it is a domain. Raises ValueError."""
    if not _DOMAIN.fullmatch(value):
        raise ValueError("not a domain; write it like pryv.example.com, in lower case")
    return value


def _address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("not an IP address") from None


def _volume_source(value: str) -> str:
    if not _VOLUME_SOURCE.fullmatch(value):
        raise ValueError("not a volume name; use letters, digits, . _ - and {core} for the core's name")
    return value


def _name(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be empty")
    if value != value.strip():
        raise ValueError("must not begin or end with a space")
    return value


_OPERATORS = (
    *("=", "==", "is", "!=", "not", "<", "<=", ">", ">=", "regexp", "version", "semver", "set_contains"),
    *("set_contains_all", "set_contains_any", "is_set", "is_not_set", "distinct_hosts", "distinct_property"),
)


def _operator(value: str) -> str:
    if value not in _OPERATORS:
        raise ValueError(f"not an operator of Nomad's constraints; there are {' '.join(_OPERATORS)}")
    return value


def _wave_size(value: str) -> str:
    number = value.removesuffix("%")
    if not number.isascii() or not number.isdigit() or not int(number):
        raise ValueError("not the size of a wave; write a number of cores such as 1, or a share such as 10%")
    if value.endswith("%") and int(number) > 100:
        raise ValueError("a share of more than 100%")
    return value


def _text(value: Any) -> Any:
    """YAML reads `1.6` as a number and `2` too; both are meant as text here."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Duration = Annotated[str, AfterValidator(_duration)]
Label = Annotated[str, AfterValidator(label)]
Domain = Annotated[str, AfterValidator(domain_name)]
Address = Annotated[str, AfterValidator(_address)]
VolumeSource = Annotated[str, AfterValidator(_volume_source)]
WaveSize = Annotated[str, BeforeValidator(_text), AfterValidator(_wave_size)]
Version = Annotated[str, BeforeValidator(_text)]
Name = Annotated[str, AfterValidator(_name)]
Operator = Annotated[str, AfterValidator(_operator)]
VariablePath = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_~/-]{1,128}$")]
VariableKey = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
