"""Puts values into HCL and consul-template text so that none can break out of its place.

Every `[[ value ]]` of a job template passes through `literal`: strings come out quoted and escaped, numbers, lists and
maps as HCL writes them. Only `Raw` text, which this package makes itself, goes in as it is. Inside template data there
are two readers, consul-template and before it HCL, and each needs its own escape: `consul_text`, then `heredoc`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import combining, normalize

from markupsafe import Markup

VARIABLE = "\x01{}\x02"
"""How `heredoc` is told of an HCL variable: VARIABLE.format("core") becomes ${var.core}. No text may hold \\x01."""


class Raw(Markup):
    """Text that is HCL already; jinja2 takes it, like what its own macros return, as it is."""

    __slots__ = ()


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_UNQUOTED = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_SPECIAL = re.compile(r'["\\\x00-\x1f\x7f]')
_VARIABLE = re.compile("\x01([a-z_]+)\x02")
_TO_QUOTE = re.compile(r"\{*[\x00-\x08\x0b-\x1f\x7f]+|\{{2,}|\{\Z")
_TO_QUOTE_DENORMAL = re.compile(r"\{*[^\t\n\x20-\x7e]+|\{{2,}|\{\Z")
_GO_SPECIAL = re.compile(r'["\\]|[^\x20-\x7e]')


def literal(value: Any) -> Raw:
    """`value` as an HCL literal; text that is already HCL (`Raw`) stays. Raises TypeError for what HCL cannot hold."""
    if isinstance(value, Markup):
        return Raw(value)
    if isinstance(value, bool):
        return Raw("true" if value else "false")
    if isinstance(value, int | float):
        return Raw(json.dumps(value, allow_nan=False))
    if isinstance(value, str):
        return Raw(quoted(value))
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {literal(item)}" for key, item in value.items())
        return Raw("{ " + ", ".join(pairs) + " }" if value else "{}")
    if isinstance(value, Sequence):
        return Raw("[" + ", ".join(literal(item) for item in value) + "]")
    raise TypeError(f"a job template puts a {type(value).__name__} where HCL has no form for it")


def quoted(text: str) -> str:
    """`text` as a quoted HCL string, without interpolation."""
    return '"' + _braces(_SPECIAL.sub(_escaped, text)) + '"'


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    return _UNQUOTED.get(character) or f"\\u{ord(character):04x}"


def _key(key: str) -> str:
    return key if _IDENTIFIER.fullmatch(key) else quoted(key)


def _braces(text: str) -> str:
    """HCL reads `$${` as the text `${`, and likewise for `%{`."""
    return text.replace("${", "$${").replace("%{", "%%{")


def interpolated(text: str) -> Raw:
    """A quoted HCL string in which VARIABLE marks become `${var.…}` and everything else is literal."""
    pieces = _VARIABLE.split(text)
    if len(pieces) == 3 and not pieces[0] + pieces[2]:
        return Raw(f"var.{pieces[1]}")
    return Raw(
        '"' + "".join(f"${{var.{piece}}}" if odd % 2 else quoted(piece)[1:-1] for odd, piece in enumerate(pieces)) + '"'
    )


def _with_variables(text: str) -> str:
    return _VARIABLE.sub(r"${var.\1}", text)


def consul_text(text: str) -> str:
    """`text` as consul-template must be given it to write exactly `text`.

    Besides `{{`, three things go through a quoted Go string: control characters, which a heredoc cannot hold; an
    opening brace before such a string or at the end, since Go's scanner takes the leftmost pair; and non-ASCII text
    that is not in Unicode's normal form NFC, into which HCL would bring it.
    """
    denormal = normalize("NFC", text) != text or combining(text[:1] or " ") > 0
    return (_TO_QUOTE_DENORMAL if denormal else _TO_QUOTE).sub(lambda match: "{{" + go_string(match[0]) + "}}", text)


def go_string(text: str) -> str:
    """`text` as a Go string literal of ASCII characters, as an argument inside a consul-template action."""
    return '"' + _GO_SPECIAL.sub(_go_escaped, text) + '"'


def _go_escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return _UNQUOTED.get(match[0]) or (f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")


def heredoc(text: str) -> Raw:
    """Consul-template `text` as an HCL heredoc; VARIABLE marks become `${var.…}`.

    The end marker is one that no line of the text could be taken for. A heredoc always ends with a newline; where the
    text does not, consul-template takes it away again.
    """
    if not text.endswith("\n"):
        text += '{{ "" -}}\n'
    marker, lines = "EOT", {line.strip() for line in text.split("\n")}
    while marker in lines:
        marker += "T"
    return Raw(f"<<{marker}\n{_with_variables(_braces(text))}{marker}")
