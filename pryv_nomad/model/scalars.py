"""What a plain YAML scalar means, and references to the environment inside text.

YAML 1.2's core schema, so that `no`, `on` and `yes` stay text: a hosting may be called `no` (Norway). Dates and
`12:30` stay text too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_OTHER_BASE = re.compile(r"0o[0-7]{1,20}|0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_REFERENCE = re.compile(r"(\$?)\$\{env:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class Number(float):
    """A number with a fraction that remembers how it was written: release `1.10` is not `1.1`."""

    text: str

    def __new__(cls, text: str) -> Number:
        """Make it of its text."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


class MissingVariable(Exception):
    """The environment lacks `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


Scalar = None | bool | int | float | str


def plain(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if text[0] in "+-.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text)
        if _OTHER_BASE.fullmatch(text):
            return int(text, 0)
        if _FLOAT.fullmatch(text):
            return Number(text)
    return text


def substitute(text: str, env: Mapping[str, str]) -> str:
    """`text` with `${env:NAME}` and `${env:NAME:-default}` replaced; `$${env:` stays `${env:`.

    An empty variable counts as missing for the default, as in a shell. Raises MissingVariable.
    """

    def value(match: re.Match[str]) -> str:
        escaped, name, default = match.groups()
        if escaped:
            return match[0][1:]
        if default is not None:
            return env.get(name) or default
        if name not in env:
            raise MissingVariable(name)
        return env[name]

    return _REFERENCE.sub(value, text) if "${env:" in text else text
