"""Values of HCL expressions and their conversions, as the cty library of HashiCorp's HCL makes them.

A value is str, int, Fraction, bool, None, list, dict or `Symbolic`: a text in which some input variables are not yet
known. Anything but joining texts is impossible with a `Symbolic` and raises `NeedsValue`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from unicodedata import normalize

Value = Any

_INT64 = range(-(2**63), 2**63)
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


class Unsuitable(Exception):
    """A value does not fit its place; the message completes `…: `. Whoever knows the place makes an HclError of it."""


class NeedsValue(Exception):
    """A symbolic variable stands where its value decides something: the job must be evaluated for each value."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """An input variable whose value comes later."""

    name: str


@dataclass(frozen=True, slots=True)
class Symbolic:
    """A text with holes: literals (never two side by side, never empty) and symbols in turn."""

    parts: tuple[str | Symbol, ...]

    def __eq__(self, other: object) -> bool:
        raise NeedsValue

    def __bool__(self) -> bool:
        raise NeedsValue

    __hash__ = None  # type: ignore[assignment]


def joined(pieces: Iterable[str | Symbolic]) -> str | Symbolic:
    """One text of several, in NFC."""
    parts: list[str | Symbol] = []
    for piece in pieces:
        for part in piece.parts if isinstance(piece, Symbolic) else (piece,):
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += part
            elif part != "":
                parts.append(part)
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], str):
        return normalize("NFC", parts[0])
    return Symbolic(tuple(parts))


def is_number(value: Value) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def named(value: Value) -> str:
    """What a message calls the type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if is_number(value):
        return "a number"
    return "a list" if isinstance(value, list) else "an object" if isinstance(value, dict) else "a string"


def to_text(value: Value) -> str | Symbolic:
    if isinstance(value, str | Symbolic):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) >= 2**512:
            raise Unsuitable("a number this large has no exact text")
        return str(value)
    if isinstance(value, Fraction):
        return _decimal(value)
    raise Unsuitable(f"a string is needed, not {named(value)}")


def _decimal(value: Fraction) -> str:
    """The exact decimal; Nomad rounds numbers without an end, such as 1/3, after 150 digits: those are refused."""
    if value.denominator == 1:
        return str(value.numerator)
    shift = 0
    while (value.denominator and 10**shift % value.denominator) and shift < 100:
        shift += 1
    if 10**shift % value.denominator:
        raise Unsuitable("this number has no exact decimal text")
    digits = str(abs(value.numerator) * (10**shift // value.denominator)).rjust(shift + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-shift]}.{digits[-shift:].rstrip('0')}"


def to_number(value: Value) -> int | Fraction:
    if isinstance(value, Symbolic):
        raise NeedsValue
    if isinstance(value, str):
        if re.fullmatch(r"[+-]?\d+", value):
            return int(value)
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", value):
            raise Unsuitable(f"a number is needed, not the string {value!r}")
        value = Fraction(value)
    if is_number(value):
        return int(value) if value.denominator == 1 else value
    raise Unsuitable(f"a number is needed, not {named(value)}")


def to_whole(value: Value, allowed: range = _INT64) -> int:
    number = to_number(value)
    if not isinstance(number, int):
        raise Unsuitable("a whole number is needed")
    if number not in allowed:
        raise Unsuitable(f"{number} is not within {allowed.start} to {allowed.stop - 1}")
    return number


def to_bool(value: Value) -> bool:
    if isinstance(value, Symbolic):
        raise NeedsValue
    if isinstance(value, bool):
        return value
    if value in ("true", "1"):
        return True
    if value in ("false", "0"):
        return False
    raise Unsuitable(f"true or false is needed, not {named(value)}")


def to_duration(value: Value) -> int:
    """Nanoseconds of a text such as "1h30m" (Go's time.ParseDuration), or a number of nanoseconds as it is."""
    if isinstance(value, Symbolic):
        raise NeedsValue
    if not isinstance(value, str):
        if not is_number(value):
            raise Unsuitable(f'a duration such as "30s" is needed, not {named(value)}')
        return to_whole(value)
    unsigned = value[1:] if value[:1] in ("+", "-") else value
    parts = _DURATION_PART.findall(unsigned)
    if unsigned != "0" and (not parts or "".join(number + unit for number, unit in parts) != unsigned):
        raise Unsuitable(f'{value!r} is not a duration such as "30s" or "1h30m"')
    total = sum(int(Fraction(number) * _UNITS[unit]) for number, unit in parts)
    return to_whole(-total if value.startswith("-") else total)


def to_texts(value: Value) -> list[str | Symbolic]:
    if not isinstance(value, list):
        raise Unsuitable(f"a list of strings is needed, not {named(value)}")
    return [to_text(item) for item in value]


def to_text_map(value: Value) -> dict[str, str | Symbolic]:
    if not isinstance(value, dict):
        raise Unsuitable(f"a map of strings is needed, not {named(value)}")
    return {key: to_text(item) for key, item in value.items()}


def to_json(value: Value) -> Value:
    """A number as Nomad's JSON has it (whole numbers of 64 bits, else floating point); the rest as it is."""
    if isinstance(value, list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if is_number(value):
        return int(value) if value.denominator == 1 and int(value) in _INT64 else float(value)
    return value
