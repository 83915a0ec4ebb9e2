"""Evaluates expressions: `var` and `local` are known, everything else is Nomad's at run time and stays as text.

Nomad keeps an unknown reference by copying its source text (jobspec2/types.config.go, UndefinedVariable): inside
`${…}` with the spaces around it, elsewhere wrapped in `${…}`. Its copying has a fault that we share, because specs must
equal Nomad's: closing braces that follow `${attr.x}` at once are doubled ("${attr.x}}" gives "${attr.x}}}").
"""

from __future__ import annotations

import difflib
import operator
from collections.abc import Callable, Mapping
from typing import Any
from unicodedata import normalize

from pryv_nomad.specs.hcl import functions
from pryv_nomad.specs.hcl.syntax import (
    Binary,
    Call,
    Conditional,
    Expression,
    Index,
    Literal,
    Object,
    Parentheses,
    Source,
    Template,
    Traversal,
    Tuple,
    Unary,
    Wrapped,
)
from pryv_nomad.specs.hcl.values import (
    NeedsValue,
    Symbolic,
    Unsuitable,
    Value,
    is_number,
    joined,
    named,
    to_bool,
    to_number,
    to_text,
    to_whole,
)

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Scope:
    """What expressions can refer to; `constant` scopes (a variable's default) allow neither references nor calls."""

    def __init__(
        self,
        source: Source,
        variables: Mapping[str, Value] | None = None,
        local: Callable[[str, int], Value] | None = None,
        constant: bool = False,
    ) -> None:
        self.source = source
        self._variables = variables or {}
        self._local = local
        self._constant = constant

    def value(self, expression: Expression) -> Value:
        """Raises HclError with the place, NeedsValue where a symbolic variable would decide something."""
        method: Callable[[Any], Value] = _METHODS[type(expression)].__get__(self)
        try:
            return method(expression)
        except Unsuitable as error:
            raise self.source.error(expression.at, str(error)) from None

    def _literal(self, expression: Literal) -> Value:
        return expression.value

    def _template(self, expression: Template) -> Value:
        return joined(part if isinstance(part, str) else to_text(self.value(part)) for part in expression.parts)

    def _inner(self, expression: Wrapped | Parentheses) -> Value:
        return self.value(expression.inner)

    def _tuple(self, expression: Tuple) -> Value:
        return [self.value(item) for item in expression.items]

    def _object(self, expression: Object) -> Value:
        result: dict[str, Value] = {}
        for key_expression, value in expression.items:
            key = to_text(self.value(key_expression))
            if isinstance(key, Symbolic):
                raise NeedsValue
            if key in result:
                raise self.source.error(key_expression.at, f"the key {key!r} is given twice")
            result[key] = self.value(value)
        return result

    # -- references ----------------------------------------------------------------------------------------------

    def _traversal(self, expression: Traversal) -> Value:
        if self._constant:
            raise self.source.error(expression.at, f"{expression.root} cannot be used here, only constants")
        if expression.root not in ("var", "local"):
            return normalize("NFC", self._kept(expression))
        if not expression.steps or not isinstance(expression.steps[0], str):
            raise self.source.error(expression.at, f"{expression.root} needs a name: {expression.root}.NAME")
        name, *steps = expression.steps
        value = self._named(expression, str(name))
        for step in steps:
            value = self._stepped(expression.at, value, step)
        return value

    def _named(self, expression: Traversal, name: str) -> Value:
        if expression.root == "local" and self._local is not None:
            return self._local(name, expression.at)
        if name not in self._variables:
            near = difflib.get_close_matches(name, self._variables, 1)
            hint = f"; did you mean var.{near[0]}?" if near else ""
            raise self.source.error(expression.at, f"there is no variable {name!r}{hint}", f'declare variable "{name}"')
        return self._variables[name]

    def _kept(self, expression: Traversal) -> str:
        text, start, end = self.source.text, expression.at, expression.end
        before = text[:start].rstrip(" ")
        if not before.endswith("${"):
            return f"${{{text[start:end]}}}"
        kept = text[len(before) - 2 : end]
        for at in range(end + 1, len(text)):
            if text[at] == "}":
                kept += text[end:at]
            elif text[at] != " ":
                return kept + "}"
        return kept

    def _index(self, expression: Index) -> Value:
        return self._stepped(expression.at, self.value(expression.collection), self.value(expression.key))

    def _stepped(self, at: int, value: Value, step: Value) -> Value:
        if isinstance(value, Symbolic) or isinstance(step, Symbolic):
            raise NeedsValue
        if isinstance(value, list) and not isinstance(step, bool):
            index = to_whole(step)
            if 0 <= index < len(value):
                return value[index]
            raise self.source.error(at, f"the list has no element {index}")
        if isinstance(value, dict):
            key = to_text(step)
            if key in value:
                return value[str(key)]
            raise self.source.error(at, f"the object has no key {key!r}")
        raise self.source.error(at, f"{named(value)} has no parts to refer to")

    # -- operators -----------------------------------------------------------------------------------------------

    def _call(self, expression: Call) -> Value:
        if self._constant:
            raise self.source.error(expression.at, "a function cannot be called here")
        if expression.name not in functions.FUNCTIONS:
            known = ", ".join(sorted(functions.FUNCTIONS))
            raise self.source.error(expression.at, f"no function {expression.name} here", f"known: {known}")
        arguments = [self.value(argument) for argument in expression.arguments]
        try:
            return functions.call(expression.name, arguments)
        except Unsuitable as error:
            raise self.source.error(expression.at, f"{expression.name}: {error}") from None

    def _unary(self, expression: Unary) -> Value:
        operand = self.value(expression.operand)
        return not to_bool(operand) if expression.operator == "!" else -to_number(operand)

    def _binary(self, expression: Binary) -> Value:
        left, right = self.value(expression.left), self.value(expression.right)
        sign = expression.operator
        if sign in ("==", "!="):
            return _equal(left, right) == (sign == "==")
        if sign in ("&&", "||"):
            both = to_bool(left), to_bool(right)
            return all(both) if sign == "&&" else any(both)
        return self._number_operation(expression, to_number(left), to_number(right))

    def _number_operation(self, expression: Binary, left: Any, right: Any) -> Value:
        sign = expression.operator
        if sign in _COMPARE:
            return _COMPARE[sign](left, right)
        if sign in ("+", "-", "*"):
            result = left + right if sign == "+" else left - right if sign == "-" else left * right
            return to_number(result)
        if right == 0:
            raise self.source.error(expression.at, "division by zero")
        if sign == "%":
            remainder = abs(left) % abs(right)  # the sign is the dividend's
            return to_number(-remainder if left < 0 else remainder)
        from fractions import Fraction

        return to_number(Fraction(left) / Fraction(right))

    def _conditional(self, expression: Conditional) -> Value:
        condition = to_bool(self.value(expression.condition))
        both = self.value(expression.then), self.value(expression.otherwise)
        chosen, other = both if condition else both[::-1]
        if chosen is None or other is None or _agree(_kind(chosen), _kind(other)):
            return chosen
        if "a string" in (_kind(chosen), _kind(other)):
            to_text(other)
            return to_text(chosen)
        raise Unsuitable(f"both results must be of one type, not {_kind(both[0])} and {_kind(both[1])}")


