"""The functions of Nomad's job files that we know. `tostring` is none of them: Nomad 1.6 does not have it either."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from unicodedata import normalize

from pryv_nomad.specs.hcl.values import (
    NeedsValue,
    Symbolic,
    Unsuitable,
    Value,
    is_number,
    joined,
    named,
    to_json,
    to_text,
    to_whole,
)

_VERB = re.compile(r"%(?:%|[sdv]|(.?))", re.DOTALL)


def call(name: str, arguments: list[Value]) -> Value:
    """Call a function. Raises Unsuitable for a wrong argument, KeyError for a function that we do not know."""
    return FUNCTIONS[name](arguments)


def _upper(arguments: list[Value]) -> Value:
    text = _only_text(arguments)
    # Go maps character by character: a character whose capital is two letters (ß) stays.
    return normalize("NFC", "".join(c.upper() if len(c.upper()) == 1 else c for c in text))


def _lower(arguments: list[Value]) -> Value:
    text = _only_text(arguments)
    return normalize("NFC", "".join(c.lower() if len(c.lower()) == 1 else c for c in text))


def _only_text(arguments: list[Value]) -> str:
    if len(arguments) != 1:
        raise Unsuitable("exactly one argument is needed")
    text = to_text(arguments[0])
    if isinstance(text, Symbolic):
        raise NeedsValue
    return text


def _join(arguments: list[Value]) -> Value:
    if len(arguments) < 2:
        raise Unsuitable("a separator and at least one list are needed")
    separator, pieces = to_text(arguments[0]), list[str | Symbolic]()
    for items in arguments[1:]:
        if not isinstance(items, list):
            raise Unsuitable(f"a list is needed, not {named(items)}")
        for item in items:
            pieces += [separator, to_text(item)] if pieces else [to_text(item)]
    return joined(pieces)


def _format(arguments: list[Value]) -> Value:
    if not arguments or not isinstance(arguments[0], str):
        raise Unsuitable("the first argument must be a string known beforehand")
    template, rest, pieces, at = arguments[0], list(arguments[1:]), list[str | Symbolic](), 0
    for verb in _VERB.finditer(template):
        pieces.append(template[at : verb.start()])
        at = verb.end()
        if verb[0] == "%%":
            pieces.append("%")
        elif verb[1] is not None:
            raise Unsuitable(f"the verb {verb[0]} is not supported, only %s, %d, %v and %%")
        elif not rest:
            raise Unsuitable(f"there is no argument for {verb[0]}")
        else:
            value = rest.pop(0)
            pieces.append(str(to_whole(value)) if verb[0] == "%d" else to_text(value))
    if rest:
        raise Unsuitable("there are more arguments than verbs")
    return joined([*pieces, template[at:]])


def _jsonencode(arguments: list[Value]) -> Value:
    if len(arguments) != 1:
        raise Unsuitable("exactly one argument is needed")
    _check_encodable(arguments[0])
    text = json.dumps(to_json(arguments[0]), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&\u2028\u2029":  # Go's encoder escapes them for HTML and JavaScript
        text = text.replace(char, f"\\u{ord(char):04x}")
    return normalize("NFC", text)


def _check_encodable(value: Value) -> None:
    if isinstance(value, Symbolic):
        raise NeedsValue
    if is_number(value) and "e" in repr(to_json(value)):
        raise Unsuitable("a number this large or this small is not supported")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _check_encodable(item)


def _concat(arguments: list[Value]) -> Value:
    if not arguments:
        raise Unsuitable("at least one list is needed")
    result: list[Value] = []
    for items in arguments:
        if not isinstance(items, list):
            raise Unsuitable(f"a list is needed, not {named(items)}")
        result += items
    return result


FUNCTIONS: dict[str, Callable[[list[Value]], Value]] = {
    "concat": _concat,
    "format": _format,
    "join": _join,
    "jsonencode": _jsonencode,
    "lower": _lower,
    "upper": _upper,
}