def _kind(value: Value) -> str:
    """The type for a conditional. Lists and objects must hold one type, since Nomad would convert mixed ones."""
    if isinstance(value, Symbolic):
        return "a string"
    if not isinstance(value, list | dict):
        return named(value)
    held = sorted({_kind(item) for item in (value.values() if isinstance(value, dict) else value)})
    if len(held) > 1:
        raise Unsuitable(f"{named(value)} of mixed types cannot be the result of a conditional")
    return f"{named(value)} of {held[0] if held else 'nothing'}"


def _agree(one: str, other: str) -> bool:
    lists = one.startswith("a list of") and other.startswith("a list of")
    return one == other or (lists and "a list of nothing" in (one, other))


def _equal(left: Value, right: Value) -> bool:
    if isinstance(left, Symbolic) or isinstance(right, Symbolic):
        raise NeedsValue
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, list | dict) or isinstance(right, list | dict):
        raise Unsuitable("lists and objects cannot be compared")
    return type(left) is type(right) and left == right


_METHODS: dict[type, Any] = {
    Literal: Scope._literal,
    Template: Scope._template,
    Wrapped: Scope._inner,
    Parentheses: Scope._inner,
    Tuple: Scope._tuple,
    Object: Scope._object,
    Traversal: Scope._traversal,
    Index: Scope._index,
    Call: Scope._call,
    Unary: Scope._unary,
    Binary: Scope._binary,
    Conditional: Scope._conditional,
}
